/* SPDX-License-Identifier: BSD-2-Clause */
#include "eve_value.h"

#include "proto.h"
#include "text.h"

/* --- strings ------------------------------------------------------------------- */

typedef uint8_t block __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

/*
 * Copies 16 bytes at a time, up to 15 more than asked: both sides have them. True when there is a
 * backslash.
 */
static inline bool copy_and_look(uint8_t *to, const char *from, uint32_t len)
{
	static const uint8_t masks[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	halves seen = {0};
	block bytes;
	block mask;
	uint32_t i = 0;

	for (; i + 16 < len; i += 16) {
		memcpy(&bytes, from + i, 16);
		memcpy(to + i, &bytes, 16);
		seen |= (halves)(bytes == (uint8_t)'\\');
	}
	memcpy(&bytes, from + i, 16);
	memcpy(to + i, &bytes, 16);
	memcpy(&mask, masks + 16 - (len - i), 16);
	seen |= (halves)(bytes == (uint8_t)'\\') & (halves)mask;
	return (seen[0] | seen[1]) != 0;
}

static uint8_t *put_head(uint8_t *p, uint32_t len)
{
	if (len < 32) {
		return tl_mp_put_byte(p, (uint8_t)(0xa0 | len));
	}
	if (len <= 0xff) {
		return tl_mp_put_byte(tl_mp_put_byte(p, TL_MP_STR8), (uint8_t)len);
	}
	if (len <= 0xffff) {
		return tl_mp_put_be16(tl_mp_put_byte(p, TL_MP_STR16), (uint16_t)len);
	}
	return tl_mp_put_be32(tl_mp_put_byte(p, TL_MP_STR32), len);
}

/* The text lies behind the head of a longer one: shortens both. */
static uint8_t *close_up(uint8_t *start, const uint8_t *text, uint32_t len)
{
	uint8_t *p = put_head(start, len);

	memmove(p, text, len);
	return p + len;
}

static int put_escaped(struct eve_json *json, struct eve_out *out, struct tl_str raw)
{
	uint32_t room = raw.len < TL_MP_MAX_BLOB ? raw.len : TL_MP_MAX_BLOB;
	uint8_t *text = put_head(out->p, room);
	bool cut;
	int64_t len = eve_json_unescape(raw, (char *)text, room, &cut);

	if (len < 0) {
		return eve_json_bad(json, "bad escape in a string");
	}
	out->cut += cut;
	out->p = close_up(out->p, text, (uint32_t)len);
	return 0;
}

int eve_value_put_string(struct eve_json *json, struct eve_out *out)
{
	struct tl_str raw;

	if (eve_json_string(json, &raw) < 0) {
		return -EBADMSG;
	}
	if (raw.len > TL_MP_MAX_BLOB) {
		return eve_out_has(out, TL_MP_MAX_BLOB + 5) ? put_escaped(json, out, raw) : -ENOSPC;
	}
	if (!eve_out_has(out, raw.len + 5)) {
		return -ENOSPC;
	}
	uint8_t *text = put_head(out->p, raw.len);
	if (copy_and_look(text, raw.ptr, raw.len)) {
		return put_escaped(json, out, raw);
	}
	out->p = text + raw.len;
	return 0;
}

int eve_value_put_text(struct eve_out *out, struct tl_str text)
{
	if (text.len > TL_MP_MAX_BLOB) {
		text.len = TL_MP_MAX_BLOB;
		while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80) {
			text.len--;
		}
		out->cut++;
	}
	if (!eve_out_has(out, text.len + 5)) {
		return -ENOSPC;
	}
	out->p = tl_mp_put_str(out->p, text);
	return 0;
}

/* --- numbers and words ------------------------------------------------------------ */

static int put_number(struct eve_json *json, struct eve_out *out, struct tl_str token)
{
	struct eve_number number;

	if (eve_json_number(token, &number) < 0) {
		return eve_json_bad(json, "no value of JSON");
	}
	switch (number.kind) {
	case EVE_NUMBER_UINT:
		out->p = tl_mp_put_uint(out->p, number.whole);
		return 0;
	case EVE_NUMBER_NEGATIVE:
		out->p = tl_mp_put_int(out->p, number.negative);
		return 0;
	case EVE_NUMBER_REAL:
		out->p = tl_mp_put_f64(out->p, number.real);
		return 0;
	default:
		return eve_value_put_text(out, token);
	}
}

static int put_word(struct eve_json *json, struct eve_out *out, struct tl_str token)
{
	uint8_t byte;

	if (tl_str_eq(token, TL_STR("true"))) {
		byte = TL_MP_TRUE;
	} else if (tl_str_eq(token, TL_STR("false"))) {
		byte = TL_MP_FALSE;
	} else if (tl_str_eq(token, TL_STR("null"))) {
		byte = TL_MP_NIL;
	} else {
		return eve_json_bad(json, "no value of JSON");
	}
	out->p = tl_mp_put_byte(out->p, byte);
	return 0;
}

static int put_scalar(struct eve_json *json, struct eve_out *out)
{
	struct tl_str token = eve_json_token(json);
	char c = token.ptr[0];

	if (!eve_out_has(out, 9)) {
		return -ENOSPC;
	}
	json->at++;
	return c == '-' || (c >= '0' && c <= '9') ? put_number(json, out, token)
						  : put_word(json, out, token);
}

/* --- containers ------------------------------------------------------------------- */

/* Its head takes one byte until the count is known: nearly always that is enough. */
int eve_value_close(struct eve_out *out, uint8_t *start, uint32_t count, bool map)
{
	uint8_t head[5];
	size_t len =
		(size_t)((map ? tl_mp_put_map(head, count) : tl_mp_put_array(head, count)) - head);

	if (!eve_out_has(out, len)) {
		return -ENOSPC;
	}
	if (len > 1) {
		memmove(start + len, start + 1, (size_t)(out->p - start) - 1);
		out->p += len - 1;
	}
	memcpy(start, head, len);
	return 0;
}

static int put_key(struct eve_json *json, struct eve_out *out)
{
	if (eve_json_peek(json) != '"') {
		return eve_json_bad(json, "no key and colon in an object");
	}
	int err = eve_value_put_string(json, out);
	if (err < 0) {
		return err;
	}
	if (eve_json_peek(json) != ':') {
		return eve_json_bad(json, "no key and colon in an object");
	}
	json->at++;
	return 0;
}

static int put_container(struct eve_json *json, struct eve_out *out, char end, unsigned int depth)
{
	uint8_t *start = out->p;
	uint32_t count = 0;
	int more;

	if (!eve_out_has(out, 1)) {
		return -ENOSPC;
	}
	out->p++;
	json->at++;
	if (eve_json_is_empty(json, end)) {
		return eve_value_close(out, start, 0, end == '}');
	}
	do {
		int err = end == '}' ? put_key(json, out) : 0;
		if (err == 0) {
			err = eve_value_put(json, out, depth - 1);
		}
		if (err < 0) {
			return err;
		}
		count++;
		more = eve_json_next(json, end);
	} while (more > 0);
	return more < 0 ? more : eve_value_close(out, start, count, end == '}');
}

static int put_as_text(struct eve_json *json, struct eve_out *out)
{
	struct tl_str text;
	int err = eve_json_skip(json, EVE_DEPTH_MAX, &text);

	return err < 0 ? err : eve_value_put_text(out, text);
}

int eve_value_put(struct eve_json *json, struct eve_out *out, unsigned int depth)
{
	char c = eve_json_peek(json);

	if (c == '"') {
		return eve_value_put_string(json, out);
	}
	if (c != '{' && c != '[') {
		return put_scalar(json, out);
	}
	return depth > 0 ? put_container(json, out, c == '{' ? '}' : ']', depth)
			 : put_as_text(json, out);
}

/* --- what stands for something else -------------------------------------------------- */

static int unescape_short(struct tl_str raw, char scratch[EVE_SHORT_MAX], struct tl_str *text)
{
	bool cut;
	int64_t len = eve_json_unescape(raw, scratch, EVE_SHORT_MAX, &cut);

	*text = (struct tl_str){scratch, (uint32_t)len};
	return len < 0 || cut ? -EINVAL : 0;
}

int eve_value_peek_string(const struct eve_json *json, char scratch[EVE_SHORT_MAX],
			  struct tl_str *text)
{
	struct tl_str token;

	if (eve_json_peek(json) != '"') {
		return -EINVAL;
	}
	token = eve_json_token(json);
	if (token.len < 2 || token.ptr[token.len - 1] != '"') {
		return -EINVAL;
	}
	*text = (struct tl_str){token.ptr + 1, token.len - 2};
	return memchr(text->ptr, '\\', text->len) ? unescape_short(*text, scratch, text) : 0;
}

int eve_value_peek_uint(const struct eve_json *json, uint64_t max, uint64_t *number)
{
	struct eve_number parsed;
	char c = eve_json_peek(json);

	if (c < '0' || c > '9' || eve_json_number(eve_json_token(json), &parsed) < 0 ||
	    parsed.kind != EVE_NUMBER_UINT || parsed.whole > max) {
		return -EINVAL;
	}
	*number = parsed.whole;
	return 0;
}

/* Four numbers up to 255 without leading zeros, as inet_pton wants them; half of all time went to
 * it. */
static int get_ipv4(struct tl_str text, uint8_t address[4])
{
	const char *p = text.ptr;
	const char *end = text.ptr + text.len;

	for (int i = 0; i < 4; i++) {
		uint32_t part = 0;
		const char *digits = p;
		while (p < end && *p >= '0' && *p <= '9' && p - digits < 3) {
			part = 10 * part + (uint32_t)(*p++ - '0');
		}
		if (p == digits || part > 255 || (*digits == '0' && p - digits > 1)) {
			return -EINVAL;
		}
		address[i] = (uint8_t)part;
		if (i < 3 && (p == end || *p++ != '.')) {
			return -EINVAL;
		}
	}
	return p == end ? 0 : -EINVAL;
}

int eve_value_put_address(struct eve_json *json, struct eve_out *out, uint8_t address[16],
			  uint32_t *len)
{
	char scratch[EVE_SHORT_MAX];
	struct tl_str text;

	if (eve_value_peek_string(json, scratch, &text) < 0 || !eve_out_has(out, 18)) {
		return -EINVAL;
	}
	if (get_ipv4(text, address) == 0) {
		*len = 4;
	} else if (tl_text_get_ip(text, address, len) < 0) {
		return -EINVAL;
	}
	out->p = tl_mp_put_bin(out->p, address, *len);
	json->at++;
	return 0;
}

int eve_value_get_time(struct eve_json *json, struct eve_minute *minute, uint64_t *ns)
{
	char scratch[EVE_SHORT_MAX];
	struct tl_str text;

	if (eve_value_peek_string(json, scratch, &text) < 0 || eve_time_get(minute, text, ns) < 0) {
		return -EINVAL;
	}
	json->at++;
	return 0;
}

int eve_value_put_time(struct eve_json *json, struct eve_out *out, struct eve_minute *minute)
{
	uint64_t ns;

	if (!eve_out_has(out, 10) || eve_value_get_time(json, minute, &ns) < 0) {
		return -EINVAL;
	}
	out->p = tl_mp_put_time(out->p, ns);
	return 0;
}

static int proto_of(struct tl_str text, uint8_t *proto)
{
	char lower[32];

	if (tl_str_eq(text, TL_STR("TCP"))) {
		*proto = 6;
		return 0;
	}
	if (tl_str_eq(text, TL_STR("UDP"))) {
		*proto = 17;
		return 0;
	}
	if (text.len == 0 || text.len > sizeof(lower)) {
		return -EINVAL;
	}
	for (uint32_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		lower[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	int number = tl_proto_number((struct tl_str){lower, text.len});
	*proto = (uint8_t)number;
	return number < 0 ? -EINVAL : 0;
}

/* Suricata writes protocols that it has no name for with three digits. */
static int digits_of(struct tl_str text, uint8_t *proto)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9') {
			return -EINVAL;
		}
		number = 10 * number + (uint32_t)(text.ptr[i] - '0');
	}
	*proto = (uint8_t)number;
	return text.len == 3 && number <= 255 ? 0 : -EINVAL;
}

int eve_value_get_proto(struct eve_json *json, uint8_t *proto)
{
	char scratch[EVE_SHORT_MAX];
	struct tl_str text;
	uint64_t number;

	if (eve_value_peek_uint(json, 255, &number) == 0) {
		*proto = (uint8_t)number;
	} else if (eve_value_peek_string(json, scratch, &text) < 0 ||
		   (digits_of(text, proto) < 0 && proto_of(text, proto) < 0)) {
		return -EINVAL;
	}
	json->at++;
	return 0;
}
