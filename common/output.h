/* SPDX-License-Identifier: BSD-2-Clause */
/* The way out as text: a buffer before a descriptor. Logs what fails. */
#ifndef TL_OUTPUT_H
#define TL_OUTPUT_H

#include "text.h"

enum {
	TL_OUTPUT_FULL = 256 << 10, /* bytes that are worth a write */
	TL_OUTPUT_STOP_S = 5,	    /* how long the reader is waited for once stopping */
	TL_OUTPUT_GONE = 1,	    /* the reader has gone: a clean end */
};

struct tl_output {
	struct tl_textbuf text;
	int fd;
	const char *place;
};

/* "-" or a file, which is truncated. 0 or -errno. */
int tl_output_open(struct tl_output *out, const char *place);

/*
 * Writes what is buffered, waiting for the reader; once stopping at most 5 s.
 * 0, TL_OUTPUT_GONE or -errno.
 */
int tl_output_flush(struct tl_output *out);

/* The same when the buffer is worth a write. */
static inline int tl_output_full(struct tl_output *out)
{
	return out->text.len >= TL_OUTPUT_FULL ? tl_output_flush(out) : 0;
}

void tl_output_close(struct tl_output *out);

#endif
