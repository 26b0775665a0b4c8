/* SPDX-License-Identifier: BSD-2-Clause */
#include "safe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Line and paragraph separators, marks and overrides of direction. */
static bool reorders(uint32_t code)
{
	return (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069) || code == 0x061c || code == 0xfeff;
}

/* Quotes and backslashes too: what is escaped can then be told from what is not. */
static bool is_plain(uint32_t code)
{
	return code >= 0x20 && code != '"' && code != '\\' && (code < 0x7f || code >= 0xa0) &&
	       !reorders(code);
}

int tl_safe_add(struct tl_textbuf *out, struct tl_str text)
{
	const char *at = text.ptr;
	const char *end = text.ptr + text.len;
	char *p = tl_textbuf_reserve(out, 4 * (size_t)text.len);

	if (!p) {
		return -ENOMEM;
	}
	while (at < end) {
		uint32_t code;
		unsigned int len = tl_text_utf8(at, end, &code);
		if (len > 0 && is_plain(code)) {
			memcpy(p, at, len);
			p += len;
			at += len;
			continue;
		}
		*p++ = '\\';
		*p++ = 'x';
		p = tl_text_put_hex(p, (const uint8_t *)at, 1);
		at++;
	}
	out->len = (size_t)(p - out->data);
	return 0;
}

static bool is_word(struct tl_str text)
{
	for (uint32_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
			return false;
		}
	}
	return text.len > 0;
}

int tl_safe_add_value(struct tl_textbuf *out, struct tl_str text)
{
	if (is_word(text)) {
		return tl_textbuf_add(out, text.ptr, text.len);
	}
	if (tl_textbuf_add(out, "\"", 1) < 0 || tl_safe_add(out, text) < 0) {
		return -ENOMEM;
	}
	return tl_textbuf_add(out, "\"", 1);
}

/* Characters, which is columns for all that Tapline itself writes. */
static size_t columns(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++) {
		count += ((uint8_t)text[i] & 0xc0) != 0x80;
	}
	return count;
}

int tl_safe_pad(struct tl_textbuf *out, size_t from, size_t width)
{
	size_t have = columns(out->data + from, out->len - from);

	if (have >= width) {
		return 0;
	}
	char *p = tl_textbuf_reserve(out, width - have);
	if (!p) {
		return -ENOMEM;
	}
	memset(p, ' ', width - have);
	out->len += width - have;
	return 0;
}

int tl_safe_pad_left(struct tl_textbuf *out, size_t from, size_t width)
{
	size_t len = out->len - from;
	size_t before = out->len;

	if (tl_safe_pad(out, from, width) < 0) {
		return -ENOMEM;
	}
	size_t blanks = out->len - before;
	memmove(out->data + from + blanks, out->data + from, len);
	memset(out->data + from, ' ', blanks);
	return 0;
}

int tl_safe_printf(struct tl_textbuf *out, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	int len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0) {
		return -EINVAL;
	}
	return tl_textbuf_add(out, text,
			      (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
}

int tl_safe_add_si(struct tl_textbuf *out, double value)
{
	static const char units[] = " kMGTPE";
	unsigned int unit = 0;

	while (value >= 999.5 && unit < sizeof(units) - 2) {
		value /= 1000;
		unit++;
	}
	if (unit == 0) {
		return tl_safe_printf(out, "%.0f", value);
	}
	int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	return tl_safe_printf(out, "%.*f%c", digits, value, units[unit]);
}
