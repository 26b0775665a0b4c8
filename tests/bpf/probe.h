/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether this process may load BPF programs, and what to say when it may not;
 * and how much of a long test to do.
 */
#ifndef TL_TEST_PROBE_H
#define TL_TEST_PROBE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../../common/exit.h"

/* What is missing, or 0. Found by trying: a map and a program of two instructions. */
static inline const char *probe_missing(void)
{
	const struct bpf_insn pass[] = {
		{.code = 0xb7, .imm = 2}, /* r0 = XDP_PASS */
		{.code = 0x95},		  /* exit */
	};
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tl_probe", 4, 4, 1, 0);
	if (map < 0) {
		return "this process may not create BPF maps (root or CAP_BPF)";
	}
	close(map);
	int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "tl_probe", "GPL", pass, 2, 0);
	if (program < 0) {
		return "this kernel or process may not load XDP programs (root, or CAP_BPF and "
		       "CAP_NET_ADMIN)";
	}
	close(program);
	return 0;
}

/* Prints why `test` does not run; the exit code for it, by TL_REQUIRE. */
static inline int probe_report_skip(const char *test, const char *reason)
{
	const char *required = getenv("TL_REQUIRE");
	bool strict = required && strcmp(required, "all") == 0;

	printf("%s %s: %s\n", strict ? "FAIL" : "SKIP", test, reason);
	return strict ? TL_EXIT_FAILED : TL_EXIT_OK;
}

/* True on a machine that is told to be slow: $TL_SCALE_DOWN, a divisor above 1. */
static inline bool probe_is_scaled(void)
{
	const char *divisor = getenv("TL_SCALE_DOWN");
	return divisor && strtoul(divisor, 0, 10) > 1;
}

/* How many of `count` to do there, at least `least`; elsewhere all. */
static inline unsigned int probe_scale(unsigned int count, unsigned int least)
{
	if (!probe_is_scaled()) {
		return count;
	}
	unsigned int some = (unsigned int)(count / strtoul(getenv("TL_SCALE_DOWN"), 0, 10));
	return some < least ? least : some;
}

#endif
