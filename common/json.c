/* SPDX-License-Identifier: BSD-2-Clause */
/* Values as JSON; lines are put together in json_event.c. */
#include <math.h>

#include "event.h"
#include "json_private.h"
#include "proto.h"

/* --- strings -------------------------------------------------------------- */

/* Bytes that stand for themselves in a JSON string, from `p` on. */
static size_t plain_run(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && (uint8_t)*p >= 0x20 && (uint8_t)*p < 0x7f && *p != '"' && *p != '\\') {
		p++;
	}
	return (size_t)(p - start);
}

static char *put_escape(char *p, uint32_t code)
{
	static const char short_form[] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',  ['\f'] = 'f',
		['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\',
	};
	uint8_t byte = (uint8_t)code;

	*p++ = '\\';
	if (code < sizeof(short_form) && short_form[code]) {
		*p++ = short_form[code];
		return p;
	}
	memcpy(p, "u00", 3);
	return tl_text_put_hex(p + 3, &byte, 1);
}

/* One character that is not plain; `p` has room for 6 bytes. */
static char *put_special(char *p, const char **at, const char *end)
{
	uint32_t code;
	unsigned int len = tl_text_utf8(*at, end, &code);

	if (len == 0) {
		*at += 1;
		memcpy(p, "\xef\xbf\xbd", 3);
		return p + 3;
	}
	if (code < 0x80 || (code >= 0x80 && code < 0xa0)) {
		*at += len;
		return put_escape(p, code);
	}
	memcpy(p, *at, len);
	*at += len;
	return p + len;
}

int tl_json_inner(struct tl_textbuf *out, struct tl_str text)
{
	const char *at = text.ptr;
	const char *end = text.ptr + text.len;
	char *p = tl_textbuf_reserve(out, 6 * (size_t)text.len);

	if (!p) {
		return -ENOMEM;
	}
	while (at < end) {
		size_t run = plain_run(at, end);
		memcpy(p, at, run);
		p += run;
		at += run;
		if (at < end) {
			p = put_special(p, &at, end);
		}
	}
	out->len = (size_t)(p - out->data);
	return 0;
}

int tl_json_char(struct tl_textbuf *out, char c)
{
	return tl_textbuf_add(out, &c, 1);
}

int tl_json_string(struct tl_textbuf *out, struct tl_str text)
{
	if (tl_json_char(out, '"') < 0 || tl_json_inner(out, text) < 0) {
		return -ENOMEM;
	}
	return tl_json_char(out, '"');
}

static int put_base64(struct tl_textbuf *out, struct tl_str bytes)
{
	size_t room = ((size_t)bytes.len + 2) / 3 * 4 + 2;
	char *p = tl_textbuf_reserve(out, room);

	if (!p) {
		return -ENOMEM;
	}
	*p++ = '"';
	p = tl_text_put_base64(p, (const uint8_t *)bytes.ptr, bytes.len);
	*p = '"';
	out->len += room;
	return 0;
}

/* --- values --------------------------------------------------------------- */

enum tl_json_hint tl_json_hint(struct tl_str name)
{
	if (name.len >= 3 && memcmp(name.ptr + name.len - 3, "_ip", 3) == 0) {
		return TL_JSON_IP;
	}
	if (tl_str_eq(name, TL_STR("proto"))) {
		return TL_JSON_PROTO;
	}
	return tl_str_eq(name, TL_STR("end_reason")) ? TL_JSON_REASON : TL_JSON_PLAIN;
}

static int reason_number(struct tl_str word)
{
	for (unsigned int i = 0; i < TL_END_COUNT; i++) {
		const char *name = tl_end_reason_name(i);
		if (name && tl_str_eq(word, tl_str_of(name))) {
			return (int)i;
		}
	}
	return -ENOENT;
}

int tl_json_keyword(struct tl_str word, enum tl_json_hint hint)
{
	switch (hint) {
	case TL_JSON_PROTO:
		return tl_proto_number(word);
	case TL_JSON_REASON:
		return reason_number(word);
	default:
		return -ENOENT;
	}
}

static bool is_address(const struct tl_mp_item *item, enum tl_json_hint hint)
{
	return hint == TL_JSON_IP && item->kind == TL_MP_KIND_BIN &&
	       (item->blob.len == 4 || item->blob.len == 16);
}

static const char *keyword(const struct tl_mp_item *item, enum tl_json_hint hint)
{
	if (item->kind != TL_MP_KIND_UINT) {
		return 0;
	}
	if (hint == TL_JSON_PROTO) {
		return tl_proto_name(item->number);
	}
	if (hint == TL_JSON_REASON && item->number < TL_END_COUNT) {
		return tl_end_reason_name((unsigned int)item->number);
	}
	return 0;
}

static char *put_real(char *p, double real)
{
	return isfinite(real) ? tl_text_put_real(p, real) : stpcpy(p, "null");
}

char *tl_json_put_scalar(char *p, const struct tl_mp_item *item, enum tl_json_hint hint)
{
	const char *word = hint == TL_JSON_PLAIN ? 0 : keyword(item, hint);

	if (word) {
		return stpcpy(p, word);
	}
	switch (item->kind) {
	case TL_MP_KIND_BOOL:
		return stpcpy(p, item->truth ? "true" : "false");
	case TL_MP_KIND_UINT:
		return tl_text_put_uint(p, item->number);
	case TL_MP_KIND_INT:
		return tl_text_put_int(p, item->negative);
	case TL_MP_KIND_FLOAT:
		return put_real(p, item->real);
	case TL_MP_KIND_TIME:
		return tl_text_put_time(p, item->number);
	default:
		return is_address(item, hint)
			       ? tl_text_put_ip(p, (const uint8_t *)item->blob.ptr, item->blob.len)
			       : 0;
	}
}

static bool is_quoted(const struct tl_mp_item *item, enum tl_json_hint hint)
{
	return item->kind == TL_MP_KIND_TIME || item->kind == TL_MP_KIND_BIN ||
	       (hint != TL_JSON_PLAIN && keyword(item, hint));
}

static int put_ext(struct tl_textbuf *out, const struct tl_mp_item *item)
{
	char *p = tl_textbuf_reserve(out, TL_TEXT_SCALAR_MAX);

	if (!p) {
		return -ENOMEM;
	}
	p = tl_text_put_int(stpcpy(p, "{\"ext\":"), item->ext);
	p = stpcpy(p, ",\"data\":");
	out->len = (size_t)(p - out->data);
	return put_base64(out, item->blob) < 0 ? -ENOMEM : tl_json_char(out, '}');
}

static int put_array(struct tl_textbuf *out, uint32_t count, struct tl_mp_cursor *c,
		     enum tl_json_hint hint)
{
	int err = tl_json_char(out, '[');

	for (uint32_t i = 0; i < count && err == 0; i++) {
		err = i > 0 ? tl_json_char(out, ',') : 0;
		if (err == 0) {
			err = tl_json_value(out, c, hint);
		}
	}
	return err < 0 ? err : tl_json_char(out, ']');
}

/* A key that is no string becomes one: the text its value has in JSON. */
static int put_map_key(struct tl_textbuf *out, struct tl_mp_cursor *c, enum tl_json_hint *hint)
{
	struct tl_mp_cursor ahead = *c;
	struct tl_mp_item item;

	if (tl_mp_get(&ahead, &item) == 0 && item.kind == TL_MP_KIND_STR) {
		*c = ahead;
		*hint = tl_json_hint(item.blob);
		return tl_json_string(out, item.blob);
	}
	struct tl_textbuf text = {0};
	int err = tl_json_value(&text, c, TL_JSON_PLAIN);
	*hint = TL_JSON_PLAIN;
	if (err == 0) {
		err = tl_json_string(out, (struct tl_str){text.data, (uint32_t)text.len});
	}
	tl_textbuf_fini(&text);
	return err;
}

static int put_map(struct tl_textbuf *out, uint32_t count, struct tl_mp_cursor *c)
{
	int err = tl_json_char(out, '{');

	for (uint32_t i = 0; i < count && err == 0; i++) {
		enum tl_json_hint hint;
		err = i > 0 ? tl_json_char(out, ',') : 0;
		if (err == 0) {
			err = put_map_key(out, c, &hint);
		}
		if (err == 0) {
			err = tl_json_char(out, ':');
		}
		if (err == 0) {
			err = tl_json_value(out, c, hint);
		}
	}
	return err < 0 ? err : tl_json_char(out, '}');
}

static int put_scalar(struct tl_textbuf *out, const struct tl_mp_item *item, enum tl_json_hint hint)
{
	char *p = tl_textbuf_reserve(out, TL_TEXT_SCALAR_MAX + 2);

	if (!p) {
		return -ENOMEM;
	}
	if (is_quoted(item, hint)) {
		*p = '"';
		p = tl_json_put_scalar(p + 1, item, hint);
		*p++ = '"';
	} else {
		p = tl_json_put_scalar(p, item, hint);
	}
	out->len = (size_t)(p - out->data);
	return 0;
}

int tl_json_item(struct tl_textbuf *out, const struct tl_mp_item *item, struct tl_mp_cursor *inside,
		 enum tl_json_hint hint)
{
	switch (item->kind) {
	case TL_MP_KIND_NIL:
		return TL_JSON_LITERAL(out, "null");
	case TL_MP_KIND_STR:
		return tl_json_string(out, item->blob);
	case TL_MP_KIND_EXT:
		return put_ext(out, item);
	case TL_MP_KIND_ARRAY:
		return put_array(out, item->count, inside, hint);
	case TL_MP_KIND_MAP:
		return put_map(out, item->count, inside);
	case TL_MP_KIND_BIN:
		return is_address(item, hint) ? put_scalar(out, item, hint)
					      : put_base64(out, item->blob);
	default:
		return put_scalar(out, item, hint);
	}
}

int tl_json_value(struct tl_textbuf *out, struct tl_mp_cursor *value, enum tl_json_hint hint)
{
	struct tl_mp_item item;

	if (tl_mp_get(value, &item) < 0) {
		return TL_JSON_LITERAL(out, "null");
	}
	return tl_json_item(out, &item, value, hint);
}
