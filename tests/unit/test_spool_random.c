/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/shipper's spool: random sessions, after which every number is accounted for at every sink.
 */
#include <pthread.h>

#include "spool_bench.h"

enum { STEPS = 300 };

static void step(struct bench *b, unsigned int takes)
{
	unsigned int what = kit_random(12);
	unsigned int sink = kit_random(b->w.sink_count);

	if (what < 4) {
		step_put(&b->w);
	} else if (what < 5) {
		kit_commit(b->w.store);
	} else if (what < 5 + takes) {
		step_take(&b->w, sink);
	} else {
		step_answer(&b->w, sink);
	}
}

static uint64_t finish(struct bench *b, bool again)
{
	uint64_t lost = b->w.full;

	b->disk.refuse_percent = 0;
	kit_commit(b->w.store);
	drain(&b->w);
	check_books(&b->w, again);
	for (unsigned int s = 0; s < b->w.sink_count; s++) {
		struct store_counts counts = store_counts(b->w.store, s);
		lost += b->w.lost_events[s] + world_lost(&counts);
		assert_int_equal(list(b, b->config.sinks[s], 0), 0);
	}
	assert_int_equal(list(b, "tmp", 0), 0);
	bench_free(b);
	return lost;
}

static uint64_t run_random(unsigned int seed, enum store_policy policy, unsigned int refuse_percent)
{
	srandom(seed);
	struct bench *b = bench_new(1 + seed % SINKS_MAX, 20 * 4096, policy);
	b->config.sync = (enum store_sync)(seed % 2 ? STORE_SYNC_BATCH : STORE_SYNC_NONE);
	bench_open(b);
	b->disk.refuse_percent = refuse_percent;
	unsigned int takes = kit_random(4);
	for (unsigned int i = 0; i < STEPS; i++) {
		step(b, takes);
	}
	return finish(b, false);
}

static void random_sessions_account_for_every_number(void **state)
{
	uint64_t dropped = 0;

	(void)state;
	for (unsigned int seed = 1; seed <= 12; seed++) {
		dropped += run_random(seed, STORE_DROP_OLDEST, 0);
	}
	assert_true(dropped > 1000);
}

static void random_blocked_sessions_account_for_every_number(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 6; seed++) {
		run_random(seed, STORE_BLOCK, 0);
	}
}

static void random_sessions_on_a_disk_that_refuses_account_for_every_number(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 12; seed++) {
		run_random(seed, STORE_DROP_OLDEST, 1 + seed * 3);
		run_random(seed, STORE_BLOCK, 1 + seed * 3);
	}
}

static void spoil_one(struct bench *b)
{
	const char *folder = b->config.sinks[kit_random(b->w.sink_count)];
	uint8_t bytes[8192];
	char *name;

	if (list(b, folder, &name) == 0) {
		return;
	}
	size_t len = read_file(b, folder, name, bytes, sizeof(bytes));
	/* The other sinks' name is the same file: theirs is not to change. */
	char path[400];
	path_of(b, folder, name, path);
	unlink(path);
	bytes[kit_random((uint32_t)len)] ^= 0x10;
	write_file(b, folder, name, bytes, kit_random(2) ? len : kit_random((uint32_t)len));
	free(name);
}

static void take_any(struct world *w, unsigned int sink)
{
	struct parcel *parcel = 0;

	/* A bad one says so, once each. */
	while (store_take(w->store, sink, &parcel, 0) < 0) {
	}
	if (parcel) {
		store_back(w->store, sink, parcel);
	}
}

static void random_kills_and_spoiled_files_lose_no_number(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 12; seed++) {
		srandom(seed);
		struct bench *b = bench_opened(1 + seed % SINKS_MAX, 20 * 4096, STORE_DROP_OLDEST);
		for (unsigned int i = 0; i < STEPS; i++) {
			step(b, seed % 4);
			if (kit_random(20) == 0) {
				bench_kill(b);
				if (kit_random(2)) {
					spoil_one(b);
				}
				bench_open(b);
				for (unsigned int k = 0; k < KIT_STREAMS; k++) {
					assert_true(b->found[k] <= b->w.next[k] + b->w.ended[k]);
					/* An acknowledgement by another way. */
					b->w.safe[k] = b->found[k] > b->w.safe[k] ? b->found[k]
										  : b->w.safe[k];
				}
				for (unsigned int s = 0; s < b->w.sink_count; s++) {
					take_any(&b->w, s);
				}
			}
		}
		finish(b, true);
	}
}

/* --- threads -------------------------------------------------------------- */

struct lane {
	struct bench *b;
	unsigned int sink;
	unsigned int seed;
	pthread_t thread;
};

static void lane_answer(struct lane *lane, struct parcel *parcel)
{
	struct store *store = lane->b->w.store;
	int what = rand_r(&lane->seed) % 10;

	if (what == 0) {
		store_back(store, lane->sink, parcel);
	} else if (what == 1 && parcel->count > 0) {
		store_reject(store, lane->sink, parcel, 0, "no");
	} else {
		kit_deliver(&lane->b->w.sinks[lane->sink], parcel);
		store_done(store, lane->sink, parcel);
	}
}

/* Until the store was stopped and nothing is left. */
static void *lane_run(void *arg)
{
	struct lane *lane = arg;
	struct parcel *held[3];
	unsigned int count;

	do {
		for (count = 0; count < 3; count++) {
			uint64_t timeout_ns = count ? 0 : 20 * 1000000000ull;
			if (store_take(lane->b->w.store, lane->sink, &held[count], timeout_ns) !=
			    1) {
				break;
			}
		}
		for (unsigned int i = 0; i < count; i++) {
			lane_answer(lane, held[i]);
		}
	} while (count > 0);
	return 0;
}

/* It runs beside the lanes, whose numbers it does not look at. */
static void on_safe_beside(void *context, const uint8_t *id, uint64_t safe)
{
	struct world *w = context;
	unsigned int stream = kit_stream(id);

	w->safe[stream] = safe > w->safe[stream] ? safe : w->safe[stream];
}

static void put_beside_lanes(struct bench *b)
{
	for (unsigned int i = 0; i < 2000; i++) {
		b->w.full = false;
		step_put(&b->w);
		if (b->w.full) {
			store_wait_room(b->w.store, 1000000);
		}
		if (i % 8 == 0) {
			kit_commit(b->w.store);
			store_counts(b->w.store, i % SINKS_MAX);
		}
	}
	kit_commit(b->w.store);
	store_stop(b->w.store);
}

static void run_threads(struct bench *b)
{
	struct lane lanes[SINKS_MAX];

	for (unsigned int s = 0; s < SINKS_MAX; s++) {
		lanes[s] = (struct lane){.b = b, .sink = s, .seed = s};
		assert_int_equal(pthread_create(&lanes[s].thread, 0, lane_run, &lanes[s]), 0);
	}
	put_beside_lanes(b);
	for (unsigned int s = 0; s < SINKS_MAX; s++) {
		pthread_join(lanes[s].thread, 0);
	}
	drain(&b->w);
	check_books(&b->w, false);
}

static void threads_account_for_every_number(void **state)
{
	(void)state;
	srandom(7);
	for (unsigned int i = 0; i < 4; i++) {
		struct bench *b = bench_new(SINKS_MAX, i < 2 ? 30000 : 30 * 4096,
					    i % 2 ? STORE_DROP_OLDEST : STORE_BLOCK);
		b->config.safe = on_safe_beside;
		if (i < 2) {
			b->config.folder = 0;
			assert_int_equal(store_open(&b->w.store, &b->config), 0);
		} else {
			bench_open(b);
		}
		run_threads(b);
		bench_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sessions_account_for_every_number),
		cmocka_unit_test(random_blocked_sessions_account_for_every_number),
		cmocka_unit_test(random_sessions_on_a_disk_that_refuses_account_for_every_number),
		cmocka_unit_test(random_kills_and_spoiled_files_lose_no_number),
		cmocka_unit_test(threads_account_for_every_number),
	};

	kit_hush();
	return cmocka_run_group_tests(tests, 0, 0);
}
