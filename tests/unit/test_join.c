/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "batch.h"
#include "event.h"
#include "join.h"
#include "wire.h"

enum { LIMIT = TL_BATCH_TARGET };

struct fixture {
	struct tl_join *join;
	struct tl_wire_reader *reader;
	struct tl_shapes *other; /* in which id 1 is something else */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct tl_str name = TL_STR("x");

	assert_int_equal(tl_join_create(&f->join), 0);
	assert_int_equal(tl_wire_reader_create(&f->reader), 0);
	assert_int_equal(tl_shapes_create(&f->other), 0);
	assert_int_equal(tl_shapes_intern(f->other, TL_STR("other"), &name, 1, 0, 0), 1);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tl_join_destroy(f->join);
	tl_wire_reader_destroy(f->reader);
	tl_shapes_destroy(f->other);
	free(f);
	return 0;
}

static struct tl_batch_head head_at(uint64_t first)
{
	return (struct tl_batch_head){
		.stream = {7},
		.after = first,
		.first = first,
		.source = TL_STR("test"),
		.host = TL_STR("here"),
		.iface = TL_STR("eth9"),
	};
}

/* A batch of `count` flow_starts whose `packets` are their numbers. */
static struct tl_msg *flows(struct tl_batch_head head, uint32_t count)
{
	struct tl_batch_writer w;
	struct tl_msg *msg;

	tl_batch_init(&w, tl_event_shapes());
	for (uint32_t i = 0; i < count; i++) {
		struct tl_flow flow = {.packets = head.first + i};
		unsigned int shape;
		uint8_t *p = tl_batch_reserve(&w, TL_FLOW_EVENT_MAX);
		uint32_t len =
			tl_flow_event_encode(p, &flow, TL_FLOW_START, TL_END_NONE, 1, &shape);
		tl_batch_commit(&w, shape, len);
	}
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	return msg;
}

static struct tl_msg *foreign(const struct fixture *f, struct tl_batch_head head)
{
	struct tl_batch_writer w;
	struct tl_msg *msg;

	tl_batch_init(&w, f->other);
	uint8_t *p = tl_batch_reserve(&w, 32);
	uint8_t *at = tl_mp_put_time(tl_mp_put_uint(tl_mp_put_array(p, 3), 1), 1);
	at = tl_mp_put_uint(at, 5);
	tl_batch_commit(&w, 1, (uint32_t)(at - p));
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	return msg;
}

/* Adds; frees what was not taken. */
static bool add(struct fixture *f, struct tl_msg *msg, uint32_t limit)
{
	struct tl_batch batch;

	assert_int_equal(tl_wire_read(f->reader, msg->data, msg->len, &batch, 0), 0);
	bool taken = tl_join_add(f->join, msg, &batch, f->reader, limit);
	if (!taken) {
		tl_msg_free(msg);
	}
	return taken;
}

/* What is held, as numbers from `first` on without a gap; frees it. */
static void assert_run(struct fixture *f, uint64_t first, uint32_t count, bool end)
{
	struct tl_msg *msg;
	struct tl_batch batch;
	struct tl_event event;
	struct tl_flow_event flow;
	uint64_t number = first;

	assert_int_equal(tl_join_take(f->join, &msg), 0);
	assert_int_equal(tl_wire_read(f->reader, msg->data, msg->len, &batch, 0), 0);
	assert_int_equal(batch.event_count, count);
	assert_int_equal(batch.head.first, first);
	assert_int_equal(batch.head.end, end);
	struct tl_event_iter iter = tl_wire_events(f->reader, &batch);
	while (tl_event_next(&iter, &event)) {
		assert_int_equal(tl_flow_event_decode(&event, &flow), 0);
		assert_int_equal(event.number, number);
		assert_int_equal(flow.flow.packets, number++);
	}
	assert_int_equal(number, first + count);
	tl_msg_free(msg);
	assert_true(tl_join_is_empty(f->join));
}

static void join_consecutive_runs_are_one_batch(void **state)
{
	struct fixture *f = *state;
	struct tl_batch_head last = head_at(15);

	last.end = true;
	assert_true(add(f, flows(head_at(3), 2), LIMIT));
	assert_true(add(f, flows(head_at(5), 10), LIMIT));
	assert_true(add(f, flows(last, 1), LIMIT));
	assert_int_equal(tl_join_count(f->join), 13);
	assert_run(f, 3, 13, true);
}

static void join_single_run_leaves_as_it_came(void **state)
{
	struct fixture *f = *state;
	struct tl_msg *msg = flows(head_at(0), 3);
	struct tl_msg *out;

	assert_true(add(f, msg, LIMIT));
	assert_int_equal(tl_join_take(f->join, &out), 0);
	assert_ptr_equal(out, msg);
	tl_msg_free(out);
}

static void join_gap_overlap_or_loss_is_refused(void **state)
{
	struct fixture *f = *state;
	struct tl_batch_head lossy = head_at(5);

	lossy.after = 4;
	assert_true(add(f, flows(head_at(3), 2), LIMIT));
	assert_false(add(f, flows(head_at(6), 1), LIMIT));
	assert_false(add(f, flows(head_at(4), 1), LIMIT));
	assert_false(add(f, flows(lossy, 1), LIMIT));
	assert_run(f, 3, 2, false);
}

static void join_other_origin_is_refused(void **state)
{
	struct fixture *f = *state;
	struct tl_batch_head stream = head_at(5);
	struct tl_batch_head source = head_at(5);
	struct tl_batch_head host = head_at(5);
	struct tl_batch_head iface = head_at(5);

	stream.stream[15] = 1;
	source.source = TL_STR("else");
	host.host = TL_STR("there");
	iface.iface = TL_STR("eth8");
	assert_true(add(f, flows(head_at(3), 2), LIMIT));
	assert_false(add(f, flows(stream, 1), LIMIT));
	assert_false(add(f, flows(source, 1), LIMIT));
	assert_false(add(f, flows(host, 1), LIMIT));
	assert_false(add(f, flows(iface, 1), LIMIT));
	assert_run(f, 3, 2, false);
}

static void join_nothing_follows_the_end(void **state)
{
	struct fixture *f = *state;
	struct tl_batch_head last = head_at(3);

	last.end = true;
	assert_true(add(f, flows(last, 2), LIMIT));
	assert_false(add(f, flows(head_at(5), 1), LIMIT));
	assert_run(f, 3, 2, true);
}

static void join_contradicting_shapes_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_true(add(f, flows(head_at(3), 2), LIMIT));
	assert_false(add(f, foreign(f, head_at(5)), LIMIT));
	assert_run(f, 3, 2, false);
}

static void join_over_the_limit_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_true(add(f, flows(head_at(0), 100), 4000));
	assert_false(add(f, flows(head_at(100), 1), 4000));
	assert_run(f, 0, 100, false);
}

static void join_base_of_the_first_is_kept(void **state)
{
	struct fixture *f = *state;
	struct tl_batch_head a = head_at(3);
	struct tl_batch_head b = head_at(5);
	struct tl_batch batch;
	struct tl_msg *msg;

	/* A producer that waits for no acknowledgement says the second of its second run: 5 would
	   make the first run of the joined batch look acknowledged. */
	a.base = 2;
	b.base = 5;
	assert_true(add(f, flows(a, 2), LIMIT));
	assert_true(add(f, flows(b, 1), LIMIT));
	assert_int_equal(tl_join_take(f->join, &msg), 0);
	assert_int_equal(tl_wire_read(f->reader, msg->data, msg->len, &batch, 0), 0);
	assert_int_equal(batch.head.base, 2);
	tl_msg_free(msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(join_consecutive_runs_are_one_batch, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(join_single_run_leaves_as_it_came, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(join_gap_overlap_or_loss_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(join_other_origin_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(join_nothing_follows_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(join_contradicting_shapes_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(join_over_the_limit_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(join_base_of_the_first_is_kept, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
