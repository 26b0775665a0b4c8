/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a random filter seldom meets: verdicts that lead nowhere, the end of the
 * linear part, and what a TC program knows beside the frame. Needs root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* libpcap's classic instruction and the kernel's eBPF one have the same name. */
#define bpf_insn classic_insn
#include "../../common/filter.h"
#undef bpf_insn

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "kernel_filter.h"
#include "probe.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum {
	FRAME_MAX = 9000,
	FRAGMENTED_LEN = 6000,
	LINEAR_LEN = 3520, /* of an XDP test frame on x86; tests look at both sides of it */
	MARK = 0x12345678,
	TCI = 0x2005, /* priority 1, VLAN 5 */
	OTHER_TCI = 6,
};

static struct kernel_side xdp;
static struct kernel_side tc;
static uint8_t frame[FRAME_MAX];

/* An IPv4 UDP packet, then a pattern in which neighbours differ. */
static void fill_frame(void)
{
	static const uint8_t start[] = {2, 0, 0,    0, 0, 2,  2, 0, 0, 0, 0,  1,
					8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17};

	for (uint32_t i = 0; i < sizeof(frame); i++) {
		frame[i] = (uint8_t)(i * 7 + (i >> 8));
	}
	memcpy(frame, start, sizeof(start));
}

static const struct sock_filter *classic_of(const struct bpf_program *compiled)
{
	return (const struct sock_filter *)(const void *)compiled->bf_insns;
}

#define BESIDE(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))

/* --- verdicts ------------------------------------------------------------- */

static void check_missed(const struct kernel_side *side, struct translate_config config,
			 uint32_t verdict, uint32_t len)
{
	const struct sock_filter insn = BPF_STMT(BPF_RET | BPF_K, verdict);
	const char *reason;
	int program = kernel_filter_load(&config, &insn, 1, &reason);

	kernel_side_missed(side);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(kernel_run(program, frame, len + i), OUTCOME_MISSED);
	}
	struct kernel_counts missed = kernel_side_missed(side);
	assert_int_equal(missed.packets, 3);
	assert_int_equal(missed.bytes, 3 * len + 3);
	close(program);
}

static void verdict_without_program_is_counted(void **state)
{
	(void)state;
	static const uint32_t lens[] = {60, 1514, FRAGMENTED_LEN};

	for (size_t i = 0; i < COUNT(lens); i++) {
		struct translate_config config = kernel_side_config(&xdp);
		config.match_slot = SLOT_EMPTY;
		check_missed(&xdp, config, 1, lens[i]);
		config = kernel_side_config(&xdp);
		config.reject_slot = SLOTS; /* behind the map */
		check_missed(&xdp, config, 0, lens[i]);
	}
	struct translate_config config = kernel_side_config(&tc);
	config.match_slot = SLOT_EMPTY;
	check_missed(&tc, config, 1, 1514);
}

/* --- the end of the linear part ------------------------------------------- */

static uint32_t value_at(uint32_t offset, uint32_t len)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < len; i++) {
		value = value << 8 | frame[offset + i];
	}
	return value;
}

/* Whether the load yields what is there; a load that misses the frame rejects it. */
static void check_load(uint16_t size, uint16_t mode, uint32_t offset)
{
	uint32_t len = size == BPF_W ? 4 : size == BPF_H ? 2 : 1;
	bool inside = offset + len <= FRAGMENTED_LEN;
	uint32_t k = mode == BPF_IND ? 14 : offset;
	const struct sock_filter insns[] = {
		BPF_STMT(BPF_LDX | BPF_IMM, offset - 14),
		BPF_STMT(BPF_LD | size | mode, k),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value_at(offset, len), 0, inside ? 1 : 0),
		BPF_STMT(BPF_RET | BPF_K, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct translate_config config = kernel_side_config(&xdp);
	const char *reason;
	int program = kernel_filter_load(&config, insns, COUNT(insns), &reason);

	assert_int_equal(kernel_run(program, frame, FRAGMENTED_LEN),
			 inside ? OUTCOME_MATCH : OUTCOME_REJECT);
	close(program);
}

static void load_across_the_linear_end_yields_the_bytes(void **state)
{
	(void)state;
	static const uint32_t ends[] = {LINEAR_LEN, 4096, FRAGMENTED_LEN};

	for (size_t i = 0; i < COUNT(ends); i++) {
		for (uint32_t at = ends[i] - 6; at < ends[i] + 6; at++) {
			check_load(BPF_W, BPF_ABS, at);
			check_load(BPF_H, BPF_ABS, at);
			check_load(BPF_B, BPF_ABS, at);
			check_load(BPF_W, BPF_IND, at);
			check_load(BPF_H, BPF_IND, at);
			check_load(BPF_B, BPF_IND, at);
		}
	}
}

/* --- beside the frame ----------------------------------------------------- */

/* Takes a tag as the kernel does, beside the frame, and goes on to the filter. */
static int load_tagger(uint16_t tci)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1},
		{.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = 2, .imm = htons(ETH_P_8021AD)},
		{.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = 3, .imm = tci},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skb_vlan_push},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 6},
		{.code = BPF_LD | BPF_IMM | BPF_DW,
		 .dst_reg = 2,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = tc.jump},
		{.code = 0},
		{.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = 3, .imm = SLOT_FILTER},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call},
		{.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return kernel_filter_load_raw(TRANSLATE_TC, insns, COUNT(insns));
}

/* Runs the filter on the packet with that tag; 0: with none. */
static uint32_t run_tagged(const struct sock_filter *insns, uint32_t count, uint16_t tci)
{
	struct translate_config config = kernel_side_config(&tc);
	const char *reason = "";
	const uint32_t slot = SLOT_FILTER;
	int filter = kernel_filter_load(&config, insns, count, &reason);

	assert_string_equal(reason, "");
	assert_int_equal(bpf_map_update_elem(tc.jump, &slot, &filter, BPF_ANY), 0);
	int program = tci ? load_tagger(tci) : dup(filter);
	uint32_t outcome = kernel_run_marked(program, frame, 100, MARK);
	close(program);
	close(filter);
	return outcome;
}

static const struct beside_row {
	const char *name;
	uint32_t offset;
	uint16_t tci;
	uint32_t value;
} beside_rows[] = {
	{"protocol", SKF_AD_PROTOCOL, 0, ETH_P_IP},
	{"packet type", SKF_AD_PKTTYPE, 0, PACKET_OTHERHOST},
	{"interface", SKF_AD_IFINDEX, 0, 1},
	{"mark", SKF_AD_MARK, 0, MARK},
	{"queue", SKF_AD_QUEUE, 0, 0},
	{"hash", SKF_AD_RXHASH, 0, 0},
	{"no tag", SKF_AD_VLAN_TAG_PRESENT, 0, 0},
	{"a tag", SKF_AD_VLAN_TAG_PRESENT, TCI, 1},
	{"the tag", SKF_AD_VLAN_TAG, TCI, TCI},
	{"its protocol", SKF_AD_VLAN_TPID, TCI, ETH_P_8021AD},
	{"protocol behind it", SKF_AD_PROTOCOL, TCI, ETH_P_IP},
};

static void value_beside_the_frame_at_tc_is_the_kernels(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(beside_rows); i++) {
		const struct beside_row *row = &beside_rows[i];
		const struct sock_filter insns[] = {
			BESIDE((uint32_t)SKF_AD_OFF + row->offset),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, row->value, 0, 1),
			BPF_STMT(BPF_RET | BPF_K, 1),
			BPF_STMT(BPF_RET | BPF_K, 0),
		};
		uint32_t outcome = run_tagged(insns, COUNT(insns), row->tci);
		if (outcome != OUTCOME_MATCH) {
			print_error("[    ROW   ] %s\n", row->name);
		}
		assert_int_equal(outcome, OUTCOME_MATCH);
	}
}

/* The packet is still readable after the helper was asked. */
static void cpu_at_tc_is_one_of_the_machine(void **state)
{
	(void)state;
	const struct sock_filter insns[] = {
		BESIDE(SKF_AD_OFF + SKF_AD_CPU),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)libbpf_num_possible_cpus(), 3, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 60),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, frame[60], 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	assert_int_equal(run_tagged(insns, COUNT(insns), 0), OUTCOME_MATCH);
}

static const struct live_row {
	const char *text;
	uint16_t tci;
	bool match;
} live_rows[] = {
	{"udp", 0, true},
	{"vlan", 0, false},
	{"vlan", TCI, true},
	{"vlan 5", TCI, true},
	{"vlan 5", OTHER_TCI, false},
	{"vlan 5 and udp", TCI, true},
	{"vlan 5 and tcp", TCI, false},
	{"not vlan", 0, true},
	{"not vlan", OTHER_TCI, false},
	{"vlan 5 or (vlan 6 and udp)", OTHER_TCI, false}, /* a second tag, to libpcap */
};

static void filter_of_a_live_interface_sees_the_tag(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(live_rows); i++) {
		const struct live_row *row = &live_rows[i];
		struct bpf_program compiled;
		assert_int_equal(tl_filter_compile_live(&compiled, "lo", row->text, 65535), 0);
		uint32_t outcome = run_tagged(classic_of(&compiled), compiled.bf_len, row->tci);
		if (outcome != (row->match ? OUTCOME_MATCH : OUTCOME_REJECT)) {
			print_error("[    ROW   ] %s\n", row->text);
		}
		assert_int_equal(outcome, row->match ? OUTCOME_MATCH : OUTCOME_REJECT);
		tl_filter_free(&compiled);
	}
}

static int open_sides(void **state)
{
	(void)state;
	kernel_side_open(&xdp, TRANSLATE_XDP);
	kernel_side_open(&tc, TRANSLATE_TC);
	fill_frame();
	return 0;
}

static int close_sides(void **state)
{
	(void)state;
	kernel_side_close(&xdp);
	kernel_side_close(&tc);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdict_without_program_is_counted),
		cmocka_unit_test(load_across_the_linear_end_yields_the_bytes),
		cmocka_unit_test(value_beside_the_frame_at_tc_is_the_kernels),
		cmocka_unit_test(cpu_at_tc_is_one_of_the_machine),
		cmocka_unit_test(filter_of_a_live_interface_sees_the_tag),
	};
	const char *reason = probe_missing();

	if (reason) {
		return probe_report_skip("test_translate_edges_bpf", reason);
	}
	return cmocka_run_group_tests(tests, open_sides, close_sides);
}
