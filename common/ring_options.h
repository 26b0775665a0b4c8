/* SPDX-License-Identifier: BSD-2-Clause */
/* What the AF_PACKET daemons have in options beyond those of every capture daemon. */
#ifndef TL_RING_OPTIONS_H
#define TL_RING_OPTIONS_H

#include "capd_options.h"
#include "feature_options.h"

struct tl_ring_options {
	struct tl_capd_options capd;
	uint64_t threads; /* rings an interface */
	uint64_t snaplen; /* 0 = by mode */
	uint64_t payload;
	uint64_t ring_size;
	uint64_t block_size;
	bool raw;
	bool include_own;
	struct tl_feature_options features;
};

extern const struct tl_opt tl_ring_opts[];

void tl_ring_options_set_defaults(struct tl_capd_options *options);
int tl_ring_options_check(struct tl_capd_options *options);

/* What follows from them. */
uint32_t tl_ring_options_snaplen(const struct tl_ring_options *options);
/* The same of a packet whose headers may be long: as far as the parser follows them. */
uint32_t tl_ring_options_long_snaplen(const struct tl_ring_options *options);

#endif
