/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long to wait before the next try: exponential with full jitter, so that
 * many shippers that lost the same server do not come back at the same moment.
 * Pure: the caller gives the seed.
 */
#ifndef SHIPPER_BACKOFF_H
#define SHIPPER_BACKOFF_H

#include <stdint.h>

struct backoff {
	uint64_t base_ns; /* the least; > 0 */
	uint64_t max_ns;  /* the most a try waits by itself */
	unsigned int tries;
	uint64_t seed;
};

/* base and max may come in any order of size: max is the limit. */
void backoff_init(struct backoff *b, uint64_t base_ns, uint64_t max_ns, uint64_t seed);

/*
 * The next wait: between base and base x 2^tries or max, and not less than the
 * peer asked for (`at_least_ns`, of which up to an hour is believed).
 */
uint64_t backoff_next(struct backoff *b, uint64_t at_least_ns);

/* What the peer asked for, and a little more: everybody was told the same. 0 stays 0. */
uint64_t backoff_spread(struct backoff *b, uint64_t asked_ns);

/* After a success. */
void backoff_reset(struct backoff *b);

#endif
