/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/shipper/store over memory: what is put is delivered to every sink, or declared lost to it.
 */
#include <pthread.h>

#include "store_world.h"

enum { STEPS = 1500 };

static uint64_t run_random(unsigned int seed, enum store_policy policy)
{
	struct world *w = malloc(sizeof(*w));
	uint64_t dropped = 0;

	assert_non_null(w);
	srandom(seed);
	world_open_memory(w, 1 + seed % SINKS_MAX, 20000, policy);
	unsigned int takes = 1 + kit_random(6); /* how well the sinks keep up */
	for (unsigned int i = 0; i < STEPS; i++) {
		unsigned int what = kit_random(10);
		unsigned int sink = kit_random(w->sink_count);
		if (what < 4) {
			step_put(w);
		} else if (what < 4 + takes / 2) {
			step_take(w, sink);
		} else {
			step_answer(w, sink);
		}
	}
	drain(w);
	check_books(w, false);
	for (unsigned int s = 0; s < w->sink_count; s++) {
		dropped += store_counts(w->store, s).dropped_events;
	}
	dropped += w->full;
	store_close(w->store);
	free(w);
	return dropped;
}

static void random_sessions_account_for_every_number(void **state)
{
	uint64_t dropped = 0;

	(void)state;
	for (unsigned int seed = 1; seed <= 40; seed++) {
		dropped += run_random(seed, STORE_DROP_OLDEST);
	}
	assert_true(dropped > 1000);
}

static void random_blocked_sessions_drop_nothing(void **state)
{
	uint64_t full = 0;

	(void)state;
	for (unsigned int seed = 1; seed <= 20; seed++) {
		full += run_random(seed, STORE_BLOCK);
	}
	/* Only the mark of a put that was refused. */
	assert_in_range(full, 1, 20);
}

static void put_full_block_refuses_until_done(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	uint64_t at = 0;

	(void)state;
	world_open_memory(w, 2, 5000, STORE_BLOCK);
	while (kit_put(w->store, 0, at, at, 10, false) == 0) {
		at += 10;
		w->next[0] = at;
	}
	assert_in_range(at, 20, 500);
	for (unsigned int s = 0; s < 2; s++) {
		assert_int_equal(kit_put(w->store, 0, at, at, 10, false), -ENOSPC);
		struct parcel *parcel = kit_take(w->store, s);
		kit_deliver(&w->sinks[s], parcel);
		store_done(w->store, s, parcel);
	}
	assert_int_equal(kit_put(w->store, 0, at, at, 10, false), 0);
	w->next[0] = at + 10;
	drain(w);
	store_close(w->store);
	free(w);
}

static void put_bigger_than_quota_goes_when_alone(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	(void)state;
	world_open_memory(w, 1, 100, STORE_BLOCK);
	assert_int_equal(kit_put(w->store, 0, 0, 0, 100, false), 0);
	assert_int_equal(kit_put(w->store, 0, 100, 100, 1, false), -ENOSPC);
	w->next[0] = 100;
	drain(w);
	assert_int_equal(kit_put(w->store, 0, 100, 100, 100, false), 0);
	w->next[0] = 200;
	drain(w);
	store_close(w->store);
	free(w);
}

static void safe_done_out_of_order_is_held_back(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct parcel *parcels[3];

	(void)state;
	world_open_memory(w, 1, 1 << 20, STORE_BLOCK);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(kit_put(w->store, 0, 10 * i, 10 * i, 10, i == 2), 0);
		w->next[0] = 10 * i + 10;
		parcels[i] = kit_take(w->store, 0);
		kit_deliver(&w->sinks[0], parcels[i]);
	}
	store_done(w->store, 0, parcels[2]);
	assert_int_equal(w->safe[0], 0);
	store_done(w->store, 0, parcels[0]);
	assert_int_equal(w->safe[0], 10);
	store_done(w->store, 0, parcels[1]);
	assert_int_equal(w->safe[0], 31);
	store_close(w->store);
	free(w);
}

static void take_after_back_is_in_order(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct parcel *parcels[5];

	(void)state;
	world_open_memory(w, 1, 1 << 20, STORE_BLOCK);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(kit_put(w->store, i % 2, i, i, 1, false), 0);
	}
	for (unsigned int i = 0; i < 4; i++) {
		parcels[i] = kit_take(w->store, 0);
		assert_int_equal(parcels[i]->first, i);
	}
	store_back(w->store, 0, parcels[2]);
	store_back(w->store, 0, parcels[0]);
	store_back(w->store, 0, parcels[3]);
	for (unsigned int i = 0; i < 4; i++) {
		static const uint64_t order[] = {0, 2, 3, 4};
		struct parcel *parcel = kit_take(w->store, 0);
		assert_int_equal(parcel->first, order[i]);
		store_back(w->store, 0, parcel);
		parcel = kit_take(w->store, 0);
		assert_int_equal(parcel->first, order[i]);
		store_done(w->store, 0, parcel);
	}
	assert_null(kit_take(w->store, 0));
	store_done(w->store, 0, parcels[1]);
	store_close(w->store);
	free(w);
}

static void ids_of_declarations_differ_from_ends(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	(void)state;
	world_open_memory(w, 1, 1 << 20, STORE_BLOCK);
	assert_int_equal(kit_put(w->store, 0, 0, 0, 10, false), 0);
	assert_int_equal(kit_put(w->store, 0, 10, 10, 0, true), 0);
	struct parcel *lost = kit_take(w->store, 0);
	assert_string_equal(lost->id, "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0-0-10");
	store_reject(w->store, 0, lost, 0, "no");
	lost = kit_take(w->store, 0);
	struct parcel *end = kit_take(w->store, 0);
	assert_string_equal(lost->id, "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0-10-0-0");
	assert_string_equal(end->id, "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0-10-0-10e");
	store_done(w->store, 0, end);
	store_done(w->store, 0, lost);
	store_close(w->store);
	free(w);
}

static void *wait_for_parcel(void *arg)
{
	struct parcel *parcel = 0;
	int got = store_take(arg, 0, &parcel, 20 * 1000000000ull);

	if (got == 1) {
		store_done(arg, 0, parcel);
	}
	return (void *)(intptr_t)got;
}

static void take_waits_for_put_and_stop(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	pthread_t thread;
	void *got;

	(void)state;
	world_open_memory(w, 1, 1 << 20, STORE_BLOCK);
	assert_int_equal(pthread_create(&thread, 0, wait_for_parcel, w->store), 0);
	assert_int_equal(kit_put(w->store, 0, 0, 0, 10, false), 0);
	pthread_join(thread, &got);
	assert_int_equal((intptr_t)got, 1);
	assert_int_equal(pthread_create(&thread, 0, wait_for_parcel, w->store), 0);
	store_stop(w->store);
	pthread_join(thread, &got);
	assert_int_equal((intptr_t)got, 0);
	store_close(w->store);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sessions_account_for_every_number),
		cmocka_unit_test(random_blocked_sessions_drop_nothing),
		cmocka_unit_test(put_full_block_refuses_until_done),
		cmocka_unit_test(put_bigger_than_quota_goes_when_alone),
		cmocka_unit_test(safe_done_out_of_order_is_held_back),
		cmocka_unit_test(take_after_back_is_in_order),
		cmocka_unit_test(ids_of_declarations_differ_from_ends),
		cmocka_unit_test(take_waits_for_put_and_stop),
	};

	kit_hush();
	return cmocka_run_group_tests(tests, 0, 0);
}
