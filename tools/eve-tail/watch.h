/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wakes when something happens in the folders of the files. It may be silent
 * (no inotify, or a file system of another machine): what it says is where to
 * look, never what is true. Nothing logs.
 */
#ifndef EVE_TAIL_WATCH_H
#define EVE_TAIL_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watch;

enum watch_news {
	WATCH_DATA = 1,	 /* a file was written to */
	WATCH_NAMES = 2, /* a file came, went, or was renamed */
};

/* `mute`: without inotify. 0 or -ENOMEM. */
int watch_create(struct watch **out, bool mute);
void watch_destroy(struct watch *watch);

/* For poll; -1 when it is mute. */
int watch_fd(const struct watch *watch);

/* Watches the folder of that path from now on. 0 or -ENOMEM. */
int watch_folder_of(struct watch *watch, const char *path);

/* What happened since the last call; of enum watch_news. */
unsigned int watch_take(struct watch *watch);

/*
 * True when a folder may have other names in it than at the last call of watch_note, which is to
 * be called before its names are read.
 */
bool watch_changed(const struct watch *watch);
void watch_note(struct watch *watch);

#endif
