/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verdict of a translated filter, as the kernel runs it, must be libpcap's
 * on each packet: random filters of its language and random classic programs,
 * on golden rows, mutations and cuts of them, and noise. Needs root. TL_SEED
 * chooses another run.
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
#include <pcap/pcap.h>
#undef bpf_insn

#include <bpf/bpf.h>
#include <cmocka.h>

#include "../golden/packets.h"
#include "kernel_filter.h"
#include "probe.h"
#include "random_filter.h"

_Static_assert(sizeof(struct classic_insn) == sizeof(struct sock_filter), "same instruction");

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum {
	FRAME_MIN = 14,	   /* the kernel refuses shorter test frames */
	SKB_MIN = 15,	   /* at TC it wants something behind the header */
	FRAME_MAX = 9000,  /* at XDP, in fragments */
	SKB_MAX = 3400,	   /* at TC, in one page */
	LINEAR_LEN = 3520, /* of an XDP test frame on x86; tests look at both sides of it */
	SNAPLEN = 262144,
	XDP_FILTERS = 2500,
	TC_FILTERS = 400,
	CLASSIC_PROGRAMS = 1500,
	FILTERS_LEAST = 100, /* where scaled down */
	PACKETS = 50,	     /* per filter */
};

static struct kernel_side xdp;
static struct kernel_side tc;

struct frame {
	uint8_t bytes[FRAME_MAX];
	uint32_t len;
};

/* Of frames. */
struct lens {
	uint32_t least, most;
};

struct tally {
	uint64_t pairs;
	uint64_t matches;
	uint64_t refused; /* filters */
};

/* --- packets -------------------------------------------------------------- */

static void mutate(struct frame *frame, uint32_t least)
{
	uint32_t within = frame->len < 160 ? frame->len : 160;

	for (uint32_t k = random_below(4); k > 0; k--) {
		uint32_t at = random_below(within);
		frame->bytes[at] = (uint8_t)random();
	}
	if (within > least && random_below(3) == 0) {
		frame->len = least + random_below(within - least + 1);
	}
}

static void fill_noise(struct frame *frame, uint32_t len)
{
	frame->len = len;
	for (uint32_t i = 0; i < len; i++) {
		frame->bytes[i] = (uint8_t)random();
	}
}

static void draw_any_frame(struct frame *frame, struct lens lens)
{
	struct golden_frame golden;

	if (random_below(8) == 0) {
		fill_noise(frame, lens.least + random_below(200));
		return;
	}
	golden_build(&golden_rows[random_below(golden_row_count)], &golden);
	frame->len = golden.packet.len < lens.most ? golden.packet.len : lens.most;
	memcpy(frame->bytes, golden.packet.bytes, frame->len);
	if (random_below(4)) {
		mutate(frame, lens.least);
	}
}

/* Test frames at TC must have the IP header that they announce. */
static bool is_whole_to_tc(const struct frame *frame)
{
	unsigned int ethertype = (unsigned int)frame->bytes[12] << 8 | frame->bytes[13];

	return frame->len >= (ethertype == 0x0800 ? 34 : ethertype == 0x86dd ? 54 : SKB_MIN);
}

static void draw_frame(const struct kernel_side *side, struct frame *frame, struct lens lens)
{
	do {
		draw_any_frame(frame, lens);
	} while (side->hook == TRANSLATE_TC && !is_whole_to_tc(frame));
}

/* --- libpcap's verdict is the kernel's ------------------------------------ */

static const struct sock_filter *classic_of(const struct bpf_program *compiled)
{
	return (const struct sock_filter *)(const void *)compiled->bf_insns;
}

static void check(int program, const struct frame *frame, bool match, const char *text,
		  struct tally *tally)
{
	uint32_t expected = match ? OUTCOME_MATCH : OUTCOME_REJECT;
	uint32_t got = kernel_run(program, frame->bytes, frame->len);

	if (got != expected) {
		print_error("[   FILTER ] %s, %u bytes\n", text, frame->len);
	}
	assert_int_equal(got, expected);
	tally->pairs++;
	tally->matches += match;
}

static void check_filter(const struct kernel_side *side, const struct bpf_program *compiled,
			 const char *text, struct lens lens, struct tally *tally)
{
	struct translate_config config = kernel_side_config(side);
	const char *reason = 0;
	struct frame frame;
	int program = kernel_filter_load(&config, classic_of(compiled), compiled->bf_len, &reason);

	if (program < 0) { /* an offset before the packet, as in ether[0 - 1]; or a loop */
		tally->refused++;
		return;
	}
	for (int i = 0; i < PACKETS; i++) {
		draw_frame(side, &frame, lens);
		struct pcap_pkthdr header = {.caplen = frame.len, .len = frame.len};
		bool match = pcap_offline_filter(compiled, &header, frame.bytes) != 0;
		check(program, &frame, match, text, tally);
	}
	close(program);
}

/* False for a text that does not compile. */
static bool draw_filter(pcap_t *pcap, struct bpf_program *compiled, char text[RANDOM_TEXT_MAX])
{
	random_filter_text(text);
	return pcap_compile(pcap, compiled, text, random_below(4) > 0, PCAP_NETMASK_UNKNOWN) == 0;
}

static void check_filters(const struct kernel_side *side, unsigned int filters, struct lens lens)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, SNAPLEN);
	char text[RANDOM_TEXT_MAX];
	struct tally tally = {0};

	for (unsigned int i = 0; i < filters;) {
		struct bpf_program compiled;
		if (draw_filter(pcap, &compiled, text)) {
			check_filter(side, &compiled, text, lens, &tally);
			pcap_freecode(&compiled);
			i++;
		}
	}
	pcap_close(pcap);
	print_message("  %u filters, %lu refused; %lu pairs, %lu matches\n", filters, tally.refused,
		      tally.pairs, tally.matches);
	assert_true(tally.refused * 20 < filters);
	assert_true(tally.matches * 10 > tally.pairs);
}

static void random_filter_at_xdp_decides_as_libpcap(void **state)
{
	(void)state;
	check_filters(&xdp, probe_scale(XDP_FILTERS, FILTERS_LEAST),
		      (struct lens){FRAME_MIN, FRAME_MAX});
}

static void random_filter_at_tc_decides_as_libpcap(void **state)
{
	(void)state;
	check_filters(&tc, probe_scale(TC_FILTERS, FILTERS_LEAST), (struct lens){SKB_MIN, SKB_MAX});
}

/* libpcap leaves M[] as it finds it; its program begins with clearing it. */
static bool libpcap_matches(const struct sock_filter *classic, uint32_t count,
			    const struct frame *frame)
{
	struct sock_filter cleared[BPF_MEMWORDS + RANDOM_CLASSIC_MAX];

	for (uint32_t i = 0; i < BPF_MEMWORDS; i++) {
		cleared[i] = (struct sock_filter)BPF_STMT(BPF_ST, i);
	}
	memcpy(cleared + BPF_MEMWORDS, classic, count * sizeof(*classic));
	return bpf_filter((const struct classic_insn *)(const void *)cleared, frame->bytes,
			  frame->len, frame->len) != 0;
}

static void check_classic(const struct kernel_side *side, struct lens lens, struct tally *tally)
{
	struct sock_filter classic[RANDOM_CLASSIC_MAX];
	uint32_t count = random_filter_classic(classic, lens.most * 2 / 3);
	struct translate_config config = kernel_side_config(side);
	const char *reason = "";
	struct frame frame;
	int program = kernel_filter_load(&config, classic, count, &reason);

	assert_string_equal(reason, "");
	for (int i = 0; i < PACKETS; i++) {
		fill_noise(&frame, lens.least + random_below(lens.most - lens.least + 1));
		frame.bytes[12] = 0; /* no ethertype to which TC takes exception */
		check(program, &frame, libpcap_matches(classic, count, &frame), "raw", tally);
	}
	close(program);
}

static void check_classics(const struct kernel_side *side, struct lens lens)
{
	const unsigned int programs = probe_scale(CLASSIC_PROGRAMS, FILTERS_LEAST);
	struct tally tally = {0};

	for (unsigned int i = 0; i < programs; i++) {
		check_classic(side, lens, &tally);
	}
	print_message("  %u programs, %lu pairs, %lu matches\n", programs, tally.pairs,
		      tally.matches);
	assert_true(tally.matches * 20 > tally.pairs);
}

static void random_opcodes_at_xdp_decide_as_libpcap(void **state)
{
	(void)state;
	check_classics(&xdp, (struct lens){FRAME_MIN, 160});
}

static void random_opcodes_at_tc_decide_as_libpcap(void **state)
{
	(void)state;
	check_classics(&tc, (struct lens){SKB_MIN, 160});
}

static void random_opcodes_on_fragments_decide_as_libpcap(void **state)
{
	(void)state;
	check_classics(&xdp, (struct lens){LINEAR_LEN - 20, FRAME_MAX});
}

static int open_sides(void **state)
{
	(void)state;
	kernel_side_open(&xdp, TRANSLATE_XDP);
	kernel_side_open(&tc, TRANSLATE_TC);
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
		cmocka_unit_test(random_filter_at_xdp_decides_as_libpcap),
		cmocka_unit_test(random_filter_at_tc_decides_as_libpcap),
		cmocka_unit_test(random_opcodes_at_xdp_decide_as_libpcap),
		cmocka_unit_test(random_opcodes_at_tc_decide_as_libpcap),
		cmocka_unit_test(random_opcodes_on_fragments_decide_as_libpcap),
	};
	const char *reason = probe_missing();
	const char *seed = getenv("TL_SEED");
	unsigned int start = seed ? (unsigned int)strtoul(seed, 0, 0) : 1;

	if (reason) {
		return probe_report_skip("test_translate_bpf", reason);
	}
	print_message("  TL_SEED=%u\n", start);
	srandom(start);
	return cmocka_run_group_tests(tests, open_sides, close_sides);
}
