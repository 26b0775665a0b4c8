/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the structure of a JSON text lies, by the first stage of simdjson: it picks the widest
 * instructions of this CPU when the program runs (AVX-512, AVX2, SSE4.2, NEON or none), and looks
 * at strings, escapes, control characters and UTF-8 64 bytes at a time. What it found is walked by
 * eve_walk.c. Only eve_index.cc knows simdjson. Nothing logs.
 */
#ifndef EVE_TAIL_EVE_INDEX_H
#define EVE_TAIL_EVE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct eve_index;

/* 0 or -ENOMEM. */
int eve_index_create(struct eve_index **out);
void eve_index_destroy(struct eve_index *index);

/* Offsets of { } [ ] : , and of the first byte of each string, number and word, in order. */
struct eve_marks {
	uint32_t *at;	/* at[count] is the length of the text; valid until the next call */
	uint32_t count; /* > 0 */
};

/*
 * 0: the text is UTF-8, its strings are closed and hold no control characters; its grammar is not
 * looked at. -EBADMSG, *reason (static text) says why; -ENOMEM. EVE_PADDING bytes behind the text
 * are readable.
 */
int eve_index_read(struct eve_index *index, const char *text, size_t len, struct eve_marks *out,
		   const char **reason);

/* The double nearest to a number in JSON's notation. 0; -ERANGE: none is finite. */
int eve_index_real(const char *number, size_t len, double *real);

/* Of the code in use: "haswell", "icelake", ... */
const char *eve_index_kernel(void);

#ifdef __cplusplus
}
#endif

#endif
