/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scalars as text, and the growing buffer that text is written to. Used by
 * the JSON form and by what is shown to people. Pure; nothing logs.
 *
 * tl_text_put_* store at `p` and return the byte after, without a NUL; the
 * room each needs is in its comment.
 */
#ifndef TL_TEXT_H
#define TL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msgpack.h"

enum {
	TL_TEXT_UINT_MAX = 20,
	TL_TEXT_REAL_MAX = 32,
	TL_TEXT_TIME_LEN = 30,
	TL_TEXT_IP_MAX = 45,
	TL_TEXT_SCALAR_MAX = 64, /* any of the above */
};

/* Zero-initialised is empty. */
struct tl_textbuf {
	char *data;
	size_t len;
	size_t capacity;
};

/* The slow path of tl_textbuf_reserve. */
char *tl_textbuf_grow(struct tl_textbuf *buf, size_t more);
void tl_textbuf_fini(struct tl_textbuf *buf);

/*
 * Room for `more` bytes, at least one, at data + len, which the caller then adds to len; 0 on no
 * memory.
 */
static inline char *tl_textbuf_reserve(struct tl_textbuf *buf, size_t more)
{
	if (buf->capacity - buf->len >= more) {
		return buf->data + buf->len;
	}
	return tl_textbuf_grow(buf, more);
}

/* Appends; nothing is no error, with an empty buffer either. 0 or -ENOMEM. */
int tl_textbuf_add(struct tl_textbuf *buf, const char *text, size_t len);

char *tl_text_put_uint(char *p, uint64_t v);
char *tl_text_put_int(char *p, int64_t v);

/* The shortest text that reads back as the same number, with a '.' or an exponent; finite only. */
char *tl_text_put_real(char *p, double v);

/* RFC 3339, UTC, nanoseconds: always 30 bytes ("2026-11-23T14:18:15.123456789Z"). */
char *tl_text_put_time(char *p, uint64_t ns);

/* An address of 4 or 16 bytes; IPv6 as RFC 5952 wants it. */
char *tl_text_put_ip(char *p, const uint8_t *bytes, uint32_t len);

/* 2 x len bytes, lower case. */
char *tl_text_put_hex(char *p, const uint8_t *bytes, uint32_t len);

/* (len + 2) / 3 * 4 bytes, padded (RFC 4648, section 4). */
char *tl_text_put_base64(char *p, const uint8_t *bytes, uint32_t len);

/* The inverses: 0, or -EINVAL. */
int tl_text_get_time(struct tl_str text, uint64_t *ns);
int tl_text_get_ip(struct tl_str text, uint8_t bytes[16], uint32_t *len);
/* Into `bytes`, which has room for text.len / 4 * 3. */
int tl_text_get_base64(struct tl_str text, uint8_t *bytes, uint32_t *len);

/* Bytes of the valid UTF-8 sequence (RFC 3629) at `p` and its code point; 0 when there is none. */
unsigned int tl_text_utf8(const char *p, const char *end, uint32_t *code);

#endif
