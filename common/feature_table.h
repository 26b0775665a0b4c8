/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The feature states of flows: a side table beside the flow table. A flow is
 * young until `packets` packets or `window_ns` have passed, and looked into;
 * then its features are emitted. Unless `once`, it keeps its state, in which
 * packets are only counted, and its features are emitted again when it ends, if
 * packets came since. A flow of the flow table is known by its entry number
 * there, so the look-up is one load; with `once`, none at all for a flow that
 * tl_feature_is_past says is past it.
 *
 * When every state is in use, the one that was told of longest ago is taken, of
 * the young the oldest: what it has to tell is emitted early. Memory is bounded
 * when the table is made. A table belongs to one thread; the callback must not
 * call back into it. Nothing logs.
 */
#ifndef TL_FEATURE_TABLE_H
#define TL_FEATURE_TABLE_H

#include "feature.h"

/* `f` is closed and valid during the call; `flow` is its key and id as they were at the start. */
typedef void tl_feature_emit(void *ctx, const struct tl_feature *f,
			     const struct tl_feature_pool *pool, const struct tl_flow_key *key,
			     uint64_t flow_id, uint64_t now_ns);

struct tl_feature_table_config {
	uint32_t max_flows; /* entries of the flow table are 1..max_flows */
	uint32_t states;    /* flows that have one at one time */
	uint32_t buffers;   /* of them with a hello in pieces */
	uint32_t packets;
	bool once;
	uint64_t window_ns;
	tl_feature_emit *emit;
	void *ctx;
};

enum {
	TL_FEATURE_PACKETS_MAX = 1000,
	TL_FEATURE_PACKETS = 16,   /* the default */
	TL_FEATURE_STATES = 65536, /* the default */
	TL_FEATURE_STATES_MAX = 1 << 20,
	TL_FEATURE_STATE_BYTES = 1728, /* memory of a flow, touched when there are so many */
};

/* The defaults, with 262,144 flows, 512 buffers and 2 s: at most 114 MiB. */
struct tl_feature_table_config tl_feature_table_defaults(void);

struct tl_feature_table_counts {
	uint64_t opened;
	uint64_t emitted;
	uint64_t early; /* flows that lost their state to a newer one */
	uint64_t active;
	uint64_t out_of_order; /* TCP packets of young flows */
	struct tl_feature_counts decoders;
};

struct tl_feature_table;

/* 0, -EINVAL, -ENOMEM. Pages are touched only as flows need them. */
int tl_feature_table_create(struct tl_feature_table **out,
			    const struct tl_feature_table_config *config);
/* Emits nothing. */
void tl_feature_table_destroy(struct tl_feature_table *table);

/* Opens a state: the flow table began this flow. An entry's former state must have ended. */
void tl_feature_table_start(struct tl_feature_table *table, uint32_t entry,
			    const struct tl_flow_key *key, uint64_t flow_id, uint64_t now_ns);

/*
 * Adds a packet of a flow; does nothing when it has no state any more.
 * `reverse` is the entry of the other direction, or 0 (tl_feature_wants_reverse).
 */
void tl_feature_table_add(struct tl_feature_table *table, uint32_t entry,
			  const struct tl_feature_packet *packet, uint32_t reverse);

/* The flow ended: what is known of it is emitted, unless all of it was before. */
void tl_feature_table_end(struct tl_feature_table *table, uint32_t entry, uint64_t now_ns);

/* Emits the young whose window has passed. */
void tl_feature_table_advance(struct tl_feature_table *table, uint64_t now_ns);

/*
 * With `once`, from what is in the cache anyway, when `added` packets were merged
 * into the flow: true when tl_feature_table_add would do nothing, and so no look-up
 * is needed. (A state whose window passed is emitted by tl_feature_table_advance.)
 */
static inline bool tl_feature_is_past(const struct tl_flow *flow, uint64_t added, uint32_t packets,
				      uint64_t window_ns)
{
	return flow->packets - added >= packets || flow->end_ns - flow->start_ns > window_ns;
}

struct tl_feature_table_counts tl_feature_table_counts(const struct tl_feature_table *table);
/* Adds b to a. */
void tl_feature_table_counts_add(struct tl_feature_table_counts *a,
				 const struct tl_feature_table_counts *b);

#endif
