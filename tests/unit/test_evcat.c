/* SPDX-License-Identifier: BSD-2-Clause */
/* What of evcat is pure: sets of ranges against a plain array, and the pace of a replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../../tools/evcat/pace.c"
#include "../../tools/evcat/ranges.c"

enum { NUMBERS = 300 };

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static uint64_t count(const bool *has, uint64_t from, uint64_t to)
{
	uint64_t n = 0;

	for (uint64_t i = from; i < to; i++) {
		n += has[i];
	}
	return n;
}

static void assert_orderly(const struct ranges *set)
{
	for (uint32_t i = 0; i < set->count; i++) {
		assert_true(set->items[i].from < set->items[i].to);
		assert_true(i == 0 || set->items[i - 1].to < set->items[i].from);
	}
}

static void ranges_hold_what_was_added_in_any_order(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed < 300; seed++) {
		bool has[NUMBERS] = {0};
		struct ranges set = {0};
		for (int step = 0; step < 40; step++) {
			uint64_t from = next_random(&seed) % NUMBERS;
			uint64_t to = from + next_random(&seed) % (NUMBERS / 8);
			to = to > NUMBERS ? NUMBERS : to;
			assert_int_equal(ranges_covered(&set, from, to), count(has, from, to));
			assert_int_equal(ranges_add(&set, from, to), 0);
			memset(has + from, true, to - from);
			assert_orderly(&set);
			assert_int_equal(ranges_covered(&set, 0, NUMBERS), count(has, 0, NUMBERS));
			assert_int_equal(ranges_has(&set, from), has[from]);
		}
		ranges_fini(&set);
	}
}

static void ranges_at_the_limit_keep_count_of_what_they_close(void **state)
{
	struct ranges set = {0};

	(void)state;
	for (uint64_t i = 0; i < RANGES_MAX + 100; i++) {
		assert_int_equal(ranges_add(&set, 10 * i, 10 * i + 4), 0);
	}
	assert_int_equal(set.count, RANGES_MAX);
	assert_int_equal(set.closed, 100 * 6);
	assert_orderly(&set);
	ranges_fini(&set);
}

static void pace_keeps_the_distance_from_the_first_event(void **state)
{
	struct pace pace = {.speed = 2};

	(void)state;
	assert_int_equal(pace_wait(&pace, 1000, 50), 0);
	assert_int_equal(pace_wait(&pace, 3000, 50), 1000);
	assert_int_equal(pace_wait(&pace, 3000, 550), 500);
	assert_int_equal(pace_wait(&pace, 3000, 5000), 0);
	assert_int_equal(pace_wait(&pace, 10, 5000), 0);
	assert_true(pace_wait(&pace, UINT64_MAX, 5000) > 1000000000000000000ull - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_hold_what_was_added_in_any_order),
		cmocka_unit_test(ranges_at_the_limit_keep_count_of_what_they_close),
		cmocka_unit_test(pace_keeps_the_distance_from_the_first_event),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
