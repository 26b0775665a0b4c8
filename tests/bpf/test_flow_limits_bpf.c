/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the programs that count flows do at their limits: hints, a full ring of
 * hints, full maps, and epochs that turn. Each count must be exact. Needs root.
 */
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
#include "flow_side.h"
#include "probe.h"

enum {
	HINTS_KEPT = 64,
	HINT_RECORD = sizeof(struct tl_hint) + 8, /* with the header of the ring */
	MANY_FLOWS = 20000,
	MANY_ENTRIES = 32768,
	COARSE_NETS = 5,
	PORT = 0x1234,
	FIRST_FLOWS = 3,
	FLOWS_PAST_THE_MAP = 200,
};

/* --- flows of one shape, told apart by address ---------------------------- */

struct flows {
	struct packet packet;
	struct given given;
};

static void make_flows(struct flows *flows, enum layer_kind ip)
{
	const struct layer layers[] = {{.kind = LAYER_ETH},
				       {.kind = LAYER_TAG, .a = 0x8100, .b = 9},
				       {.kind = ip},
				       {.kind = LAYER_TCP, .a = 1001, .b = PORT, .c = 0x02}};

	packet_begin(&flows->packet);
	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		packet_push(&flows->packet, &layers[i]);
	}
	packet_close(&flows->packet);
	flows->given = (struct given){.bytes = flows->packet.bytes, .len = flows->packet.len};
}

/* The source is `flow`, the network of the destination is `flow` modulo COARSE_NETS. */
static const struct given *flow_number(struct flows *flows, uint32_t flow)
{
	uint8_t src[16] = {0x20, 0x01, 0x0d, 0xb8};
	uint8_t dst[16] = {0x20, 0x01, 0x0d, 0xb8};
	bool v4 = flows->packet.bytes[flows->packet.ip[0]] >> 4 == 4;
	uint32_t source = htonl(0x0a000000 | flow);

	memcpy(v4 ? src : src + 12, &source, 4);
	dst[v4 ? 2 : 7] = (uint8_t)(flow % COARSE_NETS);
	dst[v4 ? 3 : 15] = (uint8_t)(1 + flow % 200);
	packet_set_addresses(&flows->packet, src, dst);
	return &flows->given;
}

static void run_flows(struct flow_side *side, struct flows *flows, uint32_t from, uint32_t to)
{
	int program = kernel_program(side->kernel, KERNEL_XDP);

	for (uint32_t i = from; i < to; i++) {
		assert_int_equal(flow_run(program, flow_number(flows, i)), XDP_PASS);
	}
}

/* Loading takes the verifier half a second: where the maps' sizes do not matter, this one. */
static struct flow_side plain;

/* --- hints ---------------------------------------------------------------- */

struct hints {
	struct tl_hint kept[HINTS_KEPT];
	uint32_t count;
};

static void keep_hint(void *context, const struct tl_hint *hint)
{
	struct hints *hints = context;

	if (hints->count < HINTS_KEPT) {
		hints->kept[hints->count] = *hint;
	}
	hints->count++;
}

static struct hints take_hints(struct flow_side *side)
{
	struct hints hints = {0};

	while (kernel_take_hints(side->kernel, keep_hint, &hints) > 0) {
	}
	return hints;
}

static void new_flow_is_told_once_an_epoch(void **state)
{
	(void)state;
	static struct taken taken;
	struct flows flows;

	make_flows(&flows, LAYER_IP4);
	for (int epoch = 0; epoch < 4; epoch++) {
		uint64_t before_ns = tl_clock_mono_ns();
		run_flows(&plain, &flows, 0, FIRST_FLOWS);
		run_flows(&plain, &flows, 0, FIRST_FLOWS);
		struct hints hints = take_hints(&plain);
		assert_int_equal(hints.count, FIRST_FLOWS);
		for (uint32_t i = 0; i < FIRST_FLOWS; i++) {
			const struct tl_hint *hint = &hints.kept[i];
			struct tl_packet pkt;
			struct tl_segments segments;
			flow_expect(flow_number(&flows, i), KERNEL_XDP, &pkt, &segments);
			assert_memory_equal(&hint->key, &pkt.key, sizeof(pkt.key));
			assert_int_equal(hint->kind, TL_HINT_NEW);
			assert_in_range(hint->ns, before_ns, tl_clock_mono_ns());
			assert_int_equal(hint->len, flows.given.len);
			assert_int_equal(hint->tcp_flags, 0x02);
			assert_int_equal(hint->ttl, 61);
			assert_int_equal(hint->tos, 0x20);
			before_ns = hint->ns;
		}
		flow_side_take(&plain, &taken);
		assert_int_equal(taken.books.hints, FIRST_FLOWS);
		assert_int_equal(taken.books.total.packets, 2 * FIRST_FLOWS);
	}
}

static void pressure_is_told_once_an_epoch_where_asked(void **state)
{
	(void)state;
	enum { AT = 10, FLOWS = 20 };
	static struct taken taken;
	struct flows flows;

	make_flows(&flows, LAYER_IP6);
	kernel_control(plain.kernel)->pressure_at = AT;
	for (int epoch = 0; epoch < 4; epoch++) {
		run_flows(&plain, &flows, 0, FLOWS);
		struct hints hints = take_hints(&plain);
		assert_int_equal(hints.count, FLOWS + 1);
		for (uint32_t i = 0; i < hints.count; i++) {
			/* behind the tenth flow's own */
			assert_int_equal(hints.kept[i].kind,
					 i == AT ? TL_HINT_PRESSURE : TL_HINT_NEW);
		}
		uint32_t parity = kernel_control(plain.kernel)->epoch & 1;
		assert_int_equal(kernel_control(plain.kernel)->inserted[parity], FLOWS);
		flow_side_take(&plain, &taken);
		assert_int_equal(taken.count[KERNEL_FLOWS], FLOWS);
	}
}

/* Sums of a map, drained without keeping its flows. */
static struct tl_acct drain_sum(struct flow_side *side, uint32_t parity, enum kernel_map map)
{
	struct kernel_cursor cursor = {0};
	struct tl_acct sum = {0};

	while (!cursor.done) {
		const struct tl_flow_key *keys;
		const struct tl_flow_value *values;
		int count = kernel_drain(side->kernel, parity, map, &cursor, &keys, &values);
		assert_true(count >= 0);
		for (int i = 0; i < count; i++) {
			sum.packets += values[i].packets;
			sum.bytes += values[i].bytes;
			sum.skbs++; /* flows, here */
		}
	}
	return sum;
}

static void full_ring_costs_hints_and_no_count(void **state)
{
	(void)state;
	struct kernel_options options = {.flow_entries = MANY_ENTRIES};
	struct flow_side side;
	struct flows flows;
	struct tl_books books;

	flow_side_open(&side, options);
	make_flows(&flows, LAYER_IP4);
	run_flows(&side, &flows, 0, MANY_FLOWS);
	run_flows(&side, &flows, 0, MANY_FLOWS);
	assert_int_equal(kernel_books(side.kernel, 0, &books), 0);
	struct hints hints = take_hints(&side);
	print_message("  %u hints kept, %llu lost\n", hints.count,
		      (unsigned long long)books.hints_lost);
	assert_int_equal(books.hints, hints.count);
	assert_int_equal(hints.count + books.hints_lost, MANY_FLOWS);
	assert_in_range(hints.count, TL_KERNEL_HINTS / HINT_RECORD - 2,
			TL_KERNEL_HINTS / HINT_RECORD);
	assert_int_equal(books.total.packets, 2 * MANY_FLOWS);
	assert_int_equal(books.by_class[TL_CLASS_FLOW].packets, 2 * MANY_FLOWS);
	kernel_turn(side.kernel);
	struct tl_acct sum = drain_sum(&side, 0, KERNEL_FLOWS);
	assert_int_equal(sum.skbs, MANY_FLOWS);
	assert_int_equal(sum.packets, 2 * MANY_FLOWS);
	assert_int_equal(sum.bytes, 2 * MANY_FLOWS * flows.given.len);
	/* and there is room again */
	run_flows(&side, &flows, 0, 1);
	assert_int_equal(take_hints(&side).count, 1);
	flow_side_close(&side);
}

/* --- full maps ------------------------------------------------------------ */

/* By hand: what is left of the keys of flow_number. */
static struct tl_flow_key coarse_key(bool v4, uint8_t net)
{
	struct tl_flow_key key = {
		.dst_port = htons(PORT),
		.ifindex = FLOW_IFINDEX,
		.vlan = htons(9),
		.proto = 6,
		.direction = TL_DIR_IN,
		.flags = TL_KEY_COARSE,
	};

	if (v4) {
		memset(key.src + 10, 0xff, 2);
		memset(key.dst + 10, 0xff, 2);
		memcpy(key.dst + 12, (uint8_t[]){0x20, 0x01, net, 0}, 4);
	} else {
		memcpy(key.dst, (uint8_t[]){0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, net}, 8);
	}
	return key;
}

static int index_of(const struct taken *taken, enum kernel_map map, const struct tl_flow_key *key)
{
	for (uint32_t i = 0; i < taken->count[map]; i++) {
		if (memcmp(&taken->keys[map][i], key, sizeof(*key)) == 0) {
			return (int)i;
		}
	}
	fail_msg("no such flow");
	return -1;
}

/* Two packets of each flow; the first FLOW_ENTRIES of them find room. */
static void check_full_map(enum layer_kind ip)
{
	static struct taken taken;
	struct flows flows;

	make_flows(&flows, ip);
	for (int epoch = 0; epoch < 2; epoch++) {
		run_flows(&plain, &flows, 0, FLOWS_PAST_THE_MAP);
		run_flows(&plain, &flows, 0, FLOWS_PAST_THE_MAP);
		flow_side_take(&plain, &taken);
		uint64_t beyond = FLOWS_PAST_THE_MAP - FLOW_ENTRIES;
		assert_int_equal(taken.count[KERNEL_FLOWS], FLOW_ENTRIES);
		assert_int_equal(taken.count[KERNEL_COARSE], COARSE_NETS);
		assert_int_equal(taken.books.by_class[TL_CLASS_FLOW].packets, 2 * FLOW_ENTRIES);
		assert_int_equal(taken.books.by_class[TL_CLASS_COARSE].packets, 2 * beyond);
		assert_int_equal(taken.books.total.packets, 2 * FLOWS_PAST_THE_MAP);
		assert_int_equal(taken.books.flows_full, 2 * beyond);
		assert_int_equal(taken.books.flows_refused, 0);
		for (uint32_t net = 0; net < COARSE_NETS; net++) {
			uint64_t expected = 0;
			struct tl_flow_key key = coarse_key(ip == LAYER_IP4, (uint8_t)net);
			const struct tl_flow_value *v =
				&taken.values[KERNEL_COARSE][index_of(&taken, KERNEL_COARSE, &key)];
			for (uint32_t i = FLOW_ENTRIES; i < FLOWS_PAST_THE_MAP; i++) {
				expected += i % COARSE_NETS == net ? 2 : 0;
			}
			assert_int_equal(v->packets, expected);
			assert_int_equal(v->bytes, expected * flows.given.len);
			assert_int_equal(v->min_len, flows.given.len);
			assert_int_equal(v->tcp_flags, 0x02);
		}
	}
}

static void flow_beyond_the_map_is_counted_by_its_network(void **state)
{
	(void)state;
	check_full_map(LAYER_IP4);
	check_full_map(LAYER_IP6);
}

static void flow_beyond_both_maps_is_counted_as_unattributed(void **state)
{
	(void)state;
	enum { ROOM = 8, COARSE_ROOM = 2 };
	struct kernel_options options = {.flow_entries = ROOM, .coarse_entries = COARSE_ROOM};
	static struct taken taken;
	struct flow_side side;
	struct flows flows;

	flow_side_open(&side, options);
	make_flows(&flows, LAYER_IP6);
	for (int epoch = 0; epoch < 4; epoch++) {
		/* ROOM flows; the next two open coarse flows; of the rest, 2 of 5 join those */
		run_flows(&side, &flows, 0, ROOM + 100);
		flow_side_take(&side, &taken);
		assert_int_equal(taken.count[KERNEL_FLOWS], ROOM);
		assert_int_equal(taken.count[KERNEL_COARSE], COARSE_ROOM);
		assert_int_equal(taken.books.by_class[TL_CLASS_FLOW].packets, ROOM);
		assert_int_equal(taken.books.by_class[TL_CLASS_COARSE].packets, 40);
		assert_int_equal(taken.books.by_class[TL_CLASS_UNATTRIBUTED].packets, 60);
		assert_int_equal(taken.books.by_class[TL_CLASS_UNATTRIBUTED].bytes,
				 60 * flows.given.len);
		assert_int_equal(taken.books.total.packets, ROOM + 100);
		assert_int_equal(taken.values[KERNEL_COARSE][0].packets, 20);
		assert_int_equal(taken.values[KERNEL_COARSE][1].packets, 20);
	}
	flow_side_close(&side);
}

/* --- epochs --------------------------------------------------------------- */

static void turned_epoch_stands_still_while_the_other_counts(void **state)
{
	(void)state;
	struct flow_side side; /* nothing counted before */
	struct flows flows;
	struct tl_books books;

	flow_side_open(&side, (struct kernel_options){0});
	make_flows(&flows, LAYER_IP4);
	run_flows(&side, &flows, 0, 10);
	assert_int_equal(kernel_turn(side.kernel), 0);
	assert_int_equal(kernel_wait(side.kernel), 0);
	run_flows(&side, &flows, 5, 25);
	assert_int_equal(kernel_control(side.kernel)->inserted[0], 10);
	assert_int_equal(kernel_control(side.kernel)->inserted[1], 20);
	assert_int_equal(kernel_books(side.kernel, 0, &books), 0);
	assert_int_equal(books.total.packets, 10);
	assert_int_equal(drain_sum(&side, 0, KERNEL_FLOWS).packets, 10);
	assert_int_equal(drain_sum(&side, 0, KERNEL_FLOWS).packets, 0);

	assert_int_equal(kernel_turn(side.kernel), 1);
	assert_int_equal(kernel_control(side.kernel)->inserted[0], 0);
	run_flows(&side, &flows, 0, 1);
	assert_int_equal(kernel_books(side.kernel, 1, &books), 0);
	assert_int_equal(books.total.packets, 20);
	assert_int_equal(drain_sum(&side, 1, KERNEL_FLOWS).skbs, 20);
	assert_int_equal(kernel_books(side.kernel, 0, &books), 0);
	assert_int_equal(books.total.packets, 11); /* of all epochs of this parity */
	assert_int_equal(drain_sum(&side, 0, KERNEL_FLOWS).packets, 1);
	flow_side_close(&side);
}

static int open_plain(void **state)
{
	(void)state;
	flow_side_open(&plain, (struct kernel_options){.config.clock = TL_CLOCK_PRECISE});
	return 0;
}

/* What the last test left, and what the next expects. */
static int clear_plain(void **state)
{
	(void)state;
	static struct taken taken;

	kernel_control(plain.kernel)->pressure_at = 0;
	take_hints(&plain);
	flow_side_take(&plain, &taken);
	flow_side_take(&plain, &taken);
	return 0;
}

static int close_plain(void **state)
{
	(void)state;
	flow_side_close(&plain);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(new_flow_is_told_once_an_epoch, clear_plain),
		cmocka_unit_test_setup(pressure_is_told_once_an_epoch_where_asked, clear_plain),
		cmocka_unit_test_setup(full_ring_costs_hints_and_no_count, clear_plain),
		cmocka_unit_test_setup(flow_beyond_the_map_is_counted_by_its_network, clear_plain),
		cmocka_unit_test_setup(flow_beyond_both_maps_is_counted_as_unattributed,
				       clear_plain),
		cmocka_unit_test_setup(turned_epoch_stands_still_while_the_other_counts,
				       clear_plain),
	};
	const char *reason = probe_missing();

	return reason ? probe_report_skip("test_flow_limits_bpf", reason)
		      : cmocka_run_group_tests(tests, open_plain, close_plain);
}
