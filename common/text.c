/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *tl_textbuf_grow(struct tl_textbuf *buf, size_t more)
{
	size_t capacity = buf->capacity ? buf->capacity : 4096;

	while (capacity - buf->len < more) {
		if (__builtin_mul_overflow(capacity, 2, &capacity)) {
			return 0;
		}
	}
	char *data = realloc(buf->data, capacity);
	if (!data) {
		return 0;
	}
	buf->data = data;
	buf->capacity = capacity;
	return data + buf->len;
}

void tl_textbuf_fini(struct tl_textbuf *buf)
{
	free(buf->data);
	*buf = (struct tl_textbuf){0};
}

int tl_textbuf_add(struct tl_textbuf *buf, const char *text, size_t len)
{
	char *p = len > 0 ? tl_textbuf_reserve(buf, len) : 0;

	if (len == 0) {
		return 0;
	}
	if (!p) {
		return -ENOMEM;
	}
	memcpy(p, text, len);
	buf->len += len;
	return 0;
}

/* --- numbers -------------------------------------------------------------- */

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
			    "25262728293031323334353637383940414243444546474849"
			    "50515253545556575859606162636465666768697071727374"
			    "75767778798081828384858687888990919293949596979899";

static unsigned int count_digits(uint64_t v)
{
	unsigned int digits = 1;

	for (; v >= 10000; v /= 10000) {
		digits += 4;
	}
	return digits + (v >= 10) + (v >= 100) + (v >= 1000);
}

char *tl_text_put_uint(char *p, uint64_t v)
{
	char *end = p + count_digits(v);
	char *at = end;

	for (; v >= 100; v /= 100) {
		at -= 2;
		memcpy(at, pairs + 2 * (v % 100), 2);
	}
	if (v >= 10) {
		memcpy(at - 2, pairs + 2 * v, 2);
	} else {
		at[-1] = (char)('0' + v);
	}
	return end;
}

char *tl_text_put_int(char *p, int64_t v)
{
	if (v >= 0) {
		return tl_text_put_uint(p, (uint64_t)v);
	}
	*p = '-';
	return tl_text_put_uint(p + 1, 0 - (uint64_t)v);
}

char *tl_text_put_real(char *p, double v)
{
	char text[TL_TEXT_REAL_MAX];
	int len = 0;

	for (int digits = 15; digits <= 17; digits++) {
		len = snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, 0) == v) {
			break;
		}
	}
	memcpy(p, text, (size_t)len);
	if (strspn(text, "-0123456789") == (size_t)len) {
		memcpy(p + len, ".0", 2);
		len += 2;
	}
	return p + len;
}

/* --- addresses ------------------------------------------------------------ */

static char *put_ip4(char *p, const uint8_t *bytes)
{
	for (int i = 0; i < 4; i++) {
		if (i > 0) {
			*p++ = '.';
		}
		p = tl_text_put_uint(p, bytes[i]);
	}
	return p;
}

/* The first of the longest runs of at least two zero groups; its length. */
static int longest_zeros(const uint16_t *groups, int *start)
{
	int best = 1;

	*start = -1;
	for (int i = 0; i < 8; i++) {
		int run = 0;
		while (i + run < 8 && groups[i + run] == 0) {
			run++;
		}
		if (run > best) {
			best = run;
			*start = i;
		}
		i += run;
	}
	return *start < 0 ? 0 : best;
}

static char *put_group(char *p, uint16_t v)
{
	static const char digits[] = "0123456789abcdef";

	for (int shift = v > 0xfff ? 12 : v > 0xff ? 8 : v > 0xf ? 4 : 0; shift >= 0; shift -= 4) {
		*p++ = digits[v >> shift & 0xf];
	}
	return p;
}

static char *put_ip6(char *p, const uint8_t *bytes)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint16_t groups[8];
	int start;

	if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		memcpy(p, "::ffff:", 7);
		return put_ip4(p + 7, bytes + 12);
	}
	for (int i = 0; i < 8; i++) {
		groups[i] = tl_mp_be16(bytes + 2 * i);
	}
	int zeros = longest_zeros(groups, &start);
	for (int i = 0; i < 8; i++) {
		if (i == start) {
			*p++ = ':';
			*p++ = ':';
			i += zeros - 1;
			continue;
		}
		if (i > 0 && p[-1] != ':') {
			*p++ = ':';
		}
		p = put_group(p, groups[i]);
	}
	return p;
}

char *tl_text_put_ip(char *p, const uint8_t *bytes, uint32_t len)
{
	return len == 4 ? put_ip4(p, bytes) : put_ip6(p, bytes);
}

int tl_text_get_ip(struct tl_str text, uint8_t bytes[16], uint32_t *len)
{
	char copy[TL_TEXT_IP_MAX + 1];

	if (text.len >= sizeof(copy)) {
		return -EINVAL;
	}
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, bytes) == 1) {
		*len = 4;
		return 0;
	}
	*len = 16;
	return inet_pton(AF_INET6, copy, bytes) == 1 ? 0 : -EINVAL;
}

/* --- bytes ---------------------------------------------------------------- */

char *tl_text_put_hex(char *p, const uint8_t *bytes, uint32_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (uint32_t i = 0; i < len; i++) {
		*p++ = digits[bytes[i] >> 4];
		*p++ = digits[bytes[i] & 0xf];
	}
	return p;
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *tl_text_put_base64(char *p, const uint8_t *bytes, uint32_t len)
{
	while (len > 0) {
		uint32_t take = len < 3 ? len : 3;
		uint32_t word = (uint32_t)bytes[0] << 16 | (take > 1 ? bytes[1] : 0) << 8 |
				(take > 2 ? bytes[2] : 0);
		for (uint32_t i = 0; i < 4; i++) {
			*p++ = i <= take ? base64[word >> (18 - 6 * i) & 0x3f] : '=';
		}
		bytes += take;
		len -= take;
	}
	return p;
}

int tl_text_get_base64(struct tl_str text, uint8_t *bytes, uint32_t *len)
{
	uint32_t out = 0;

	if (text.len % 4 != 0) {
		return -EINVAL;
	}
	for (uint32_t at = 0; at < text.len; at += 4) {
		uint32_t word = 0;
		uint32_t digits = 0;
		for (; digits < 4; digits++) {
			const char *digit = memchr(base64, text.ptr[at + digits], 64);
			if (!digit) {
				break;
			}
			word |= (uint32_t)(digit - base64) << (18 - 6 * digits);
		}
		bool last = at + 4 == text.len;
		if (digits < 2 || (digits < 4 && !last) ||
		    memcmp(text.ptr + at + digits, "==", 4 - digits) != 0) {
			return -EINVAL;
		}
		for (uint32_t i = 0; i + 1 < digits; i++) {
			bytes[out++] = (uint8_t)(word >> (16 - 8 * i));
		}
	}
	*len = out;
	return 0;
}

/* --- UTF-8 ---------------------------------------------------------------- */

unsigned int tl_text_utf8(const char *p, const char *end, uint32_t *code)
{
	static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t lead = (uint8_t)*p;
	unsigned int len = lead < 0x80	 ? 1
			   : lead < 0xc2 ? 0
			   : lead < 0xe0 ? 2
			   : lead < 0xf0 ? 3
					 : 4;

	if (len == 0 || lead > 0xf4 || (size_t)(end - p) < len) {
		return 0;
	}
	uint32_t value = len == 1 ? lead : lead & (0x7fu >> len);
	for (unsigned int i = 1; i < len; i++) {
		if (((uint8_t)p[i] & 0xc0) != 0x80) {
			return 0;
		}
		value = value << 6 | ((uint8_t)p[i] & 0x3f);
	}
	if (value < smallest[len] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
		return 0;
	}
	*code = value;
	return len;
}
