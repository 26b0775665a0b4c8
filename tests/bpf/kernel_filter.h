/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translated filters in the kernel: maps for their verdicts, loading, test
 * runs. Whatever fails fails the cmocka test in hand.
 */
#ifndef TL_TEST_KERNEL_FILTER_H
#define TL_TEST_KERNEL_FILTER_H

#include <stdint.h>

#include "../../tools/xdp-flowd/translate.h"

/* What a run returns, by where the tail call led. */
enum outcome {
	OUTCOME_MATCH = 11,
	OUTCOME_REJECT = 22,
	OUTCOME_MISSED = 33,
};

enum slot {
	SLOT_MATCH = 3,
	SLOT_REJECT = 5,
	SLOT_EMPTY = 6,
	SLOT_FILTER = 7, /* for a filter that another program goes on to */
	SLOTS,
};

struct kernel_counts {
	uint64_t packets;
	uint64_t bytes;
};

/* A hook's maps. */
struct kernel_side {
	enum translate_hook hook;
	int jump;
	int acct;
};

void kernel_side_open(struct kernel_side *side, enum translate_hook hook);
void kernel_side_close(struct kernel_side *side);

/* For verdicts in SLOT_MATCH and SLOT_REJECT. */
struct translate_config kernel_side_config(const struct kernel_side *side);

/* What was missed, of all CPUs, since the last call. */
struct kernel_counts kernel_side_missed(const struct kernel_side *side);

/* A program of that hook, which the caller closes. Prints the verifier's words when refused. */
int kernel_filter_load_raw(enum translate_hook hook, const struct bpf_insn *insns, int count);

/* As kernel_filter_load_raw, or what translate_filter returned, below 0. */
int kernel_filter_load(const struct translate_config *config, const struct sock_filter *classic,
		       uint32_t count, const char **reason);

/* What the program returns for the frame. `mark` is the packet's at TC. */
uint32_t kernel_run(int program, const uint8_t *bytes, uint32_t len);
uint32_t kernel_run_marked(int program, const uint8_t *bytes, uint32_t len, uint32_t mark);

#endif
