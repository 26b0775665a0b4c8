/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What files there are now for the places: by name, in the order they were
 * written as far as names and times tell. What they are is for others to find
 * out. Nothing logs.
 */
#ifndef EVE_TAIL_NAMES_H
#define EVE_TAIL_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity.h"
#include "source.h"

enum { NAMES_MAX = 16384 }; /* files; what is beyond is not seen */

struct file;

struct candidate {
	char *path;
	char *home;	  /* the name it was written under: without what rotation put behind it */
	bool direct;	  /* a place names it; else it is a rotated one */
	bool twin;	  /* NAME.gz, and there is NAME as well: it may be half made */
	bool packed_name; /* NAME.gz, NAME.zst */
	uint64_t turn;	  /* N of NAME.N, 0 = none: the higher the older */
	uint64_t dev, ino, born_ns, size, mtime_ns;
	/* Of who looks into it. */
	struct source source;
	struct head head; /* len 0 = not looked at, or nothing there */
	int err;	  /* it cannot be opened */
	struct file *file;
	bool ignored;
	bool longer; /* than what is known of it */
};

struct names {
	struct candidate *items;
	size_t count, room;
	bool full; /* NAMES_MAX: counted as unreadable */
	bool failed;
};

void names_fini(struct names *names);

/* A file by its name, if it is there and regular. 0 or -ENOMEM. */
int names_add(struct names *names, const char *path);

/* What a pattern matches. 0 or -ENOMEM; names->failed when a folder cannot be read. */
int names_add_pattern(struct names *names, const char *pattern);

/* Absolute ones, sorted, each once: the number of those that are left. */
size_t names_sort_homes(char **homes, size_t count);

/* The rotated ones of such homes, each folder read once. As above. */
int names_add_rotated(struct names *names, char *const *homes, size_t count);

/* Drops those that are there twice (a link, two patterns), and sorts: oldest first. */
void names_sort(struct names *names);

/* True when `name` is `base` with what log rotation puts behind it; *turn as above. Pure. */
bool names_is_rotated(const char *base, const char *name, uint64_t *turn);

#endif
