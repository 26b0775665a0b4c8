/* SPDX-License-Identifier: BSD-2-Clause */
/* common/run: parts of a batch are the same events under the same numbers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/event.h"
#include "../../common/run.h"

enum { EVENTS_MAX = 200, CUTS_MAX = 8 };

static struct tl_wire_reader *reader;
static struct tl_wire_reader *part_reader;

static int make_readers(void **state)
{
	(void)state;
	srandom(11);
	return tl_wire_reader_create(&reader) | tl_wire_reader_create(&part_reader);
}

static int drop_readers(void **state)
{
	(void)state;
	tl_wire_reader_destroy(reader);
	tl_wire_reader_destroy(part_reader);
	return 0;
}

static void write_flow(struct tl_batch_writer *w)
{
	struct tl_flow flow = {.packets = (uint64_t)random(), .bytes = (uint64_t)random()};
	unsigned int shape;
	uint8_t *p = tl_batch_reserve(w, TL_FLOW_EVENT_MAX);
	enum tl_flow_kind type = random() % 2 ? TL_FLOW_START : TL_FLOW_UPDATE;

	tl_batch_commit(
		w, shape,
		tl_flow_event_encode(p, &flow, type, TL_END_NONE, (uint64_t)random(), &shape));
}

static void write_open(struct tl_batch_writer *w)
{
	static const char text[] = "an event of a length that is not always the same";
	struct tl_str some = {text, (uint32_t)random() % sizeof(text)};
	uint8_t *start = tl_batch_reserve(w, 200);
	uint8_t *p = tl_mp_put_uint(tl_mp_put_array(start, 5), 0);

	p = tl_mp_put_str(tl_mp_put_time(p, (uint64_t)random()), TL_STR("open"));
	p = tl_mp_put_str(tl_mp_put_str(tl_mp_put_map(p, 1), TL_STR("x")), some);
	p = tl_mp_put_array(p, 0);
	tl_batch_commit(w, 0, (uint32_t)(p - start));
}

static struct tl_batch_head any_head(void)
{
	uint64_t first = 1000 + (uint64_t)random();

	return (struct tl_batch_head){
		.stream = {1, 2, 3},
		.base = (uint64_t)random(),
		.after = first - (uint64_t)random() % 3,
		.first = first,
		.end = random() % 2,
		.source = TL_STR("source"),
		.host = TL_STR("a host with a name that is longer than thirty-one bytes"),
		.iface = TL_STR("eth9"),
	};
}

/* Only flows, only open events, or both in turn. */
static struct tl_msg *any_batch(uint32_t count)
{
	struct tl_batch_head head = any_head();
	struct tl_batch_writer w;
	struct tl_msg *msg;
	int kinds = (int)random() % 3;

	tl_batch_init(&w, tl_event_shapes());
	for (uint32_t i = 0; i < count; i++) {
		if (kinds == 0 || (kinds == 2 && random() % 2)) {
			write_flow(&w);
		} else {
			write_open(&w);
		}
	}
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	return msg;
}

static struct tl_batch read_by(struct tl_wire_reader *by, const struct tl_msg *msg)
{
	struct tl_batch batch;
	struct tl_wire_error error = {0};
	int err = tl_wire_read(by, msg->data, msg->len, &batch, &error);

	if (err < 0) {
		print_error("refused at %u: %s\n", error.offset, error.reason);
	}
	assert_int_equal(err, 0);
	return batch;
}

static void assert_head(const struct tl_batch *part, const struct tl_batch *whole, uint64_t from,
			uint64_t to)
{
	const struct tl_batch_head *head = &part->head;
	bool at_start = from == whole->head.first;
	bool at_end = to == whole->head.first + whole->event_count;

	assert_true(head->first == from);
	assert_int_equal(part->event_count, to - from);
	assert_true(head->after == (at_start ? whole->head.after : from));
	assert_int_equal(head->end, at_end && whole->head.end);
	assert_true(head->base == whole->head.base);
	assert_memory_equal(head->stream, whole->head.stream, TL_WIRE_STREAM_LEN);
	assert_true(tl_str_eq(head->source, whole->head.source));
	assert_true(tl_str_eq(head->host, whole->head.host));
	assert_true(tl_str_eq(head->iface, whole->head.iface));
	assert_int_equal(part->shape_count, whole->shape_count);
}

/* The part has the events that the iterator of the whole comes to next. */
static void assert_part(const struct tl_batch *whole, uint64_t from, uint64_t to,
			struct tl_event_iter *rest)
{
	struct tl_msg *msg;
	struct tl_event event, expected;

	assert_int_equal(tl_run_cut(reader, whole, from, to, &msg), 0);
	struct tl_batch part = read_by(part_reader, msg);
	assert_head(&part, whole, from, to);
	struct tl_event_iter iter = tl_wire_events(part_reader, &part);
	while (tl_event_next(&iter, &event)) {
		assert_true(tl_event_next(rest, &expected));
		assert_true(event.number == expected.number);
		assert_int_equal(event.len, expected.len);
		assert_memory_equal(event.bytes, expected.bytes, event.len);
		assert_true(tl_str_eq(event.type, expected.type));
	}
	tl_msg_free(msg);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void cut_anywhere_parts_are_the_whole(void **state)
{
	(void)state;
	for (int round = 0; round < 400; round++) {
		struct tl_msg *msg = any_batch((uint32_t)random() % EVENTS_MAX);
		struct tl_batch whole = read_by(reader, msg);
		uint64_t first = whole.head.first;
		uint64_t points[CUTS_MAX + 2] = {first, first + whole.event_count};
		int count = 2 + (int)random() % CUTS_MAX;
		for (int i = 2; i < count; i++) {
			points[i] = first + (uint64_t)random() % (whole.event_count + 1);
		}
		qsort(points, (size_t)count, sizeof(points[0]), by_value);
		struct tl_event_iter rest = tl_wire_events(reader, &whole);
		struct tl_event event;
		for (int i = 1; i < count; i++) {
			assert_part(&whole, points[i - 1], points[i], &rest);
		}
		assert_false(tl_event_next(&rest, &event));
		tl_msg_free(msg);
	}
}

static void cut_of_a_cut_can_be_rewritten(void **state)
{
	(void)state;
	struct tl_msg *msg = any_batch(20);
	struct tl_msg *once, *twice;
	struct tl_batch whole = read_by(reader, msg);
	uint64_t first = whole.head.first;

	assert_int_equal(tl_run_cut(reader, &whole, first + 3, first + 17, &once), 0);
	struct tl_batch part = read_by(part_reader, once);
	assert_int_equal(tl_run_cut(part_reader, &part, first + 5, first + 7, &twice), 0);
	tl_wire_set_after(twice->data, first + 2);
	tl_wire_set_base(twice->data, 9);
	struct tl_batch again = read_by(reader, twice);
	assert_int_equal(again.event_count, 2);
	assert_true(again.head.first == first + 5 && again.head.after == first + 2);
	assert_true(again.head.base == 9);
	tl_msg_free(msg);
	tl_msg_free(once);
	tl_msg_free(twice);
}

static void cut_truncated_anywhere_is_no_batch(void **state)
{
	(void)state;
	struct tl_msg *msg = any_batch(3);
	struct tl_msg *part;
	struct tl_batch whole = read_by(reader, msg);
	struct tl_batch batch;

	assert_int_equal(
		tl_run_cut(reader, &whole, whole.head.first + 1, whole.head.first + 3, &part), 0);
	for (size_t len = 0; len < part->len; len++) {
		assert_true(tl_wire_read(part_reader, part->data, len, &batch, 0) < 0);
	}
	tl_msg_free(msg);
	tl_msg_free(part);
}

/* A batch of a foreign writer: short numbers, and perhaps a key we do not know. */
static uint8_t *put_foreign(uint8_t *start, uint32_t pairs, bool unknown_key, uint32_t filling)
{
	static const uint8_t zeros[TL_MP_MAX_BLOB];
	uint8_t *p = tl_mp_put_str(tl_mp_put_map(start, pairs), TL_STR("v"));
	uint8_t stream[TL_WIRE_STREAM_LEN] = {5};

	p = tl_mp_put_str(tl_mp_put_uint(p, 1), TL_STR("size"));
	uint8_t *size = p + 1;
	p = tl_mp_put_be32(tl_mp_put_byte(p, TL_MP_U32), 0);
	if (unknown_key) {
		p = tl_mp_put_uint(tl_mp_put_str(p, TL_STR("new")), 1);
	}
	p = tl_mp_put_bin(tl_mp_put_str(p, TL_STR("stream")), stream, TL_WIRE_STREAM_LEN);
	p = tl_mp_put_uint(tl_mp_put_str(p, TL_STR("base")), 0);
	p = tl_mp_put_uint(tl_mp_put_str(p, TL_STR("after")), 0);
	p = tl_mp_put_uint(tl_mp_put_str(p, TL_STR("first")), 0);
	p = tl_mp_put_bool(tl_mp_put_str(p, TL_STR("end")), true);
	p = tl_mp_put_str(tl_mp_put_str(p, TL_STR("source")), TL_STR(""));
	p = tl_mp_put_str(tl_mp_put_str(p, TL_STR("host")), TL_STR(""));
	p = tl_mp_put_str(tl_mp_put_str(p, TL_STR("iface")), TL_STR(""));
	p = tl_mp_put_array(tl_mp_put_str(p, TL_STR("shapes")), 1);
	p = tl_mp_put_str(tl_mp_put_uint(tl_mp_put_array(p, 4), 1), TL_STR(""));
	p = tl_mp_put_array(tl_mp_put_str(tl_mp_put_array(p, 1), TL_STR("x")), 0);
	p = tl_mp_put_array(tl_mp_put_str(p, TL_STR("events")), 2);
	for (int i = 0; i < 2; i++) {
		p = tl_mp_put_time(tl_mp_put_uint(tl_mp_put_array(p, 3), 1), 1);
		if (i == 0) {
			p = tl_mp_put_array(p, 4);
			for (int k = 0; k < 4; k++) {
				p = tl_mp_put_bin(p, zeros, filling / 4);
			}
		} else {
			p = tl_mp_put_byte(p, TL_MP_NIL);
		}
	}
	tl_mp_put_be32(size, (uint32_t)(p - start));
	return p;
}

static int cut_foreign(bool unknown_key, uint32_t filling, size_t *len)
{
	uint8_t *bytes = malloc(TL_WIRE_MAX_BATCH + 4096);
	struct tl_batch batch;
	struct tl_msg *msg = 0;

	assert_non_null(bytes);
	*len = (size_t)(put_foreign(bytes, unknown_key ? 13 : 12, unknown_key, filling) - bytes);
	assert_int_equal(tl_wire_read(reader, bytes, *len, &batch, 0), 0);
	int err = tl_run_cut(reader, &batch, 0, 1, &msg);
	if (err == 0) {
		struct tl_batch part = read_by(part_reader, msg);
		assert_int_equal(part.event_count, 1);
	}
	tl_msg_free(msg);
	free(bytes);
	return err;
}

static void cut_of_unknown_keys_is_refused(void **state)
{
	(void)state;
	size_t len;

	assert_int_equal(cut_foreign(true, 40, &len), -EOPNOTSUPP);
	assert_int_equal(cut_foreign(false, 40, &len), 0);
}

/* Short numbers become 8 bytes: at the limit of a batch that is too much. */
static void cut_that_would_grow_beyond_the_limit_is_refused(void **state)
{
	(void)state;
	size_t len, overhead;

	assert_int_equal(cut_foreign(false, 4 * 70000, &len), 0);
	overhead = len - 4ul * 70000;
	uint32_t most = (uint32_t)((TL_WIRE_MAX_BATCH - overhead) / 4 * 4);
	assert_int_equal(cut_foreign(false, most, &len), -EOPNOTSUPP);
	assert_true(len > TL_WIRE_MAX_BATCH - 4);
	assert_int_equal(cut_foreign(false, most - 32, &len), 0);
}

static void declare_is_a_batch_of_no_events(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		struct tl_batch_head like = any_head();
		uint64_t after = (uint64_t)random();
		uint64_t first = after + (uint64_t)random();
		struct tl_msg *msg;
		assert_int_equal(tl_run_declare(&like, after, first, &msg), 0);
		struct tl_batch batch = read_by(reader, msg);
		assert_int_equal(batch.event_count, 0);
		assert_int_equal(batch.shape_count, 0);
		assert_true(batch.head.after == after && batch.head.first == first);
		assert_true(batch.head.base == like.base);
		assert_false(batch.head.end);
		assert_memory_equal(batch.head.stream, like.stream, TL_WIRE_STREAM_LEN);
		assert_true(tl_str_eq(batch.head.host, like.host));
		assert_true(tl_run_next(&batch.head, 0) == first);
		tl_msg_free(msg);
	}
}

static void next_counts_the_end_as_an_event(void **state)
{
	(void)state;
	struct tl_batch_head head = {.first = 10};

	assert_int_equal(tl_run_next(&head, 5), 15);
	head.end = true;
	assert_int_equal(tl_run_next(&head, 5), 16);
	assert_int_equal(tl_run_next(&head, 0), 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_anywhere_parts_are_the_whole),
		cmocka_unit_test(cut_of_a_cut_can_be_rewritten),
		cmocka_unit_test(cut_truncated_anywhere_is_no_batch),
		cmocka_unit_test(cut_of_unknown_keys_is_refused),
		cmocka_unit_test(cut_that_would_grow_beyond_the_limit_is_refused),
		cmocka_unit_test(declare_is_a_batch_of_no_events),
		cmocka_unit_test(next_counts_the_end_as_an_event),
	};

	return cmocka_run_group_tests(tests, make_readers, drop_readers);
}
