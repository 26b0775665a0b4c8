/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "clock.h"
#include "fault.h"
#include "lane_private.h"
#include "moncond.h"

#define SLICE_NS       (100 * TL_MS_NS) /* between looks at the mode */
#define BLIND_NS       (5 * TL_MS_NS)	/* the same while a sink waits that cannot be woken */
#define REFUSED_NS     (200 * TL_MS_NS)
#define REFUSED_MAX_NS (5 * TL_SECOND_NS)

enum { ANSWERS = 64, BAD_AT_ONCE = 64 };

/* Runs the transport, and does what it answers. */
static void run_sink(struct lane *l, uint64_t timeout_ns)
{
	struct sink_answer answers[ANSWERS];
	struct sink *sink = l->config.sink;
	size_t got = sink->ops->wait(sink, answers, ANSWERS, timeout_ns);

	atomic_store(&l->in_wait, false);
	for (size_t i = 0; i < got; i++) {
		lane_settle(l, &answers[i]);
	}
	if (got > 0) {
		acks_notify(l->config.acks);
	}
}

/* --- sending -------------------------------------------------------------- */

static enum lane_mode mode_of(const struct lane *l)
{
	return (enum lane_mode)atomic_load(&l->mode);
}

/* Takes what is there, as far as there is room; waits for the first only. */
static void take(struct lane *l, uint64_t timeout_ns)
{
	const struct lane_config *config = &l->config;
	unsigned int bad = 0;

	while (l->loads.count < config->sink_config.in_flight && bad < BAD_AT_ONCE) {
		struct parcel *parcel;
		int got = store_take(config->store, config->index, &parcel, timeout_ns);
		timeout_ns = 0;
		if (got == 0) {
			return;
		}
		if (got < 0) {
			bad++; /* the store has counted it */
		} else if (loads_add(&l->loads, parcel) < 0) {
			store_back(config->store, config->index, parcel);
			return;
		}
	}
}

static void send(struct lane *l, struct piece *piece)
{
	struct sink *sink = l->config.sink;

	piece->flying = true;
	l->flying++;
	bucket_take(&l->bucket, piece->parcel->len);
	lane_count(l, &l->counts.sent, 1);
	sink->ops->send(sink, piece->parcel);
	tl_fault(TL_FAULT_AFTER_SEND);
}

/* Sends what may go; returns how long there is nothing to send, UINT64_MAX = not known. */
static uint64_t send_due(struct lane *l)
{
	unsigned int window = l->config.sink_config.in_flight;
	uint64_t now = tl_clock_mono_ns();
	uint64_t wait_ns = health_wait_ns(&l->health, now);
	uint64_t due_ns = UINT64_MAX;

	if (wait_ns > 0) {
		return wait_ns;
	}
	health_note_files(&l->health);
	while (l->flying < window) {
		struct piece *piece = loads_next(&l->loads, window, now, &due_ns);
		if (!piece) {
			return due_ns == UINT64_MAX ? UINT64_MAX : due_ns - now;
		}
		wait_ns = bucket_wait_ns(&l->bucket, now);
		if (wait_ns > 0) {
			return wait_ns;
		}
		send(l, piece);
	}
	return UINT64_MAX;
}

static void sleep_for(struct lane *l, uint64_t ns)
{
	pthread_mutex_lock(&l->lock);
	tl_moncond_wait(&l->changed, &l->lock, tl_clock_deadline_ns(ns));
	pthread_mutex_unlock(&l->lock);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void hangup(struct lane *l)
{
	unsigned int hangups = atomic_load(&l->hangups);
	struct sink *sink = l->config.sink;

	if (hangups != l->hangups_done) {
		l->hangups_done = hangups;
		if (sink->ops->hangup) {
			sink->ops->hangup(sink);
		}
	}
}

/* A round: take, send, and wait for whatever comes first. */
static void work(struct lane *l)
{
	bool running = mode_of(l) == LANE_RUN;

	hangup(l);
	/* Set before the store is looked at: what comes after that look wakes the sink. */
	atomic_store(&l->in_wait, true);
	if (running) {
		take(l, 0);
	}
	uint64_t idle_ns = running ? send_due(l) : UINT64_MAX;
	if (l->flying > 0) {
		bool blind =
			!l->config.sink->ops->wake && l->flying < l->config.sink_config.in_flight;
		run_sink(l, least(idle_ns, blind ? BLIND_NS : SLICE_NS));
		return;
	}
	atomic_store(&l->in_wait, false);
	if (l->loads.count > 0) {
		sleep_for(l, least(idle_ns, SLICE_NS));
	} else if (running) {
		take(l, SLICE_NS);
	}
	run_sink(l, 0); /* for what it does while idle */
}

static bool is_over(const struct lane *l)
{
	enum lane_mode mode = mode_of(l);

	return l->gone || mode == LANE_STOP || (mode == LANE_FINISH && l->flying == 0);
}

/* What was not delivered is the store's again, in its old place. */
static void give_back(struct lane *l)
{
	while (l->loads.head) {
		struct parcel *whole = l->loads.head->whole;
		loads_remove(&l->loads, l->loads.head);
		store_back(l->config.store, l->config.index, whole);
	}
}

static void *run(void *arg)
{
	struct lane *l = arg;

	while (!is_over(l)) {
		work(l);
	}
	pthread_mutex_lock(&l->lock);
	l->closed = true;
	pthread_mutex_unlock(&l->lock);
	l->config.sink->ops->close(l->config.sink);
	give_back(l);
	atomic_store(&l->ended, true);
	return 0;
}

/* --- for the other threads ------------------------------------------------ */

static void init_thread_state(struct lane *l, const struct lane_config *config)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) < 0) {
		seed = tl_clock_mono_ns();
	}
	l->config = *config;
	loads_init(&l->loads);
	health_init(&l->health, &l->config.sink_config, config->retry_max_ns, seed);
	backoff_init(&l->refused, REFUSED_NS, least(REFUSED_MAX_NS, config->retry_max_ns), ~seed);
	bucket_init(&l->bucket, config->rate, tl_clock_mono_ns());
	pthread_mutex_init(&l->lock, 0);
	tl_moncond_init(&l->changed);
}

static void destroy(struct lane *l)
{
	tl_wire_reader_destroy(l->reader);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->changed);
	free(l);
}

int lane_open(struct lane **out, const struct lane_config *config)
{
	struct lane *l = calloc(1, sizeof(*l));

	if (!l) {
		config->sink->ops->close(config->sink);
		return -ENOMEM;
	}
	init_thread_state(l, config);
	int err = tl_wire_reader_create(&l->reader);
	if (err == 0) {
		err = -pthread_create(&l->thread, 0, run, l);
	}
	if (err < 0) {
		config->sink->ops->close(config->sink);
		destroy(l);
		return err;
	}
	*out = l;
	return 0;
}

void lane_set_mode(struct lane *l, enum lane_mode mode)
{
	atomic_store(&l->mode, mode);
	lane_wake(l);
}

void lane_wake(struct lane *l)
{
	struct sink *sink = l->config.sink;

	pthread_mutex_lock(&l->lock);
	if (!l->closed && atomic_load(&l->in_wait) && sink->ops->wake) {
		sink->ops->wake(sink);
	}
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

void lane_hangup(struct lane *l)
{
	atomic_fetch_add(&l->hangups, 1);
	lane_wake(l);
}

bool lane_ended(const struct lane *l)
{
	return atomic_load(&l->ended);
}

void lane_close(struct lane *l)
{
	if (!l) {
		return;
	}
	lane_set_mode(l, LANE_STOP);
	pthread_join(l->thread, 0);
	destroy(l);
}

struct lane_counts lane_counts(struct lane *l)
{
	pthread_mutex_lock(&l->lock);
	struct lane_counts counts = l->counts;
	pthread_mutex_unlock(&l->lock);
	return counts;
}

const char *lane_name(const struct lane *l)
{
	return l->config.sink_config.url;
}
