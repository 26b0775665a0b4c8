/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random frames: 12 kinds (IPv4, IPv6, tags, fragments, no IP, malformed) of
 * 25,000 pairs of addresses each, half of the frames of the first 8 pairs. The
 * seed repeats them. For one thread; nothing logs or asserts.
 */
#ifndef TL_TEST_TRAFFIC_H
#define TL_TEST_TRAFFIC_H

#include <stdint.h>

#include "../golden/packets.h"
#include "flow_side.h"

enum {
	TRAFFIC_KINDS = 12,
	TRAFFIC_PAIRS = 25000,
};

struct traffic {
	uint64_t state;
	struct packet packets[TRAFFIC_KINDS];
	struct given frame;
};

void traffic_begin(struct traffic *traffic, uint64_t seed);

uint64_t traffic_random(struct traffic *traffic);

/* The next frame for `hook`; at tc, some are merged. Valid until the next call. */
const struct given *traffic_next(struct traffic *traffic, enum kernel_hook hook);

/* The same, but number `flow` of a scan: one source, TCP SYN, many destinations. */
const struct given *traffic_scan(struct traffic *traffic, uint32_t flow);

#endif
