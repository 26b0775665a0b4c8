/* SPDX-License-Identifier: BSD-2-Clause */
#include "eve_json.h"

int eve_json_bad(struct eve_json *json, const char *reason)
{
	json->reason = reason;
	return -EBADMSG;
}

int eve_json_open(struct eve_json *json, const char *line, const struct eve_marks *marks)
{
	*json = (struct eve_json){.line = line, .at = marks->at, .end = marks->at + marks->count};
	if (line[marks->at[0]] != '{') {
		return eve_json_bad(json, "no JSON object");
	}
	if (line[marks->at[marks->count - 1]] != '}') {
		return eve_json_bad(json, "object without an end");
	}
	marks->at[marks->count] = marks->at[0];
	return 0;
}

/* --- strings ------------------------------------------------------------------- */

static int hex4(const char *p, const char *end, uint32_t *code)
{
	if (end - p < 4) {
		return -EBADMSG;
	}
	*code = 0;
	for (int i = 0; i < 4; i++) {
		unsigned char c = (unsigned char)p[i];
		unsigned char letter = c | 0x20;
		if (c >= '0' && c <= '9') {
			*code = *code << 4 | (uint32_t)(c - '0');
		} else if (letter >= 'a' && letter <= 'f') {
			*code = *code << 4 | (uint32_t)(letter - 'a' + 10);
		} else {
			return -EBADMSG;
		}
	}
	return 0;
}

static unsigned int put_utf8(char *p, uint32_t code)
{
	if (code < 0x80) {
		p[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		p[0] = (char)(0xc0 | code >> 6);
		p[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		p[0] = (char)(0xe0 | code >> 12);
		p[1] = (char)(0x80 | (code >> 6 & 0x3f));
		p[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	p[0] = (char)(0xf0 | code >> 18);
	p[1] = (char)(0x80 | (code >> 12 & 0x3f));
	p[2] = (char)(0x80 | (code >> 6 & 0x3f));
	p[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* \uXXXX, or the two of a surrogate pair, from behind the u. The bytes read; -EBADMSG. */
static int unescape_code(const char *p, const char *end, uint32_t *code)
{
	uint32_t low;

	if (hex4(p, end, code) < 0 || (*code >= 0xdc00 && *code <= 0xdfff)) {
		return -EBADMSG;
	}
	if (*code < 0xd800 || *code > 0xdbff) {
		return 4;
	}
	if (end - p < 10 || p[4] != '\\' || p[5] != 'u' || hex4(p + 6, end, &low) < 0 ||
	    low < 0xdc00 || low > 0xdfff) {
		return -EBADMSG;
	}
	*code = 0x10000 + ((*code & 0x3ff) << 10 | (low & 0x3ff));
	return 10;
}

/* One escape, from behind the backslash, to its UTF-8. The bytes read; -EBADMSG. */
static int unescape_one(const char *p, const char *end, char utf8[4], unsigned int *len)
{
	static const char map[256] = {
		['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
		['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
	};
	uint32_t code;

	if (p == end) {
		return -EBADMSG;
	}
	if (*p != 'u') {
		utf8[0] = map[(unsigned char)*p];
		*len = 1;
		return utf8[0] ? 1 : -EBADMSG;
	}
	int taken = unescape_code(p + 1, end, &code);
	if (taken < 0) {
		return taken;
	}
	*len = put_utf8(utf8, code);
	return 1 + taken;
}

/* As much of a run without escapes as there is room for, whole characters only. */
static uint32_t fit(const char *run, size_t len, uint32_t room)
{
	if (len <= room) {
		return (uint32_t)len;
	}
	while (room > 0 && ((unsigned char)run[room] & 0xc0) == 0x80) {
		room--;
	}
	return room;
}

int64_t eve_json_unescape(struct tl_str raw, char *text, uint32_t room, bool *cut)
{
	const char *p = raw.ptr;
	const char *end = raw.ptr + raw.len;
	uint32_t len = 0;

	*cut = false;
	while (p < end) {
		const char *escape = memchr(p, '\\', (size_t)(end - p));
		size_t run = (size_t)((escape ? escape : end) - p);
		uint32_t take = *cut ? 0 : fit(p, run, room - len);
		memcpy(text + len, p, take);
		len += take;
		*cut = *cut || take < run;
		p += run;
		if (escape) {
			char utf8[4];
			unsigned int bytes;
			int taken = unescape_one(p + 1, end, utf8, &bytes);
			if (taken < 0) {
				return taken;
			}
			*cut = *cut || bytes > room - len;
			if (!*cut) {
				memcpy(text + len, utf8, bytes);
				len += bytes;
			}
			p += 1 + taken;
		}
	}
	return len;
}

static int check_string(struct tl_str raw)
{
	const char *p = raw.ptr;
	const char *end = raw.ptr + raw.len;

	while ((p = memchr(p, '\\', (size_t)(end - p)))) {
		char utf8[4];
		unsigned int bytes;
		int taken = unescape_one(p + 1, end, utf8, &bytes);
		if (taken < 0) {
			return taken;
		}
		p += 1 + taken;
	}
	return 0;
}

/* --- numbers ------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && is_digit(*p)) {
		p++;
	}
	return p;
}

/* From the point or the exponent on, to the end. */
static bool is_rest_of_real(const char *p, const char *end)
{
	if (p < end && *p == '.') {
		const char *digits = p + 1;
		p = skip_digits(digits, end);
		if (p == digits) {
			return false;
		}
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		const char *digits = p;
		p = skip_digits(digits, end);
		if (p == digits) {
			return false;
		}
	}
	return p == end;
}

/*
 * Up to eight digits at once: most numbers are that short, and a loop over their digits ends where
 * the CPU does not foresee it. Eight bytes are readable from `p` on.
 */
static bool few_digits(const char *p, uint32_t count, uint64_t *number)
{
	const uint64_t zeros = 0x3030303030303030ull;
	const uint64_t high = 0xf0f0f0f0f0f0f0f0ull;
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__) {
		v = __builtin_bswap64(v);
	}
	/* The digits to the end, zeros before them; in halves, as a shift by 64 is none. */
	v = v << 4 * (8 - count) << 4 * (8 - count) | zeros >> 4 * count >> 4 * count;
	if ((v & high) != zeros || ((v + 0x0606060606060606ull) & high) != zeros) {
		return false;
	}
	v -= zeros;
	v = 10 * v + (v >> 8);
	*number = ((v & 0x000000ff000000ffull) * (100 + (1000000ull << 32)) +
		   (v >> 16 & 0x000000ff000000ffull) * (1 + (10000ull << 32))) >>
		  32;
	return true;
}

/* A whole number of up to 16 digits; false: it may be one of another kind. */
static bool get_short(struct tl_str token, uint64_t *number)
{
	uint64_t high = 0;
	uint64_t low;

	if (token.len > 16 || (token.ptr[0] == '0' && token.len > 1)) {
		return false;
	}
	if (token.len <= 8) {
		return few_digits(token.ptr, token.len, number);
	}
	if (!few_digits(token.ptr, token.len - 8, &high) ||
	    !few_digits(token.ptr + token.len - 8, 8, &low)) {
		return false;
	}
	*number = 100000000 * high + low;
	return true;
}

static void set_whole(struct eve_number *out, bool negative, uint64_t whole, bool fits)
{
	if (!fits || (negative && whole > 1ull << 63)) {
		out->kind = EVE_NUMBER_TEXT;
	} else if (negative && whole > 0) {
		out->kind = EVE_NUMBER_NEGATIVE;
		out->negative = (int64_t)(0 - whole);
	} else {
		out->kind = EVE_NUMBER_UINT;
		out->whole = whole;
	}
}

int eve_json_number(struct tl_str token, struct eve_number *out)
{
	const char *p = token.ptr;
	const char *end = token.ptr + token.len;
	bool negative = p < end && *p == '-';
	uint64_t whole = 0;
	bool fits = true;

	if (get_short(token, &out->whole)) {
		out->kind = EVE_NUMBER_UINT;
		return 0;
	}
	p += negative;
	const char *digits = p;
	for (; p < end && is_digit(*p); p++) {
		uint64_t digit = (uint64_t)(*p - '0');
		if (p - digits < 19) {
			whole = 10 * whole + digit;
		} else {
			fits = fits && !__builtin_mul_overflow(whole, 10, &whole) &&
			       !__builtin_add_overflow(whole, digit, &whole);
		}
	}
	if (p == digits || (*digits == '0' && p - digits > 1)) {
		return -EBADMSG;
	}
	if (p == end) {
		set_whole(out, negative, whole, fits);
		return 0;
	}
	if (!is_rest_of_real(p, end)) {
		return -EBADMSG;
	}
	out->kind = eve_index_real(token.ptr, token.len, &out->real) == 0 ? EVE_NUMBER_REAL
									  : EVE_NUMBER_TEXT;
	return 0;
}

/* --- stepping over ----------------------------------------------------------------- */

static int skip_scalar(struct eve_json *json)
{
	struct tl_str token = eve_json_token(json);
	struct eve_number number;
	struct tl_str raw;

	if (token.ptr[0] == '"') {
		if (eve_json_string(json, &raw) < 0) {
			return -EBADMSG;
		}
		return check_string(raw) < 0 ? eve_json_bad(json, "bad escape in a string") : 0;
	}
	json->at++;
	if (tl_str_eq(token, TL_STR("true")) || tl_str_eq(token, TL_STR("false")) ||
	    tl_str_eq(token, TL_STR("null")) || eve_json_number(token, &number) == 0) {
		return 0;
	}
	return eve_json_bad(json, "no value of JSON");
}

static int skip_members(struct eve_json *json, char end, unsigned int depth)
{
	struct tl_str key;
	int more;

	json->at++;
	if (eve_json_is_empty(json, end)) {
		return 0;
	}
	do {
		if (end == '}') {
			if (eve_json_key(json, &key) < 0) {
				return -EBADMSG;
			}
			if (check_string(key) < 0) {
				return eve_json_bad(json, "bad escape in a key");
			}
		}
		if (eve_json_skip(json, depth - 1, 0) < 0) {
			return -EBADMSG;
		}
		more = eve_json_next(json, end);
	} while (more > 0);
	return more;
}

int eve_json_skip(struct eve_json *json, unsigned int depth, struct tl_str *text)
{
	const char *start = json->line + json->at[0];
	char c = eve_json_peek(json);
	int err;

	if (c != '{' && c != '[') {
		err = skip_scalar(json);
	} else if (depth == 0) {
		return eve_json_bad(json, "nested deeper than 256");
	} else {
		err = skip_members(json, c == '{' ? '}' : ']', depth);
	}
	if (err == 0 && text) {
		const char *end = json->line + json->at[-1];
		/* After a container the last mark is its end; a scalar ends before the next. */
		text->ptr = start;
		text->len = c == '{' || c == '[' ? (uint32_t)(end + 1 - start) : 0;
	}
	return err;
}
