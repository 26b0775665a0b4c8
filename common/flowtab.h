/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow table: merges packets (rings, files) or kernel deltas (XDP) into
 * flows and alone decides the flow events. Memory is bounded when it is
 * created; timers cost O(1) a packet (a wheel, rescheduled lazily).
 *
 * Rules (docs/design.md, "Flows"): flow_start with the first delta; one
 * flow_update whenever a merge crosses a multiple of `every` packets and at
 * each active timeout; flow_end when idle, `linger` after FIN or RST, when the
 * table is full (the one longest without a packet first, approximately), or
 * when told. Table time is the latest time seen; late packets count and never
 * move it back.
 *
 * A table belongs to one thread. Nothing logs; the callback runs inside
 * tl_flowtab_add, _advance and _end_all and must not call back into the table.
 */
#ifndef TL_FLOWTAB_H
#define TL_FLOWTAB_H

#include <stdbool.h>
#include <stdint.h>

#include "../bpf/flow.h"

enum tl_flow_kind {
	TL_FLOW_START,
	TL_FLOW_UPDATE,
	TL_FLOW_END,
};

enum tl_end_reason {
	TL_END_NONE,
	TL_END_FIN,
	TL_END_RST,
	TL_END_IDLE,
	TL_END_EVICTED,
	TL_END_SHUTDOWN,
	TL_END_EOF,
	TL_END_ENGINE_CHANGE,
	TL_END_COUNT,
};

/* What a flow amounts to so far. Times in ns since the epoch. */
struct tl_flow {
	struct tl_flow_key key;
	uint64_t id; /* tl_flow_id(&key) */
	uint64_t packets;
	uint64_t bytes; /* on the wire, without FCS */
	uint64_t ip_bytes;
	uint64_t skbs;
	uint64_t start_ns; /* earliest packet */
	uint64_t end_ns;   /* latest packet */
	uint16_t min_len;
	uint16_t max_len;
	uint8_t ttl; /* of the first packet */
	uint8_t tos;
	uint8_t tcp_flags; /* all seen */
	uint8_t closing;   /* TL_END_FIN or TL_END_RST once seen, else 0 */
};

/* What is added to a flow: one packet, or what the kernel counted in an epoch. */
struct tl_flow_delta {
	uint64_t packets;
	uint64_t bytes;
	uint64_t ip_bytes;
	uint64_t skbs;
	uint64_t first_ns;
	uint64_t last_ns;
	uint16_t min_len;
	uint16_t max_len;
	/* Not in the order of struct tl_packet: the compiler would copy two of these bytes with one
	 * load just after they were stored one by one, and the load would wait. */
	uint8_t ttl;
	uint8_t tcp_flags;
	uint8_t tos;
};

/* `flow` is valid during the call. `now_ns` is table time, or the flow's latest packet if later. */
typedef void tl_flowtab_emit(void *ctx, enum tl_flow_kind kind, const struct tl_flow *flow,
			     enum tl_end_reason reason, uint64_t now_ns);

struct tl_flowtab_config {
	uint32_t max_flows; /* 1..2^24 */
	uint32_t every;	    /* packets between flow_updates; 0 = none */
	uint64_t idle_ns;
	uint64_t active_ns; /* 0 = none */
	uint64_t linger_ns; /* after FIN or RST */
	tl_flowtab_emit *emit;
	void *ctx;
};

/* The defaults: 262,144 flows, 1,024 packets, 15 s, 60 s, 2 s. */
struct tl_flowtab_config tl_flowtab_defaults(void);

struct tl_flowtab_counts {
	uint64_t started;
	uint64_t ended;
	uint64_t evicted; /* of those */
	uint64_t active;  /* now */
};

struct tl_flowtab;

/* 0; -EINVAL, -ENOMEM, -EIO (no random numbers). Pages are touched only as flows need them. */
int tl_flowtab_create(struct tl_flowtab **out, const struct tl_flowtab_config *config);
/* Emits nothing; see tl_flowtab_end_all. */
void tl_flowtab_destroy(struct tl_flowtab *tab);

/* XXH3-64 over the key with ifindex, direction and pad 0: the flow_id, and the table's hash. */
uint64_t tl_flow_id(const struct tl_flow_key *key);

/*
 * Ask the CPU for what tl_flowtab_add of this id will touch: first the index,
 * and once that is there, the flow. Harmless at any time.
 */
void tl_flowtab_prefetch_index(const struct tl_flowtab *tab, uint64_t id);
void tl_flowtab_prefetch_flow(const struct tl_flowtab *tab, uint64_t id);

/*
 * Merges. `id` is tl_flow_id(key). Moves table time to delta->last_ns first.
 * Returns the flow's entry: a number from 1 to max_flows that is its own until
 * it ends, and then another's.
 */
uint32_t tl_flowtab_add(struct tl_flowtab *tab, const struct tl_flow_key *key, uint64_t id,
			const struct tl_flow_delta *delta);

/*
 * The same, but table time stands still: for deltas in no order of time, as
 * the kernel's maps give them. Once all of them are in, tl_flowtab_advance.
 */
uint32_t tl_flowtab_merge(struct tl_flowtab *tab, const struct tl_flow_key *key, uint64_t id,
			  const struct tl_flow_delta *delta);

/*
 * A flow is known to have begun, its counts will follow: it starts with 0
 * packets. A flow that the table has already is left alone.
 */
void tl_flowtab_announce(struct tl_flowtab *tab, const struct tl_flow_key *key, uint64_t id,
			 const struct tl_flow_delta *first);

/* The entry of a flow that is there now; 0: none. */
uint32_t tl_flowtab_find(const struct tl_flowtab *tab, const struct tl_flow_key *key, uint64_t id);
/* The flow of an entry that is in use; valid until the table's next packet or time. */
const struct tl_flow *tl_flowtab_flow(const struct tl_flowtab *tab, uint32_t entry);
/* The entry of a flow that the callback was given, or the function above gave. */
uint32_t tl_flowtab_entry(const struct tl_flowtab *tab, const struct tl_flow *flow);

/* Moves table time forward; ends and updates what is due. */
void tl_flowtab_advance(struct tl_flowtab *tab, uint64_t now_ns);

/* Ends every flow. */
void tl_flowtab_end_all(struct tl_flowtab *tab, enum tl_end_reason reason);

struct tl_flowtab_counts tl_flowtab_counts(const struct tl_flowtab *tab);

#endif
