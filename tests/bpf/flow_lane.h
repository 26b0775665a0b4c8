/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flow program in the kernel and, beside it, what user space makes of the
 * same frames: fragments are remembered on both sides. Whatever differs fails
 * the cmocka test in hand.
 */
#ifndef TL_TEST_FLOW_LANE_H
#define TL_TEST_FLOW_LANE_H

#include <stdint.h>

#include "../../common/fragtab.h"
#include "../golden/packets.h"
#include "flow_side.h"

enum { TICK_MAX_MS = 50 }; /* 10 at most, and a virtual CPU may be late for it */

/* Loading takes the verifier half a second: tests share these. */
struct both_sides {
	struct flow_side kernel;
	struct tl_fragtab *here;
};

void both_sides_open(struct both_sides *sides, struct kernel_options options);
void both_sides_close(struct both_sides *sides);

/* What a row goes through: a program, and user space beside it. */
struct lane {
	struct flow_side *side;
	struct tl_fragtab *fragments;
	enum kernel_hook hook;
	int program;
	uint16_t tci;
	uint32_t len_max;
	uint32_t run, left_out;
};

struct lane lane_of(struct both_sides *sides, enum kernel_hook hook);

/* Runs the frame; what it counted is in *taken, and is what user space makes of it. */
void lane_check(struct lane *lane, const struct given *frame, struct taken *taken);

/* One frame under that class, and nothing else. */
void assert_books(const struct tl_books *books, unsigned int expected, const struct tl_segments *s);

/* Fails where there is none. */
const struct golden_row *row_named(const char *name);

#endif
