/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random filters: in libpcap's language, and as classic programs with opcodes
 * that libpcap's compiler never emits. Drawn from random(3), so srandom(3)
 * repeats them. Nothing logs.
 */
#ifndef TL_TEST_RANDOM_FILTER_H
#define TL_TEST_RANDOM_FILTER_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RANDOM_TEXT_MAX = 4096,
	RANDOM_CLASSIC_MAX = 48,
};

/* 0 to below - 1. */
uint32_t random_below(uint32_t below);

/* Not every text compiles: some contradict themselves. */
void random_filter_text(char text[RANDOM_TEXT_MAX]);

/*
 * A valid program; returns its length. Most loads lie within `span` bytes. M[]
 * may be read before it is written.
 */
uint32_t random_filter_classic(struct sock_filter insns[RANDOM_CLASSIC_MAX], uint32_t span);

#endif
