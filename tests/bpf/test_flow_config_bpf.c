/* SPDX-License-Identifier: BSD-2-Clause */
/* The programs that count flows, as each option has them: raw IP, refused, dropped, clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "../../common/clock.h"
#include "../golden/packets.h"
#include "flow_lane.h"
#include "probe.h"

/* No test run has an interface without link headers; these are both, by their source address. */
static void check_raw_row(struct flow_side *side, const char *name, uint16_t ethertype)
{
	static struct taken taken;
	struct golden_frame frame;

	golden_build(row_named(name), &frame);
	uint8_t *ip = frame.packet.bytes + 14;
	ip[12] = (uint8_t)(ethertype >> 8);
	ip[13] = (uint8_t)ethertype;
	struct given given = {.bytes = ip, .len = frame.len - 14};
	assert_int_equal(flow_run(kernel_program(side->kernel, KERNEL_TC_IN), &given),
			 TC_ACT_UNSPEC);
	flow_side_take(side, &taken);
	assert_int_equal(taken.books.by_class[TL_CLASS_FLOW].bytes, given.len);
	assert_int_equal(taken.count[KERNEL_FLOWS], 1);
	assert_int_equal(taken.keys[KERNEL_FLOWS][0].dst_port, htons(53));
	assert_int_equal(tl_flow_value_ip_bytes(&taken.values[KERNEL_FLOWS][0]), given.len);
}

static void frame_without_link_header_begins_with_ip(void **state)
{
	(void)state;
	struct flow_side side;

	flow_side_open(&side, (struct kernel_options){.config.link_raw = 1});
	check_raw_row(&side, "v4 udp", TL_ETH_IPV4);
	check_raw_row(&side, "v6 udp", TL_ETH_IPV6);
	flow_side_close(&side);
}

static void filtered_frame_is_counted_as_such(void **state)
{
	(void)state;
	static struct taken taken;
	struct golden_frame frame;
	struct flow_side side;

	golden_build(row_named("v4 largest frame"), &frame);
	flow_side_open(&side, (struct kernel_options){.config.frags = 1, .filtered = true});
	for (enum kernel_hook hook = KERNEL_XDP; hook < KERNEL_HOOKS; hook++) {
		struct given given = {.bytes = frame.packet.bytes,
				      .len = frame.len,
				      .gso_size = hook == KERNEL_XDP ? 0 : 500};
		struct tl_packet pkt;
		struct tl_segments segments;
		flow_expect(&given, hook, &pkt, &segments);
		assert_true(flow_run(kernel_filtered(side.kernel, hook), &given) != INT32_MIN);
		flow_side_take(&side, &taken);
		assert_books(&taken.books, TL_CLASS_FILTERED, &segments);
		assert_int_equal(taken.count[KERNEL_FLOWS], 0);
	}
	flow_side_close(&side);
}

static void tapped_frame_goes_no_further_on_its_way_in(void **state)
{
	(void)state;
	static const int32_t verdicts[KERNEL_HOOKS] = {XDP_DROP, TC_ACT_SHOT, TC_ACT_UNSPEC};
	struct golden_frame frame;
	struct flow_side side;

	golden_build(row_named("v4 udp"), &frame);
	struct given given = {.bytes = frame.packet.bytes, .len = frame.len};
	flow_side_open(&side, (struct kernel_options){.config.drop = 1, .filtered = true});
	for (enum kernel_hook hook = KERNEL_XDP; hook < KERNEL_HOOKS; hook++) {
		assert_int_equal(flow_run(kernel_program(side.kernel, hook), &given),
				 verdicts[hook]);
		assert_int_equal(flow_run(kernel_filtered(side.kernel, hook), &given),
				 verdicts[hook]);
	}
	flow_side_close(&side);
}

/* A burst, so that the adaptive clock becomes dense. */
static void check_clock(enum tl_clock clock, uint64_t late_ns)
{
	enum { BURST = 30000 };
	static struct taken taken;
	struct golden_frame frame;
	struct flow_side side;

	golden_build(row_named("v4 udp"), &frame);
	struct given given = {.bytes = frame.packet.bytes, .len = frame.len};
	flow_side_open(&side, (struct kernel_options){.config.clock = (uint8_t)clock});
	uint64_t begin_ns = tl_clock_mono_ns();
	uint64_t end_ns = begin_ns;
	for (int i = 0; i < BURST; i++) {
		end_ns = tl_clock_mono_ns();
		flow_run(kernel_program(side.kernel, KERNEL_XDP), &given);
	}
	flow_side_take(&side, &taken);
	const struct tl_flow_value *v = &taken.values[KERNEL_FLOWS][0];
	assert_int_equal(v->packets, BURST);
	assert_in_range(v->first_ns, begin_ns - late_ns, end_ns);
	assert_in_range(v->last_ns, end_ns - late_ns, tl_clock_mono_ns());
	flow_side_close(&side);
}

static void times_are_as_exact_as_the_clock_says(void **state)
{
	(void)state;
	check_clock(TL_CLOCK_PRECISE, 0);
	check_clock(TL_CLOCK_ADAPTIVE, TICK_MAX_MS * TL_MS_NS);
	check_clock(TL_CLOCK_COARSE, TICK_MAX_MS * TL_MS_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_without_link_header_begins_with_ip),
		cmocka_unit_test(filtered_frame_is_counted_as_such),
		cmocka_unit_test(tapped_frame_goes_no_further_on_its_way_in),
		cmocka_unit_test(times_are_as_exact_as_the_clock_says),
	};
	const char *reason = probe_missing();

	return reason ? probe_report_skip("test_flow_config_bpf", reason)
		      : cmocka_run_group_tests(tests, 0, 0);
}
