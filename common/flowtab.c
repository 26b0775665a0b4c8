/* SPDX-License-Identifier: BSD-2-Clause */
#include "flowtab.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "clock.h"
#include "flowtab_private.h"

enum {
	SECOND_CHANCES = 8, /* flows an eviction may spare, which bounds its cost */
	TCP_FIN = 0x01,
	TCP_RST = 0x04,
	MAX_FLOWS = 1 << 24,
};

struct tl_flowtab_config tl_flowtab_defaults(void)
{
	return (struct tl_flowtab_config){
		.max_flows = 262144,
		.every = 1024,
		.idle_ns = 15 * TL_SECOND_NS,
		.active_ns = 60 * TL_SECOND_NS,
		.linger_ns = 2 * TL_SECOND_NS,
	};
}

/* --- memory --------------------------------------------------------------- */

static void *map(size_t bytes)
{
	void *p = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		return 0;
	}
	madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

static void unmap(void *p, size_t bytes)
{
	if (p) {
		munmap(p, bytes);
	}
}

static size_t entries(const struct tl_flowtab *tab)
{
	return (size_t)tab->config.max_flows + 1;
}

int tl_flowtab_create(struct tl_flowtab **out, const struct tl_flowtab_config *config)
{
	if (config->max_flows == 0 || config->max_flows > MAX_FLOWS || !config->emit) {
		return -EINVAL;
	}
	struct tl_flowtab *tab = calloc(1, sizeof(*tab));
	if (!tab) {
		return -ENOMEM;
	}
	uint32_t buckets = 2;
	while (buckets < 2 * config->max_flows) {
		buckets *= 2;
	}
	if (getrandom(&tab->secret, sizeof(tab->secret), 0) != sizeof(tab->secret)) {
		free(tab);
		return -EIO;
	}
	tab->secret |= 1;
	tab->config = *config;
	tab->bucket_mask = buckets - 1;
	tab->buckets = map((size_t)buckets * sizeof(struct bucket));
	tab->hot = map(entries(tab) * sizeof(struct hot));
	tab->cold = map(entries(tab) * sizeof(struct cold));
	if (!tab->buckets || !tab->hot || !tab->cold) {
		tl_flowtab_destroy(tab);
		return -ENOMEM;
	}
	*out = tab;
	return 0;
}

void tl_flowtab_destroy(struct tl_flowtab *tab)
{
	if (!tab) {
		return;
	}
	unmap(tab->buckets, ((size_t)tab->bucket_mask + 1) * sizeof(struct bucket));
	unmap(tab->hot, entries(tab) * sizeof(struct hot));
	unmap(tab->cold, entries(tab) * sizeof(struct cold));
	free(tab);
}

/* --- flows ---------------------------------------------------------------- */

/* A flow that was merged or announced may be ahead of table time. */
static void emit(struct tl_flowtab *tab, enum tl_flow_kind kind, uint32_t entry,
		 enum tl_end_reason reason)
{
	const struct tl_flow *flow = &tab->hot[entry].flow;
	uint64_t now_ns = flow->end_ns > tab->now_ns ? flow->end_ns : tab->now_ns;

	tab->config.emit(tab->config.ctx, kind, flow, reason, now_ns);
}

static void end_flow(struct tl_flowtab *tab, uint32_t entry, enum tl_end_reason reason)
{
	emit(tab, TL_FLOW_END, entry, reason);
	tab->counts.ended++;
	tab->counts.active--;
	tl_flowtab_unindex(tab, entry);
	tl_flowtab_unschedule(tab, entry);
	tl_flowtab_unqueue(tab, entry);
	tab->cold[entry].next = tab->free;
	tab->free = entry;
}

static enum tl_end_reason quiet_reason(const struct tl_flow *flow)
{
	return flow->closing ? (enum tl_end_reason)flow->closing : TL_END_IDLE;
}

/* The one longest without a packet, or near it: flows seen since they were queued are spared. */
static void evict(struct tl_flowtab *tab)
{
	for (int i = 0; i < SECOND_CHANCES; i++) {
		uint32_t entry = tab->oldest;
		if (tab->hot[entry].flow.end_ns / TL_SECOND_NS <= tab->cold[entry].queued_s) {
			break;
		}
		tl_flowtab_unqueue(tab, entry);
		tl_flowtab_queue(tab, entry);
	}
	tab->counts.evicted++;
	end_flow(tab, tab->oldest, TL_END_EVICTED);
}

static uint32_t take_entry(struct tl_flowtab *tab)
{
	if (tab->free == FLOWTAB_NONE && tab->used == tab->config.max_flows) {
		evict(tab);
	}
	if (tab->free != FLOWTAB_NONE) {
		uint32_t entry = tab->free;
		tab->free = tab->cold[entry].next;
		return entry;
	}
	return ++tab->used;
}

static uint8_t closing_of(const struct tl_flow_delta *d, uint8_t before)
{
	if (d->tcp_flags & TCP_RST) {
		return TL_END_RST;
	}
	return before == 0 && d->tcp_flags & TCP_FIN ? TL_END_FIN : before;
}

static uint64_t next_update(const struct tl_flowtab *tab, uint64_t packets)
{
	uint32_t every = tab->config.every;
	return every ? (packets / every + 1) * every : UINT64_MAX;
}

static uint32_t start_flow(struct tl_flowtab *tab, const struct tl_flow_key *key, uint64_t id,
			   const struct tl_flow_delta *d)
{
	uint32_t entry = take_entry(tab);

	tab->hot[entry] = (struct hot){
		.flow =
			{
				.key = *key,
				.id = id,
				.packets = d->packets,
				.bytes = d->bytes,
				.ip_bytes = d->ip_bytes,
				.skbs = d->skbs,
				.start_ns = d->first_ns,
				.end_ns = d->last_ns,
				.min_len = d->min_len,
				.max_len = d->max_len,
				.ttl = d->ttl,
				.tos = d->tos,
				.tcp_flags = d->tcp_flags,
				.closing = key->proto == 6 ? closing_of(d, 0) : 0,
			},
		.update_at = next_update(tab, d->packets),
		.updated_ns = d->last_ns > tab->now_ns ? d->last_ns : tab->now_ns,
	};
	tl_flowtab_index(tab, entry);
	tl_flowtab_schedule(tab, entry);
	tl_flowtab_queue(tab, entry);
	tab->counts.started++;
	tab->counts.active++;
	emit(tab, TL_FLOW_START, entry, TL_END_NONE);
	return entry;
}

static void close_flow(struct tl_flowtab *tab, uint32_t entry, const struct tl_flow_delta *d)
{
	struct tl_flow *flow = &tab->hot[entry].flow;
	uint8_t before = flow->closing;

	flow->closing = closing_of(d, before);
	if (before == 0 && flow->closing != 0) {
		tl_flowtab_unschedule(tab, entry);
		tl_flowtab_schedule(tab, entry);
	}
}

static inline void merge(struct tl_flow *flow, const struct tl_flow_delta *d)
{
	flow->packets += d->packets;
	flow->bytes += d->bytes;
	flow->ip_bytes += d->ip_bytes;
	flow->skbs += d->skbs;
	flow->tcp_flags |= d->tcp_flags;
	if (d->first_ns < flow->start_ns) {
		flow->start_ns = d->first_ns;
	}
	if (d->last_ns > flow->end_ns) {
		flow->end_ns = d->last_ns;
	}
	if (d->min_len < flow->min_len) {
		flow->min_len = d->min_len;
	}
	if (d->max_len > flow->max_len) {
		flow->max_len = d->max_len;
	}
}

/* Apart from the packets that are none: those keep nothing in registers for it. */
static __attribute__((noinline)) uint32_t note_news(struct tl_flowtab *tab, uint32_t entry,
						    const struct tl_flow_delta *d)
{
	struct hot *h = &tab->hot[entry];

	if (h->flow.key.proto == 6 && d->tcp_flags & (TCP_FIN | TCP_RST)) {
		close_flow(tab, entry, d);
	}
	if (h->flow.packets >= h->update_at) {
		h->update_at = next_update(tab, h->flow.packets);
		emit(tab, TL_FLOW_UPDATE, entry, TL_END_NONE);
	}
	return entry;
}

uint32_t tl_flowtab_merge(struct tl_flowtab *tab, const struct tl_flow_key *key, uint64_t id,
			  const struct tl_flow_delta *d)
{
	uint32_t entry = flowtab_find(tab, key, id);
	if (entry != FLOWTAB_NONE) {
		/* Quiet for too long, though the wheel has not come round to it: exact to the
		 * packet. */
		const struct tl_flow *flow = &tab->hot[entry].flow;
		if (d->first_ns > flow->end_ns + flowtab_quiet_limit(tab, flow)) {
			end_flow(tab, entry, quiet_reason(flow));
			entry = FLOWTAB_NONE;
		}
	}
	if (entry == FLOWTAB_NONE) {
		return start_flow(tab, key, id, d);
	}
	struct hot *h = &tab->hot[entry];
	merge(&h->flow, d);
	if (h->flow.packets >= h->update_at || d->tcp_flags & (TCP_FIN | TCP_RST)) {
		return note_news(tab, entry, d);
	}
	return entry;
}

uint32_t tl_flowtab_add(struct tl_flowtab *tab, const struct tl_flow_key *key, uint64_t id,
			const struct tl_flow_delta *d)
{
	tl_flowtab_advance(tab, d->last_ns);
	return tl_flowtab_merge(tab, key, id, d);
}

void tl_flowtab_announce(struct tl_flowtab *tab, const struct tl_flow_key *key, uint64_t id,
			 const struct tl_flow_delta *first)
{
	if (flowtab_find(tab, key, id) == FLOWTAB_NONE) {
		start_flow(tab, key, id, first);
	}
}

/* --- time ----------------------------------------------------------------- */

static void look_at(struct tl_flowtab *tab, uint32_t entry)
{
	struct hot *h = &tab->hot[entry];
	uint64_t active = tab->config.active_ns;

	if (tab->now_ns > h->flow.end_ns + flowtab_quiet_limit(tab, &h->flow)) {
		end_flow(tab, entry, quiet_reason(&h->flow));
		return;
	}
	if (active != 0 && tab->now_ns >= h->updated_ns + active) {
		h->updated_ns = tab->now_ns;
		emit(tab, TL_FLOW_UPDATE, entry, TL_END_NONE);
	}
	tl_flowtab_unschedule(tab, entry);
	tl_flowtab_schedule(tab, entry);
}

static void turn_wheel(struct tl_flowtab *tab, uint64_t tick)
{
	uint64_t from = tab->tick;

	/* Rescheduling is relative to the new time, or a jump would be gone through tick by tick.
	 */
	tab->tick = tick;
	if (tick - from > FLOWTAB_SLOTS) {
		from = tick - FLOWTAB_SLOTS;
	}
	for (uint64_t t = from + 1; t <= tick && tab->counts.active > 0; t++) {
		uint32_t entry = tab->wheel[t % FLOWTAB_SLOTS];
		while (entry != FLOWTAB_NONE) {
			uint32_t next = tab->cold[entry].next;
			look_at(tab, entry);
			entry = next;
		}
	}
}

void tl_flowtab_advance(struct tl_flowtab *tab, uint64_t now_ns)
{
	if (now_ns <= tab->now_ns) {
		return;
	}
	tab->now_ns = now_ns;
	uint64_t tick = now_ns >> FLOWTAB_TICK_SHIFT;
	if (tick != tab->tick) {
		turn_wheel(tab, tick);
	}
}

void tl_flowtab_end_all(struct tl_flowtab *tab, enum tl_end_reason reason)
{
	while (tab->oldest != FLOWTAB_NONE) {
		uint32_t entry = tab->oldest;
		const struct tl_flow *flow = &tab->hot[entry].flow;
		end_flow(tab, entry, flow->closing ? quiet_reason(flow) : reason);
	}
}

struct tl_flowtab_counts tl_flowtab_counts(const struct tl_flowtab *tab)
{
	return tab->counts;
}
