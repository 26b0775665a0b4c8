/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the input into the store: receives, validates, keeps an expectation of
 * each stream, puts what is new into the store and commits it. Logs malformed
 * batches, rate-limited. One thread.
 */
#ifndef SHIPPER_INLET_H
#define SHIPPER_INLET_H

#include "acks.h"
#include "lane.h"
#include "store.h"

struct inlet;

struct inlet_config {
	struct tl_hop_in *in;
	struct store *store;
	struct tl_intake *intake;
	struct acks *acks; /* 0: nobody hears them, so nothing comes twice */
	struct lane *const *lanes;
	unsigned int lane_count;
};

int inlet_create(struct inlet **out, const struct inlet_config *config);
/* A message that found no room is freed; it is counted by inlet_counts until then. */
void inlet_destroy(struct inlet *inlet);

/*
 * One round: what there is, up to a bound, then a commit. Waits at most that long for the first,
 * or for room. 1 go on; 0 the input is at its end, or silent while the service stops, and all of
 * it is in the store; -errno.
 */
int inlet_step(struct inlet *inlet, uint64_t timeout_ns);

/* The last commit: nothing more is read. A message that still finds no room is given up. 0 or
 * -errno. */
int inlet_finish(struct inlet *inlet);

struct inlet_counts {
	uint64_t batches;
	uint64_t events;
	uint64_t malformed;	   /* batches */
	uint64_t malformed_events; /* of them, declared lost */
	uint64_t unreadable;	   /* no head: nothing to be declared */
	uint64_t held_events;	   /* read, and without room */
	uint64_t full;		   /* times that the store was full */
};

struct inlet_counts inlet_counts(const struct inlet *inlet);

#endif
