/* SPDX-License-Identifier: BSD-2-Clause */
#include "feature_table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "clock.h"

enum { NONE = 0, CACHE_LINE = 64, HOT_BYTES = 2 * CACHE_LINE }; /* states are numbered from 1 */

/* Young: in order of opening. Told: in order of that. */
enum queue_id { YOUNG, TOLD, QUEUES };

/* A packet of a flow that was told of touches two cache lines. */
struct state {
	_Alignas(CACHE_LINE) uint32_t entry;
	uint32_t older, newer; /* in its queue; newer also in the free list */
	enum queue_id queue;
	struct tl_feature f;
	uint64_t opened_ns;
	uint64_t told; /* packets */
	uint64_t flow_id;
	struct tl_flow_key key;
};

_Static_assert(sizeof(struct state) == TL_FEATURE_STATE_BYTES, "the memory bound of a flow");
_Static_assert(offsetof(struct state, f.syn_ns) == HOT_BYTES, "what tl_feature_count needs");

struct tl_feature_table {
	struct tl_feature_table_config config;
	struct tl_feature_table_counts counts;
	struct tl_feature_pool *pool;
	struct state *states;
	uint32_t *of_entry; /* the state of each flow */
	uint32_t used;	    /* states ever handed out */
	uint32_t free;
	struct {
		uint32_t oldest, newest;
	} queues[QUEUES];
};

struct tl_feature_table_config tl_feature_table_defaults(void)
{
	return (struct tl_feature_table_config){
		.max_flows = 262144,
		.states = TL_FEATURE_STATES,
		.buffers = 512,
		.packets = TL_FEATURE_PACKETS,
		.window_ns = 2 * TL_SECOND_NS,
	};
}

/* --- memory --------------------------------------------------------------------- */

static void *map(size_t bytes)
{
	void *p = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? 0 : p;
}

static void unmap(void *p, size_t bytes)
{
	if (p) {
		munmap(p, bytes);
	}
}

static size_t states_bytes(const struct tl_feature_table *t)
{
	return ((size_t)t->config.states + 1) * sizeof(struct state);
}

static size_t entries_bytes(const struct tl_feature_table *t)
{
	return ((size_t)t->config.max_flows + 1) * sizeof(uint32_t);
}

int tl_feature_table_create(struct tl_feature_table **out,
			    const struct tl_feature_table_config *config)
{
	if (config->states == 0 || config->states > TL_FEATURE_STATES_MAX || config->packets == 0 ||
	    !config->emit) {
		return -EINVAL;
	}
	struct tl_feature_table *t = calloc(1, sizeof(*t));
	if (!t) {
		return -ENOMEM;
	}
	t->config = *config;
	t->states = map(states_bytes(t));
	t->of_entry = map(entries_bytes(t));
	if (!t->states || !t->of_entry || tl_feature_pool_create(&t->pool, config->buffers) < 0) {
		tl_feature_table_destroy(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void tl_feature_table_destroy(struct tl_feature_table *t)
{
	if (!t) {
		return;
	}
	unmap(t->states, states_bytes(t));
	unmap(t->of_entry, entries_bytes(t));
	tl_feature_pool_destroy(t->pool);
	free(t);
}

/* --- queues --------------------------------------------------------------------- */

static void queue_newest(struct tl_feature_table *t, uint32_t at, enum queue_id id)
{
	struct state *s = &t->states[at];

	s->queue = id;
	s->newer = NONE;
	s->older = t->queues[id].newest;
	t->states[s->older].newer = at; /* of NONE: never read */
	t->queues[id].newest = at;
	if (t->queues[id].oldest == NONE) {
		t->queues[id].oldest = at;
	}
}

static void unqueue(struct tl_feature_table *t, uint32_t at)
{
	const struct state *s = &t->states[at];

	if (s->older != NONE) {
		t->states[s->older].newer = s->newer;
	} else {
		t->queues[s->queue].oldest = s->newer;
	}
	if (s->newer != NONE) {
		t->states[s->newer].older = s->older;
	} else {
		t->queues[s->queue].newest = s->older;
	}
}

/* --- flows ------------------------------------------------------------------------ */

/* Unless all was told before. A flow of which no packet came has nothing to tell. */
static void tell(struct tl_feature_table *t, uint32_t at, uint64_t now_ns)
{
	struct state *s = &t->states[at];

	if (s->queue == YOUNG) {
		tl_feature_close(&s->f, t->pool);
		t->counts.out_of_order += s->f.out_of_order;
	}
	if (s->f.size.count > s->told) {
		s->told = s->f.size.count;
		t->counts.emitted++;
		t->config.emit(t->config.ctx, &s->f, t->pool, &s->key, s->flow_id, now_ns);
	}
}

static void free_state(struct tl_feature_table *t, uint32_t at)
{
	struct state *s = &t->states[at];

	t->counts.active--;
	t->of_entry[s->entry] = NONE;
	unqueue(t, at);
	s->newer = t->free;
	t->free = at;
}

static void grow_up(struct tl_feature_table *t, uint32_t at, uint64_t now_ns)
{
	tell(t, at, now_ns);
	if (t->config.once) {
		free_state(t, at);
		return;
	}
	unqueue(t, at);
	queue_newest(t, at, TOLD);
}

static void take_from_another(struct tl_feature_table *t, uint64_t now_ns)
{
	uint32_t at =
		t->queues[TOLD].oldest != NONE ? t->queues[TOLD].oldest : t->queues[YOUNG].oldest;

	t->counts.early++;
	tell(t, at, now_ns);
	free_state(t, at);
}

static uint32_t take_state(struct tl_feature_table *t, uint64_t now_ns)
{
	if (t->free == NONE && t->used == t->config.states) {
		take_from_another(t, now_ns);
	}
	if (t->free != NONE) {
		uint32_t at = t->free;
		t->free = t->states[at].newer;
		return at;
	}
	return ++t->used;
}

void tl_feature_table_start(struct tl_feature_table *t, uint32_t entry,
			    const struct tl_flow_key *key, uint64_t flow_id, uint64_t now_ns)
{
	uint32_t at = take_state(t, now_ns);
	struct state *s = &t->states[at];

	tl_feature_open(&s->f);
	s->key = *key;
	s->flow_id = flow_id;
	s->opened_ns = now_ns;
	s->told = 0;
	s->entry = entry;
	t->of_entry[entry] = at;
	queue_newest(t, at, YOUNG);
	t->counts.opened++;
	t->counts.active++;
}

static void add_young(struct tl_feature_table *t, struct state *s,
		      const struct tl_feature_packet *packet, uint32_t reverse)
{
	uint32_t other = reverse != 0 ? t->of_entry[reverse] : NONE;

	tl_feature_add(&s->f, t->pool, packet, other != NONE ? &t->states[other].f : 0);
	if (s->f.size.count >= t->config.packets) {
		grow_up(t, (uint32_t)(s - t->states), packet->ns);
	}
}

void tl_feature_table_add(struct tl_feature_table *t, uint32_t entry,
			  const struct tl_feature_packet *packet, uint32_t reverse)
{
	uint32_t at = t->of_entry[entry];

	if (at == NONE) {
		return;
	}
	struct state *s = &t->states[at];
	if (s->queue == YOUNG && packet->ns > s->opened_ns + t->config.window_ns) {
		grow_up(t, at, packet->ns);
	}
	if (t->of_entry[entry] == NONE) {
		return;
	}
	if (s->queue == YOUNG) {
		add_young(t, s, packet, reverse);
	} else {
		tl_feature_count(&s->f, packet);
	}
}

void tl_feature_table_end(struct tl_feature_table *t, uint32_t entry, uint64_t now_ns)
{
	uint32_t at = t->of_entry[entry];

	if (at != NONE) {
		t->states[at].f.flags |= TL_FEATURE_ENDED;
		tell(t, at, now_ns);
		free_state(t, at);
	}
}

/*
 * They were opened in order of time, but for late packets, which wait for the
 * ones before; a clock that was ahead must not make them wait for ever.
 */
void tl_feature_table_advance(struct tl_feature_table *t, uint64_t now_ns)
{
	while (t->queues[YOUNG].oldest != NONE) {
		uint32_t at = t->queues[YOUNG].oldest;
		struct state *s = &t->states[at];
		s->opened_ns = now_ns < s->opened_ns ? now_ns : s->opened_ns;
		if (now_ns <= s->opened_ns + t->config.window_ns) {
			return;
		}
		grow_up(t, at, now_ns);
	}
}

struct tl_feature_table_counts tl_feature_table_counts(const struct tl_feature_table *t)
{
	struct tl_feature_table_counts counts = t->counts;

	counts.decoders = tl_feature_pool_counts(t->pool);
	return counts;
}

void tl_feature_table_counts_add(struct tl_feature_table_counts *a,
				 const struct tl_feature_table_counts *b)
{
	a->opened += b->opened;
	a->emitted += b->emitted;
	a->early += b->early;
	a->active += b->active;
	a->out_of_order += b->out_of_order;
	a->decoders.buffers_taken += b->decoders.buffers_taken;
	a->decoders.buffers_short += b->decoders.buffers_short;
	a->decoders.quic_initials += b->decoders.quic_initials;
	a->decoders.quic_failures += b->decoders.quic_failures;
	a->decoders.malformed += b->decoders.malformed;
}
