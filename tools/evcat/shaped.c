/* SPDX-License-Identifier: BSD-2-Clause */
#include "shaped.h"

#include <errno.h>
#include <string.h>

void shaper_next_batch(struct shaper *shaper)
{
	shaper->generation++;
}

void shaper_fini(struct shaper *shaper)
{
	tl_textbuf_fini(&shaper->scratch);
	tl_textbuf_fini(&shaper->definition);
}

static uint8_t *reserve(struct tl_textbuf *buf, size_t len)
{
	return (uint8_t *)tl_textbuf_reserve(buf, len);
}

static void commit(struct tl_textbuf *buf, const uint8_t *end)
{
	buf->len = (size_t)((const char *)end - buf->data);
}

static uint32_t length(struct tl_mp_cursor c)
{
	return (uint32_t)(c.end - c.at);
}

/* --- under a shape ------------------------------------------------------------- */

/* The array header as it came: the readers' templates want it to the byte. */
static void keep_prefix(const struct tl_event *event, unsigned int id, struct shaped *out)
{
	uint8_t first = event->bytes[0];
	uint32_t header = first == TL_MP_ARRAY16 ? 3 : first == TL_MP_ARRAY32 ? 5 : 1;

	memcpy(out->prefix, event->bytes, header);
	out->prefix_len = (uint32_t)(tl_mp_put_uint(out->prefix + header, id) - out->prefix);
	out->id = id;
	out->tail = event->tail.at;
	out->tail_len = length(event->tail);
}

/* Event and shape id of an event that tl_flow_event_encode made. */
static void keep_flow(const uint8_t *bytes, uint32_t len, unsigned int id, struct shaped *out)
{
	struct tl_mp_cursor c = {bytes, bytes + len};
	uint32_t count;
	uint64_t old_id;

	tl_mp_get_array(&c, &count);
	const uint8_t *header_end = c.at;
	tl_mp_get_uint(&c, &old_id);
	memcpy(out->prefix, bytes, (size_t)(header_end - bytes));
	out->prefix_len =
		(uint32_t)(tl_mp_put_uint(out->prefix + (header_end - bytes), id) - out->prefix);
	out->id = id;
	out->tail = c.at;
	out->tail_len = (uint32_t)(c.end - c.at);
}

/* --- opening ------------------------------------------------------------------- */

/* [0, ts, type, {name: value}, edges] of an event that has a shape. */
static int open_up(struct shaper *shaper, const struct tl_event *event, struct shaped *out)
{
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;
	struct tl_textbuf *buf = &shaper->scratch;
	size_t room = 32 + event->type.len + event->shape->definition.len + event->len;

	buf->len = 0;
	uint8_t *p = reserve(buf, room);
	if (!p) {
		return -ENOMEM;
	}
	const uint8_t *start = p;
	p = tl_mp_put_str(tl_mp_put_time(p, event->ts_ns), event->type);
	p = tl_mp_put_map(p, event->value_count);
	while (tl_entity_next(&iter, &entity)) {
		p = tl_mp_put_str(p, entity.name);
		memcpy(p, entity.value.at, length(entity.value));
		p += length(entity.value);
	}
	p = tl_mp_put_array(p, event->edge_count);
	memcpy(p, event->edges.at, length(event->edges));
	p += length(event->edges);
	out->id = 0;
	out->prefix_len =
		(uint32_t)(tl_mp_put_uint(tl_mp_put_array(out->prefix, 5), 0) - out->prefix);
	out->tail = start;
	out->tail_len = (uint32_t)(p - start);
	return 0;
}

/* --- closing ------------------------------------------------------------------- */

/* [type, names, edges] of an open event. */
static int define(struct shaper *shaper, const struct tl_event *event)
{
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;
	struct tl_textbuf *buf = &shaper->definition;

	buf->len = 0;
	uint8_t *p = reserve(buf, 32 + event->len);
	if (!p) {
		return -ENOMEM;
	}
	p = tl_mp_put_array(tl_mp_put_str(p, event->type), event->value_count);
	while (tl_entity_next(&iter, &entity)) {
		p = tl_mp_put_str(p, entity.name);
	}
	p = tl_mp_put_array(p, event->edge_count);
	memcpy(p, event->edges.at, length(event->edges));
	commit(buf, p + length(event->edges));
	return 0;
}

static bool same_item(const struct tl_mp_item *a, const struct tl_mp_item *b)
{
	if (a->kind != b->kind) {
		return false;
	}
	bool blob = a->kind == TL_MP_KIND_BIN || a->kind == TL_MP_KIND_STR;

	return blob ? tl_str_eq(a->blob, b->blob) : a->number == b->number;
}

/* Whether the values of the open event and those at `c` are the same, in order. */
static bool same_values(const struct tl_event *event, struct tl_mp_cursor c)
{
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;

	while (tl_entity_next(&iter, &entity)) {
		struct tl_mp_item a;
		struct tl_mp_item b;
		if (tl_mp_get(&entity.value, &a) < 0 || tl_mp_get(&c, &b) < 0 ||
		    !same_item(&a, &b)) {
			return false;
		}
	}
	return c.at == c.end;
}

/* The event in the fixed layout of flow events; 0 when that would change it. */
static uint32_t fix_layout(struct shaper *shaper, const struct tl_event *event)
{
	struct tl_str definition = {shaper->definition.data, (uint32_t)shaper->definition.len};
	struct tl_flow_event flow;
	struct tl_mp_cursor c;
	unsigned int id;
	uint32_t count;
	uint64_t value;

	if (!tl_flow_shape_find(definition) || tl_flow_event_decode(event, &flow) < 0) {
		return 0;
	}
	uint32_t len = tl_flow_event_encode(shaper->flow, &flow.flow, flow.kind, flow.reason,
					    flow.ts_ns, &id);
	if (flow.has_community_id) {
		len = tl_event_add_community_id(shaper->flow, len, &flow.flow.key, &id);
	}
	c = (struct tl_mp_cursor){shaper->flow, shaper->flow + len};
	if (tl_mp_get_array(&c, &count) < 0 || count != event->value_count + 2 ||
	    tl_mp_get_uint(&c, &value) < 0 || tl_mp_get_time(&c, &value) < 0) {
		return 0;
	}
	return same_values(event, c) ? len : 0;
}

static int close_up(struct shaper *shaper, const struct tl_event *event, unsigned int id,
		    struct shaped *out)
{
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;
	struct tl_textbuf *buf = &shaper->scratch;
	uint32_t len = fix_layout(shaper, event);

	if (len > 0) {
		keep_flow(shaper->flow, len, id, out);
		return 0;
	}
	buf->len = 0;
	uint8_t *p = reserve(buf, 32 + event->len);
	if (!p) {
		return -ENOMEM;
	}
	const uint8_t *start = p;
	p = tl_mp_put_time(p, event->ts_ns);
	while (tl_entity_next(&iter, &entity)) {
		memcpy(p, entity.value.at, length(entity.value));
		p += length(entity.value);
	}
	out->id = id;
	out->prefix_len =
		(uint32_t)(tl_mp_put_uint(tl_mp_put_array(out->prefix, event->value_count + 2),
					  id) -
			   out->prefix);
	out->tail = start;
	out->tail_len = (uint32_t)(p - start);
	return 0;
}

/* --- both ---------------------------------------------------------------------- */

static int intern(struct shaper *shaper, struct tl_str definition)
{
	int id = tl_shapes_intern_definition(shaper->shapes, definition);

	/* None free, or over a limit: the event goes out open. */
	return id == -ENOSPC || id == -EINVAL ? 0 : id;
}

static int shape_open(struct shaper *shaper, const struct tl_event *event, struct shaped *out)
{
	if (define(shaper, event) < 0) {
		return -ENOMEM;
	}
	struct tl_str definition = {shaper->definition.data, (uint32_t)shaper->definition.len};
	int id = intern(shaper, definition);
	if (id < 0) {
		return id;
	}
	out->definition_len = definition.len;
	if (id > 0) {
		return close_up(shaper, event, (unsigned int)id, out);
	}
	keep_prefix(event, 0, out);
	return 0;
}

int shaper_shape(struct shaper *shaper, const struct tl_event *event, struct shaped *out)
{
	if (!event->shape) {
		return shape_open(shaper, event, out);
	}
	unsigned int theirs = event->shape->id;
	if (shaper->known[theirs].generation != shaper->generation) {
		int id = intern(shaper, event->shape->definition);
		if (id < 0) {
			return id;
		}
		shaper->known[theirs].generation = shaper->generation;
		shaper->known[theirs].id = (uint16_t)id;
	}
	out->definition_len = event->shape->definition.len;
	if (shaper->known[theirs].id == 0) {
		return open_up(shaper, event, out);
	}
	keep_prefix(event, shaper->known[theirs].id, out);
	return 0;
}
