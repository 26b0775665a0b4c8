/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire.h"

#include <stdlib.h>

#include "wire_private.h"

enum wire_key {
	KEY_V,
	KEY_SIZE,
	KEY_STREAM,
	KEY_BASE,
	KEY_AFTER,
	KEY_FIRST,
	KEY_END,
	KEY_SOURCE,
	KEY_HOST,
	KEY_IFACE,
	KEY_SHAPES,
	KEY_EVENTS,
	KEY_COUNT,
};

static const struct tl_str key_names[KEY_COUNT] = {
	TL_STR("v"),	 TL_STR("size"),  TL_STR("stream"), TL_STR("base"),
	TL_STR("after"), TL_STR("first"), TL_STR("end"),    TL_STR("source"),
	TL_STR("host"),	 TL_STR("iface"), TL_STR("shapes"), TL_STR("events"),
};

int tl_wire_reader_create(struct tl_wire_reader **out)
{
	/* The templates of our own events: batches without a shape are matched with them too. */
	struct tl_wire_reader *reader = tl_event_shapes() ? calloc(1, sizeof(*reader)) : 0;
	if (!reader) {
		return -ENOMEM;
	}
	*out = reader;
	return 0;
}

void tl_wire_reader_destroy(struct tl_wire_reader *reader)
{
	free(reader);
}

static int refuse(struct tl_wire_reader *reader, int code, const char *reason)
{
	reader->reason = reason;
	reader->code = code;
	return code;
}

/* The first keys have one encoding only: what a stream is split and resynchronised by. */
int tl_wire_peek(const uint8_t *bytes, size_t len)
{
	static const uint8_t fixed[] = {0xa1, 'v', TL_WIRE_VERSION, 0xa4, 's', 'i',
					'z',  'e', TL_MP_U32};
	size_t map = len > 0 && bytes[0] == TL_MP_MAP16 ? 3 : 1;

	if (len == 0) {
		return -EAGAIN;
	}
	if (map == 1 && (bytes[0] & 0xf0) != 0x80) {
		return -EBADMSG;
	}
	if (len <= map) {
		return -EAGAIN;
	}
	size_t have = len - map < sizeof(fixed) ? len - map : sizeof(fixed);
	if (memcmp(bytes + map, fixed, have) != 0) {
		return -EBADMSG;
	}
	if (len < map + sizeof(fixed) + 4) {
		return -EAGAIN;
	}
	uint32_t size = tl_mp_be32(bytes + map + sizeof(fixed));
	if (size < map + sizeof(fixed) + 4) {
		return -EBADMSG;
	}
	return size > TL_WIRE_MAX_BATCH ? -E2BIG : (int)size;
}

/* --- shapes --------------------------------------------------------------- */

static void forget_shapes(struct tl_wire_reader *reader)
{
	for (uint32_t i = 0; i < reader->in_use_count; i++) {
		reader->defined[reader->in_use[i]] = false;
	}
	reader->in_use_count = 0;
	memset(reader->flow, 0, sizeof(reader->flow));
}

static int read_names(struct tl_mp_cursor *c, struct tl_shape *shape)
{
	struct tl_str name;

	if (tl_mp_get_array(c, &shape->name_count) < 0) {
		return -EBADMSG;
	}
	if (shape->name_count > TL_WIRE_MAX_ENTITIES) {
		return -E2BIG;
	}
	shape->names.at = c->at;
	for (uint32_t i = 0; i < shape->name_count; i++) {
		if (tl_mp_get_str(c, &name) < 0) {
			return -EBADMSG;
		}
	}
	shape->names.end = c->at;
	return 0;
}

int tl_wire_read_edges(struct tl_mp_cursor *c, struct tl_mp_cursor *edges, uint32_t *edge_count)
{
	struct tl_str name;
	uint32_t pair;

	if (tl_mp_get_array(c, edge_count) < 0) {
		return -EBADMSG;
	}
	if (*edge_count > TL_WIRE_MAX_ENTITIES) {
		return -E2BIG;
	}
	edges->at = c->at;
	for (uint32_t i = 0; i < *edge_count; i++) {
		if (tl_mp_get_array(c, &pair) < 0 || pair != 2 || tl_mp_get_str(c, &name) < 0 ||
		    tl_mp_get_str(c, &name) < 0) {
			return -EBADMSG;
		}
	}
	edges->end = c->at;
	return 0;
}

static int read_shape(struct tl_wire_reader *reader, struct tl_mp_cursor *c)
{
	uint32_t count;
	uint64_t id;

	if (tl_mp_get_array(c, &count) < 0 || count != 4 || tl_mp_get_uint(c, &id) < 0) {
		return refuse(reader, -EBADMSG, "shape is not [id, type, names, edges]");
	}
	if (id == 0 || id >= TL_WIRE_MAX_SHAPES) {
		return refuse(reader, -E2BIG, "shape id out of range");
	}
	if (reader->defined[id]) {
		return refuse(reader, -EBADMSG, "shape id defined twice");
	}
	struct tl_shape *shape = &reader->shapes[id];
	const uint8_t *start = c->at;
	if (tl_mp_get_str(c, &shape->type) < 0) {
		return refuse(reader, -EBADMSG, "shape type is no string");
	}
	int err = read_names(c, shape);
	if (err < 0) {
		return refuse(reader, err, "bad or too many entity names in a shape");
	}
	err = tl_wire_read_edges(c, &shape->edges, &shape->edge_count);
	if (err < 0) {
		return refuse(reader, err, "bad or too many edges in a shape");
	}
	shape->id = (uint16_t)id;
	shape->definition = (struct tl_str){(const char *)start, (uint32_t)(c->at - start)};
	shape->flow = tl_flow_shape_find(shape->definition);
	if (id < TL_FLOW_SHAPE_IDS) {
		reader->flow[id] = shape->flow;
	}
	reader->defined[id] = true;
	reader->in_use[reader->in_use_count++] = (uint16_t)id;
	return 0;
}

static int read_shapes(struct tl_wire_reader *reader, struct tl_mp_cursor *c, struct tl_batch *out)
{
	if (tl_mp_get_array(c, &out->shape_count) < 0) {
		return refuse(reader, -EBADMSG, "shapes is no array");
	}
	if (out->shape_count >= TL_WIRE_MAX_SHAPES) {
		return refuse(reader, -E2BIG, "too many shapes");
	}
	out->shapes.at = c->at;
	for (uint32_t i = 0; i < out->shape_count; i++) {
		if (read_shape(reader, c) < 0) {
			return reader->code;
		}
	}
	out->shapes.end = c->at;
	return 0;
}

/* --- events --------------------------------------------------------------- */

/* [0, ts, type, {name: value}, [[from, to]...]], the cursor after ts. */
static int check_open(struct tl_wire_reader *reader, struct tl_mp_cursor *c, uint32_t count)
{
	struct tl_mp_cursor edges;
	struct tl_str name;
	uint32_t entities;
	uint32_t edge_count;

	if (count != 5 || tl_mp_get_str(c, &name) < 0 || tl_mp_get_map(c, &entities) < 0) {
		return refuse(reader, -EBADMSG, "open event is not [0, ts, type, entities, edges]");
	}
	if (entities > TL_WIRE_MAX_ENTITIES) {
		return refuse(reader, -E2BIG, "too many entities in an event");
	}
	for (uint32_t i = 0; i < entities; i++) {
		if (tl_mp_get_str(c, &name) < 0 || tl_mp_skip(c, TL_WIRE_VALUE_DEPTH) < 0) {
			return refuse(reader, -EBADMSG, "bad entity in an open event");
		}
	}
	int err = tl_wire_read_edges(c, &edges, &edge_count);
	return err < 0 ? refuse(reader, err, "bad or too many edges in an event") : 0;
}

static int check_event(struct tl_wire_reader *reader, struct tl_mp_cursor *c)
{
	uint32_t count;
	uint64_t id;
	uint64_t ts_ns;

	if (tl_mp_get_array(c, &count) < 0 || count < 2 || tl_mp_get_uint(c, &id) < 0) {
		return refuse(reader, -EBADMSG, "event is not [shape, ts, value...]");
	}
	if (tl_mp_get_time(c, &ts_ns) < 0) {
		return refuse(reader, -EBADMSG, "event time is no timestamp");
	}
	if (id == 0) {
		return check_open(reader, c, count);
	}
	if (id >= TL_WIRE_MAX_SHAPES || !reader->defined[id]) {
		return refuse(reader, -EBADMSG, "event of a shape that is not defined");
	}
	if (count - 2 != reader->shapes[id].name_count) {
		return refuse(reader, -EBADMSG,
			      "event has more or fewer values than its shape names");
	}
	for (uint32_t i = 2; i < count; i++) {
		if (tl_mp_skip(c, TL_WIRE_VALUE_DEPTH) < 0) {
			return refuse(reader, -EBADMSG, "bad value in an event");
		}
	}
	return 0;
}

static int read_events(struct tl_wire_reader *reader, struct tl_mp_cursor *c, struct tl_batch *out)
{
	bool all_fixed = true;

	if (tl_mp_get_array(c, &out->event_count) < 0) {
		return refuse(reader, -EBADMSG, "events is no array");
	}
	if (out->event_count > TL_WIRE_MAX_EVENTS) {
		return refuse(reader, -E2BIG, "too many events");
	}
	reader->head_readable = true;
	out->events.at = c->at;
	uint32_t left = out->event_count;
	while (left > 0) {
		uint32_t matched;
		c->at += tl_wire_walk_flows(reader, c, left, &matched);
		left -= matched;
		if (left == 0) {
			break;
		}
		all_fixed = false;
		left--;
		if (check_event(reader, c) < 0) {
			return reader->code;
		}
	}
	out->all_fixed = all_fixed;
	out->events.end = c->at;
	return 0;
}

/* --- the head ------------------------------------------------------------- */

static int read_stream(struct tl_mp_cursor *c, uint8_t stream[TL_WIRE_STREAM_LEN])
{
	struct tl_str bytes;

	if (tl_mp_get_bin(c, &bytes) < 0 || bytes.len != TL_WIRE_STREAM_LEN) {
		return -EBADMSG;
	}
	memcpy(stream, bytes.ptr, TL_WIRE_STREAM_LEN);
	return 0;
}

static int read_version(struct tl_mp_cursor *c)
{
	uint64_t version;

	return tl_mp_get_uint(c, &version) < 0 || version != TL_WIRE_VERSION ? -EBADMSG : 0;
}

static int read_size(struct tl_mp_cursor *c, const struct tl_batch *out)
{
	uint64_t size;

	return tl_mp_get_uint(c, &size) < 0 || size != out->size ? -EBADMSG : 0;
}

static int read_value(struct tl_wire_reader *reader, enum wire_key key, struct tl_mp_cursor *c,
		      struct tl_batch *out)
{
	struct tl_batch_head *head = &out->head;

	switch (key) {
	case KEY_V:
		return read_version(c);
	case KEY_SIZE:
		return read_size(c, out);
	case KEY_STREAM:
		return read_stream(c, head->stream);
	case KEY_BASE:
		return tl_mp_get_uint(c, &head->base);
	case KEY_AFTER:
		return tl_mp_get_uint(c, &head->after);
	case KEY_FIRST:
		return tl_mp_get_uint(c, &head->first);
	case KEY_END:
		return tl_mp_get_bool(c, &head->end);
	case KEY_SOURCE:
		return tl_mp_get_str(c, &head->source);
	case KEY_HOST:
		return tl_mp_get_str(c, &head->host);
	case KEY_IFACE:
		return tl_mp_get_str(c, &head->iface);
	case KEY_SHAPES:
		return read_shapes(reader, c, out);
	default:
		return read_events(reader, c, out);
	}
}

static int check_numbers(struct tl_wire_reader *reader, const struct tl_batch *out)
{
	const struct tl_batch_head *head = &out->head;

	if (head->after > head->first) {
		return refuse(reader, -EBADMSG, "after lies beyond first");
	}
	/* 62 bits fit an event_id; what is beyond cannot have been counted. */
	if (head->first >> 62 || head->base >> 62) {
		return refuse(reader, -EBADMSG, "number beyond 62 bits");
	}
	return 0;
}

/* Keys come in order; those we do not know are stepped over. */
static int read_map(struct tl_wire_reader *reader, struct tl_mp_cursor *c, struct tl_batch *out)
{
	unsigned int expected = 0;
	uint32_t pairs;
	struct tl_str key;

	if (tl_mp_get_map(c, &pairs) < 0) {
		return refuse(reader, -EBADMSG, "no map");
	}
	for (uint32_t i = 0; i < pairs; i++) {
		if (tl_mp_get_str(c, &key) < 0) {
			return refuse(reader, -EBADMSG, "key is no string");
		}
		if (expected < KEY_COUNT && tl_str_eq(key, key_names[expected])) {
			reader->reason = "bad value of a known key";
			int err = read_value(reader, (enum wire_key)expected++, c, out);
			if (err < 0) {
				return refuse(reader, err, reader->reason);
			}
			continue;
		}
		out->has_unknown_keys = true;
		if (tl_mp_skip(c, TL_MP_MAX_DEPTH - 1) < 0) {
			return refuse(reader, -EBADMSG, "bad value of an unknown key");
		}
	}
	if (expected != KEY_COUNT) {
		return refuse(reader, -EBADMSG, "a key is missing or out of order");
	}
	return check_numbers(reader, out);
}

int tl_wire_read(struct tl_wire_reader *reader, const uint8_t *bytes, size_t len,
		 struct tl_batch *out, struct tl_wire_error *error)
{
	struct tl_mp_cursor c = {.at = bytes, .end = bytes + len};
	int err;

	forget_shapes(reader);
	reader->head_readable = false;
	*out = (struct tl_batch){.bytes = bytes, .size = (uint32_t)len};
	if (len > TL_WIRE_MAX_BATCH) {
		err = refuse(reader, -E2BIG, "batch over 4 MiB");
	} else if (tl_wire_peek(bytes, len) != (int)len) {
		err = refuse(reader, -EBADMSG, "no batch, or its size is not the message's");
	} else {
		err = read_map(reader, &c, out);
		if (err == 0 && c.at != c.end) {
			err = refuse(reader, -EBADMSG, "bytes after the batch");
		}
	}
	if (err < 0 && error) {
		*error = (struct tl_wire_error){(uint32_t)(c.at - bytes), reader->reason};
	}
	return err;
}

bool tl_wire_head_readable(const struct tl_wire_reader *reader)
{
	return reader->head_readable;
}

const struct tl_shape *tl_wire_shape(const struct tl_wire_reader *reader, unsigned int id)
{
	return id < TL_WIRE_MAX_SHAPES && reader->defined[id] ? &reader->shapes[id] : 0;
}
