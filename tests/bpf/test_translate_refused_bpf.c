/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that must be refused, with a reason; whatever is not refused must
 * pass the verifier. Needs root.
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

#include <cmocka.h>

#include "kernel_filter.h"
#include "probe.h"
#include "random_filter.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum {
	ROW_INSNS = 2,
	FRAME_LEN = 100,
	MANY = 200,
	DAMAGED_PROGRAMS = 5000,
	DAMAGED_LEAST = 500, /* where scaled down */
};

static struct kernel_side xdp;
static struct kernel_side tc;

static const struct sock_filter *classic_of(const struct bpf_program *compiled)
{
	return (const struct sock_filter *)(const void *)compiled->bf_insns;
}

#define ACCEPT	       BPF_STMT(BPF_RET | BPF_K, 1)
#define BESIDE(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))

static const struct bad_row {
	const char *name;
	enum translate_hook hook;
	uint32_t count;
	struct sock_filter insns[ROW_INSNS];
	int err;
} bad_rows[] = {
	{"empty", TRANSLATE_XDP, 0, {{0}}, -EINVAL},
	{"no return", TRANSLATE_XDP, 1, {BPF_STMT(BPF_LD | BPF_IMM, 0)}, -EINVAL},
	{"unknown opcode", TRANSLATE_XDP, 2, {BPF_STMT(0xff, 0), ACCEPT}, -EINVAL},
	{"wide opcode", TRANSLATE_XDP, 2, {BPF_STMT(0x100 | BPF_LD, 0), ACCEPT}, -EINVAL},
	{"return X", TRANSLATE_XDP, 2, {BPF_STMT(BPF_RET | BPF_X, 0), ACCEPT}, -EINVAL},
	{"M[16]", TRANSLATE_XDP, 2, {BPF_STMT(BPF_LD | BPF_MEM, 16), ACCEPT}, -EINVAL},
	{"store M[-1]", TRANSLATE_XDP, 2, {BPF_STMT(BPF_STX, ~0u), ACCEPT}, -EINVAL},
	{"A / 0", TRANSLATE_XDP, 2, {BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), ACCEPT}, -EINVAL},
	{"A % 0", TRANSLATE_XDP, 2, {BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 0), ACCEPT}, -EINVAL},
	{"A << 32", TRANSLATE_XDP, 2, {BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), ACCEPT}, -EINVAL},
	{"A >> 32", TRANSLATE_XDP, 2, {BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 32), ACCEPT}, -EINVAL},
	{"behind the end", TRANSLATE_XDP, 2, {BPF_STMT(BPF_JMP | BPF_JA, 1), ACCEPT}, -EINVAL},
	{"backwards", TRANSLATE_XDP, 2, {BPF_STMT(BPF_JMP | BPF_JA, ~0u), ACCEPT}, -EINVAL},
	{"true leads out",
	 TRANSLATE_XDP,
	 2,
	 {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), ACCEPT},
	 -EINVAL},
	{"false leads out",
	 TRANSLATE_XDP,
	 2,
	 {BPF_JUMP(BPF_JMP | BPF_JSET | BPF_X, 0, 0, 1), ACCEPT},
	 -EINVAL},
	{"tag at XDP",
	 TRANSLATE_XDP,
	 2,
	 {BESIDE(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT), ACCEPT},
	 -EOPNOTSUPP},
	{"network header at XDP", TRANSLATE_XDP, 2, {BESIDE(SKF_NET_OFF), ACCEPT}, -EOPNOTSUPP},
	{"network header", TRANSLATE_TC, 2, {BESIDE(SKF_NET_OFF + 9), ACCEPT}, -EOPNOTSUPP},
	{"link header", TRANSLATE_TC, 2, {BESIDE(SKF_LL_OFF), ACCEPT}, -EOPNOTSUPP},
	{"link type", TRANSLATE_TC, 2, {BESIDE(SKF_AD_OFF + SKF_AD_HATYPE), ACCEPT}, -EOPNOTSUPP},
	{"indexed header",
	 TRANSLATE_TC,
	 2,
	 {BPF_STMT(BPF_LD | BPF_B | BPF_IND, (uint32_t)SKF_NET_OFF), ACCEPT},
	 -EOPNOTSUPP},
};

static int translate(const struct kernel_side *side, const struct sock_filter *insns,
		     uint32_t count, const char **reason)
{
	struct translate_config config = kernel_side_config(side);
	struct bpf_insn *out = 0;
	int len = translate_filter(&out, insns, count, &config, reason);

	assert_true(len < 0 ? !out && *reason : out && !*reason);
	free(out);
	return len;
}

static void bad_program_is_refused_with_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_rows); i++) {
		const struct bad_row *row = &bad_rows[i];
		const char *reason = 0;
		int err = translate(row->hook == TRANSLATE_XDP ? &xdp : &tc, row->insns, row->count,
				    &reason);
		if (err != row->err) {
			print_error("[    ROW   ] %s\n", row->name);
		}
		assert_int_equal(err, row->err);
	}
}

static void program_too_long_is_refused(void **state)
{
	(void)state;
	static struct sock_filter insns[BPF_MAXINSNS + 1];
	const char *reason = 0;

	for (size_t i = 0; i < COUNT(insns); i++) {
		insns[i] = (struct sock_filter)ACCEPT;
	}
	assert_int_equal(translate(&xdp, insns, BPF_MAXINSNS + 1, &reason), -E2BIG);
	reason = 0;
	assert_true(translate(&xdp, insns, BPF_MAXINSNS, &reason) > 0);
	for (size_t i = 0; i + 2 < COUNT(insns); i++) {
		insns[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_IND, 14);
	}
	assert_int_equal(translate(&xdp, insns, BPF_MAXINSNS, &reason), -E2BIG);
}

/* Random damage: refused, or what comes out passes the verifier. */
static void damaged_program_is_refused_or_loads(void **state)
{
	(void)state;
	const unsigned int programs = probe_scale(DAMAGED_PROGRAMS, DAMAGED_LEAST);
	uint32_t loaded = 0;

	for (unsigned int n = 0; n < programs; n++) {
		struct sock_filter insns[RANDOM_CLASSIC_MAX];
		struct translate_config config = kernel_side_config(n % 2 ? &xdp : &tc);
		const char *reason = 0;
		uint32_t count = random_filter_classic(insns, 100);
		for (uint32_t k = 1 + random_below(3); k > 0; k--) {
			uint32_t at = random_below(count * sizeof(*insns));
			((uint8_t *)insns)[at] = (uint8_t)random();
		}
		int program = kernel_filter_load(&config, insns, count, &reason);
		if (program < 0) {
			assert_non_null(reason);
			continue;
		}
		close(program);
		loaded++;
	}
	print_message("  %u programs, %u loaded\n", programs, loaded);
	assert_in_range(loaded, programs / 10, programs * 9 / 10);
}

static void protochain_is_refused(void **state)
{
	(void)state;
	struct bpf_program compiled;
	const char *reason = 0;

	assert_int_equal(tl_filter_compile(&compiled, DLT_EN10MB, "ip6 protochain 6", 65535), 0);
	assert_int_equal(translate(&xdp, classic_of(&compiled), compiled.bf_len, &reason), -EINVAL);
	assert_non_null(strstr(reason, "protochain"));
	tl_filter_free(&compiled);
}

/* The verifier looks at most at a million instructions, and would at each way through them. */
static void filter_of_many_hosts_loads(void **state)
{
	(void)state;
	static char text[MANY * 40];
	struct translate_config config = kernel_side_config(&xdp);
	struct bpf_program compiled;
	const uint8_t frame[FRAME_LEN] = {0};
	const char *reason;

	for (unsigned int i = 0; i < MANY; i++) {
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%sip6 host 2001:db8::%x", i ? " or " : "",
			 i);
	}
	assert_int_equal(tl_filter_compile(&compiled, DLT_EN10MB, text, 65535), 0);
	int program = kernel_filter_load(&config, classic_of(&compiled), compiled.bf_len, &reason);
	assert_true(program >= 0);
	assert_int_equal(kernel_run(program, frame, FRAME_LEN), OUTCOME_REJECT);
	close(program);
	tl_filter_free(&compiled);
}

static int open_sides(void **state)
{
	(void)state;
	kernel_side_open(&xdp, TRANSLATE_XDP);
	kernel_side_open(&tc, TRANSLATE_TC);
	srandom(1);
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
		cmocka_unit_test(bad_program_is_refused_with_a_reason),
		cmocka_unit_test(program_too_long_is_refused),
		cmocka_unit_test(damaged_program_is_refused_or_loads),
		cmocka_unit_test(protochain_is_refused),
		cmocka_unit_test(filter_of_many_hosts_loads),
	};
	const char *reason = probe_missing();

	if (reason) {
		return probe_report_skip("test_translate_refused_bpf", reason);
	}
	return cmocka_run_group_tests(tests, open_sides, close_sides);
}
