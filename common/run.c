/* SPDX-License-Identifier: BSD-2-Clause */
#include "run.h"

enum {
	HEAD_ROOM = 256, /* of what tl_batch_put_head writes, without the texts */
	SHAPES_ROOM = 7 + 5,
	EVENTS_ROOM = 12,
};

/* The bytes of the events with numbers [from, to). */
static struct tl_mp_cursor find_events(const struct tl_wire_reader *reader,
				       const struct tl_batch *batch, uint64_t from, uint64_t to)
{
	struct tl_event_iter iter = tl_wire_events(reader, batch);
	struct tl_mp_cursor part = {batch->events.at, batch->events.at};
	struct tl_event event;

	/* To the end there is no need to walk. */
	bool to_the_end = to == batch->head.first + batch->event_count;
	uint64_t stop = to_the_end ? from : to;
	while (iter.number < stop && tl_event_next(&iter, &event)) {
		part.at = iter.number <= from ? iter.at.at : part.at;
	}
	part.end = to_the_end ? batch->events.end : iter.at.at;
	return part;
}

static struct tl_batch_head cut_head(const struct tl_batch *batch, uint64_t from, uint64_t to)
{
	struct tl_batch_head head = batch->head;

	head.after = from == head.first ? head.after : from;
	head.end = head.end && to == head.first + batch->event_count;
	head.first = from;
	return head;
}

static uint8_t *put_bytes(uint8_t *p, struct tl_mp_cursor bytes)
{
	size_t len = (size_t)(bytes.end - bytes.at);

	memcpy(p, bytes.at, len);
	return p + len;
}

int tl_run_cut(const struct tl_wire_reader *reader, const struct tl_batch *batch, uint64_t from,
	       uint64_t to, struct tl_msg **out)
{
	if (batch->has_unknown_keys) {
		return -EOPNOTSUPP;
	}
	struct tl_batch_head head = cut_head(batch, from, to);
	struct tl_mp_cursor events = find_events(reader, batch, from, to);
	struct tl_msg *msg =
		tl_msg_new(HEAD_ROOM + (size_t)head.source.len + head.host.len + head.iface.len +
			   SHAPES_ROOM + (size_t)(batch->shapes.end - batch->shapes.at) +
			   EVENTS_ROOM + (size_t)(events.end - events.at));
	if (!msg) {
		return -ENOMEM;
	}
	uint8_t *p = tl_batch_put_head(msg->memory, &head);
	p = tl_mp_put_array(tl_mp_put_str(p, TL_STR("shapes")), batch->shape_count);
	p = put_bytes(p, batch->shapes);
	p = tl_batch_put_events(p, (uint32_t)(to - from));
	p = put_bytes(p, events);
	msg->len = (size_t)(p - msg->memory);
	if (msg->len > TL_WIRE_MAX_BATCH) {
		tl_msg_free(msg);
		return -EOPNOTSUPP;
	}
	tl_wire_set_size(msg->memory, (uint32_t)msg->len);
	*out = msg;
	return 0;
}

int tl_run_declare(const struct tl_batch_head *like, uint64_t after, uint64_t first,
		   struct tl_msg **out)
{
	struct tl_batch_head head = *like;
	struct tl_batch_writer w;

	head.after = after;
	head.first = first;
	head.end = false;
	tl_batch_init(&w, 0);
	return tl_batch_finish(&w, &head, out);
}
