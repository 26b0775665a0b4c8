/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

enum {
	MISSED_INDEX = 1,
	ACCT_COUNT = 3,
	LOG_MAX = 1 << 20,
	LOG_SHOWN = 2000,
};

static const struct {
	enum bpf_prog_type type;
	uint32_t flags;
} kinds[] = {
	[TRANSLATE_XDP] = {BPF_PROG_TYPE_XDP, BPF_F_XDP_HAS_FRAGS},
	[TRANSLATE_TC] = {BPF_PROG_TYPE_SCHED_CLS, 0},
};

/* The program of a slot: it returns which one it is. */
static void fill_slot(const struct kernel_side *side, uint32_t slot, enum outcome outcome)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU | BPF_MOV | BPF_K, .imm = (int32_t)outcome},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int program = kernel_filter_load_raw(side->hook, insns, 2);

	assert_int_equal(bpf_map_update_elem(side->jump, &slot, &program, BPF_ANY), 0);
	close(program);
}

void kernel_side_open(struct kernel_side *side, enum translate_hook hook)
{
	*side = (struct kernel_side){
		.hook = hook,
		.jump = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "tl_jump", 4, 4, SLOTS, 0),
		.acct = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "tl_acct", 4,
				       sizeof(struct kernel_counts), ACCT_COUNT, 0),
	};
	assert_true(side->jump >= 0);
	assert_true(side->acct >= 0);
	fill_slot(side, SLOT_MATCH, OUTCOME_MATCH);
	fill_slot(side, SLOT_REJECT, OUTCOME_REJECT);
}

void kernel_side_close(struct kernel_side *side)
{
	close(side->jump);
	close(side->acct);
}

struct translate_config kernel_side_config(const struct kernel_side *side)
{
	return (struct translate_config){
		.hook = side->hook,
		.jump_fd = side->jump,
		.match_slot = SLOT_MATCH,
		.reject_slot = SLOT_REJECT,
		.acct_fd = side->acct,
		.missed_index = MISSED_INDEX,
		.retval = OUTCOME_MISSED,
	};
}

/* Of one element, which is cleared; every other one must be untouched. */
static struct kernel_counts take_counts(const struct kernel_side *side, uint32_t index)
{
	int cpus = libbpf_num_possible_cpus();
	struct kernel_counts *each = calloc((size_t)cpus, sizeof(*each));
	struct kernel_counts sum = {0};

	assert_non_null(each);
	assert_int_equal(bpf_map_lookup_elem(side->acct, &index, each), 0);
	for (int i = 0; i < cpus; i++) {
		sum.packets += each[i].packets;
		sum.bytes += each[i].bytes;
		each[i] = (struct kernel_counts){0};
	}
	assert_int_equal(bpf_map_update_elem(side->acct, &index, each, BPF_ANY), 0);
	free(each);
	return sum;
}

struct kernel_counts kernel_side_missed(const struct kernel_side *side)
{
	for (uint32_t i = 0; i < ACCT_COUNT; i++) {
		if (i != MISSED_INDEX) {
			assert_int_equal(take_counts(side, i).packets, 0);
		}
	}
	return take_counts(side, MISSED_INDEX);
}

static void show_refusal(enum translate_hook hook, const struct bpf_insn *insns, int count)
{
	static char log[LOG_MAX];
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = kinds[hook].flags, .log_buf = log,
		    .log_size = sizeof(log), .log_level = 1);

	bpf_prog_load(kinds[hook].type, "tl_test", "Dual BSD/GPL", insns, (size_t)count, &opts);
	size_t len = strlen(log);
	print_error("%s\n", log + (len > LOG_SHOWN ? len - LOG_SHOWN : 0));
}

int kernel_filter_load_raw(enum translate_hook hook, const struct bpf_insn *insns, int count)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = kinds[hook].flags);
	int program = bpf_prog_load(kinds[hook].type, "tl_test", "Dual BSD/GPL", insns,
				    (size_t)count, &opts);

	if (program < 0) {
		show_refusal(hook, insns, count);
	}
	assert_true(program >= 0);
	return program;
}

int kernel_filter_load(const struct translate_config *config, const struct sock_filter *classic,
		       uint32_t count, const char **reason)
{
	struct bpf_insn *insns;
	int len = translate_filter(&insns, classic, count, config, reason);

	if (len < 0) {
		return len;
	}
	int program = kernel_filter_load_raw(config->hook, insns, len);
	free(insns);
	return program;
}

uint32_t kernel_run(int program, const uint8_t *bytes, uint32_t len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = len);

	assert_int_equal(bpf_prog_test_run_opts(program, &opts), 0);
	return opts.retval;
}

uint32_t kernel_run_marked(int program, const uint8_t *bytes, uint32_t len, uint32_t mark)
{
	struct __sk_buff ctx = {.mark = mark};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = len, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx));

	assert_int_equal(bpf_prog_test_run_opts(program, &opts), 0);
	return opts.retval;
}
