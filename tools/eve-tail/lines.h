/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes to lines, in a buffer that stays as small as the longest line that is
 * taken whole. Of a longer one the first bytes are kept and the rest is passed
 * over. Memory only: who fills the buffer is not its business. Nothing logs.
 */
#ifndef EVE_TAIL_LINES_H
#define EVE_TAIL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity.h"

enum {
	LINES_PADDING = 64, /* readable bytes behind every line */
	LINES_SAMPLE = 256, /* bytes that are kept of a line that is too long */
	LINES_READ = 256 << 10,
};

struct lines {
	uint8_t *buf;	 /* 0 until the first room is asked for */
	size_t capacity; /* padding not included */
	size_t begin;	 /* of the first line that was not taken */
	size_t scanned;	 /* no newline in [begin, scanned) */
	size_t end;	 /* of the bytes; the MARK_MAX before `begin` are kept as well */
	uint64_t offset; /* position in the file of buf[end] */
	size_t max_line;
	bool skipping;	 /* in a line that is too long: */
	uint64_t passed; /* its bytes before `begin` */
	uint8_t sample[LINES_SAMPLE + LINES_PADDING];
};

struct lines_line {
	const char *data; /* until more room is asked for */
	size_t len;	  /* without the newline */
	uint64_t line_len;
	bool too_long;	    /* len is LINES_SAMPLE, line_len that of all */
	struct mark behind; /* the newline */
};

void lines_init(struct lines *lines, size_t max_line);
void lines_fini(struct lines *lines);

/*
 * Empties it; the next byte is at `offset` of the file, and `before` the
 * mark_len(offset) bytes that precede it. 0 or -ENOMEM.
 */
int lines_start(struct lines *lines, uint64_t offset, const uint8_t *before);

/* Where further bytes go, and for how many there is room (> 0). 0 or -ENOMEM. */
int lines_room(struct lines *lines, uint8_t **at, size_t *room);
void lines_add(struct lines *lines, size_t len);
/* The last bytes that were added are none of its; no line was asked for since. */
void lines_take_back(struct lines *lines, size_t len);

/* Frees the buffer; goes on by lines_start, at lines_begin_offset or elsewhere. */
void lines_drop(struct lines *lines);

/* The next whole line; false when there is none. */
bool lines_next(struct lines *lines, struct lines_line *line);

/* What is left without a newline, as a line; false when nothing is. */
bool lines_rest(struct lines *lines, struct lines_line *line);

/* Where the first line that was not taken begins, and where the bytes end. */
uint64_t lines_begin_offset(const struct lines *lines);
struct mark lines_end_mark(const struct lines *lines);

#endif
