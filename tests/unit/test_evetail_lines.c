/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/eve-tail/lines: the same lines however the bytes arrive, in bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../tools/eve-tail/lines.h"

enum { LIMIT = 1024, TEXT = 300000 };

/* Adds at most `len` bytes; how many there was room for. */
static size_t feed(struct lines *l, const char *data, size_t len)
{
	uint8_t *at;
	size_t room;

	assert_int_equal(lines_room(l, &at, &room), 0);
	assert_true(room > 0);
	room = len < room ? len : room;
	memcpy(at, data, room);
	lines_add(l, room);
	return room;
}

static void feed_all(struct lines *l, const char *data, size_t len)
{
	struct lines_line line;

	while (len > 0) {
		size_t put = feed(l, data, len);
		data += put;
		len -= put;
		if (len > 0) {
			assert_false(lines_next(l, &line));
		}
	}
}

static char *random_text(size_t *len)
{
	char *text = malloc(TEXT);

	for (size_t i = 0; i < TEXT;) {
		size_t line = (size_t)random() % 100 < 3 ? LIMIT - 3 + (size_t)random() % 6
			      : random() % 100 < 2	 ? (size_t)random() % 20000
							 : (size_t)random() % 200;
		for (; line > 0 && i < TEXT; line--) {
			char byte = (char)random();
			text[i++] = byte == '\n' ? 'n' : byte;
		}
		if (i < TEXT) {
			text[i++] = '\n';
		}
	}
	text[TEXT - 1] = 'x';
	*len = TEXT;
	return text;
}

/* The line that begins at *at is this one. */
static void expect_line(const char *text, size_t len, size_t *at, const struct lines_line *line,
			bool rest)
{
	const char *newline = memchr(text + *at, '\n', len - *at);
	size_t whole = (newline ? (size_t)(newline - text) : len) - *at;
	size_t shown = whole > LIMIT ? LINES_SAMPLE : whole;

	assert_int_equal(!newline, rest);
	assert_int_equal(line->line_len, whole);
	assert_int_equal(line->too_long, whole > LIMIT);
	assert_int_equal(line->len, shown);
	assert_memory_equal(line->data, text + *at, shown);
	/* The padding can be read: sanitizers see to that. */
	volatile char sum = 0;
	for (int i = 0; i < LINES_PADDING; i++) {
		sum = (char)(sum + line->data[line->len + (size_t)i]);
	}
	*at += whole + (newline ? 1 : 0);
	struct mark behind = mark_make(*at, text + *at - mark_len(*at));
	assert_int_equal(line->behind.offset, behind.offset);
	assert_int_equal(line->behind.hash, behind.hash);
}

static void lines_any_pieces_same_lines(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		struct lines l;
		struct lines_line line;
		size_t len, fed = 0, at = 0;
		char *text = random_text(&len);
		size_t piece =
			round % 4 == 0 ? 1 + (size_t)random() % 7 : 1 + (size_t)random() % 90000;

		lines_init(&l, LIMIT);
		assert_int_equal(lines_start(&l, 0, 0), 0);
		while (fed < len) {
			size_t most = len - fed < piece ? len - fed : piece;
			fed += feed(&l, text + fed, most);
			while (lines_next(&l, &line)) {
				expect_line(text, len, &at, &line, false);
			}
			assert_int_equal(lines_begin_offset(&l), at);
			struct mark end = mark_make(fed, text + fed - mark_len(fed));
			assert_int_equal(lines_end_mark(&l).offset, fed);
			assert_int_equal(lines_end_mark(&l).hash, end.hash);
		}
		assert_true(lines_rest(&l, &line));
		expect_line(text, len, &at, &line, true);
		assert_false(lines_rest(&l, &line));
		assert_int_equal(at, len);
		lines_fini(&l);
		free(text);
	}
}

static void lines_resumed_anywhere_same_marks(void **state)
{
	(void)state;
	size_t len;
	char *text = random_text(&len);

	for (int round = 0; round < 200; round++) {
		struct lines l;
		struct lines_line line;
		size_t at = (size_t)random() % 5000;

		lines_init(&l, LIMIT);
		size_t before = mark_len(at);
		assert_int_equal(lines_start(&l, at, (uint8_t *)text + at - before), 0);
		feed_all(&l, text + at, 30000);
		size_t from = at;
		while (lines_next(&l, &line)) {
			expect_line(text, len, &from, &line, false);
		}
		assert_true(from > at);
		lines_fini(&l);
	}
	free(text);
}

static void lines_endless_memory_stays_flat(void **state)
{
	(void)state;
	enum { PIECES = 3000, PIECE = 100000 };
	static char zeros[PIECE];
	struct lines l;
	struct lines_line line;
	size_t fed = 0;

	memset(zeros, 'z', sizeof(zeros));
	lines_init(&l, 1 << 20);
	assert_int_equal(lines_start(&l, 0, 0), 0);
	for (int i = 0; i < PIECES; i++) {
		fed += feed(&l, zeros, sizeof(zeros));
		assert_false(lines_next(&l, &line));
		assert_true(l.capacity <= (1 << 20) + (128 << 10));
	}
	assert_int_equal(lines_begin_offset(&l), 0); /* where one would begin again */
	feed(&l, "\nshort\n", 7);
	assert_true(lines_next(&l, &line));
	assert_true(line.too_long);
	assert_int_equal(line.line_len, fed);
	assert_int_equal(line.len, LINES_SAMPLE);
	assert_int_equal(line.behind.offset, fed + 1);
	assert_true(lines_next(&l, &line));
	assert_false(line.too_long);
	assert_int_equal(line.len, 5);
	lines_fini(&l);
}

static void lines_at_the_limit_whole(void **state)
{
	(void)state;
	for (size_t len = LIMIT - 1; len <= LIMIT + 1; len++) {
		struct lines l;
		struct lines_line line;
		char text[LIMIT + 2];

		memset(text, 'a', len);
		text[len] = '\n';
		lines_init(&l, LIMIT);
		assert_int_equal(lines_start(&l, 0, 0), 0);
		feed(&l, text, len);
		assert_false(lines_next(&l, &line));
		feed(&l, text + len, 1);
		assert_true(lines_next(&l, &line));
		assert_int_equal(line.too_long, len > LIMIT);
		assert_int_equal(line.line_len, len);
		lines_fini(&l);
	}
}

static void lines_taken_back_as_if_never_there(void **state)
{
	(void)state;
	struct lines l;
	struct lines_line line;

	lines_init(&l, LIMIT);
	assert_int_equal(lines_start(&l, 0, 0), 0);
	feed(&l, "one\ntw", 6);
	assert_true(lines_next(&l, &line));
	assert_false(lines_next(&l, &line));
	feed(&l, "garbage\n", 8);
	lines_take_back(&l, 8);
	assert_int_equal(l.offset, 6);
	feed(&l, "o\n", 2);
	assert_true(lines_next(&l, &line));
	assert_int_equal(line.len, 3);
	assert_memory_equal(line.data, "two", 3);
	lines_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_any_pieces_same_lines),
		cmocka_unit_test(lines_resumed_anywhere_same_marks),
		cmocka_unit_test(lines_endless_memory_stays_flat),
		cmocka_unit_test(lines_at_the_limit_whole),
		cmocka_unit_test(lines_taken_back_as_if_never_there),
	};

	srandom(11);
	return cmocka_run_group_tests(tests, 0, 0);
}
