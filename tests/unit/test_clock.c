/* SPDX-License-Identifier: BSD-2-Clause */
/* common/clock and common/moncond: a deadline is never early, and one that is too far is never. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/moncond.h"

static void deadline_is_the_time_out_from_now_or_never(void **state)
{
	(void)state;
	static const uint64_t timeouts[] = {0, 1, TL_SECOND_NS, INT64_MAX, UINT64_MAX / 2};

	for (unsigned int i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		uint64_t before = tl_clock_mono_ns();
		uint64_t deadline = tl_clock_deadline_ns(timeouts[i]);
		assert_in_range(deadline, before + timeouts[i], tl_clock_mono_ns() + timeouts[i]);
	}
	for (uint64_t less = 0; less < 4; less++) {
		uint64_t soon = tl_clock_mono_ns() - less;
		assert_true(tl_clock_deadline_ns(UINT64_MAX - less) == UINT64_MAX);
		assert_true(tl_clock_deadline_ns(UINT64_MAX - soon) == UINT64_MAX);
	}
}

struct shared {
	pthread_mutex_t lock;
	pthread_cond_t arrived;
	pthread_cond_t changed;
	bool waiting;
	bool done;
	bool early;
};

static void init(struct shared *s)
{
	*s = (struct shared){0};
	pthread_mutex_init(&s->lock, 0);
	pthread_cond_init(&s->arrived, 0);
	tl_moncond_init(&s->changed);
}

static void fini(struct shared *s)
{
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->arrived);
	pthread_cond_destroy(&s->changed);
}

static void wait_ends_at_its_time_by_the_monotonic_clock(void **state)
{
	(void)state;
	struct shared s;
	uint64_t until = tl_clock_deadline_ns(20 * TL_MS_NS);

	init(&s);
	pthread_mutex_lock(&s.lock);
	tl_moncond_wait(&s.changed, &s.lock, 0); /* long ago */
	while (tl_clock_mono_ns() < until) {
		tl_moncond_wait(&s.changed, &s.lock, until);
	}
	pthread_mutex_unlock(&s.lock);
	fini(&s);
}

static void *wait_for_ever(void *arg)
{
	struct shared *s = arg;

	pthread_mutex_lock(&s->lock);
	s->waiting = true;
	pthread_cond_signal(&s->arrived);
	tl_moncond_wait(&s->changed, &s->lock, UINT64_MAX);
	s->early = !s->done;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static void wait_for_ever_ends_when_signalled(void **state)
{
	(void)state;
	struct shared s;
	pthread_t thread;

	init(&s);
	assert_int_equal(pthread_create(&thread, 0, wait_for_ever, &s), 0);
	pthread_mutex_lock(&s.lock);
	while (!s.waiting) {
		pthread_cond_wait(&s.arrived, &s.lock);
	}
	/* It has let go of the lock, so it waits. */
	s.done = true;
	pthread_cond_broadcast(&s.changed);
	pthread_mutex_unlock(&s.lock);
	pthread_join(thread, 0);
	assert_false(s.early);
	fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadline_is_the_time_out_from_now_or_never),
		cmocka_unit_test(wait_ends_at_its_time_by_the_monotonic_clock),
		cmocka_unit_test(wait_for_ever_ends_when_signalled),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
