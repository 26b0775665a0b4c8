/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a sink takes what it is given, when it is to be tried again, and what
 * people are told of that: one line when it goes down, one when it is back, an
 * alarm each minute while it refuses our credentials. One thread, its lane's.
 */
#ifndef SHIPPER_HEALTH_H
#define SHIPPER_HEALTH_H

#include "backoff.h"
#include "filemark.h"
#include "log.h"
#include "sink.h"

enum { HEALTH_FILES = 4 };

struct health {
	const char *name;
	struct backoff retry;
	struct backoff forbidden;
	uint64_t paused_until_ns; /* monotonic; 0 = may be sent to */
	uint64_t down_since_ns;	  /* monotonic; 0 = up */
	uint64_t down_since_wall_ns;
	bool answered;	   /* in this run */
	bool told;	   /* people know that it is down */
	uint64_t alarm_ns; /* of the last alarm; 0 = not forbidden */
	char reason[SINK_REASON_LEN];
	const char *files[HEALTH_FILES]; /* with credentials */
	struct filemark marks[HEALTH_FILES];
	struct tl_log_limit limit;
};

void health_init(struct health *h, const struct sink_config *config, uint64_t retry_max_ns,
		 uint64_t seed);

/* 0 = the sink may be sent to, else how long to wait at most before asking again. */
uint64_t health_wait_ns(struct health *h, uint64_t now_ns);

/* Before something is sent: the files with credentials are as they are now. */
void health_note_files(struct health *h);

/* The sink answered. True when what people should know has changed (health_text). */
bool health_up(struct health *h, uint64_t now_ns, uint64_t waiting_batches);
bool health_down(struct health *h, const struct sink_answer *answer, uint64_t now_ns);

/* "ok", or since when it is down and why; for store_note. */
enum { HEALTH_TEXT_LEN = SINK_REASON_LEN + 64 };
void health_text(const struct health *h, char text[HEALTH_TEXT_LEN]);

#endif
