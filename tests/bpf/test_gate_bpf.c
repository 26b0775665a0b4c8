/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate of the programs that count flows (struct tl_gate): before, within and after a span. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "../../common/clock.h"
#include "flow_lane.h"
#include "probe.h"

static const int32_t dropped[KERNEL_HOOKS] = {XDP_DROP, TC_ACT_SHOT, TC_ACT_UNSPEC};
static const int32_t passed[KERNEL_HOOKS] = {XDP_PASS, TC_ACT_UNSPEC, TC_ACT_UNSPEC};

static void open_tap(struct flow_side *side, bool shut)
{
	/* Of the adaptive clock, whose readings are old where packets are dense. */
	flow_side_open(side, (struct kernel_options){
				     .config = {.drop = 1, .clock = TL_CLOCK_ADAPTIVE},
				     .filtered = true,
				     .shut = shut,
			     });
}

static void set_gate(struct flow_side *side, uint64_t begin_ns, uint64_t end_ns)
{
	struct tl_gate *gate = kernel_gate(side->kernel);

	*gate = (struct tl_gate){.looked_at = 1, .begin_ns = begin_ns, .end_ns = end_ns};
}

static struct given udp_frame(void)
{
	static struct golden_frame frame;

	golden_build(row_named("v4 udp"), &frame);
	return (struct given){.bytes = frame.packet.bytes, .len = frame.len};
}

/* Both programs of every hook, once: what they say and what they count. */
static void run_all(struct flow_side *side, const int32_t verdicts[KERNEL_HOOKS], uint64_t each)
{
	static struct taken taken;
	const struct given given = udp_frame();

	for (enum kernel_hook hook = KERNEL_XDP; hook < KERNEL_HOOKS; hook++) {
		assert_int_equal(flow_run(kernel_program(side->kernel, hook), &given),
				 verdicts[hook]);
		assert_int_equal(flow_run(kernel_filtered(side->kernel, hook), &given),
				 verdicts[hook]);
		flow_side_take(side, &taken);
		assert_int_equal(taken.books.total.packets, 2 * each);
		assert_int_equal(taken.books.by_class[TL_CLASS_FLOW].packets, each);
		assert_int_equal(taken.books.by_class[TL_CLASS_FILTERED].packets, each);
		assert_int_equal(taken.books.hints, each);
		assert_int_equal(taken.count[KERNEL_FLOWS], each);
		assert_int_equal(taken.count[KERNEL_COARSE], 0);
	}
}

static void programs_loaded_shut_count_nothing_and_drop_nothing(void **state)
{
	(void)state;
	struct flow_side side;

	open_tap(&side, true);
	run_all(&side, passed, 0);
	kernel_gate(side.kernel)->looked_at = 0;
	run_all(&side, dropped, 1);
	flow_side_close(&side);
}

static void packets_count_within_the_span_alone(void **state)
{
	(void)state;
	struct flow_side side;
	const uint64_t hour = 3600 * TL_SECOND_NS;
	const uint64_t now = tl_clock_mono_ns() + hour;

	open_tap(&side, false);
	run_all(&side, dropped, 1);
	set_gate(&side, now + hour, UINT64_MAX);
	run_all(&side, passed, 0);
	set_gate(&side, 1, UINT64_MAX);
	run_all(&side, dropped, 1);
	set_gate(&side, 1, now + hour);
	run_all(&side, dropped, 1);
	set_gate(&side, 0, 1);
	run_all(&side, passed, 0);
	set_gate(&side, UINT64_MAX, UINT64_MAX);
	run_all(&side, passed, 0);
	flow_side_close(&side);
}

/*
 * A span that begins and ends while packets come as fast as they can: of
 * those that ended before it or began after it none counts, of those that lie
 * within it all do, and the times of their flow are within it.
 */
static void cut_in_dense_traffic_is_exact(void **state)
{
	(void)state;
	static struct taken taken;
	struct flow_side side;
	const struct given given = udp_frame();

	open_tap(&side, false);
	const int program = kernel_program(side.kernel, KERNEL_XDP);
	const uint64_t begin = tl_clock_mono_ns() + 30 * TL_MS_NS;
	const uint64_t end = begin + 60 * TL_MS_NS;
	uint64_t surely = 0, perhaps = 0;
	set_gate(&side, begin, end);
	for (uint64_t after = 0; after < end + 10 * TL_MS_NS;) {
		uint64_t before = tl_clock_mono_ns();
		int32_t verdict = flow_run(program, &given);
		after = tl_clock_mono_ns();
		surely += before >= begin && after < end;
		perhaps += after >= begin && before < end;
		if (before >= begin && after < end) {
			assert_int_equal(verdict, XDP_DROP);
		} else if (after < begin || before >= end) {
			assert_int_equal(verdict, XDP_PASS);
		}
	}
	flow_side_take(&side, &taken);
	assert_in_range(taken.books.total.packets, surely, perhaps);
	assert_true(surely > TL_CLOCK_DENSE);
	assert_true(perhaps - surely <= 2);
	assert_int_equal(taken.values[KERNEL_FLOWS][0].packets, taken.books.total.packets);
	assert_in_range(taken.values[KERNEL_FLOWS][0].first_ns, begin, end - 1);
	assert_in_range(taken.values[KERNEL_FLOWS][0].last_ns, begin, end - 1);
	flow_side_close(&side);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_loaded_shut_count_nothing_and_drop_nothing),
		cmocka_unit_test(packets_count_within_the_span_alone),
		cmocka_unit_test(cut_in_dense_traffic_is_exact),
	};
	const char *reason = probe_missing();

	return reason ? probe_report_skip("test_gate_bpf", reason)
		      : cmocka_run_group_tests(tests, 0, 0);
}
