/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow programs in the kernel (tools/xdp-flowd/kernel.h) for one thread's
 * tests: a frame given to a hook, what must come of it, and what came of it.
 * flow_run and flow_expect assert nothing and may be called by any thread.
 */
#ifndef TL_TEST_FLOW_SIDE_H
#define TL_TEST_FLOW_SIDE_H

#include <stdint.h>

#include "../../bpf/segments.h"
#include "../../tools/xdp-flowd/kernel.h"

enum {
	FLOW_TAKEN_MAX = 2048,
	FLOW_IFINDEX = 7,
	FLOW_ENTRIES = 64,
	COARSE_ENTRIES = 16,
	XDP_FRAME_MIN = 14, /* the kernel refuses shorter test frames */
	TC_FRAME_MIN = 15,
	LINEAR_MAX =
		3400, /* and those over a page less head and tail room, but at XDP with frags */
};

/* A frame as a hook gets it. */
struct given {
	const uint8_t *bytes;
	uint32_t len;
	uint32_t linear;       /* bytes that the parser can see; 0 = all */
	uint32_t gso_size;     /* tc only; 0 = not merged */
	uint32_t gso_segments; /* 0 = unknown */
	uint16_t tci;	       /* of a tag beside the frame; 0 = none */
};

struct flow_side {
	struct kernel *kernel;
	struct tl_books before[2]; /* by parity */
};

/* What one epoch counted. */
struct taken {
	struct tl_books books;
	uint32_t count[2]; /* by enum kernel_map */
	struct tl_flow_key keys[2][FLOW_TAKEN_MAX];
	struct tl_flow_value values[2][FLOW_TAKEN_MAX];
};

/* Every hook; maps of 64 and 16 entries, unless `options` says otherwise. */
void flow_side_open(struct flow_side *side, struct kernel_options options);
void flow_side_close(struct flow_side *side);

/* Turns and takes, without waiting: nothing runs but what this thread runs. */
void flow_side_take(struct flow_side *side, struct taken *taken);

/* What the program returns; INT32_MIN: it did not run. */
int32_t flow_run(int program, const struct given *frame);

/* What user space makes of it. The key gets `hook`'s direction and FLOW_IFINDEX. */
void flow_expect(const struct given *frame, enum kernel_hook hook, struct tl_packet *pkt,
		 struct tl_segments *segments);

#endif
