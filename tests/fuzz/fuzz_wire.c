/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bounded reader over any bytes, and over what it takes, all that reads
 * events: iteration, the flow and stats decoders, the JSON form, joining. The
 * size in the head is set right, or nothing but that would be tested.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/event.h"
#include "../../common/join.h"
#include "../../common/json.h"

static struct tl_wire_reader *reader;
static struct tl_wire_reader *second;
static struct tl_json *json;
static struct tl_textbuf text;

static void require(int holds)
{
	if (!holds) {
		abort();
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	require(tl_wire_reader_create(&reader) == 0 && tl_wire_reader_create(&second) == 0);
	require(tl_json_create(&json) == 0);
	return 0;
}

static void walk_event(const struct tl_event *event)
{
	struct tl_entity_iter entities = tl_event_entities(event);
	struct tl_edge_iter edges = tl_event_edges(event);
	struct tl_flow_event flow;
	struct tl_capture_stats stats;
	struct tl_entity entity;
	struct tl_str from;
	struct tl_str to;
	uint32_t count = 0;

	while (tl_entity_next(&entities, &entity)) {
		struct tl_mp_cursor c = entity.value;
		require(tl_mp_skip(&c, TL_WIRE_VALUE_DEPTH) == 0 && c.at == entity.value.end);
		count++;
	}
	require(count == event->value_count);
	for (count = 0; tl_edge_next(&edges, &from, &to); count++) {
		require(from.ptr && to.ptr);
	}
	require(count == event->edge_count);
	tl_flow_event_decode(event, &flow);
	tl_stats_event_decode(event, &stats);
}

static uint32_t walk(const struct tl_wire_reader *from, const struct tl_batch *batch)
{
	struct tl_event_iter iter = tl_wire_events(from, batch);
	struct tl_event event;
	uint32_t count = 0;

	while (tl_event_next(&iter, &event)) {
		require(event.number == batch->head.first + count++);
		walk_event(&event);
		text.len = 0;
		tl_json_event(json, &text, &batch->head, &event);
	}
	require(count == batch->event_count);
	return count;
}

static struct tl_msg *copy_of(const uint8_t *bytes, size_t len)
{
	struct tl_msg *msg = tl_msg_new(len);
	require(msg != 0);
	memcpy(msg->memory, bytes, len);
	msg->len = len;
	return msg;
}

/* The batch joined with what follows it, if it does: twice the events. */
static void join(const uint8_t *bytes, size_t len)
{
	struct tl_join *joined;
	struct tl_msg *out;
	struct tl_batch batch;
	uint32_t events = 0;

	require(tl_join_create(&joined) == 0);
	for (int i = 0; i < 2; i++) {
		struct tl_msg *msg = copy_of(bytes, len);
		require(tl_wire_read(second, msg->data, len, &batch, 0) == 0);
		if (!tl_join_add(joined, msg, &batch, second, TL_WIRE_MAX_BATCH)) {
			tl_msg_free(msg);
			break;
		}
		events += batch.event_count;
	}
	require(tl_join_take(joined, &out) == 0);
	require(tl_wire_read(second, out->data, out->len, &batch, 0) == 0);
	require(walk(second, &batch) == events);
	tl_msg_free(out);
	tl_join_destroy(joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { SIZE_AT = 10 };
	uint8_t *bytes = malloc(size ? size : 1);
	struct tl_wire_error error = {0};
	struct tl_batch batch;

	memcpy(bytes, data, size);
	tl_wire_peek(bytes, size);
	if (size >= SIZE_AT + 4) {
		tl_mp_put_be32(bytes + SIZE_AT, (uint32_t)size);
	}
	int err = tl_wire_read(reader, bytes, size, &batch, &error);
	if (err == 0) {
		walk(reader, &batch);
		join(bytes, size);
	} else {
		require(error.reason && error.offset <= size);
	}
	free(bytes);
	return 0;
}
