/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of ranges (common/ranges) against a plain array, and the pace of a replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../../tools/evcat/pace.c"
#include "../../common/ranges.h"

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

static void assert_orderly(const struct tl_ranges *set)
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
		struct tl_ranges set = {0};
		for (int step = 0; step < 40; step++) {
			uint64_t from = next_random(&seed) % NUMBERS;
			uint64_t to = from + next_random(&seed) % (NUMBERS / 8);
			to = to > NUMBERS ? NUMBERS : to;
			assert_int_equal(tl_ranges_covered(&set, from, to), count(has, from, to));
			assert_int_equal(tl_ranges_add(&set, from, to), 0);
			memset(has + from, true, to - from);
			assert_orderly(&set);
			assert_int_equal(tl_ranges_covered(&set, 0, NUMBERS),
					 count(has, 0, NUMBERS));
			assert_int_equal(tl_ranges_has(&set, from), has[from]);
		}
		tl_ranges_fini(&set);
	}
}

static uint64_t covered_by_gaps(const struct tl_ranges *set, uint64_t from, uint64_t to)
{
	struct tl_range gap;
	uint64_t missing = 0;

	while (tl_ranges_gap(set, from, to, &gap)) {
		assert_true(from <= gap.from && gap.from < gap.to && gap.to <= to);
		assert_int_equal(tl_ranges_covered(set, gap.from, gap.to), 0);
		missing += gap.to - gap.from;
		from = gap.to;
	}
	return missing;
}

static void ranges_removed_and_missing_are_not_there(void **state)
{
	(void)state;
	uint32_t seed = 7;

	for (int round = 0; round < 200; round++) {
		struct tl_ranges set = {0};
		bool has[NUMBERS] = {false};
		for (int i = 0; i < 60; i++) {
			uint64_t from = next_random(&seed) % NUMBERS;
			uint64_t to = from + next_random(&seed) % (NUMBERS + 1 - from) / 4;
			bool add = next_random(&seed) % 2;
			if (add) {
				assert_int_equal(tl_ranges_add(&set, from, to), 0);
			} else {
				tl_ranges_remove(&set, from, to);
			}
			memset(has + from, add, to - from);
			assert_int_equal(tl_ranges_covered(&set, 0, NUMBERS),
					 count(has, 0, NUMBERS));
			assert_int_equal(tl_ranges_covered(&set, from, to), count(has, from, to));
			assert_int_equal(covered_by_gaps(&set, from, NUMBERS),
					 NUMBERS - from - count(has, from, NUMBERS));
			assert_orderly(&set);
		}
		tl_ranges_fini(&set);
	}
}

static void ranges_removed_at_the_limit_never_add(void **state)
{
	(void)state;
	struct tl_ranges set = {0};

	for (uint64_t i = 0; i < TL_RANGES_MAX; i++) {
		assert_int_equal(tl_ranges_add(&set, 10 * i, 10 * i + 4), 0);
	}
	tl_ranges_remove(&set, 501, 502);
	assert_int_equal(set.count, TL_RANGES_MAX);
	assert_int_equal(set.closed, 0);
	assert_int_equal(tl_ranges_covered(&set, 500, 504), 2);
	tl_ranges_fini(&set);
}

static void ranges_at_the_limit_keep_count_of_what_they_close(void **state)
{
	struct tl_ranges set = {0};

	(void)state;
	for (uint64_t i = 0; i < TL_RANGES_MAX + 100; i++) {
		assert_int_equal(tl_ranges_add(&set, 10 * i, 10 * i + 4), 0);
	}
	assert_int_equal(set.count, TL_RANGES_MAX);
	assert_int_equal(set.closed, 100 * 6);
	assert_orderly(&set);
	tl_ranges_fini(&set);
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
		cmocka_unit_test(ranges_removed_and_missing_are_not_there),
		cmocka_unit_test(ranges_removed_at_the_limit_never_add),
		cmocka_unit_test(ranges_at_the_limit_keep_count_of_what_they_close),
		cmocka_unit_test(pace_keeps_the_distance_from_the_first_event),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
