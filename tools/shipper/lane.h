/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread for each sink: it takes parcels from the store, sends them, and does
 * what the answers say: frees, waits and tries again, cuts in two, rejects. A
 * sink that is down or slow holds up nobody else. Logs when its sink goes down,
 * when it is back, and what it rejects.
 */
#ifndef SHIPPER_LANE_H
#define SHIPPER_LANE_H

#include "acks.h"
#include "sink.h"
#include "store.h"

struct lane;

struct lane_config {
	struct store *store;
	unsigned int index; /* of the sink in the store */
	struct sink *sink;  /* the lane's from now on, also when lane_open fails */
	struct sink_config sink_config;
	struct acks *acks;  /* told when something was delivered; may be 0 */
	uint64_t rate;	    /* bytes a second, 0 = no limit */
	unsigned int tries; /* of a batch that is refused */
	uint64_t retry_max_ns;
};

/* 0 or -errno. */
int lane_open(struct lane **out, const struct lane_config *config);

/* What a lane is to do; it only ever gets less. */
enum lane_mode {
	LANE_RUN,
	LANE_FINISH, /* what is with the sink: nothing new is sent */
	LANE_STOP,   /* now */
};

void lane_set_mode(struct lane *lane, enum lane_mode mode);

/* There is something new in the store. From any thread. */
void lane_wake(struct lane *lane);

/* SIGHUP: passed on to the sink. */
void lane_hangup(struct lane *lane);

/* True when its thread has ended: nothing was with the sink any more, or it is gone. */
bool lane_ended(const struct lane *lane);

/* Stops it, waits for it; what was not delivered is the store's again. */
void lane_close(struct lane *lane);

struct lane_counts {
	uint64_t batches; /* delivered, parts too */
	uint64_t events;
	uint64_t bytes;
	uint64_t sent; /* tries */
	uint64_t retries;
	uint64_t refused; /* tries that the sink refused */
	uint64_t forbidden;
	uint64_t splits;
	uint64_t rejected_events;
	uint64_t down_since_ns; /* realtime; 0 = it is up */
	bool gone;		/* nobody reads it any more */
	char reason[SINK_REASON_LEN];
};

struct lane_counts lane_counts(struct lane *lane);

/* The URL. */
const char *lane_name(const struct lane *lane);

#endif
