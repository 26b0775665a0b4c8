/* SPDX-License-Identifier: BSD-2-Clause */
#include "select.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "log.h"
#include "text.h"

enum { TYPES_MAX = 256 };

/* key=value, key!=value; the value read every way it can be. */
struct condition {
	struct tl_str key;
	struct tl_str text;
	enum tl_json_hint hint;
	bool negated;
	bool is_address;
	uint8_t address[16];
	uint32_t address_len;
	uint32_t prefix_bits;
	bool is_number;
	double number;
	bool is_unsigned;
	uint64_t integer;
	int keyword;	   /* -ENOENT: none */
	bool tried, found; /* some event was looked at, had the key */
};

struct select {
	struct tl_str types[TYPES_MAX];
	unsigned int type_count;
	struct condition conditions[TL_OPT_LIST_MAX];
	unsigned int condition_count;
};

/* --- reading ------------------------------------------------------------------ */

static int add_types(struct select *select, const char *list)
{
	for (;;) {
		size_t len = strcspn(list, ",");
		if (len == 0 || select->type_count == TYPES_MAX) {
			tl_log_err("--type: bad value '%s': wants event types between commas, at "
				   "most %d",
				   list, TYPES_MAX);
			return -EINVAL;
		}
		select->types[select->type_count++] = (struct tl_str){list, (uint32_t)len};
		if (list[len] == '\0') {
			return 0;
		}
		list += len + 1;
	}
}

/* An address, or a network as address/bits. */
static int read_address(struct condition *c)
{
	const char *slash = memchr(c->text.ptr, '/', c->text.len);
	struct tl_str address = c->text;
	uint64_t bits = UINT64_MAX;

	if (slash) {
		address.len = (uint32_t)(slash - c->text.ptr);
		if (tl_opt_parse_number(slash + 1, &bits) < 0) {
			return -EINVAL;
		}
	}
	if (tl_text_get_ip(address, c->address, &c->address_len) < 0) {
		return -EINVAL;
	}
	if (!slash) {
		bits = 8 * c->address_len;
	}
	c->prefix_bits = (uint32_t)bits;
	return bits <= 8 * c->address_len ? 0 : -EINVAL;
}

static void read_number(struct condition *c)
{
	char *end;

	c->number = strtod(c->text.ptr, &end);
	c->is_number = c->text.len > 0 && *end == '\0';
	c->is_unsigned = tl_opt_parse_number(c->text.ptr, &c->integer) == 0;
}

static int add_condition(struct select *select, const char *text)
{
	struct condition *c = &select->conditions[select->condition_count];
	const char *equals = strchr(text, '=');

	if (!equals || equals == text || (equals == text + 1 && *text == '!')) {
		tl_log_err("--where: bad value '%s': wants KEY=VALUE or KEY!=VALUE", text);
		return -EINVAL;
	}
	c->negated = equals[-1] == '!';
	c->key = (struct tl_str){text, (uint32_t)(equals - text) - c->negated};
	c->text = tl_str_of(equals[1] == '=' ? equals + 2 : equals + 1);
	c->hint = tl_json_hint(c->key);
	c->keyword = tl_json_keyword(c->text, c->hint);
	c->is_address = read_address(c) == 0;
	read_number(c);
	if (c->hint == TL_JSON_IP && !c->is_address) {
		tl_log_err("--where: bad value '%s': wants an address, or a network such as "
			   "10.0.0.0/8",
			   text);
		return -EINVAL;
	}
	select->condition_count++;
	return 0;
}

int select_create(struct select **out, const struct tl_opt_list *types,
		  const struct tl_opt_list *wheres)
{
	struct select *select = calloc(1, sizeof(*select));
	int err = select ? 0 : -ENOMEM;

	for (unsigned int i = 0; i < types->count && err == 0; i++) {
		err = add_types(select, types->items[i]);
	}
	for (unsigned int i = 0; i < wheres->count && err == 0; i++) {
		err = add_condition(select, wheres->items[i]);
	}
	if (err < 0) {
		free(select);
		return err;
	}
	*out = select;
	return 0;
}

void select_destroy(struct select *select)
{
	free(select);
}

bool select_is_all(const struct select *select)
{
	return select->type_count == 0 && select->condition_count == 0;
}

/* --- matching ----------------------------------------------------------------- */

static bool in_network(const struct condition *c, struct tl_str address)
{
	uint32_t bytes = c->prefix_bits / 8;
	uint32_t bits = c->prefix_bits % 8;

	if (!c->is_address || address.len != c->address_len ||
	    memcmp(address.ptr, c->address, bytes) != 0) {
		return false;
	}
	return bits == 0 || ((uint8_t)address.ptr[bytes] ^ c->address[bytes]) >> (8 - bits) == 0;
}

static bool equals_scalar(const struct condition *c, const struct tl_mp_item *item)
{
	switch (item->kind) {
	case TL_MP_KIND_UINT:
		return (c->is_unsigned && item->number == c->integer) ||
		       (c->keyword >= 0 && item->number == (uint64_t)c->keyword);
	case TL_MP_KIND_INT:
		return c->is_number && (double)item->negative == c->number;
	case TL_MP_KIND_FLOAT:
		return c->is_number && item->real == c->number;
	case TL_MP_KIND_BOOL:
		return tl_str_eq(c->text, item->truth ? TL_STR("true") : TL_STR("false"));
	case TL_MP_KIND_STR:
		return tl_str_eq(c->text, item->blob);
	case TL_MP_KIND_BIN:
		return in_network(c, item->blob);
	case TL_MP_KIND_TIME: {
		uint64_t ns;
		return tl_text_get_time(c->text, &ns) == 0 && ns == item->number;
	}
	default:
		return false;
	}
}

/* An array equals what one of its members equals. */
static bool equals_value(const struct condition *c, struct tl_mp_cursor value)
{
	struct tl_mp_item item;

	tl_mp_get(&value, &item);
	if (item.kind != TL_MP_KIND_ARRAY) {
		return equals_scalar(c, &item);
	}
	for (uint32_t left = item.count; left > 0; left--) {
		struct tl_mp_cursor member = value;
		tl_mp_get(&member, &item);
		if (equals_scalar(c, &item)) {
			return true;
		}
		tl_mp_skip(&value, TL_WIRE_VALUE_DEPTH);
	}
	return false;
}

static bool is_of_head(struct tl_str key)
{
	return tl_str_eq(key, TL_STR("source")) || tl_str_eq(key, TL_STR("host")) ||
	       tl_str_eq(key, TL_STR("iface")) || tl_str_eq(key, TL_STR("stream"));
}

static bool equals_head(const struct condition *c, const struct tl_batch_head *head)
{
	char hex[2 * TL_WIRE_STREAM_LEN];

	if (tl_str_eq(c->key, TL_STR("source"))) {
		return tl_str_eq(c->text, head->source);
	}
	if (tl_str_eq(c->key, TL_STR("host"))) {
		return tl_str_eq(c->text, head->host);
	}
	if (tl_str_eq(c->key, TL_STR("iface"))) {
		return tl_str_eq(c->text, head->iface);
	}
	if (tl_str_eq(c->key, TL_STR("stream"))) {
		tl_text_put_hex(hex, head->stream, TL_WIRE_STREAM_LEN);
		return tl_str_eq(c->text, (struct tl_str){hex, sizeof(hex)});
	}
	return false;
}

static bool holds(struct condition *c, const struct tl_batch_head *head,
		  const struct tl_event *event)
{
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;

	c->tried = true;
	while (tl_entity_next(&iter, &entity)) {
		if (tl_str_eq(entity.name, c->key)) {
			c->found = true;
			return equals_value(c, entity.value) != c->negated;
		}
	}
	return equals_head(c, head) != c->negated;
}

static bool has_type(const struct select *select, struct tl_str type)
{
	for (unsigned int i = 0; i < select->type_count; i++) {
		if (tl_str_eq(select->types[i], type)) {
			return true;
		}
	}
	return select->type_count == 0;
}

bool select_match(struct select *select, const struct tl_batch_head *head,
		  const struct tl_event *event)
{
	if (!has_type(select, event->type)) {
		return false;
	}
	for (unsigned int i = 0; i < select->condition_count; i++) {
		if (!holds(&select->conditions[i], head, event)) {
			return false;
		}
	}
	return true;
}

void select_tell(const struct select *select)
{
	for (unsigned int i = 0; i < select->condition_count; i++) {
		const struct condition *c = &select->conditions[i];
		if (c->tried && !c->found && !is_of_head(c->key)) {
			tl_log_warn("--where: no event %shas '%.*s'",
				    select->type_count > 0 ? "of these types " : "",
				    (int)c->key.len, c->key.ptr);
		}
	}
}
