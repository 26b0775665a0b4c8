/* SPDX-License-Identifier: BSD-2-Clause */
/* Between lane.c, which sends, and lane_answer.c, which does what is answered. */
#ifndef SHIPPER_LANE_PRIVATE_H
#define SHIPPER_LANE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "bucket.h"
#include "health.h"
#include "lane.h"
#include "load.h"

struct lane {
	struct lane_config config;
	pthread_t thread;
	pthread_mutex_t lock; /* counts, `changed`, and that the sink is there to be woken */
	pthread_cond_t changed;
	struct lane_counts counts;
	atomic_uint mode;
	atomic_uint hangups;
	atomic_bool in_wait; /* of the sink: lane_wake then wakes that */
	atomic_bool ended;
	bool closed;
	/* the thread's own */
	struct tl_wire_reader *reader;
	struct loads loads;
	unsigned int flying;
	unsigned int hangups_done;
	struct health health;
	struct backoff refused;
	struct bucket bucket;
	struct tl_log_limit reject_limit;
	bool gone;
};

/* Does what the sink answered. */
void lane_settle(struct lane *lane, struct sink_answer *answer);

void lane_count(struct lane *lane, uint64_t *what, uint64_t more);

#endif
