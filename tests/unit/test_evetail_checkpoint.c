/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/eve-tail/checkpoint: what was written is read, and nothing else is believed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/log.h"
#include "../../tools/eve-tail/checkpoint.h"

static char folder[256], path[300];

static uint64_t any(void)
{
	return (uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^ (uint64_t)random();
}

static struct record random_record(void)
{
	struct record r = {
		.state = (enum record_state)(random() % 4),
		.number = any() >> 2,
		.safe = {any() >> 2, any()},
		.seen = {any() >> 2, any()},
		.head = {any() >> 2, any(), 1 + (uint32_t)random() % HEAD_MAX},
		.dev = any(),
		.ino = any(),
		.born_ns = any(),
		.packed_bytes = any(),
		.select_hash = any(),
	};
	char home[64];
	size_t len = 1 + (size_t)random() % (sizeof(home) - 1);

	for (size_t i = 0; i < sizeof(r.stream); i++) {
		r.stream[i] = (uint8_t)random();
	}
	for (size_t i = 0; i < len; i++) {
		home[i] = (char)(1 + random() % 255); /* spaces, newlines, anything */
	}
	home[len < sizeof(home) ? len : sizeof(home) - 1] = '\0';
	r.home = strdup(home);
	return r;
}

static void put_all(struct tl_textbuf *text, struct record *records, size_t count)
{
	assert_int_equal(checkpoint_put_head(text, "0123456789abcdef"), 0);
	assert_int_equal(checkpoint_put_place(text, "/var/log/a b%\n/eve*.json"), 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(checkpoint_put_record(text, &records[i]), 0);
	}
	assert_int_equal(checkpoint_put_sum(text), 0);
}

static void same_record(const struct record *a, const struct record *b)
{
	struct record x = *a, y = *b;

	assert_string_equal(a->home, b->home);
	assert_memory_equal(a->stream, b->stream, sizeof(a->stream));
	x.home = y.home = 0;
	assert_int_equal(x.state, y.state);
	assert_int_equal(x.number, y.number);
	assert_int_equal(x.safe.offset, y.safe.offset);
	assert_int_equal(x.safe.hash, y.safe.hash);
	assert_int_equal(x.seen.offset, y.seen.offset);
	assert_int_equal(x.seen.hash, y.seen.hash);
	assert_int_equal(x.head.at, y.head.at);
	assert_int_equal(x.head.len, y.head.len);
	assert_int_equal(x.head.hash, y.head.hash);
	assert_int_equal(x.dev, y.dev);
	assert_int_equal(x.ino, y.ino);
	assert_int_equal(x.born_ns, y.born_ns);
	assert_int_equal(x.packed_bytes, y.packed_bytes);
	assert_int_equal(x.select_hash, y.select_hash);
}

static void text_written_read_the_same(void **state)
{
	(void)state;
	for (size_t count = 0; count < 70; count++) {
		struct record records[70];
		struct tl_textbuf text = {0};
		struct book book = {0};

		for (size_t i = 0; i < count; i++) {
			records[i] = random_record();
		}
		put_all(&text, records, count);
		assert_int_equal(checkpoint_parse(text.data, text.len, &book), 0);
		assert_string_equal(book.machine, "0123456789abcdef");
		assert_int_equal(book.place_count, 1);
		assert_string_equal(book.places[0], "/var/log/a b%\n/eve*.json");
		assert_int_equal(book.record_count, count);
		for (size_t i = 0; i < count; i++) {
			same_record(&records[i], &book.records[i]);
			free(records[i].home);
		}
		book_fini(&book);
		tl_textbuf_fini(&text);
	}
}

static void text_cut_or_changed_refused(void **state)
{
	struct record record = random_record();
	struct tl_textbuf text = {0};
	struct book book = {0};

	(void)state;
	put_all(&text, &record, 1);
	for (size_t len = 0; len < text.len; len++) {
		assert_int_equal(checkpoint_parse(text.data, len, &book), -EBADMSG);
	}
	for (size_t i = 0; i < text.len; i++) {
		char was = text.data[i];
		text.data[i] = (char)(was ^ (1 << random() % 8));
		assert_int_equal(checkpoint_parse(text.data, text.len, &book), -EBADMSG);
		text.data[i] = was;
	}
	free(record.home);
	tl_textbuf_fini(&text);
}

/* Sealed rightly, but no checkpoint. */
static void text_of_a_stranger_refused(void **state)
{
	static const char *const lines[] = {
		"nonsense\n",
		"place \n",
		"place a b\n",
		"place %0\n",
		"place %00\n",
		"machine a\nmachine b\n",
		"file\n",
		"file 00 live 0 0 0 0 0 0 0 0 0 0 0 0 0 /x\n",
		"file 00000000000000000000000000000000 live 0 0 0000000000000000 0 "
		"0000000000000000 "
		"0 257 0000000000000000 0 0 0 0 0000000000000000 /x\n",
		"file 00000000000000000000000000000000 live 0 0 0000000000000000 0 "
		"0000000000000000 "
		"0 0 0000000000000000 0 0 0 0 0000000000000000 /x\n",
		"file 00000000000000000000000000000000 dead 0 0 0000000000000000 0 "
		"0000000000000000 "
		"0 1 0000000000000000 0 0 0 0 0000000000000000 /x\n",
		"file 00000000000000000000000000000000 live 99999999999999999999 0 "
		"0000000000000000 0 0000000000000000 0 1 0000000000000000 0 0 0 0 "
		"0000000000000000 /x\n",
		"file 00000000000000000000000000000000 live 0 9223372036854775807 "
		"0000000000000000 0 0000000000000000 0 1 0000000000000000 0 0 0 0 "
		"0000000000000000 /x\n",
		"\n",
		"place /no/newline",
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct tl_textbuf text = {0};
		struct book book = {0};
		assert_int_equal(tl_textbuf_add(&text, "tapline-eve-tail 1\n", 19), 0);
		assert_int_equal(tl_textbuf_add(&text, lines[i], strlen(lines[i])), 0);
		assert_int_equal(checkpoint_put_sum(&text), 0);
		assert_int_equal(checkpoint_parse(text.data, text.len, &book), -EBADMSG);
		assert_null(book.records);
		tl_textbuf_fini(&text);
	}
}

static void file_written_read_and_locked(void **state)
{
	struct checkpoint *a, *b = 0;
	struct record record = random_record();
	struct tl_textbuf text = {0};
	struct book book = {0};

	(void)state;
	assert_int_equal(checkpoint_open(&a, path), 0);
	assert_int_equal(checkpoint_read(a, &book), 0);
	assert_int_equal(checkpoint_open(&b, path), -EBUSY);
	assert_null(b);
	put_all(&text, &record, 1);
	assert_int_equal(checkpoint_write(a, &text), 0);
	assert_int_equal(checkpoint_write(a, &text), 0);
	assert_int_equal(checkpoint_read(a, &book), 1);
	same_record(&record, &book.records[0]);
	book_fini(&book);
	checkpoint_close(a);
	assert_int_equal(checkpoint_open(&b, path), 0);
	checkpoint_close(b);
	free(record.home);
	tl_textbuf_fini(&text);
}

static void file_damaged_set_aside(void **state)
{
	struct checkpoint *c;
	struct book book = {0};
	char bad[310];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	(void)state;
	assert_int_equal(write(fd, "tapline-eve-tail 1\nhello\n", 25), 25);
	close(fd);
	assert_int_equal(checkpoint_open(&c, path), 0);
	assert_int_equal(checkpoint_read(c, &book), 0);
	snprintf(bad, sizeof(bad), "%s.bad", path);
	assert_int_equal(access(bad, F_OK), 0);
	assert_int_equal(access(path, F_OK), -1);
	checkpoint_close(c);
}

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	srandom(8);
	tl_log_set_level(TL_LOG_ERR);
	snprintf(folder, sizeof(folder), "%s/tl-checkpoint-XXXXXX", tmp ? tmp : "/tmp");
	snprintf(path, sizeof(path), "%s/point", mkdtemp(folder) ? folder : "");
	return 0;
}

static int tear_down(void **state)
{
	static const char *const suffixes[] = {"", ".tmp", ".bad", ".lock"};
	char name[320];

	(void)state;
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_written_read_the_same),
		cmocka_unit_test(text_cut_or_changed_refused),
		cmocka_unit_test(text_of_a_stranger_refused),
		cmocka_unit_test(file_written_read_and_locked),
		cmocka_unit_test(file_damaged_set_aside),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
