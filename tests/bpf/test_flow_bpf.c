/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each frame, given to the programs that count flows as the kernel runs them,
 * must be counted once, under the class and key that user space finds, with
 * the counts that user space computes. Needs root.
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
#include <bpf/bpf.h>
#include <cmocka.h>
#include <linux/pkt_cls.h>

#include "../golden/packets.h"
#include "flow_lane.h"
#include "probe.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum {
	PUSHED_TAG = 100,
	NO_TAIL_CALL = 99,
	OTHER_HOST = 77, /* its datagrams are in no other test */
};

static struct both_sides plain;
static struct both_sides with_frags;

/* For the message of a test that fails. */
static const char *row_in_hand;

static const char *const hook_names[] = {"xdp", "tc in", "tc out"};

/* --- golden rows ---------------------------------------------------------- */

/* By hand, not by the parser: as it is in the table. */
static void assert_row(const struct golden_row *row, const struct given *frame,
		       const struct taken *taken)
{
	const struct tl_flow_key *key = &taken->keys[KERNEL_FLOWS][0];
	const struct tl_flow_value *v = &taken->values[KERNEL_FLOWS][0];
	uint8_t src[16];
	uint8_t dst[16];

	assert_int_equal(taken->books.by_class[row->class].packets, 1);
	assert_int_equal(taken->books.by_class[row->class].bytes, frame->len);
	if (row->class != TL_CLASS_FLOW) {
		return;
	}
	golden_addresses(row, src, dst);
	assert_memory_equal(key->src, src, sizeof(src));
	assert_memory_equal(key->dst, dst, sizeof(dst));
	assert_int_equal(key->proto, row->proto);
	if (row->frag != TL_FRAG_LATER) {
		assert_int_equal(ntohs(key->src_port), row->sport);
		assert_int_equal(ntohs(key->dst_port), row->dport);
		assert_int_equal(key->flags, 0);
	}
	assert_int_equal(ntohs(key->vlan), row->vlan);
	assert_int_equal(ntohs(key->vlan_inner), row->vlan_inner);
	assert_int_equal(tl_flow_value_ip_bytes(v), row->ip_bytes);
	assert_int_equal(v->tcp_flags, row->tcp_flags);
	assert_int_equal(v->ttl, 61);
	assert_int_equal(v->tos, 0x20);
}

static bool fits(const struct lane *lane, const struct golden_frame *frame)
{
	uint32_t least = lane->hook == KERNEL_XDP ? XDP_FRAME_MIN : TC_FRAME_MIN;

	return frame->len == frame->wire_len && frame->len >= least && frame->len <= lane->len_max;
}

static void check_golden_rows(struct lane *lane)
{
	static struct golden_frame frame;
	static struct taken taken;

	for (unsigned int i = 0; i < golden_row_count; i++) {
		golden_build(&golden_rows[i], &frame);
		if (!fits(lane, &frame)) {
			lane->left_out++;
			continue;
		}
		struct given given = {
			.bytes = frame.packet.bytes, .len = frame.len, .tci = lane->tci};
		row_in_hand = golden_rows[i].name;
		lane_check(lane, &given, &taken);
		if (!lane->tci) {
			assert_row(&golden_rows[i], &given, &taken);
		}
		lane->run++;
	}
	row_in_hand = 0;
	print_message(
		"  %s: %u rows, %u left out: captured short, or of a length no test run takes\n",
		hook_names[lane->hook], lane->run, lane->left_out);
	assert_true(lane->run > 100);
}

static void golden_row_is_counted_once_as_user_space_finds_it(void **state)
{
	(void)state;
	for (enum kernel_hook hook = KERNEL_XDP; hook < KERNEL_HOOKS; hook++) {
		struct lane lane = lane_of(&plain, hook);
		check_golden_rows(&lane);
	}
}

/* A program that adds a tag beside the frame, as a driver does, and goes on to `hook`'s. */
static int load_tagger(const struct lane *lane)
{
	const uint32_t slot = TL_JUMP_MATCH;
	int jump = kernel_jump_map(lane->side->kernel, lane->hook);
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = htons(0x8100)},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = PUSHED_TAG},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skb_vlan_push},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 6},
		{.code = BPF_LD | BPF_IMM | BPF_DW,
		 .dst_reg = 2,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = jump},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = (int32_t)slot},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = NO_TAIL_CALL},
		{.code = BPF_JMP | BPF_EXIT},
	};

	assert_int_equal(bpf_map_update_elem(jump, &slot, &lane->program, BPF_ANY), 0);
	int tagger =
		bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "tl_tagger", "GPL", insns, COUNT(insns), 0);
	assert_true(tagger >= 0);
	return tagger;
}

static void tag_beside_the_frame_is_the_outer_one(void **state)
{
	(void)state;
	struct lane lane = lane_of(&plain, KERNEL_TC_IN);

	lane.program = load_tagger(&lane);
	lane.tci = PUSHED_TAG;
	check_golden_rows(&lane);
	close(lane.program);
}

/* --- frames in several buffers -------------------------------------------- */

/* Bytes of the frame that lie in the first buffer. */
static uint32_t linear_len(int program, const struct given *frame)
{
	struct xdp_md in = {.data_end = frame->len};
	struct xdp_md out = {0};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame->bytes, .data_size_in = frame->len,
		    .ctx_in = &in, .ctx_size_in = sizeof(in), .ctx_out = &out,
		    .ctx_size_out = sizeof(out));

	assert_int_equal(bpf_prog_test_run_opts(program, &run), 0);
	return out.data_end - out.data;
}

static void check_frame_in_buffers(struct lane *lane, const struct packet *p)
{
	static struct taken taken;
	struct given given = {.bytes = p->bytes, .len = p->len};

	given.linear = linear_len(lane->program, &given);
	assert_in_range(given.linear, LINEAR_MAX, p->len - 1);
	flow_side_take(lane->side, &taken); /* of the run that measured */
	lane_check(lane, &given, &taken);
	assert_int_equal(taken.books.total.bytes, p->len);
}

static void frame_in_several_buffers_counts_whole(void **state)
{
	(void)state;
	const struct layer layers[] = {{.kind = LAYER_ETH},
				       {.kind = LAYER_IP6},
				       {.kind = LAYER_PORTS, .a = 1, .b = 53, .c = 17, .d = 8},
				       {.kind = LAYER_PAYLOAD, .a = 4400}};
	struct golden_frame frame;
	struct packet packet;
	struct lane lane = lane_of(&with_frags, KERNEL_XDP);
	unsigned int long_rows = 0;

	check_golden_rows(&lane);
	for (unsigned int i = 0; i < golden_row_count; i++) {
		golden_build(&golden_rows[i], &frame);
		if (frame.packet.len > LINEAR_MAX) {
			check_frame_in_buffers(&lane, &frame.packet);
			long_rows++;
		}
	}
	packet_begin(&packet);
	for (size_t i = 0; i < COUNT(layers); i++) {
		packet_push(&packet, &layers[i]);
	}
	packet_close(&packet);
	check_frame_in_buffers(&lane, &packet);
	assert_true(long_rows >= 3);
}

/* --- fragments ------------------------------------------------------------ */

static struct tl_flow_key key_of(struct lane *lane, const char *name, struct taken *taken)
{
	struct golden_frame frame;

	golden_build(row_named(name), &frame);
	uint8_t *ip = frame.packet.bytes + frame.packet.ip[0];
	ip[ip[0] >> 4 == 4 ? 15 : 23] = OTHER_HOST;
	struct given given = {.bytes = frame.packet.bytes, .len = frame.len};
	lane_check(lane, &given, taken);
	assert_int_equal(taken->count[KERNEL_FLOWS], 1);
	return taken->keys[KERNEL_FLOWS][0];
}

static void later_fragment_has_the_ports_of_the_first_when_that_came_before(void **state)
{
	(void)state;
	static struct taken taken;
	const char *const pairs[][2] = {
		{"v4 first fragment udp", "v4 later fragment"},
		{"v4 first fragment in vlan", "v4 later fragment in vlan"},
		{"v6 first fragment udp", "v6 later fragment"},
		{"v4 first fragment icmp", "v4 later fragment icmp"},
	};

	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct lane lane = lane_of(&plain, i % 2 ? KERNEL_TC_OUT : KERNEL_XDP);
		struct tl_flow_key alone = key_of(&lane, pairs[i][1], &taken);
		assert_int_equal(alone.flags, TL_KEY_FRAGMENT);
		assert_int_equal(alone.src_port | alone.dst_port, 0);
		assert_int_equal(taken.books.frag_misses, 1);
		struct tl_flow_key first = key_of(&lane, pairs[i][0], &taken);
		assert_int_equal(first.flags, 0);
		assert_int_not_equal(first.dst_port, 0);
		struct tl_flow_key later = key_of(&lane, pairs[i][1], &taken);
		assert_memory_equal(&later, &first, sizeof(first));
		assert_int_equal(taken.books.frag_hits, 1);
	}
}

/* --- merged packets ------------------------------------------------------- */

static void merged_packet_counts_as_on_the_wire(void **state)
{
	(void)state;
	static struct taken taken;
	struct golden_frame frame;
	struct lane lane = lane_of(&plain, KERNEL_TC_OUT);

	golden_build(row_named("v4 largest frame"), &frame);
	struct given given = {
		.bytes = frame.packet.bytes, .len = 1514, .gso_size = 500, .gso_segments = 3};
	lane_check(&lane, &given, &taken);
	const struct tl_flow_value *v = &taken.values[KERNEL_FLOWS][0];
	assert_int_equal(v->packets, 3); /* 1460 bytes: 500, 500, 460, each behind 54 */
	assert_int_equal(v->skbs, 1);
	assert_int_equal(v->bytes, 1460 + 3 * 54);
	assert_int_equal(tl_flow_value_ip_bytes(v), 1460 + 3 * 40);
	assert_int_equal(v->max_len, 554);
	assert_int_equal(v->min_len, 514);
}

static void merged_row_counts_as_user_space_computes(void **state)
{
	(void)state;
	static struct taken taken;
	static const uint32_t sizes[][2] = {{16, 0}, {16, 2}, {500, 0}, {500, 3}, {1448, 45}};
	struct golden_frame frame;
	struct lane lane = lane_of(&plain, KERNEL_TC_IN);

	for (unsigned int i = 0; i < golden_row_count * COUNT(sizes); i++) {
		const uint32_t *size = sizes[i % COUNT(sizes)];
		golden_build(&golden_rows[i / COUNT(sizes)], &frame);
		struct given given = {.bytes = frame.packet.bytes,
				      .len = frame.len,
				      .gso_size = size[0],
				      .gso_segments = size[1]};
		if (fits(&lane, &frame)) {
			row_in_hand = golden_rows[i / COUNT(sizes)].name;
			lane_check(&lane, &given, &taken);
			lane.run++;
		}
	}
	row_in_hand = 0;
	assert_true(lane.run > 500);
}

static int open_sides(void **state)
{
	(void)state;
	both_sides_open(&plain, (struct kernel_options){0});
	both_sides_open(&with_frags, (struct kernel_options){.config.frags = 1});
	return 0;
}

static int close_sides(void **state)
{
	(void)state;
	both_sides_close(&plain);
	both_sides_close(&with_frags);
	return 0;
}

static int name_row(void **state)
{
	(void)state;
	if (row_in_hand) {
		print_error("[    ROW   ] %s\n", row_in_hand);
	}
	row_in_hand = 0;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(golden_row_is_counted_once_as_user_space_finds_it,
					  name_row),
		cmocka_unit_test_teardown(tag_beside_the_frame_is_the_outer_one, name_row),
		cmocka_unit_test_teardown(frame_in_several_buffers_counts_whole, name_row),
		cmocka_unit_test(later_fragment_has_the_ports_of_the_first_when_that_came_before),
		cmocka_unit_test(merged_packet_counts_as_on_the_wire),
		cmocka_unit_test_teardown(merged_row_counts_as_user_space_computes, name_row),
	};
	const char *reason = probe_missing();

	return reason ? probe_report_skip("test_flow_bpf", reason)
		      : cmocka_run_group_tests(tests, open_sides, close_sides);
}
