/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flows that people look at, from flow events: at most TL_FLOWS_MAX. Ended ones
 * stay for 10 s, to be seen; when the table is full the smaller of them make room,
 * and flows that still find none are counted. Memory is touched as flows come. One
 * thread. Nothing logs.
 */
#ifndef TL_FLOWS_H
#define TL_FLOWS_H

#include "event.h"

enum {
	TL_FLOWS_MAX = 65536,
	TL_FLOWS_TOP_MAX = 128,
};

enum tl_flows_sort {
	TL_FLOWS_BY_BYTES,
	TL_FLOWS_BY_PACKETS,
	TL_FLOWS_BY_RATE, /* bytes a second; ended flows come last, by size */
};

struct tl_flow_row {
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

struct tl_flows;

/* What an event added to its flow. */
struct tl_flow_growth {
	uint64_t packets;
	uint64_t bytes;
};

/* `sort` says which of the ended flows are kept longest. 0 or -ENOMEM. */
int tl_flows_create(struct tl_flows **out, enum tl_flows_sort sort);
void tl_flows_destroy(struct tl_flows *flows);

/* `stream` is the caller's small index. */
struct tl_flow_growth tl_flows_update(struct tl_flows *flows, uint16_t stream,
				      const struct tl_flow_event *event, uint64_t now_ns);

/* Forgets flows that ended more than 10 s ago, or of which nothing was heard for 3 minutes. */
void tl_flows_expire(struct tl_flows *flows, uint64_t now_ns);

/* The biggest first; returns how many, at most `max` (<= TL_FLOWS_TOP_MAX). */
unsigned int tl_flows_top(const struct tl_flows *flows, enum tl_flows_sort sort,
			  const struct tl_flow_row **rows, unsigned int max);

uint64_t tl_flows_active(const struct tl_flows *flows);

/* All, with those that ended lately. */
uint64_t tl_flows_known(const struct tl_flows *flows);

/* Flow events of flows that found no room. */
uint64_t tl_flows_unseen(const struct tl_flows *flows);

#endif
