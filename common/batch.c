/* SPDX-License-Identifier: BSD-2-Clause */
#include "batch.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
	SHAPE_SLOTS = 2 * TL_WIRE_MAX_SHAPES, /* of the hash index */
	DEFINITION_MAX = TL_WIRE_MAX_BATCH / 4,
	HEAD_MAX = 256,	  /* bytes of the head without its three strings */
	SHAPE_PREFIX = 4, /* array header and id */
};

struct definition {
	struct tl_str bytes; /* owned: [type, names, edges] without the array header */
};

struct tl_shapes {
	struct definition definitions[TL_WIRE_MAX_SHAPES];
	uint16_t slots[SHAPE_SLOTS]; /* id, 0 = free */
	unsigned int count;	     /* ids 1..count are in use */
};

int tl_shapes_create(struct tl_shapes **out)
{
	struct tl_shapes *shapes = calloc(1, sizeof(*shapes));
	if (!shapes) {
		return -ENOMEM;
	}
	*out = shapes;
	return 0;
}

void tl_shapes_destroy(struct tl_shapes *shapes)
{
	if (!shapes) {
		return;
	}
	for (unsigned int id = 1; id <= shapes->count; id++) {
		free((void *)shapes->definitions[id].bytes.ptr);
	}
	free(shapes);
}

int tl_shapes_intern_definition(struct tl_shapes *shapes, struct tl_str definition)
{
	uint64_t hash = XXH3_64bits(definition.ptr, definition.len);
	unsigned int slot = hash % SHAPE_SLOTS;

	for (; shapes->slots[slot]; slot = (slot + 1) % SHAPE_SLOTS) {
		unsigned int id = shapes->slots[slot];
		if (tl_str_eq(shapes->definitions[id].bytes, definition)) {
			return (int)id;
		}
	}
	if (shapes->count == TL_WIRE_MAX_SHAPES - 1) {
		return -ENOSPC;
	}
	if (definition.len > DEFINITION_MAX) {
		return -EINVAL;
	}
	char *copy = malloc(definition.len);
	if (!copy) {
		return -ENOMEM;
	}
	memcpy(copy, definition.ptr, definition.len);
	unsigned int id = ++shapes->count;
	shapes->definitions[id].bytes = (struct tl_str){copy, definition.len};
	shapes->slots[slot] = (uint16_t)id;
	return (int)id;
}

static size_t str_room(struct tl_str s)
{
	return 5 + (size_t)s.len;
}

int tl_shapes_intern(struct tl_shapes *shapes, struct tl_str type, const struct tl_str *names,
		     uint32_t name_count, const struct tl_edge *edges, uint32_t edge_count)
{
	size_t room = str_room(type) + 10;

	if (name_count > TL_WIRE_MAX_ENTITIES || edge_count > TL_WIRE_MAX_ENTITIES) {
		return -EINVAL;
	}
	for (uint32_t i = 0; i < name_count; i++) {
		room += str_room(names[i]);
	}
	for (uint32_t i = 0; i < edge_count; i++) {
		room += 1 + str_room(edges[i].from) + str_room(edges[i].to);
	}
	uint8_t *definition = room <= DEFINITION_MAX ? malloc(room) : 0;
	if (!definition) {
		return room <= DEFINITION_MAX ? -ENOMEM : -EINVAL;
	}
	uint8_t *p = tl_mp_put_str(definition, type);
	p = tl_mp_put_array(p, name_count);
	for (uint32_t i = 0; i < name_count; i++) {
		p = tl_mp_put_str(p, names[i]);
	}
	p = tl_mp_put_array(p, edge_count);
	for (uint32_t i = 0; i < edge_count; i++) {
		p = tl_mp_put_array(p, 2);
		p = tl_mp_put_str(p, edges[i].from);
		p = tl_mp_put_str(p, edges[i].to);
	}
	struct tl_str bytes = {(const char *)definition, (uint32_t)(p - definition)};
	int id = tl_shapes_intern_definition(shapes, bytes);
	free(definition);
	return id;
}

/* --- the writer ----------------------------------------------------------- */

void tl_batch_init(struct tl_batch_writer *w, const struct tl_shapes *shapes)
{
	*w = (struct tl_batch_writer){.shapes = shapes};
}

static void reset(struct tl_batch_writer *w)
{
	tl_batch_init(w, w->shapes);
}

void tl_batch_fini(struct tl_batch_writer *w)
{
	tl_msg_free(w->msg);
	reset(w);
}

uint32_t tl_batch_len(const struct tl_batch_writer *w)
{
	return w->msg ? (uint32_t)(w->at - w->msg->memory) - TL_BATCH_HEADROOM : 0;
}

uint8_t *tl_batch_make_room(struct tl_batch_writer *w, uint32_t len)
{
	size_t events = len > TL_BATCH_TARGET ? len : TL_BATCH_TARGET;

	if (w->count > 0 || len > TL_WIRE_MAX_BATCH - 2 * TL_BATCH_HEADROOM) {
		return 0;
	}
	tl_msg_free(w->msg);
	w->at = 0;
	w->msg = tl_msg_new(TL_BATCH_HEADROOM + events);
	if (!w->msg) {
		return 0;
	}
	w->at = w->msg->memory + TL_BATCH_HEADROOM;
	w->end = w->at + events;
	return w->at;
}

static size_t prefix_room(const struct tl_batch_writer *w, const struct tl_batch_head *head,
			  uint32_t *shape_count)
{
	size_t room =
		HEAD_MAX + str_room(head->source) + str_room(head->host) + str_room(head->iface);

	*shape_count = 0;
	for (unsigned int i = 0; i < TL_WIRE_MAX_SHAPES / 64; i++) {
		for (uint64_t bits = w->used[i]; bits; bits &= bits - 1) {
			unsigned int id = 64 * i + (unsigned int)__builtin_ctzll(bits);
			if (id != 0) {
				room += SHAPE_PREFIX + w->shapes->definitions[id].bytes.len;
				(*shape_count)++;
			}
		}
	}
	return room;
}

static uint8_t *put_shapes(const struct tl_batch_writer *w, uint32_t shape_count, uint8_t *p)
{
	p = tl_mp_put_array(p, shape_count);
	for (unsigned int i = 0; i < TL_WIRE_MAX_SHAPES / 64; i++) {
		for (uint64_t bits = w->used[i]; bits; bits &= bits - 1) {
			unsigned int id = 64 * i + (unsigned int)__builtin_ctzll(bits);
			if (id != 0) {
				struct tl_str bytes = w->shapes->definitions[id].bytes;
				p = tl_mp_put_array(p, 4);
				p = tl_mp_put_uint(p, id);
				memcpy(p, bytes.ptr, bytes.len);
				p += bytes.len;
			}
		}
	}
	return p;
}

/* The size is put when it is known: tl_wire_set_size. */
uint8_t *tl_batch_put_head(uint8_t *p, const struct tl_batch_head *head)
{
	p = tl_mp_put_map(p, 12);
	p = tl_mp_put_uint(tl_mp_put_str(p, TL_STR("v")), TL_WIRE_VERSION);
	p = tl_mp_put_byte(tl_mp_put_str(p, TL_STR("size")), TL_MP_U32);
	p = tl_mp_put_be32(p, 0);
	p = tl_mp_put_bin(tl_mp_put_str(p, TL_STR("stream")), head->stream, TL_WIRE_STREAM_LEN);
	p = tl_mp_put_u64(tl_mp_put_str(p, TL_STR("base")), head->base);
	p = tl_mp_put_u64(tl_mp_put_str(p, TL_STR("after")), head->after);
	p = tl_mp_put_u64(tl_mp_put_str(p, TL_STR("first")), head->first);
	p = tl_mp_put_bool(tl_mp_put_str(p, TL_STR("end")), head->end);
	p = tl_mp_put_str(tl_mp_put_str(p, TL_STR("source")), head->source);
	p = tl_mp_put_str(tl_mp_put_str(p, TL_STR("host")), head->host);
	return tl_mp_put_str(tl_mp_put_str(p, TL_STR("iface")), head->iface);
}

uint8_t *tl_batch_put_events(uint8_t *p, uint32_t count)
{
	p = tl_mp_put_str(p, TL_STR("events"));
	return tl_mp_put_be32(tl_mp_put_byte(p, TL_MP_ARRAY32), count);
}

/* Everything before the events. */
static uint8_t *put_prefix(const struct tl_batch_writer *w, const struct tl_batch_head *head,
			   uint32_t shape_count, uint8_t *p)
{
	p = tl_batch_put_head(p, head);
	p = put_shapes(w, shape_count, tl_mp_put_str(p, TL_STR("shapes")));
	return tl_batch_put_events(p, w->count);
}

/* The usual case: the prefix fits the headroom, and the events stay where they are. */
static void finish_in_place(struct tl_batch_writer *w, const uint8_t *prefix, size_t len)
{
	uint8_t *start = w->msg->memory + TL_BATCH_HEADROOM - len;

	memcpy(start, prefix, len);
	w->msg->data = start;
	w->msg->len = (size_t)(w->at - start);
}

static int finish_in_new(struct tl_batch_writer *w, const uint8_t *prefix, size_t len)
{
	uint32_t events = tl_batch_len(w);
	struct tl_msg *msg = tl_msg_new(len + events);

	if (!msg) {
		return -ENOMEM;
	}
	memcpy(msg->memory, prefix, len);
	if (events > 0) {
		memcpy(msg->memory + len, w->msg->memory + TL_BATCH_HEADROOM, events);
	}
	msg->data = msg->memory;
	msg->len = len + events;
	tl_msg_free(w->msg);
	w->msg = msg;
	return 0;
}

int tl_batch_finish(struct tl_batch_writer *w, const struct tl_batch_head *head,
		    struct tl_msg **out)
{
	uint32_t shape_count;
	size_t room = prefix_room(w, head, &shape_count);

	if (room + tl_batch_len(w) > TL_WIRE_MAX_BATCH) {
		return -E2BIG;
	}
	uint8_t *prefix = malloc(room);
	if (!prefix) {
		return -ENOMEM;
	}
	size_t len = (size_t)(put_prefix(w, head, shape_count, prefix) - prefix);
	tl_wire_set_size(prefix, (uint32_t)len + tl_batch_len(w));
	int err = 0;
	if (w->msg && len <= TL_BATCH_HEADROOM) {
		finish_in_place(w, prefix, len);
	} else {
		err = finish_in_new(w, prefix, len);
	}
	free(prefix);
	if (err == 0) {
		*out = w->msg;
		reset(w);
	}
	return err;
}
