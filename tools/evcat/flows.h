/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flows --top knows of: at most FLOWS_MAX. Ended ones stay for 10 s, to be
 * seen; when the table is full the smaller of them make room, and flows that
 * still find none are counted. Nothing logs.
 */
#ifndef EVCAT_FLOWS_H
#define EVCAT_FLOWS_H

#include "event.h"
#include "evcat.h"

enum {
	FLOWS_MAX = 65536,
	FLOWS_TOP_MAX = 128,
};

struct flow_row {
	uint64_t packets;
	uint64_t bytes;
	double packet_rate; /* a second, between the last two events of the flow */
	double byte_rate;
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t seen_at_ns;  /* monotonic */
	uint64_t ended_at_ns; /* 0 = active */
	uint64_t id;
	struct tl_flow_key key;
	uint32_t next;
	uint16_t stream;
	uint8_t reason; /* enum tl_end_reason */
	bool kept;
};

struct flows;

/* What an event added to its flow. */
struct flow_growth {
	uint64_t packets;
	uint64_t bytes;
};

int flows_create(struct flows **out, enum evcat_sort sort);
void flows_destroy(struct flows *flows);

/* `stream` is the caller's small index. */
struct flow_growth flows_update(struct flows *flows, uint16_t stream,
				const struct tl_flow_event *event, uint64_t now_ns);

/* Forgets flows that ended more than 10 s ago, or of which nothing was heard for 3 minutes. */
void flows_expire(struct flows *flows, uint64_t now_ns);

/* The biggest first; returns how many, at most `max` (<= FLOWS_TOP_MAX). */
unsigned int flows_top(const struct flows *flows, const struct flow_row **rows, unsigned int max);

uint64_t flows_active(const struct flows *flows);

/* Flow events of flows that found no room. */
uint64_t flows_unseen(const struct flows *flows);

#endif
