/* SPDX-License-Identifier: BSD-2-Clause */
#include "join.h"

#include <stdlib.h>

enum { HEAD_ROOM = 256, SHAPE_ROOM = 4 };

struct part {
	struct tl_msg *msg;
	struct tl_mp_cursor events;
};

struct shape_ref {
	uint16_t id;
	struct tl_str definition; /* in the memory of a part */
};

struct tl_join {
	struct tl_batch_head head; /* its texts lie in the first part */
	struct part *parts;
	uint32_t part_count, part_room;
	struct shape_ref *shapes;
	uint32_t shape_count, shape_room;
	uint32_t events;
	uint32_t bytes; /* of the batch it would make, at most */
	bool open;	/* may still grow */
};

int tl_join_create(struct tl_join **out)
{
	struct tl_join *j = calloc(1, sizeof(*j));
	if (!j) {
		return -ENOMEM;
	}
	*out = j;
	return 0;
}

static void clear(struct tl_join *j)
{
	j->part_count = 0;
	j->shape_count = 0;
	j->events = 0;
	j->bytes = 0;
}

void tl_join_destroy(struct tl_join *j)
{
	if (!j) {
		return;
	}
	for (uint32_t i = 0; i < j->part_count; i++) {
		tl_msg_free(j->parts[i].msg);
	}
	free(j->parts);
	free(j->shapes);
	free(j);
}

uint32_t tl_join_count(const struct tl_join *j)
{
	return j->events;
}

bool tl_join_is_empty(const struct tl_join *j)
{
	return j->part_count == 0;
}

const uint8_t *tl_join_stream(const struct tl_join *j)
{
	return j->head.stream;
}

static bool continues(const struct tl_join *j, const struct tl_batch *b)
{
	const struct tl_batch_head *x = &j->head;
	const struct tl_batch_head *y = &b->head;

	return j->open && !b->has_unknown_keys &&
	       memcmp(x->stream, y->stream, TL_WIRE_STREAM_LEN) == 0 && y->after == y->first &&
	       y->first == x->first + j->events && tl_str_eq(x->source, y->source) &&
	       tl_str_eq(x->host, y->host) && tl_str_eq(x->iface, y->iface);
}

/* Makes room for one more element; 0 or -ENOMEM. */
static int grow(void **array, uint32_t *room, uint32_t count, size_t size)
{
	if (count < *room) {
		return 0;
	}
	uint32_t more = *room ? 2 * *room : 16;
	void *bigger = realloc(*array, more * size);
	if (!bigger) {
		return -ENOMEM;
	}
	*array = bigger;
	*room = more;
	return 0;
}

static bool get_shape(struct tl_mp_cursor *c, const struct tl_wire_reader *reader,
		      const struct tl_shape **shape)
{
	uint32_t count;
	uint64_t id;

	if (c->at == c->end) {
		return false;
	}
	tl_mp_get_array(c, &count);
	tl_mp_get_uint(c, &id);
	*shape = tl_wire_shape(reader, (unsigned int)id);
	c->at += (*shape)->definition.len;
	return true;
}

/* 1 known and equal, 0 new, -EEXIST known and different. */
static int compare(const struct tl_join *j, const struct tl_shape *shape)
{
	for (uint32_t i = 0; i < j->shape_count; i++) {
		if (j->shapes[i].id == shape->id) {
			return tl_str_eq(j->shapes[i].definition, shape->definition) ? 1 : -EEXIST;
		}
	}
	return 0;
}

/* Adds the definitions that are new; takes them back when one contradicts. */
static int add_shapes(struct tl_join *j, const struct tl_batch *batch,
		      const struct tl_wire_reader *reader, uint32_t *bytes)
{
	struct tl_mp_cursor c = batch->shapes;
	uint32_t before = j->shape_count;
	const struct tl_shape *shape;

	*bytes = 0;
	while (get_shape(&c, reader, &shape)) {
		int known = compare(j, shape);
		if (known == 1) {
			continue;
		}
		if (known < 0 || grow((void **)&j->shapes, &j->shape_room, j->shape_count,
				      sizeof(*j->shapes)) < 0) {
			j->shape_count = before;
			return -EEXIST;
		}
		j->shapes[j->shape_count++] = (struct shape_ref){shape->id, shape->definition};
		*bytes += SHAPE_ROOM + shape->definition.len;
	}
	return 0;
}

bool tl_join_add(struct tl_join *j, struct tl_msg *msg, const struct tl_batch *batch,
		 const struct tl_wire_reader *reader, uint32_t limit)
{
	uint32_t events_len = (uint32_t)(batch->events.end - batch->events.at);
	bool empty = tl_join_is_empty(j);
	uint32_t shapes_len;

	if (!empty &&
	    (!continues(j, batch) || j->events + batch->event_count > TL_WIRE_MAX_EVENTS ||
	     j->bytes + batch->size > limit)) {
		return false;
	}
	if (grow((void **)&j->parts, &j->part_room, j->part_count, sizeof(*j->parts)) < 0 ||
	    add_shapes(j, batch, reader, &shapes_len) < 0) {
		return false;
	}
	if (empty) {
		j->head = batch->head;
		j->bytes = HEAD_ROOM + batch->head.source.len + batch->head.host.len +
			   batch->head.iface.len;
		j->open = !batch->has_unknown_keys;
	}
	j->head.end = batch->head.end;
	j->open = j->open && !batch->head.end;
	j->parts[j->part_count++] = (struct part){msg, batch->events};
	j->events += batch->event_count;
	j->bytes += events_len + shapes_len;
	return true;
}

static int make(const struct tl_join *j, struct tl_msg **out)
{
	struct tl_msg *msg = tl_msg_new(j->bytes);
	if (!msg) {
		return -ENOMEM;
	}
	uint8_t *p = tl_batch_put_head(msg->memory, &j->head);
	p = tl_mp_put_array(tl_mp_put_str(p, TL_STR("shapes")), j->shape_count);
	for (uint32_t i = 0; i < j->shape_count; i++) {
		struct tl_str definition = j->shapes[i].definition;
		p = tl_mp_put_uint(tl_mp_put_array(p, 4), j->shapes[i].id);
		memcpy(p, definition.ptr, definition.len);
		p += definition.len;
	}
	p = tl_batch_put_events(p, j->events);
	for (uint32_t i = 0; i < j->part_count; i++) {
		size_t len = (size_t)(j->parts[i].events.end - j->parts[i].events.at);
		memcpy(p, j->parts[i].events.at, len);
		p += len;
	}
	msg->len = (size_t)(p - msg->memory);
	tl_wire_set_size(msg->memory, (uint32_t)msg->len);
	*out = msg;
	return 0;
}

int tl_join_take(struct tl_join *j, struct tl_msg **out)
{
	if (j->part_count == 1) {
		*out = j->parts[0].msg;
		clear(j);
		return 0;
	}
	int err = make(j, out);
	if (err < 0) {
		return err;
	}
	for (uint32_t i = 0; i < j->part_count; i++) {
		tl_msg_free(j->parts[i].msg);
	}
	clear(j);
	return 0;
}
