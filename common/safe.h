/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for people: foreign strings that cannot reach the terminal as commands,
 * cells of a fixed width, numbers that fit one. All append to a buffer and
 * return 0 or -ENOMEM.
 */
#ifndef TL_SAFE_H
#define TL_SAFE_H

#include "text.h"

/*
 * Control characters, quotes, backslashes, what is no UTF-8, and the characters
 * that reorder text come out as \xNN.
 */
int tl_safe_add(struct tl_textbuf *out, struct tl_str text);

/* The same within quotes where it holds anything but plain ASCII words. */
int tl_safe_add_value(struct tl_textbuf *out, struct tl_str text);

/* Pads what was appended since `from` with blanks to `width` columns. */
int tl_safe_pad(struct tl_textbuf *out, size_t from, size_t width);

/* Moves it to the right edge of `width` columns. */
int tl_safe_pad_left(struct tl_textbuf *out, size_t from, size_t width);

/* Like printf, trusted text only. */
int tl_safe_printf(struct tl_textbuf *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "999", "12.3k", "4.56G": at most 5 columns. */
int tl_safe_add_si(struct tl_textbuf *out, double value);

#endif
