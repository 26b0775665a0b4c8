/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of the flow table: flowtab.c decides about flows, flowtab_index.c
 * finds them, flowtab_order.c keeps the order in which they are evicted and
 * looked at. What every packet runs through is inline.
 */
#ifndef TL_FLOWTAB_PRIVATE_H
#define TL_FLOWTAB_PRIVATE_H

#include <string.h>

#include "flowtab.h"

enum {
	FLOWTAB_NONE = 0,	 /* entries are numbered from 1 */
	FLOWTAB_TICK_SHIFT = 27, /* 134 ms: how late a timer may be */
	FLOWTAB_SLOTS = 1024,	 /* 137 s ahead; what is due later is looked at again then */
};

/* What a packet touches: two cache lines. */
struct hot {
	struct tl_flow flow;
	uint64_t update_at;  /* packets at which the next flow_update is due */
	uint64_t updated_ns; /* start of the active period */
};

_Static_assert(sizeof(struct hot) == 128, "a flow is two cache lines");

/* What only timers and eviction touch. */
struct cold {
	uint32_t next, prev;   /* in the wheel slot; next also in the free list */
	uint32_t newer, older; /* in order of being queued for eviction */
	uint32_t slot;
	uint32_t queued_s;
};

/* Open addressing with linear probing; the low bits of the tag are its home. */
struct bucket {
	uint32_t tag; /* flowtab_tag */
	uint32_t entry;
};

struct tl_flowtab {
	struct tl_flowtab_config config;
	struct tl_flowtab_counts counts;
	uint64_t now_ns;
	uint64_t tick;
	struct bucket *buckets;
	uint32_t bucket_mask;
	uint64_t secret; /* odd */
	struct hot *hot;
	struct cold *cold;
	uint32_t used; /* entries ever handed out */
	uint32_t free; /* list */
	uint32_t oldest, newest;
	uint32_t wheel[FLOWTAB_SLOTS];
};

/*
 * Anybody can compute ids, and so send flows that would all share one home:
 * 3,000 of them cost 20 us a packet. With a secret factor nobody knows where
 * a flow lives.
 */
static inline uint32_t flowtab_tag(const struct tl_flowtab *tab, uint64_t id)
{
	return (uint32_t)((id * tab->secret) >> 32);
}

static inline bool same_key(const struct tl_flow_key *a, const struct tl_flow_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline uint32_t flowtab_find(const struct tl_flowtab *tab, const struct tl_flow_key *key,
				    uint64_t id)
{
	uint32_t tag = flowtab_tag(tab, id);
	uint32_t at = tag & tab->bucket_mask;

	for (; tab->buckets[at].entry != FLOWTAB_NONE; at = (at + 1) & tab->bucket_mask) {
		const struct bucket *b = &tab->buckets[at];
		if (b->tag == tag && same_key(&tab->hot[b->entry].flow.key, key)) {
			return b->entry;
		}
	}
	return FLOWTAB_NONE;
}

/* After so long without a packet the flow ends. */
static inline uint64_t flowtab_quiet_limit(const struct tl_flowtab *tab, const struct tl_flow *flow)
{
	return flow->closing ? tab->config.linger_ns : tab->config.idle_ns;
}

/* An entry into the index, or out of it; its flow is filled in. */
void tl_flowtab_index(struct tl_flowtab *tab, uint32_t entry);
void tl_flowtab_unindex(struct tl_flowtab *tab, uint32_t entry);

/* As the last to be evicted; out of that order. */
void tl_flowtab_queue(struct tl_flowtab *tab, uint32_t entry);
void tl_flowtab_unqueue(struct tl_flowtab *tab, uint32_t entry);

/* Into the slot of the wheel that its times call for; out of the one it is in. */
void tl_flowtab_schedule(struct tl_flowtab *tab, uint32_t entry);
void tl_flowtab_unschedule(struct tl_flowtab *tab, uint32_t entry);

#endif
