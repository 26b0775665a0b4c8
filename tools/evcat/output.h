/* SPDX-License-Identifier: BSD-2-Clause */
/* The way out as text: a buffer before a descriptor. Logs what fails. */
#ifndef EVCAT_OUTPUT_H
#define EVCAT_OUTPUT_H

#include "evcat.h"
#include "text.h"

enum { OUTPUT_FULL = 256 << 10 };

struct output {
	struct tl_textbuf text;
	int fd;
	const char *place;
};

/* "-" or a file, which is truncated. 0 or -errno. */
int output_open(struct output *out, const char *place);

/* Writes what is buffered, waiting for the reader; once stopping at most 5 s. enum evcat_step. */
int output_flush(struct output *out);

/* The same when the buffer is worth a write. */
static inline int output_full(struct output *out)
{
	return out->text.len >= OUTPUT_FULL ? output_flush(out) : EVCAT_MORE;
}

void output_close(struct output *out);

#endif
