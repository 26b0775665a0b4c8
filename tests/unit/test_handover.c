/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/handover.h"

#define NOW 1700000000000000000ull

static char folder[] = "/tmp/tl-handover-XXXXXX";
static char state_file[64], cut_file[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder)) {
		return -1;
	}
	snprintf(state_file, sizeof(state_file), "%s/state", folder);
	snprintf(cut_file, sizeof(cut_file), "%s/cut", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(state_file);
	unlink(cut_file);
	return rmdir(folder);
}

/* --- a cut's text ----------------------------------------------------------- */

static void check_parse(const char *text, int expected, uint64_t value)
{
	uint64_t ns = 7;

	int err = tl_handover_parse_cut(text, strlen(text), &ns);
	assert_int_equal(err, expected);
	assert_int_equal(ns, expected == 0 ? value : 7);
}

static void parse_takes_one_number(void **state)
{
	(void)state;
	check_parse("1", 0, 1);
	check_parse("1700000000123456789\n", 0, 1700000000123456789ull);
	check_parse(" \t0017 \r\n", 0, 17);
	check_parse("", -EINVAL, 0);
	check_parse(" \n", -EINVAL, 0);
	check_parse("0", -EINVAL, 0);
	check_parse("-1", -EINVAL, 0);
	check_parse("+1", -EINVAL, 0);
	check_parse("1 2", -EINVAL, 0);
	check_parse("1.5", -EINVAL, 0);
	check_parse("0x10", -EINVAL, 0);
	check_parse("18446744073709551616", -ERANGE, 0);
	check_parse("99999999999999999999999999", -ERANGE, 0);
}

static void parse_of_any_number_gives_it_back(void **state)
{
	(void)state;
	for (uint64_t ns = 1; ns < (uint64_t)INT64_MAX / 16; ns = ns * 3 + 1) {
		char text[32];
		snprintf(text, sizeof(text), "%llu\n", (unsigned long long)ns);
		check_parse(text, 0, ns);
	}
}

/* Not ended by a NUL, at every length, with a byte of each value: bounded, and refused. */
static void parse_looks_at_nothing_behind_the_end(void **state)
{
	(void)state;
	for (unsigned int byte = 0; byte < 256; byte++) {
		for (size_t len = 1; len <= 3; len++) {
			char *text = malloc(len);
			uint64_t ns;
			assert_non_null(text);
			memset(text, '4', len);
			text[len - 1] = (char)byte;
			bool digit = byte >= '0' && byte <= '9';
			bool blank = byte && strchr(" \t\r\n", (int)byte);
			bool good = len == 1 ? digit && byte != '0' : digit || blank;
			assert_int_equal(tl_handover_parse_cut(text, len, &ns) == 0, good);
			free(text);
		}
	}
}

/* --- cuts ------------------------------------------------------------------- */

static void write_cut(uint64_t ns)
{
	FILE *file = fopen(cut_file, "w");

	assert_non_null(file);
	fprintf(file, "%llu\n", (unsigned long long)ns);
	assert_int_equal(fclose(file), 0);
}

static void open_handover(struct tl_handover *h, bool standby)
{
	const struct tl_handover_config config = {
		.state_file = state_file, .cut_file = cut_file, .standby = standby};

	assert_int_equal(tl_handover_open(h, &config), 0);
}

static int take(struct tl_handover *h, uint64_t cut_ns, uint64_t now_ns)
{
	write_cut(cut_ns);
	return tl_handover_take_cut(h, now_ns);
}

static void assert_span(const struct tl_handover *h, uint64_t begin_ns, uint64_t end_ns)
{
	struct tl_span span = tl_handover_span(h);

	assert_int_equal(span.begin_ns, begin_ns);
	assert_int_equal(span.end_ns, end_ns);
}

static void cut_of_an_engine_that_counts_is_its_end(void **state)
{
	(void)state;
	struct tl_handover h;

	open_handover(&h, false);
	assert_span(&h, 0, UINT64_MAX);
	assert_int_equal(tl_handover_due(&h, NOW), UINT64_MAX);
	assert_int_equal(take(&h, NOW + 100, NOW), 0);
	assert_span(&h, 0, NOW + 100);
	assert_int_equal(tl_handover_due(&h, NOW), NOW + 100);
	assert_false(tl_handover_is_over(&h, NOW + 100));
	uint64_t stop = tl_handover_due(&h, NOW + 101);
	assert_in_range(stop, NOW + 101, NOW + TL_SECOND_NS);
	assert_false(tl_handover_is_over(&h, stop - 1));
	assert_true(tl_handover_is_over(&h, stop));
	assert_int_equal(tl_handover_due(&h, stop + 1), UINT64_MAX);
	tl_handover_close(&h);
}

static void cut_of_an_engine_in_standby_is_its_begin_and_the_next_its_end(void **state)
{
	(void)state;
	struct tl_handover h;

	open_handover(&h, true);
	assert_span(&h, UINT64_MAX, UINT64_MAX);
	assert_int_equal(take(&h, NOW + 100, NOW), 0);
	assert_span(&h, NOW + 100, UINT64_MAX);
	assert_int_equal(take(&h, NOW + 300, NOW + 99), -EINVAL);
	assert_int_equal(take(&h, NOW + 100, NOW + 200), -EINVAL);
	assert_int_equal(take(&h, NOW + 300, NOW + 200), 0);
	assert_span(&h, NOW + 100, NOW + 300);
	assert_int_equal(take(&h, NOW + 400, NOW + 210), -EINVAL);
	assert_span(&h, NOW + 100, NOW + 300);
	tl_handover_close(&h);
}

static void cut_that_has_passed_is_now(void **state)
{
	(void)state;
	struct tl_handover h;

	open_handover(&h, true);
	assert_int_equal(take(&h, 5, NOW), 0);
	assert_span(&h, NOW, UINT64_MAX);
	assert_int_equal(take(&h, 6, NOW + 50), 0);
	assert_span(&h, NOW, NOW + 50);
	tl_handover_close(&h);
}

static void cut_is_at_most_a_minute_ahead(void **state)
{
	(void)state;
	struct tl_handover h;

	open_handover(&h, false);
	assert_int_equal(take(&h, NOW + 60 * TL_SECOND_NS + 1, NOW), -EINVAL);
	assert_int_equal(take(&h, INT64_MAX, NOW), -ERANGE);
	assert_span(&h, 0, UINT64_MAX);
	assert_int_equal(take(&h, NOW + 60 * TL_SECOND_NS, NOW), 0);
	tl_handover_close(&h);
}

static void span_has_its_begin_and_not_its_end(void **state)
{
	(void)state;
	const struct tl_span span = {.begin_ns = 10, .end_ns = 20};
	const struct tl_span all = {.end_ns = UINT64_MAX};

	assert_false(tl_span_has(&span, 9));
	assert_true(tl_span_has(&span, 10));
	assert_true(tl_span_has(&span, 19));
	assert_false(tl_span_has(&span, 20));
	assert_false(tl_span_is_all(&span));
	assert_true(tl_span_is_all(&all));
}

static void mono_time_of_now_is_now(void **state)
{
	(void)state;
	uint64_t before = tl_clock_mono_ns();
	uint64_t then = tl_handover_mono_ns(tl_clock_wall_ns());

	/* The two clocks are read some time after each other, and a step between them is possible.
	 */
	assert_in_range(then, before - TL_SECOND_NS, tl_clock_mono_ns() + TL_SECOND_NS);
	assert_int_equal(tl_handover_mono_ns(0), 0);
	assert_int_equal(tl_handover_mono_ns(UINT64_MAX), UINT64_MAX);
}

/* --- the state --------------------------------------------------------------- */

static void assert_state(const char *expected)
{
	char line[128] = "";
	FILE *file = fopen(state_file, "r");

	assert_non_null(file);
	size_t len = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	assert_int_equal(len, TL_HANDOVER_STATE_LEN);
	assert_string_equal(line, expected);
}

static void state_has_a_fixed_width(void **state)
{
	(void)state;
	char line[TL_HANDOVER_STATE_LEN + 1];
	const struct tl_counted most = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
	const struct tl_counted none = {0};

	tl_handover_format(&most, line);
	assert_string_equal(line, "first=18446744073709551615 last=18446744073709551615 "
				  "packets=18446744073709551615\n");
	tl_handover_format(&none, line);
	assert_int_equal(strlen(line), TL_HANDOVER_STATE_LEN);
}

static void state_is_the_sum_of_its_parts(void **state)
{
	(void)state;
	struct tl_handover h;
	struct tl_handover_part parts[3] = {0};
	const struct tl_counted a = {.first_ns = 20, .last_ns = 30, .packets = 4};
	const struct tl_counted b = {.first_ns = 10, .last_ns = 25, .packets = 2};

	open_handover(&h, false);
	assert_state("first=00000000000000000000 last=00000000000000000000 "
		     "packets=00000000000000000000\n");
	for (unsigned int i = 0; i < 3; i++) {
		tl_handover_join(&h, &parts[i]);
	}
	tl_handover_tell(&parts[0], &a);
	tl_handover_tell(&parts[1], &b);
	tl_handover_write(&h);
	assert_state("first=00000000000000000010 last=00000000000000000030 "
		     "packets=00000000000000000006\n");
	/* What is told again takes the place of what was. */
	tl_handover_tell(&parts[1], &a);
	tl_handover_write(&h);
	assert_state("first=00000000000000000020 last=00000000000000000030 "
		     "packets=00000000000000000008\n");
	tl_handover_close(&h);
}

static void state_of_an_earlier_run_is_gone(void **state)
{
	(void)state;
	struct tl_handover h;
	FILE *file = fopen(state_file, "w");

	assert_non_null(file);
	for (int i = 0; i < 100; i++) {
		fputs("something that is longer\n", file);
	}
	fclose(file);
	open_handover(&h, false);
	assert_state("first=00000000000000000000 last=00000000000000000000 "
		     "packets=00000000000000000000\n");
	tl_handover_close(&h);
}

static void nothing_asked_for_is_nothing_done(void **state)
{
	(void)state;
	struct tl_handover h;
	struct tl_handover_part part = {0};
	const struct tl_handover_config config = {0};
	const struct tl_counted counted = {1, 2, 3};

	assert_int_equal(tl_handover_open(&h, &config), 0);
	tl_handover_join(&h, &part);
	tl_handover_tell(&part, &counted);
	tl_handover_write(&h);
	assert_int_equal(tl_handover_take_cut(&h, NOW), -EINVAL);
	assert_span(&h, 0, UINT64_MAX);
	tl_handover_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_takes_one_number),
		cmocka_unit_test(parse_of_any_number_gives_it_back),
		cmocka_unit_test(parse_looks_at_nothing_behind_the_end),
		cmocka_unit_test(cut_of_an_engine_that_counts_is_its_end),
		cmocka_unit_test(cut_of_an_engine_in_standby_is_its_begin_and_the_next_its_end),
		cmocka_unit_test(cut_that_has_passed_is_now),
		cmocka_unit_test(cut_is_at_most_a_minute_ahead),
		cmocka_unit_test(span_has_its_begin_and_not_its_end),
		cmocka_unit_test(mono_time_of_now_is_now),
		cmocka_unit_test(state_has_a_fixed_width),
		cmocka_unit_test(state_is_the_sum_of_its_parts),
		cmocka_unit_test(state_of_an_earlier_run_is_gone),
		cmocka_unit_test(nothing_asked_for_is_nothing_done),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
