/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/shipper: how long it waits. Time is what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../tools/shipper/backoff.h"
#include "../../tools/shipper/bucket.h"
#include "../../tools/shipper/health.h"

/* --- backoff ------------------------------------------------------------------------- */

static void wait_is_within_the_doubling_bounds(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct backoff b;
		backoff_init(&b, 200, 60000, seed * 7919);
		uint64_t ceiling = 200;
		for (int i = 0; i < 100; i++) {
			ceiling = ceiling * 2 < 60000 ? ceiling * 2 : 60000;
			assert_in_range(backoff_next(&b, 0), 200, ceiling);
		}
		backoff_reset(&b);
		assert_in_range(backoff_next(&b, 0), 200, 400);
	}
}

static void waits_are_spread_over_their_range(void **state)
{
	(void)state;
	unsigned int low = 0;
	unsigned int high = 0;

	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct backoff b;
		uint64_t wait = 0;
		backoff_init(&b, 200, 60000, seed * 0x9e3779b97f4a7c15);
		for (int i = 0; i < 20; i++) {
			wait = backoff_next(&b, 0);
		}
		low += wait < 20000;
		high += wait > 40000;
	}
	assert_in_range(low, 200, 500);
	assert_in_range(high, 200, 500);
}

static void what_the_peer_asked_for_is_kept_and_spread(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct backoff b;
		backoff_init(&b, 200 * TL_MS_NS, 60 * TL_SECOND_NS, seed);
		assert_in_range(backoff_next(&b, 90 * TL_SECOND_NS), 90 * TL_SECOND_NS,
				90 * TL_SECOND_NS + 200 * TL_MS_NS);
		/* A day is not believed. */
		assert_true(backoff_next(&b, 86400 * TL_SECOND_NS) <= 3601 * TL_SECOND_NS);
	}
}

static void limit_below_the_base_is_the_limit(void **state)
{
	(void)state;
	struct backoff b;

	backoff_init(&b, 5000, 100, 0);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(backoff_next(&b, 0), 100);
	}
}

/* --- bucket -------------------------------------------------------------------------- */

static void rate_holds_whatever_the_sizes(void **state)
{
	(void)state;
	srandom(5);
	for (int round = 0; round < 50; round++) {
		uint64_t rate = 1 + (uint64_t)random() % 10000000;
		uint64_t now = (uint64_t)random();
		uint64_t start = now;
		uint64_t sent = 0;
		uint64_t last = 0;
		struct bucket b;
		bucket_init(&b, rate, now);
		for (int i = 0; i < 200; i++) {
			uint64_t wait = bucket_wait_ns(&b, now);
			now += wait;
			/* What it said is enough. */
			assert_int_equal(bucket_wait_ns(&b, now), 0);
			last = 1 + (uint64_t)random() % 300000;
			bucket_take(&b, last);
			sent += last;
		}
		double seconds = (double)(now - start) / 1e9;
		double allowed = (double)rate * (seconds + 0.1) + (double)last + 2;
		assert_true((double)sent <= allowed);
		/* And it is used: never slower than by a byte a step. */
		assert_true((double)(sent - last) + 400 >= (double)rate * seconds);
	}
}

static void no_rate_is_no_wait(void **state)
{
	(void)state;
	struct bucket b;

	bucket_init(&b, 0, 1);
	for (int i = 0; i < 10; i++) {
		bucket_take(&b, 1ull << 40);
		assert_int_equal(bucket_wait_ns(&b, 1), 0);
	}
}

static void idle_time_does_not_add_up(void **state)
{
	(void)state;
	struct bucket b;

	bucket_init(&b, 1000, 0);
	assert_int_equal(bucket_wait_ns(&b, 3600 * TL_SECOND_NS), 0);
	bucket_take(&b, 1000);
	assert_true(bucket_wait_ns(&b, 3600 * TL_SECOND_NS) > TL_SECOND_NS / 2);
}

/* --- health -------------------------------------------------------------------------- */

static struct sink_answer answer(enum sink_verdict verdict, uint64_t after_ns, const char *reason)
{
	struct sink_answer a = {.verdict = verdict, .retry_after_ns = after_ns};

	snprintf(a.reason, sizeof(a.reason), "%s", reason);
	return a;
}

static const struct sink_config plain = {.url = "null:"};

static void one_burst_of_failures_counts_once(void **state)
{
	(void)state;
	struct health h;
	struct sink_answer a = answer(SINK_RETRY, 0, "down");

	health_init(&h, &plain, 60 * TL_SECOND_NS, 3);
	for (int i = 0; i < 64; i++) {
		health_down(&h, &a, TL_SECOND_NS);
	}
	assert_int_equal(h.retry.tries, 1);
	assert_in_range(health_wait_ns(&h, TL_SECOND_NS), 200 * TL_MS_NS, 400 * TL_MS_NS);
	/* One of the burst that got through ends nothing. */
	assert_false(health_up(&h, TL_SECOND_NS, 0));
	assert_true(health_wait_ns(&h, TL_SECOND_NS) > 0);
}

static void later_retry_after_makes_the_pause_longer(void **state)
{
	(void)state;
	struct health h;
	struct sink_answer first = answer(SINK_RETRY, 0, "500");
	struct sink_answer second = answer(SINK_RETRY, 7 * TL_SECOND_NS, "429");

	health_init(&h, &plain, 60 * TL_SECOND_NS, 3);
	health_down(&h, &first, TL_SECOND_NS);
	health_down(&h, &second, TL_SECOND_NS);
	assert_true(health_wait_ns(&h, TL_SECOND_NS) >= 7 * TL_SECOND_NS);
}

static void success_after_the_pause_is_told_once(void **state)
{
	(void)state;
	struct health h;
	struct sink_answer a = answer(SINK_RETRY, 0, "no route");
	char text[HEALTH_TEXT_LEN];

	health_init(&h, &plain, 60 * TL_SECOND_NS, 3);
	assert_true(health_up(&h, 1, 0)); /* an earlier run may have noted otherwise */
	assert_false(health_up(&h, 1, 0));
	assert_true(health_down(&h, &a, TL_SECOND_NS));
	assert_false(health_down(&h, &a, TL_SECOND_NS));
	health_text(&h, text);
	assert_non_null(strstr(text, "down since "));
	assert_non_null(strstr(text, "no route"));
	assert_int_equal(health_wait_ns(&h, 100 * TL_SECOND_NS), 0);
	assert_true(health_up(&h, 100 * TL_SECOND_NS, 0));
	assert_false(health_up(&h, 100 * TL_SECOND_NS, 0));
	assert_int_equal(h.retry.tries, 0);
	health_text(&h, text);
	assert_string_equal(text, "ok");
}

static void forbidden_waits_longer_but_not_for_a_new_token(void **state)
{
	(void)state;
	char path[] = "/tmp/test-shipper-XXXXXX";
	int fd = mkstemp(path);
	const struct sink_config config = {.url = "null:", .token_file = path};
	struct sink_answer a = answer(SINK_FORBIDDEN, 0, "HTTP 401");
	struct health h;

	assert_true(fd >= 0);
	health_init(&h, &config, 60 * TL_SECOND_NS, 3);
	health_note_files(&h);
	health_down(&h, &a, TL_SECOND_NS);
	assert_true(health_wait_ns(&h, 2 * TL_SECOND_NS) > 0);
	assert_true(health_wait_ns(&h, 5 * TL_SECOND_NS) > 0);
	assert_int_equal(write(fd, "new", 3), 3);
	assert_int_equal(health_wait_ns(&h, 2 * TL_SECOND_NS), 0);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wait_is_within_the_doubling_bounds),
		cmocka_unit_test(waits_are_spread_over_their_range),
		cmocka_unit_test(what_the_peer_asked_for_is_kept_and_spread),
		cmocka_unit_test(limit_below_the_base_is_the_limit),
		cmocka_unit_test(rate_holds_whatever_the_sizes),
		cmocka_unit_test(no_rate_is_no_wait),
		cmocka_unit_test(idle_time_does_not_add_up),
		cmocka_unit_test(one_burst_of_failures_counts_once),
		cmocka_unit_test(later_retry_after_makes_the_pause_longer),
		cmocka_unit_test(success_after_the_pause_is_told_once),
		cmocka_unit_test(forbidden_waits_longer_but_not_for_a_new_token),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
