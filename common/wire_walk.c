/* SPDX-License-Identifier: BSD-2-Clause */
/* Walking a batch that was read: over validated bytes, so no getter can fail. */
#include "wire_private.h"

struct tl_event_iter tl_wire_events(const struct tl_wire_reader *reader,
				    const struct tl_batch *batch)
{
	return (struct tl_event_iter){reader, batch->events, batch->head.first, batch->all_fixed};
}

static void open_event(struct tl_mp_cursor *c, struct tl_event *event)
{
	struct tl_mp_item item;

	event->shape = 0;
	tl_mp_get_str(c, &event->type);
	tl_mp_get(c, &item);
	event->value_count = item.count;
	event->values.at = c->at;
	for (uint32_t i = 0; i < 2 * item.count; i++) {
		tl_mp_skip(c, TL_WIRE_VALUE_DEPTH);
	}
	event->values.end = c->at;
	tl_wire_read_edges(c, &event->edges, &event->edge_count);
}

static void shaped_event(struct tl_mp_cursor *c, struct tl_event *event)
{
	event->type = event->shape->type;
	event->value_count = event->shape->name_count;
	event->values.at = c->at;
	event->edges = event->shape->edges;
	event->edge_count = event->shape->edge_count;
	for (uint32_t i = 0; i < event->value_count; i++) {
		tl_mp_skip(c, TL_WIRE_VALUE_DEPTH);
	}
	event->values.end = c->at;
}

/* A flow event of ours: everything is where the template says. */
static inline void fixed_event(const struct tl_wire_reader *reader, const uint8_t *p,
			       struct tl_event *event)
{
	const struct tl_shape *shape = &reader->shapes[p[3]];
	const uint8_t *end = p + tl_flow_event_len(shape->flow, p);

	event->shape = shape;
	event->type = shape->type;
	event->ts_ns = tl_mp_time_ns(p + 6);
	event->value_count = shape->name_count;
	event->fixed = true;
	event->len = (uint32_t)(end - p);
	event->tail = (struct tl_mp_cursor){p + 4, end};
	event->values = (struct tl_mp_cursor){p + 14, end};
	event->edges = shape->edges;
	event->edge_count = shape->edge_count;
}

static void any_event(const struct tl_wire_reader *reader, struct tl_mp_cursor c,
		      struct tl_event *event)
{
	uint32_t count;
	uint64_t id;

	tl_mp_get_array(&c, &count);
	tl_mp_get_uint(&c, &id);
	event->tail.at = c.at;
	tl_mp_get_time(&c, &event->ts_ns);
	event->shape = id ? &reader->shapes[id] : 0;
	event->fixed = false;
	if (id == 0) {
		open_event(&c, event);
	} else {
		shaped_event(&c, event);
	}
	event->tail.end = c.at;
	event->len = (uint32_t)(c.at - event->bytes);
}

bool tl_event_next(struct tl_event_iter *iter, struct tl_event *event)
{
	uint32_t matched = iter->all_fixed;

	if (iter->at.at == iter->at.end) {
		return false;
	}
	event->bytes = iter->at.at;
	event->number = iter->number++;
	if (!matched) {
		tl_wire_walk_flows(iter->reader, &iter->at, 1, &matched);
	}
	if (matched) {
		fixed_event(iter->reader, event->bytes, event);
	} else {
		any_event(iter->reader, iter->at, event);
	}
	iter->at.at += event->len;
	return true;
}

struct tl_entity_iter tl_event_entities(const struct tl_event *event)
{
	return (struct tl_entity_iter){
		.names = event->shape ? event->shape->names : event->values,
		.values = event->values,
		.left = event->value_count,
		.open = !event->shape,
	};
}

bool tl_entity_next(struct tl_entity_iter *iter, struct tl_entity *entity)
{
	if (iter->left == 0) {
		return false;
	}
	iter->left--;
	struct tl_mp_cursor *names = iter->open ? &iter->values : &iter->names;
	tl_mp_get_str(names, &entity->name);
	entity->value.at = iter->values.at;
	tl_mp_skip(&iter->values, TL_WIRE_VALUE_DEPTH);
	entity->value.end = iter->values.at;
	return true;
}

struct tl_edge_iter tl_event_edges(const struct tl_event *event)
{
	return (struct tl_edge_iter){event->edges, event->edge_count};
}

bool tl_edge_next(struct tl_edge_iter *iter, struct tl_str *from, struct tl_str *to)
{
	uint32_t pair;

	if (iter->left == 0) {
		return false;
	}
	iter->left--;
	tl_mp_get_array(&iter->at, &pair);
	tl_mp_get_str(&iter->at, from);
	tl_mp_get_str(&iter->at, to);
	return true;
}

static char *put_hex(char *p, uint64_t value, unsigned int digits)
{
	for (unsigned int i = digits; i > 0; i--) {
		p[digits - i] = "0123456789abcdef"[value >> (4 * (i - 1)) & 0xf];
	}
	return p + digits;
}

/* RFC 9562, section 5.8. By hand: a third of writing JSON was snprintf. */
void tl_event_id(const uint8_t stream[TL_WIRE_STREAM_LEN], uint64_t number, char text[37])
{
	char *p = put_hex(text, tl_mp_be32(stream), 8);

	*p++ = '-';
	p = put_hex(p, tl_mp_be16(stream + 4), 4);
	*p++ = '-';
	p = put_hex(p, 0x8000 | (tl_mp_be16(stream + 6) & 0xfff), 4);
	*p++ = '-';
	p = put_hex(p, 0x8000 | (number >> 48 & 0x3fff), 4);
	*p++ = '-';
	*put_hex(p, number & 0xffffffffffffull, 12) = '\0';
}

/* Offsets in the head that tl_batch_put_head writes: fixed up to `first`. */
enum {
	HEAD_SIZE = 1 + 3 + 6,
	HEAD_STREAM = HEAD_SIZE + 4 + 7 + 2,
	HEAD_BASE = HEAD_STREAM + TL_WIRE_STREAM_LEN + 6,
	HEAD_AFTER = HEAD_BASE + 8 + 7,
	HEAD_FIRST = HEAD_AFTER + 8 + 7,
};

struct piece {
	unsigned int at;
	struct tl_str bytes;
};

bool tl_wire_head_is_ours(const uint8_t *batch, size_t len)
{
	static const struct piece pieces[] = {
		{1, {"\xa1v\x01\xa4size\xce", 9}},
		{HEAD_SIZE + 4, {"\xa6stream\xc4\x10", 9}},
		{HEAD_BASE - 6,
		 {"\xa4"
		  "base\xcf",
		  6}},
		{HEAD_AFTER - 7,
		 {"\xa5"
		  "after\xcf",
		  7}},
		{HEAD_FIRST - 7,
		 {"\xa5"
		  "first\xcf",
		  7}},
		{HEAD_FIRST + 8,
		 {"\xa3"
		  "end",
		  4}},
	};

	if (len < HEAD_FIRST + 8 + 5 || batch[0] >> 4 != 8) {
		return false;
	}
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		if (memcmp(batch + pieces[i].at, pieces[i].bytes.ptr, pieces[i].bytes.len) != 0) {
			return false;
		}
	}
	return true;
}

void tl_wire_get_head(const uint8_t *batch, struct tl_batch_head *head)
{
	memcpy(head->stream, batch + HEAD_STREAM, TL_WIRE_STREAM_LEN);
	head->base = tl_mp_be64(batch + HEAD_BASE);
	head->after = tl_mp_be64(batch + HEAD_AFTER);
	head->first = tl_mp_be64(batch + HEAD_FIRST);
	head->end = batch[HEAD_FIRST + 8 + 4] == TL_MP_TRUE;
}

void tl_wire_set_size(uint8_t *batch, uint32_t size)
{
	tl_mp_put_be32(batch + HEAD_SIZE, size);
}

void tl_wire_set_base(uint8_t *batch, uint64_t base)
{
	tl_mp_put_be64(batch + HEAD_BASE, base);
}

void tl_wire_set_after(uint8_t *batch, uint64_t after)
{
	tl_mp_put_be64(batch + HEAD_AFTER, after);
}
