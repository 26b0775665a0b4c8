/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tools/shipper/lane and load: whatever a sink answers, every event is delivered
 * or declared lost, and what is not yet delivered is still the store's.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "../../common/clock.h"
#include "../../common/service.h"
#include "../../tools/shipper/lane.h"
#include "../../tools/shipper/load.h"
#include "store_kit.h"

#define DEADLINE_NS (20 * TL_SECOND_NS)

enum { SLOTS = 16 };

/* A sink that answers as its fields say. */
struct fake {
	struct sink sink;
	pthread_mutex_t lock; /* between the lane and the test, over all below */
	struct kit_sink got;
	struct parcel *flying[SLOTS];
	unsigned int count;
	unsigned int most; /* flying at once */
	unsigned int sent;
	unsigned int trouble;  /* of 100 answers, retry and forbidden */
	size_t limit;	       /* bytes; bigger ones are too big */
	uint64_t poison_every; /* batches with a number that this divides are refused; 0 = none */
	bool silent;	       /* does not answer at all */
	bool gone;
	bool altered; /* something arrived that was not put */
	atomic_uint hangups;
	atomic_uint wakes;
	bool closed;
};

static struct fake fake;

static void fake_send(struct sink *sink, struct parcel *parcel)
{
	struct fake *f = (struct fake *)sink;

	pthread_mutex_lock(&f->lock);
	f->altered = f->altered || f->count == SLOTS || !kit_is_intact(parcel);
	f->flying[f->count++] = parcel;
	f->most = f->count > f->most ? f->count : f->most;
	f->sent++;
	pthread_mutex_unlock(&f->lock);
}

static bool is_poisonous(const struct fake *f, const struct parcel *p)
{
	uint64_t every = f->poison_every;

	return every != 0 && p->count > 0 &&
	       (p->first + p->count - 1) / every != (p->first + every - 1) / every - 1;
}

static enum sink_verdict judge(struct fake *f, const struct parcel *p)
{
	if (f->gone) {
		return SINK_GONE;
	}
	if (kit_random(100) < f->trouble) {
		return kit_random(4) ? SINK_RETRY : SINK_FORBIDDEN;
	}
	if (f->limit != 0 && p->len > f->limit) {
		return SINK_TOO_BIG;
	}
	if (is_poisonous(f, p)) {
		return SINK_REFUSED;
	}
	kit_deliver(&f->got, p);
	return SINK_DONE;
}

/* Any of those that fly, in any order. */
static size_t fake_wait(struct sink *sink, struct sink_answer *answers, size_t max,
			uint64_t timeout_ns)
{
	struct fake *f = (struct fake *)sink;
	size_t filled = 0;

	pthread_mutex_lock(&f->lock);
	while (!f->silent && f->count > 0 && filled < max && kit_random(4) > 0) {
		unsigned int i = kit_random(f->count);
		struct parcel *p = f->flying[i];
		f->flying[i] = f->flying[--f->count];
		answers[filled] = (struct sink_answer){.parcel = p, .verdict = judge(f, p)};
		snprintf(answers[filled++].reason, SINK_REASON_LEN, "be\033cau\302\233se");
	}
	bool idle = f->silent;
	pthread_mutex_unlock(&f->lock);
	if (idle && timeout_ns > 0) {
		usleep(1000);
	}
	return filled;
}

static void fake_wake(struct sink *sink)
{
	atomic_fetch_add(&((struct fake *)sink)->wakes, 1);
}

static void fake_hangup(struct sink *sink)
{
	atomic_fetch_add(&((struct fake *)sink)->hangups, 1);
}

static void fake_close(struct sink *sink)
{
	((struct fake *)sink)->closed = true;
}

static const struct sink_ops fake_ops = {
	.send = fake_send,
	.wait = fake_wait,
	.wake = fake_wake,
	.hangup = fake_hangup,
	.close = fake_close,
};

static void no_safe(void *context, const uint8_t stream[TL_WIRE_STREAM_LEN], uint64_t safe)
{
	(void)context;
	(void)stream;
	(void)safe;
}

static struct store *open_memory(void)
{
	const struct store_config config = {
		.sinks = {"fake"}, .sink_count = 1, .quota = 1ull << 30, .safe = no_safe};
	struct store *store;

	assert_int_equal(store_open(&store, &config), 0);
	return store;
}

static struct lane *open_lane(struct store *store, unsigned int in_flight, unsigned int tries)
{
	const struct lane_config config = {
		.store = store,
		.sink = &fake.sink,
		.sink_config = {.url = "fake:", .in_flight = in_flight},
		.tries = tries,
		.retry_max_ns = TL_MS_NS,
	};
	struct lane *lane;

	assert_int_equal(lane_open(&lane, &config), 0);
	return lane;
}

static int reset_fake(void **state)
{
	(void)state;
	kit_hush();
	memset(&fake, 0, sizeof(fake));
	fake.sink.ops = &fake_ops;
	pthread_mutex_init(&fake.lock, 0);
	return 0;
}

/* Random runs of all streams; the totals in `next`. */
static void put_runs(struct store *store, struct lane *lane, unsigned int runs,
		     uint64_t next[KIT_STREAMS])
{
	for (unsigned int i = 0; i < runs; i++) {
		unsigned int stream = kit_random(KIT_STREAMS);
		uint32_t count = 1 + kit_random(40);
		assert_int_equal(kit_put(store, stream, next[stream], next[stream], count, false),
				 0);
		next[stream] += count;
		if (kit_random(3) == 0) {
			kit_commit(store);
			lane_wake(lane);
		}
	}
	kit_commit(store);
	lane_wake(lane);
}

static bool wait_until_empty(struct store *store)
{
	uint64_t give_up = tl_clock_mono_ns() + DEADLINE_NS;

	while (store_counts(store, 0).waiting_batches > 0) {
		if (tl_clock_mono_ns() > give_up) {
			return false;
		}
		usleep(500);
	}
	return true;
}

/* --- the property -------------------------------------------------------------------- */

static void check_books(const uint64_t next[KIT_STREAMS], struct store_counts counts)
{
	uint64_t declared = 0, all = 0;

	for (unsigned int s = 0; s < KIT_STREAMS; s++) {
		all += next[s];
		for (uint64_t n = 0; n < next[s]; n++) {
			assert_int_equal(fake.got.delivered[s][n] + fake.got.declared[s][n], 1);
			declared += fake.got.declared[s][n];
		}
	}
	assert_false(fake.altered);
	assert_int_equal(declared, counts.rejected_events);
	assert_int_equal(counts.given_events, all);
	assert_int_equal(counts.safe_events, all - declared);
	kit_check_counts(&counts);
}

static void run_round(unsigned int in_flight)
{
	uint64_t next[KIT_STREAMS] = {0};
	struct store *store = open_memory();
	struct lane *lane = open_lane(store, in_flight, 1 + kit_random(3));

	put_runs(store, lane, 60, next);
	assert_true(wait_until_empty(store));
	struct lane_counts counts = lane_counts(lane);
	lane_close(lane);
	assert_true(fake.closed);
	assert_true(fake.most <= in_flight);
	check_books(next, store_counts(store, 0));
	assert_int_equal(counts.events + counts.rejected_events,
			 next[0] + next[1] + next[2] + next[3]);
	assert_int_equal(counts.sent, fake.sent);
	store_close(store);
}

static void every_event_is_delivered_or_declared_whatever_is_answered(void **state)
{
	srandom(21);
	for (int round = 0; round < 60; round++) {
		reset_fake(state);
		fake.trouble = kit_random(3) ? kit_random(40) : 0;
		fake.limit = kit_random(2) ? 200 + kit_random(2000) : 0;
		fake.poison_every = kit_random(2) ? 40 + kit_random(200) : 0;
		run_round(1 + kit_random(SLOTS));
	}
}

static void event_that_is_too_big_alone_is_rejected_alone(void **state)
{
	(void)state;
	uint64_t next[KIT_STREAMS] = {0};
	struct store *store = open_memory();

	/* The text of an event is up to 63 bytes: the longest are too big by themselves. */
	assert_int_equal(kit_put(store, 0, 0, 0, 500, true), 0);
	next[0] = 500;
	struct tl_batch_head head = kit_head(0, 0, 0, false);
	struct tl_msg *msg = kit_batch(&head, 1);
	fake.limit = msg->len + 50;
	tl_msg_free(msg);
	struct lane *lane = open_lane(store, 4, 1);
	assert_true(wait_until_empty(store));
	struct lane_counts counts = lane_counts(lane);
	lane_close(lane);
	check_books(next, store_counts(store, 0));
	assert_true(counts.rejected_events > 10 && counts.rejected_events < 200);
	assert_true(fake.got.ended[0]);
	store_close(store);
}

static void what_a_sink_says_cannot_change_a_terminal(void **state)
{
	(void)state;
	struct store *store = open_memory();
	struct lane *lane = open_lane(store, 4, 1);
	uint64_t give_up = tl_clock_mono_ns() + DEADLINE_NS;
	struct lane_counts counts;

	fake.trouble = 100;
	assert_int_equal(kit_put(store, 0, 0, 0, 3, false), 0);
	kit_commit(store);
	lane_wake(lane);
	do {
		usleep(500);
		counts = lane_counts(lane);
	} while (!counts.reason[0] && tl_clock_mono_ns() < give_up);
	assert_string_equal(counts.reason, "be?cau??se");
	lane_close(lane);
	store_close(store);
}

/* --- ending -------------------------------------------------------------------------- */

static void wait_until_sent(unsigned int count)
{
	uint64_t give_up = tl_clock_mono_ns() + DEADLINE_NS;
	unsigned int sent = 0;

	while (sent < count && tl_clock_mono_ns() < give_up) {
		pthread_mutex_lock(&fake.lock);
		sent = fake.sent;
		pthread_mutex_unlock(&fake.lock);
		usleep(500);
	}
	assert_int_equal(sent, count);
}

static void what_is_not_answered_is_the_store_s_again_in_its_order(void **state)
{
	(void)state;
	struct store *store = open_memory();

	fake.silent = true;
	for (uint64_t i = 0; i < 20; i++) {
		assert_int_equal(kit_put(store, 1, i * 3, i * 3, 3, false), 0);
	}
	kit_commit(store);
	struct lane *lane = open_lane(store, 8, 1);
	wait_until_sent(8);
	lane_close(lane);
	assert_true(fake.closed);
	assert_int_equal(store_counts(store, 0).waiting_batches, 20);
	for (uint64_t i = 0; i < 20; i++) {
		struct parcel *p = kit_take(store, 0);
		assert_non_null(p);
		assert_int_equal(p->first, i * 3);
		store_done(store, 0, p);
	}
	store_close(store);
}

static void finishing_sends_nothing_new_and_waits_for_answers(void **state)
{
	(void)state;
	struct store *store = open_memory();

	fake.silent = true;
	for (uint64_t i = 0; i < 20; i++) {
		assert_int_equal(kit_put(store, 1, i * 3, i * 3, 3, false), 0);
	}
	kit_commit(store);
	struct lane *lane = open_lane(store, 8, 1);
	wait_until_sent(8);
	lane_set_mode(lane, LANE_FINISH);
	usleep(10000);
	assert_false(lane_ended(lane));
	pthread_mutex_lock(&fake.lock);
	fake.silent = false;
	pthread_mutex_unlock(&fake.lock);
	uint64_t give_up = tl_clock_mono_ns() + DEADLINE_NS;
	while (!lane_ended(lane) && tl_clock_mono_ns() < give_up) {
		usleep(500);
	}
	assert_true(lane_ended(lane));
	assert_int_equal(fake.sent, 8);
	assert_int_equal(store_counts(store, 0).waiting_batches, 12);
	lane_close(lane);
	store_close(store);
}

static void hangup_reaches_the_sink_once_for_each(void **state)
{
	(void)state;
	struct store *store = open_memory();
	struct lane *lane = open_lane(store, 8, 1);
	uint64_t give_up = tl_clock_mono_ns() + DEADLINE_NS;

	lane_hangup(lane);
	while (atomic_load(&fake.hangups) == 0 && tl_clock_mono_ns() < give_up) {
		usleep(500);
	}
	lane_close(lane);
	assert_int_equal(fake.hangups, 1);
	store_close(store);
}

/* --- pieces -------------------------------------------------------------------------- */

static void halves_of_halves_are_the_whole(void **state)
{
	(void)state;
	struct tl_wire_reader *reader;
	struct tl_batch_head head = kit_head(2, 990, 1000, true);

	assert_int_equal(tl_wire_reader_create(&reader), 0);
	for (uint32_t count = 0; count < 70; count++) {
		struct tl_msg *msg = kit_batch(&head, count);
		struct tl_batch batch;
		struct parcel whole;
		struct loads loads;
		uint64_t due;
		assert_int_equal(tl_wire_read(reader, msg->data, msg->len, &batch, 0), 0);
		parcel_describe(&whole, &batch);
		loads_init(&loads);
		assert_int_equal(loads_add(&loads, &whole), 0);
		struct load *load = loads.head;
		for (struct piece *p = load->pieces; p;) {
			int err = piece_halve(p, reader);
			p = err == 0 ? load->pieces : p->next;
			assert_true(err == 0 || err == -ERANGE);
		}
		uint64_t after = 990;
		uint64_t next = 1000;
		for (struct piece *p = load->pieces; p; p = p->next) {
			assert_true(kit_is_intact(p->parcel));
			assert_int_equal(p->parcel->after, after);
			assert_int_equal(p->parcel->first, next);
			assert_true(p->parcel->count <= 1);
			assert_int_equal(p->parcel->end, !p->next);
			next += p->parcel->count;
			after = next;
		}
		assert_int_equal(next, 1000 + count);
		assert_ptr_equal(loads_next(&loads, 1, 0, &due), load->pieces);
		loads_remove(&loads, load);
		tl_msg_free(msg);
	}
	tl_wire_reader_destroy(reader);
}

static void pieces_go_in_order_and_no_further_than_the_window(void **state)
{
	(void)state;
	struct parcel parcels[6] = {{0}};
	struct loads loads;
	uint64_t due;

	loads_init(&loads);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(loads_add(&loads, &parcels[i]), 0);
	}
	for (int i = 0; i < 3; i++) {
		struct piece *p = loads_next(&loads, 3, 10, &due);
		assert_ptr_equal(p->parcel, &parcels[i]);
		p->flying = true;
		assert_ptr_equal(loads_flying(&loads, &parcels[i]), p);
	}
	assert_null(loads_next(&loads, 3, 10, &due));
	assert_int_equal(due, UINT64_MAX);
	struct piece *first = loads_flying(&loads, &parcels[0]);
	first->flying = false;
	first->due_ns = 20;
	assert_null(loads_next(&loads, 3, 10, &due));
	assert_int_equal(due, 20);
	assert_ptr_equal(loads_next(&loads, 3, 20, &due), first);
	assert_ptr_equal(loads_next(&loads, 4, 10, &due)->parcel, &parcels[3]);
	assert_null(loads_flying(&loads, &parcels[0]));
	while (loads.head) {
		loads_remove(&loads, loads.head);
	}
	assert_int_equal(loads.count, 0);
	assert_ptr_equal(loads.tail, &loads.head);
}

/* Last: it stops the service, which is what it is about. */
static void reader_that_has_gone_ends_the_lane_and_the_service(void **state)
{
	(void)state;
	struct store *store = open_memory();

	fake.gone = true;
	assert_int_equal(tl_service_open(), 0);
	assert_int_equal(kit_put(store, 1, 0, 0, 3, false), 0);
	kit_commit(store);
	struct lane *lane = open_lane(store, 8, 1);
	uint64_t give_up = tl_clock_mono_ns() + DEADLINE_NS;
	while (!lane_ended(lane) && tl_clock_mono_ns() < give_up) {
		usleep(500);
	}
	assert_true(lane_ended(lane));
	assert_true(lane_counts(lane).gone);
	assert_true(tl_service_stopping());
	lane_close(lane);
	assert_int_equal(store_counts(store, 0).waiting_batches, 1);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_is_delivered_or_declared_whatever_is_answered),
		cmocka_unit_test_setup(event_that_is_too_big_alone_is_rejected_alone, reset_fake),
		cmocka_unit_test_setup(what_is_not_answered_is_the_store_s_again_in_its_order,
				       reset_fake),
		cmocka_unit_test_setup(finishing_sends_nothing_new_and_waits_for_answers,
				       reset_fake),
		cmocka_unit_test_setup(what_a_sink_says_cannot_change_a_terminal, reset_fake),
		cmocka_unit_test_setup(hangup_reaches_the_sink_once_for_each, reset_fake),
		cmocka_unit_test_setup(halves_of_halves_are_the_whole, reset_fake),
		cmocka_unit_test_setup(pieces_go_in_order_and_no_further_than_the_window,
				       reset_fake),
		cmocka_unit_test_setup(reader_that_has_gone_ends_the_lane_and_the_service,
				       reset_fake),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
