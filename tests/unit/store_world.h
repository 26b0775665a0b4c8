/* SPDX-License-Identifier: BSD-2-Clause */
/* A producer, a store and its sinks at random, and the books of it. */
#ifndef STORE_WORLD_H
#define STORE_WORLD_H

#include "store_kit.h"

enum { SINKS_MAX = 3, HELD_MAX = 8 };

struct world {
	struct store *store;
	unsigned int sink_count;
	struct kit_sink sinks[SINKS_MAX];
	uint64_t next[KIT_STREAMS]; /* of the producer */
	uint64_t safe[KIT_STREAMS];
	uint64_t gaps; /* numbers the producer itself declared lost, for each sink */
	bool ended[KIT_STREAMS];
	bool full; /* a put was refused */
	bool on_disk;
	uint64_t lost_events[SINKS_MAX]; /* counted by runs that ended */
	struct held {
		struct parcel *parcel;
		uint64_t from; /* of it, what is not yet rejected */
		bool cut;
	} held[SINKS_MAX][HELD_MAX];
	unsigned int held_count[SINKS_MAX];
};

static inline bool is_settled(const struct world *w, unsigned int stream, uint64_t number)
{
	for (unsigned int s = 0; s < w->sink_count; s++) {
		if (!w->sinks[s].delivered[stream][number] &&
		    !w->sinks[s].declared[stream][number]) {
			return false;
		}
	}
	return true;
}

/* Told in order, and never before every sink knows. */
static inline void on_safe(void *context, const uint8_t *id, uint64_t safe)
{
	struct world *w = context;
	unsigned int stream = kit_stream(id);

	if (w->on_disk) {
		/* It may still be waiting, and was put by a call that has not returned. */
		assert_true(safe <= w->next[stream] + 1);
		w->safe[stream] = safe > w->safe[stream] ? safe : w->safe[stream];
		return;
	}
	assert_true(safe > w->safe[stream]);
	for (uint64_t n = w->safe[stream]; n < safe && n < w->next[stream]; n++) {
		assert_true(is_settled(w, stream, n));
	}
	w->safe[stream] = safe;
}

static inline void world_open_memory(struct world *w, unsigned int sinks, uint64_t quota,
				     enum store_policy policy)
{
	struct store_config config = {
		.sinks = {"a", "b", "c"},
		.sink_count = sinks,
		.quota = quota,
		.policy = policy,
		.safe = on_safe,
		.context = w,
	};

	memset(w, 0, sizeof(*w));
	w->sink_count = sinks;
	assert_int_equal(store_open(&w->store, &config), 0);
}

static inline void step_put(struct world *w)
{
	unsigned int stream = kit_random(KIT_STREAMS);
	uint64_t after = w->next[stream];
	uint64_t first = after + (kit_random(4) == 0 ? kit_random(5) : 0);
	uint32_t count = kit_random(8) == 0 ? 0 : 1 + kit_random(20);

	if (w->ended[stream] || first + count + 1 > KIT_NUMBERS) {
		return;
	}
	bool end = kit_random(200) == 0;
	int err = kit_put(w->store, stream, after, first, count, end);
	if (err == -ENOSPC) {
		w->full = true;
		return;
	}
	assert_int_equal(err, 0);
	w->next[stream] = first + count;
	w->gaps += first - after;
	w->ended[stream] = end;
}

static inline void step_take(struct world *w, unsigned int sink)
{
	if (w->held_count[sink] == HELD_MAX) {
		return;
	}
	struct parcel *parcel = kit_take(w->store, sink);
	if (parcel) {
		assert_true(kit_is_intact(parcel));
		w->held[sink][w->held_count[sink]++] = (struct held){parcel, parcel->first, false};
	}
}

static inline struct held pick(struct world *w, unsigned int sink)
{
	unsigned int i = kit_random(w->held_count[sink]);
	struct held held = w->held[sink][i];

	w->held[sink][i] = w->held[sink][--w->held_count[sink]];
	return held;
}

static inline void settle(struct world *w, unsigned int sink, const struct held *held)
{
	struct parcel rest = *held->parcel;

	rest.after = held->cut ? held->from : rest.after;
	rest.count -= (uint32_t)(held->from - rest.first);
	rest.first = held->from;
	kit_deliver(&w->sinks[sink], &rest);
	store_done(w->store, sink, held->parcel);
}

/* The first half is refused, the rest goes on. */
static inline void reject_part(struct world *w, unsigned int sink, struct held held)
{
	struct parcel part = *held.parcel;

	part.after = held.cut ? held.from : part.after;
	part.first = held.from;
	part.count = (uint32_t)(held.parcel->first + held.parcel->count - held.from) / 2;
	part.end = false;
	if (part.count > 0) {
		store_reject(w->store, sink, held.parcel, &part, "half");
		held.from += part.count;
		held.cut = true;
	}
	w->held[sink][w->held_count[sink]++] = held;
}

static inline void step_answer(struct world *w, unsigned int sink)
{
	if (w->held_count[sink] == 0) {
		return;
	}
	struct held held = pick(w, sink);
	switch (kit_random(8)) {
	case 0:
		if (!held.cut) {
			store_back(w->store, sink, held.parcel);
			return;
		}
		break;
	case 1:
		/* A refused declaration is gone: the sink does not know, so none is refused here.
		 */
		if (!held.cut && held.parcel->count > 0) {
			store_reject(w->store, sink, held.parcel, 0, "no");
			return;
		}
		break;
	case 2:
		reject_part(w, sink, held);
		return;
	default:
		break;
	}
	settle(w, sink, &held);
}

static inline void drain(struct world *w)
{
	for (unsigned int s = 0; s < w->sink_count; s++) {
		while (w->held_count[s] > 0) {
			struct held held = pick(w, s);
			settle(w, s, &held);
		}
		struct parcel *parcel;
		while ((parcel = kit_take(w->store, s))) {
			assert_true(kit_is_intact(parcel));
			kit_deliver(&w->sinks[s], parcel);
			store_done(w->store, s, parcel);
			struct store_counts counts = store_counts(w->store, s);
			kit_check_counts(&counts);
		}
	}
}

static inline uint64_t world_lost(const struct store_counts *counts)
{
	return counts->dropped_events + counts->rejected_events + counts->bad_events;
}

/* Every number at every sink: delivered, or declared lost, once or (`again`) more often; counted.
 */
static inline void check_books(struct world *w, bool again)
{
	for (unsigned int s = 0; s < w->sink_count; s++) {
		struct store_counts counts = store_counts(w->store, s);
		uint64_t declared = 0;
		for (unsigned int stream = 0; stream < KIT_STREAMS; stream++) {
			for (uint64_t n = 0; n < w->next[stream]; n++) {
				unsigned int times = w->sinks[s].delivered[stream][n] +
						     w->sinks[s].declared[stream][n];
				assert_in_range(times, 1, again ? UINT8_MAX : 1);
				declared += w->sinks[s].declared[stream][n] > 0;
			}
			assert_int_equal(w->sinks[s].ended[stream], w->ended[stream]);
			assert_int_equal(w->safe[stream], w->next[stream] + w->ended[stream]);
		}
		uint64_t counted = w->gaps + w->lost_events[s] + world_lost(&counts);
		assert_true(again ? declared <= counted : declared == counted);
		kit_check_counts(&counts);
		assert_int_equal(counts.waiting_batches, 0);
		assert_int_equal(counts.waiting_events, 0);
		assert_int_equal(counts.waiting_bytes, 0);
		assert_int_equal(counts.oldest_ns, 0);
	}
}

#endif
