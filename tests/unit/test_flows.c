/* SPDX-License-Identifier: BSD-2-Clause */
/* common/flows: which flows are shown, whatever comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/flows.h"

#define T0 (1000 * TL_SECOND_NS)

static struct tl_flows *flows;

static int setup(void **state)
{
	(void)state;
	srandom(1);
	return tl_flows_create(&flows, TL_FLOWS_BY_BYTES);
}

static int teardown(void **state)
{
	(void)state;
	tl_flows_destroy(flows);
	return 0;
}

static void tell(uint64_t id, enum tl_flow_kind kind, uint64_t packets, uint64_t bytes,
		 uint64_t now_ns)
{
	const struct tl_flow_event event = {
		.kind = kind,
		.reason = TL_END_FIN,
		.flow = {.id = id,
			 .packets = packets,
			 .bytes = bytes,
			 .start_ns = 1,
			 .end_ns = now_ns},
	};

	tl_flows_update(flows, 0, &event, now_ns);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

static void top_is_what_sorting_all_would_give(void **state)
{
	(void)state;
	enum { COUNT = 5000 };
	const struct tl_flow_row *rows[TL_FLOWS_TOP_MAX];
	uint64_t *bytes = calloc(COUNT, sizeof(*bytes));
	uint64_t *packets = calloc(COUNT, sizeof(*packets));

	for (unsigned int i = 0; i < COUNT; i++) {
		bytes[i] = (uint64_t)random() % 10000;
		packets[i] = (uint64_t)random() % 10000;
		tell(i, TL_FLOW_UPDATE, packets[i] / 2, bytes[i] / 2, T0);
		tell(i, i % 2 ? TL_FLOW_UPDATE : TL_FLOW_END, packets[i], bytes[i], T0);
	}
	qsort(bytes, COUNT, sizeof(*bytes), compare);
	qsort(packets, COUNT, sizeof(*packets), compare);
	for (unsigned int max = 0; max <= TL_FLOWS_TOP_MAX; max += 16) {
		assert_int_equal(tl_flows_top(flows, TL_FLOWS_BY_BYTES, rows, max), max);
		for (unsigned int i = 0; i < max; i++) {
			assert_int_equal(rows[i]->bytes, bytes[i]);
		}
		assert_int_equal(tl_flows_top(flows, TL_FLOWS_BY_PACKETS, rows, max), max);
		for (unsigned int i = 0; i < max; i++) {
			assert_int_equal(rows[i]->packets, packets[i]);
		}
	}
	assert_int_equal(tl_flows_known(flows), COUNT);
	assert_int_equal(tl_flows_active(flows), COUNT / 2);
	free(bytes);
	free(packets);
}

static void flows_beyond_the_table_are_counted_and_ended_ones_make_room(void **state)
{
	(void)state;
	const struct tl_flow_row *rows[1];

	for (unsigned int i = 0; i < TL_FLOWS_MAX + 10; i++) {
		tell(i, TL_FLOW_START, 1, 1, T0);
	}
	assert_int_equal(tl_flows_known(flows), TL_FLOWS_MAX);
	assert_int_equal(tl_flows_unseen(flows), 10);
	for (unsigned int i = 0; i < TL_FLOWS_MAX; i++) {
		tell(i, TL_FLOW_END, 1, i, T0);
	}
	tell(TL_FLOWS_MAX + 1, TL_FLOW_START, 1, 1000000, T0);
	assert_int_equal(tl_flows_unseen(flows), 10);
	assert_int_equal(tl_flows_top(flows, TL_FLOWS_BY_BYTES, rows, 1), 1);
	assert_int_equal(rows[0]->id, TL_FLOWS_MAX + 1);
	assert_int_equal(tl_flows_known(flows), TL_FLOWS_TOP_MAX + 1);
}

static void rate_is_that_between_two_events_and_ended_flows_come_last(void **state)
{
	(void)state;
	const struct tl_flow_row *rows[3];

	tell(1, TL_FLOW_UPDATE, 0, 0, T0);
	tell(2, TL_FLOW_UPDATE, 0, 0, T0);
	tell(3, TL_FLOW_UPDATE, 0, 0, T0);
	tell(1, TL_FLOW_UPDATE, 10, 1000, T0 + 2 * TL_SECOND_NS);
	tell(2, TL_FLOW_UPDATE, 10, 1000, T0 + TL_SECOND_NS);
	tell(3, TL_FLOW_END, 10, 1000000, T0 + TL_SECOND_NS);
	assert_int_equal(tl_flows_top(flows, TL_FLOWS_BY_RATE, rows, 3), 3);
	assert_int_equal(rows[0]->id, 2);
	assert_true(rows[0]->byte_rate == 1000 && rows[0]->packet_rate == 10);
	assert_int_equal(rows[1]->id, 1);
	assert_true(rows[1]->byte_rate == 500);
	assert_int_equal(rows[2]->id, 3);
}

static void flows_are_forgotten_after_their_end_and_after_silence(void **state)
{
	(void)state;

	tell(1, TL_FLOW_UPDATE, 1, 1, T0);
	tell(2, TL_FLOW_END, 1, 1, T0);
	tl_flows_expire(flows, T0 + 10 * TL_SECOND_NS);
	assert_int_equal(tl_flows_known(flows), 2);
	tl_flows_expire(flows, T0 + 10 * TL_SECOND_NS + 1);
	assert_int_equal(tl_flows_known(flows), 1);
	tl_flows_expire(flows, T0 + 180 * TL_SECOND_NS + 1);
	assert_int_equal(tl_flows_known(flows), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(top_is_what_sorting_all_would_give),
		TEST(flows_beyond_the_table_are_counted_and_ended_ones_make_room),
		TEST(rate_is_that_between_two_events_and_ended_flows_come_last),
		TEST(flows_are_forgotten_after_their_end_and_after_silence),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
