/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/capmetrics: recent events, and who reads them as they come. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../tools/capmetrics/news.h"

#define T0 (1000 * TL_SECOND_NS)

enum { READERS = 3, READ_MAX = 32 << 20 };

static struct news *news;
static char *got;
static size_t got_len;

static int setup(void **state)
{
	(void)state;
	got = malloc(READ_MAX);
	got_len = 0;
	return got ? news_create(&news, READERS, T0) : -1;
}

static int teardown(void **state)
{
	(void)state;
	news_destroy(news);
	free(got);
	return 0;
}

static void add(const char *type, unsigned int number)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "{\"n\":%u}\n", number);

	news_add(news, tl_str_of(type), line, (size_t)len);
}

/* All there is now, in pieces of `room`. */
static const char *read_all(struct news_reader *reader, size_t room)
{
	size_t len;

	got_len = 0;
	while ((len = news_reader_read(reader, T0, got + got_len, room)) > 0) {
		assert_true(len <= room);
		got_len += len;
		assert_true(got_len + room < READ_MAX);
	}
	got[got_len] = '\0';
	return got;
}

static unsigned int count_of(const char *text, const char *part)
{
	unsigned int count = 0;

	for (const char *at = text; (at = strstr(at, part)); at += strlen(part)) {
		count++;
	}
	return count;
}

static void reader_gets_what_comes_in_order_and_each_once(void **state)
{
	(void)state;
	struct news_reader *reader;

	add("alert", 1);
	assert_int_equal(news_reader_open(news, 0, 0, &reader), 0);
	assert_int_equal(count_of(read_all(reader, 7), "data: "), 0);
	for (unsigned int room = 1; room < 100; room += 9) {
		add("alert", 2 * room);
		add("dns", 0);
		add("engine_change", 2 * room + 1);
		char expected[200];
		const char *text = read_all(reader, room);
		snprintf(expected, sizeof(expected), "data: {\"n\":%u}\n\n", 2 * room);
		const char *first = strstr(text, expected);
		assert_non_null(first);
		snprintf(expected, sizeof(expected), "data: {\"n\":%u}\n\n", 2 * room + 1);
		assert_non_null(strstr(first, expected));
		assert_int_equal(count_of(text, "data: "), 2);
		assert_int_equal(count_of(text, "id: "), 2);
	}
	assert_int_equal(news_counts(news).missed, 0);
	news_reader_close(reader);
}

static void slow_reader_misses_the_oldest_and_is_told_how_many(void **state)
{
	(void)state;
	struct news_reader *slow, *other;
	unsigned int told = 0;

	assert_int_equal(news_reader_open(news, "alert,flow_end", 0, &slow), 0);
	assert_int_equal(news_reader_open(news, "dns", 0, &other), 0);
	for (unsigned int i = 0; i < 3000; i++) {
		add("alert", i);
		add("flow_end", i);
	}
	assert_int_equal(count_of(read_all(other, 4096), "data: "), 0);
	const char *text = read_all(slow, 4096);
	assert_int_equal(count_of(text, "data: {\"n\""), NEWS_KEPT + NEWS_PASSING);
	assert_int_equal(sscanf(strstr(text, "event: missed"),
				"event: missed\ndata: {\"missed\":%u}", &told),
			 1);
	assert_int_equal(told, 6000 - NEWS_KEPT - NEWS_PASSING);
	assert_int_equal(news_counts(news).missed, told);
	assert_int_equal(count_of(read_all(slow, 4096), "missed"), 0);
	news_reader_close(slow);
	news_reader_close(other);
}

static void types_that_nobody_asks_for_are_not_wanted(void **state)
{
	(void)state;
	struct news_reader *reader;

	assert_true(news_wants(news, TL_STR("alert")));
	assert_false(news_wants(news, TL_STR("flow_end")));
	assert_int_equal(news_reader_open(news, "flow_end,x", 0, &reader), 0);
	assert_true(news_wants(news, TL_STR("flow_end")));
	assert_true(news_wants(news, TL_STR("x")));
	news_reader_close(reader);
	assert_false(news_wants(news, TL_STR("flow_end")));
	assert_false(news_wants(news, TL_STR("a_type_of_forty_characters_and_some_more")));
}

static void bad_types_and_too_many_readers_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
					  ",",
					  "a,",
					  ",a",
					  "a b",
					  "a,,b",
					  "a\n",
					  "\xc3\xa4",
					  "1,2,3,4,5,6,7,8,9",
					  "a_type_of_forty_characters_and_some_more"};
	struct news_reader *readers[READERS], *one;
	struct tl_textbuf out = {0};

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(news_reader_open(news, bad[i], 0, &one), -EINVAL);
		assert_int_equal(news_write_recent(news, bad[i], 1, &out), -EINVAL);
	}
	for (unsigned int i = 0; i < READERS; i++) {
		assert_int_equal(news_reader_open(news, "1,2,3,4,5,6,7,8", 0, &readers[i]), 0);
	}
	assert_int_equal(news_reader_open(news, 0, 0, &one), -EUSERS);
	assert_int_equal(news_counts(news).turned_away, 1);
	for (unsigned int i = 0; i < READERS; i++) {
		news_reader_close(readers[i]);
	}
	assert_int_equal(news_counts(news).readers, 0);
	tl_textbuf_fini(&out);
}

static void reader_goes_on_behind_an_id(void **state)
{
	(void)state;
	struct news_reader *reader;
	unsigned long long id = 0;

	assert_int_equal(news_reader_open(news, 0, 0, &reader), 0);
	for (unsigned int i = 0; i < 10; i++) {
		add("alert", i);
	}
	assert_int_equal(sscanf(strstr(read_all(reader, 100), "id: "), "id: %llu", &id), 1);
	news_reader_close(reader);
	assert_int_equal(news_reader_open(news, 0, id + 6, &reader), 0);
	assert_int_equal(count_of(read_all(reader, 100), "data: "), 3);
	news_reader_close(reader);
	/* Of an earlier run, or of none. */
	assert_int_equal(news_reader_open(news, 0, 1, &reader), 0);
	assert_int_equal(count_of(read_all(reader, 100), "data: "), 10);
	news_reader_close(reader);
	assert_int_equal(news_reader_open(news, 0, UINT64_MAX, &reader), 0);
	assert_int_equal(count_of(read_all(reader, 100), "data: "), 0);
	news_reader_close(reader);
}

static void recent_ones_are_the_last_of_those_kept(void **state)
{
	(void)state;
	struct tl_textbuf out = {0};

	for (unsigned int i = 0; i < 400; i++) {
		add(i % 2 ? "alert" : "parse_error", i);
		add("dns", 0);
	}
	assert_int_equal(news_write_recent(news, "alert", 2, &out), 0);
	assert_int_equal(tl_textbuf_add(&out, "", 1), 0);
	assert_non_null(strstr(out.data, "\"left_out\":126"));
	assert_non_null(strstr(out.data, "\"events\":[{\"n\":397},{\"n\":399}]"));
	tl_textbuf_fini(&out);
}

static void memory_is_bounded_by_bytes_too(void **state)
{
	(void)state;
	char *big = malloc(NEWS_EVENT_BYTES + 1);
	struct news_reader *reader;

	memset(big, 'x', NEWS_EVENT_BYTES + 1);
	assert_int_equal(news_reader_open(news, 0, 0, &reader), 0);
	news_add(news, TL_STR("alert"), big, NEWS_EVENT_BYTES + 1);
	assert_int_equal(news_counts(news).too_long, 1);
	for (unsigned int i = 0; i < 200; i++) {
		news_add(news, TL_STR("alert"), big, NEWS_EVENT_BYTES);
	}
	assert_int_equal(count_of(read_all(reader, 4096), "data: x"),
			 NEWS_RING_BYTES / NEWS_EVENT_BYTES);
	news_reader_close(reader);
	free(big);
}

static void silence_is_broken_now_and_then(void **state)
{
	(void)state;
	struct news_reader *reader;
	char text[100];

	assert_int_equal(news_reader_open(news, 0, 0, &reader), 0);
	read_all(reader, 100);
	assert_int_equal(news_reader_read(reader, T0 + NEWS_HEARTBEAT_NS - 1, text, 100), 0);
	assert_true(news_reader_read(reader, T0 + NEWS_HEARTBEAT_NS, text, 100) > 0);
	assert_int_equal(text[0], ':');
	assert_int_equal(news_reader_read(reader, T0 + NEWS_HEARTBEAT_NS + 1, text, 100), 0);
	news_reader_close(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reader_gets_what_comes_in_order_and_each_once),
		TEST(slow_reader_misses_the_oldest_and_is_told_how_many),
		TEST(types_that_nobody_asks_for_are_not_wanted),
		TEST(bad_types_and_too_many_readers_are_refused),
		TEST(reader_goes_on_behind_an_id),
		TEST(recent_ones_are_the_last_of_those_kept),
		TEST(memory_is_bounded_by_bytes_too),
		TEST(silence_is_broken_now_and_then),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
