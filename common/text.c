/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000000000 };

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
	char *p = tl_textbuf_reserve(buf, len);

	if (!p) {
		return -ENOMEM;
	}
	memcpy(p, text, len);
	buf->len += len;
	return 0;
}

/* --- numbers ---------------------------------------------------------------- */

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
			    "25262728293031323334353637383940414243444546474849"
			    "50515253545556575859606162636465666768697071727374"
			    "75767778798081828384858687888990919293949596979899";

static char *put_two(char *p, unsigned int v)
{
	memcpy(p, pairs + 2 * v, 2);
	return p + 2;
}

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

/* --- times ------------------------------------------------------------------ */

struct civil {
	uint32_t year;
	uint32_t month;
	uint32_t day;
};

/* Days since the epoch to a date and back; the years are counted from March. */
static struct civil civil_of_days(uint64_t days)
{
	days += 719468;
	uint64_t era = days / 146097;
	uint32_t doe = (uint32_t)(days % 146097);
	uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint32_t mp = (5 * doy + 2) / 153;
	uint32_t month = mp < 10 ? mp + 3 : mp - 9;

	return (struct civil){
		.year = (uint32_t)(yoe + era * 400 + (month <= 2)),
		.month = month,
		.day = doy - (153 * mp + 2) / 5 + 1,
	};
}

static int64_t days_of_civil(struct civil c)
{
	int64_t year = (int64_t)c.year - (c.month <= 2);
	int64_t era = year / 400;
	int64_t yoe = year - era * 400;
	int64_t doy = (153 * (c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

char *tl_text_put_time(char *p, uint64_t ns)
{
	uint64_t seconds = ns / SECOND;
	uint32_t of_day = (uint32_t)(seconds % 86400);
	uint32_t rest = (uint32_t)(ns % SECOND);
	struct civil date = civil_of_days(seconds / 86400);

	p = put_two(put_two(p, date.year / 100), date.year % 100);
	*p++ = '-';
	p = put_two(p, date.month);
	*p++ = '-';
	p = put_two(p, date.day);
	*p++ = 'T';
	p = put_two(p, of_day / 3600);
	*p++ = ':';
	p = put_two(p, of_day / 60 % 60);
	*p++ = ':';
	p = put_two(p, of_day % 60);
	*p++ = '.';
	*p++ = (char)('0' + rest / 100000000);
	for (uint32_t unit = 1000000; unit > 0; unit /= 100) {
		p = put_two(p, rest / unit % 100);
	}
	*p++ = 'Z';
	return p;
}

struct scan {
	const char *at;
	const char *end;
};

static bool scan_char(struct scan *s, char c)
{
	if (s->at == s->end || *s->at != c) {
		return false;
	}
	s->at++;
	return true;
}

/* Exactly `digits` digits, at most `max`. */
static bool scan_number(struct scan *s, unsigned int digits, uint32_t max, uint32_t *out)
{
	uint32_t value = 0;

	for (; digits > 0; digits--) {
		if (s->at == s->end || *s->at < '0' || *s->at > '9') {
			return false;
		}
		value = value * 10 + (uint32_t)(*s->at++ - '0');
	}
	*out = value;
	return value <= max;
}

/* What follows the '.': any number of digits, those past the ninth are dropped. */
static bool scan_fraction(struct scan *s, uint32_t *ns)
{
	uint32_t unit = SECOND / 10;
	const char *start = s->at;

	for (*ns = 0; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
		*ns += unit * (uint32_t)(*s->at - '0');
		unit /= 10;
	}
	return s->at > start;
}

/* Z, +hh:mm or, as Suricata writes it, +hhmm. */
static bool scan_zone(struct scan *s, int64_t *offset_seconds)
{
	uint32_t hours;
	uint32_t minutes;

	*offset_seconds = 0;
	if (scan_char(s, 'Z') || scan_char(s, 'z')) {
		return true;
	}
	int sign = scan_char(s, '-') ? -1 : scan_char(s, '+') ? 1 : 0;
	if (sign == 0 || !scan_number(s, 2, 23, &hours)) {
		return false;
	}
	scan_char(s, ':');
	if (!scan_number(s, 2, 59, &minutes)) {
		return false;
	}
	*offset_seconds = sign * (int64_t)(hours * 3600 + minutes * 60);
	return true;
}

static bool scan_date(struct scan *s, struct civil *date)
{
	return scan_number(s, 4, 9999, &date->year) && scan_char(s, '-') &&
	       scan_number(s, 2, 12, &date->month) && date->month > 0 && scan_char(s, '-') &&
	       scan_number(s, 2, 31, &date->day) && date->day > 0;
}

int tl_text_get_time(struct tl_str text, uint64_t *ns)
{
	struct scan s = {text.ptr, text.ptr + text.len};
	struct civil date;
	uint32_t hour;
	uint32_t minute;
	uint32_t second;
	uint32_t fraction = 0;
	int64_t offset;

	if (!scan_date(&s, &date) || !(scan_char(&s, 'T') || scan_char(&s, 't')) ||
	    !scan_number(&s, 2, 23, &hour) || !scan_char(&s, ':') ||
	    !scan_number(&s, 2, 59, &minute) || !scan_char(&s, ':') ||
	    !scan_number(&s, 2, 60, &second)) {
		return -EINVAL;
	}
	if (scan_char(&s, '.') && !scan_fraction(&s, &fraction)) {
		return -EINVAL;
	}
	if (!scan_zone(&s, &offset) || s.at != s.end) {
		return -EINVAL;
	}
	int64_t seconds =
		days_of_civil(date) * 86400 + (int64_t)hour * 3600 + minute * 60 + second - offset;
	if (seconds < 0 || (uint64_t)seconds >= UINT64_MAX / SECOND) {
		return -EINVAL;
	}
	*ns = (uint64_t)seconds * SECOND + fraction;
	return 0;
}

/* --- addresses -------------------------------------------------------------- */

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

/* --- bytes ------------------------------------------------------------------ */

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

/* --- UTF-8 ------------------------------------------------------------------ */

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
