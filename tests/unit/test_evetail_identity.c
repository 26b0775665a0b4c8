/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/eve-tail/identity, source, inflate, names: what a file is, compressed or not. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "../../tools/eve-tail/inflate.h"
#include "../../tools/eve-tail/names.h"
#include "../../tools/eve-tail/source.h"

enum { LEN = 300000 };

static char folder[256], path[300];
static uint8_t *text;
static struct stat st;

static void write_file(const char *name, const void *bytes, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static size_t gzip(const uint8_t *bytes, size_t len, uint8_t *out, size_t room)
{
	z_stream z = {0};

	deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	z.next_in = (uint8_t *)bytes;
	z.avail_in = (unsigned int)len;
	z.next_out = out;
	z.avail_out = (unsigned int)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

/* In `pieces` members or frames. */
static size_t pack(bool zstd, int pieces, uint8_t *out, size_t room)
{
	size_t done = 0;

	for (int i = 0; i < pieces; i++) {
		size_t from = (size_t)LEN / (size_t)pieces * (size_t)i;
		size_t to = i == pieces - 1 ? LEN : (size_t)LEN / (size_t)pieces * (size_t)(i + 1);
		done += zstd ? ZSTD_compress(out + done, room - done, text + from, to - from, 3)
			     : gzip(text + from, to - from, out + done, room - done);
	}
	return done;
}

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/tl-identity-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder)) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/file", folder);
	text = malloc(LEN);
	for (size_t i = 0; i < LEN; i++) {
		text[i] = (uint8_t)('a' + random() % 20);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	rmdir(folder);
	free(text);
	return 0;
}

static void same_as_text(struct source *source)
{
	static uint8_t bytes[LEN];
	struct head head, plain = {.len = HEAD_MAX};

	for (int i = 0; i < 30; i++) {
		uint64_t at = (uint64_t)random() % (LEN + 10);
		size_t len = (size_t)random() % 20000;
		size_t there = at >= LEN ? 0 : LEN - at < len ? LEN - at : len;
		assert_int_equal(source_read_at(source, bytes, len, at), there);
		assert_memory_equal(bytes, text + at, there);
		if (at <= LEN) {
			size_t before = mark_len(at);
			struct mark mark = mark_make(at, text + at - before);
			assert_true(mark_matches(mark, source));
			mark.hash ^= at > 0;
			assert_int_equal(mark_matches(mark, source), at == 0);
		}
	}
	assert_int_equal(head_find(&head, source), 1);
	assert_int_equal(head.at, 0);
	assert_int_equal(head.len, plain.len);
	assert_true(head_matches(&head, source));
	head.hash++;
	assert_false(head_matches(&head, source));
	struct mark mark;
	assert_int_equal(mark_take(&mark, LEN + 1, source), -ENODATA);
}

static void content_plain_or_packed_the_same(void **state)
{
	static uint8_t out[2 * LEN];

	(void)state;
	for (int kind = 0; kind < 5; kind++) {
		bool zstd = kind == 3 || kind == 4;
		size_t len = kind == 0 ? 0 : pack(zstd, kind % 2 == 1 ? 1 : 3, out, sizeof(out));
		struct source source;

		write_file(path, kind == 0 ? text : out, kind == 0 ? LEN : len);
		assert_int_equal(source_open(&source, path, &st), 0);
		assert_int_equal(source.inflate != 0, kind != 0);
		same_as_text(&source);
		if (kind == 1 || kind == 3) {
			assert_true(inflate_claims(source.fd, LEN));
			assert_false(inflate_claims(source.fd, LEN - 1));
		}
		source_close(&source);
	}
}

/* Wherever it is cut off, what is there is right, and that it is not all is said. */
static void packed_cut_off_said(void **state)
{
	static uint8_t out[2 * LEN], bytes[LEN + 1];

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		size_t len = pack(kind == 1, 1, out, sizeof(out));
		for (size_t cut = 20; cut < len; cut += 1 + len / 37) {
			struct source source;
			write_file(path, out, cut);
			assert_int_equal(source_open(&source, path, &st), 0);
			ssize_t got = 0, more;
			while ((more = source_read_at(&source, bytes + got, 1000, (uint64_t)got)) >
			       0) {
				got += more;
			}
			assert_int_equal(more, -EBADMSG);
			assert_memory_equal(bytes, text, (size_t)got);
			source_close(&source);
		}
	}
}

static void packed_damaged_never_all(void **state)
{
	static uint8_t out[2 * LEN], bytes[2000];

	(void)state;
	for (int round = 0; round < 60; round++) {
		bool zstd = round % 2;
		size_t len = pack(zstd, 1, out, sizeof(out));
		struct source source;
		for (int i = 0; i < 20; i++) {
			out[4 + (size_t)random() % (len - 4)] = (uint8_t)random();
		}
		write_file(path, out, len);
		assert_int_equal(source_open(&source, path, &st), 0);
		uint64_t at = 0;
		ssize_t got;
		while ((got = source_read_at(&source, bytes, sizeof(bytes), at)) > 0 &&
		       at < 100 * LEN) {
			at += (uint64_t)got;
		}
		/* zstd frames made without a checksum may decode to something else. */
		assert_true(zstd || got == -EBADMSG);
		source_close(&source);
	}
}

static void packed_padding_behind_ignored(void **state)
{
	static uint8_t out[2 * LEN];
	struct source source;
	uint8_t byte;

	(void)state;
	size_t len = pack(false, 1, out, sizeof(out));
	memset(out + len, 0, 1000);
	write_file(path, out, len + 1000);
	assert_int_equal(source_open(&source, path, &st), 0);
	assert_int_equal(source_read_at(&source, &byte, 1, LEN - 1), 1);
	assert_int_equal(source_read_at(&source, &byte, 1, LEN), 0);
	source_close(&source);
}

static void head_behind_a_hole_found(void **state)
{
	static const uint64_t at[] = {1, 255, 4096, 70000, 5000001};

	(void)state;
	for (unsigned int i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct source source;
		struct head head;
		write_file(path, "", 0);
		assert_int_equal(truncate(path, (off_t)at[i]), 0);
		assert_int_equal(source_open(&source, path, &st), 0);
		assert_int_equal(head_find(&head, &source), 0);
		assert_int_equal(head.len, 0);
		int fd = open(path, O_WRONLY);
		assert_int_equal(pwrite(fd, text, 100, (off_t)at[i]), 100);
		close(fd);
		assert_int_equal(head_find(&head, &source), 1);
		assert_int_equal(head.at, at[i]);
		assert_int_equal(head.len, 100);
		assert_true(head_matches(&head, &source));
		source_close(&source);
	}
}

static void fill_truncated_and_grown_again_noticed(void **state)
{
	(void)state;
	for (size_t read = 1; read < 200; read += 13) {
		struct source source;
		struct lines lines;

		write_file(path, text, read);
		assert_int_equal(source_open(&source, path, &st), 0);
		lines_init(&lines, 4096);
		assert_int_equal(source_start(&source, &lines, 0), 0);
		assert_int_equal(source_fill(&source, &lines, UINT64_MAX), read);
		assert_int_equal(source_fill(&source, &lines, UINT64_MAX), 0);
		struct mark before = lines_end_mark(&lines);
		assert_int_equal(truncate(path, (off_t)read - 1), 0);
		assert_int_equal(source_fill(&source, &lines, UINT64_MAX), -ESTALE);
		write_file(path, text + 1000, 500);
		assert_int_equal(source_fill(&source, &lines, UINT64_MAX), -ESTALE);
		assert_int_equal(lines_end_mark(&lines).hash, before.hash); /* kept as it was */
		write_file(path, text, 500);
		assert_int_equal(source_fill(&source, &lines, UINT64_MAX), 500 - read);
		lines_fini(&lines);
		source_close(&source);
	}
}

static void names_rotated_told(void **state)
{
	static const struct {
		const char *name;
		bool rotated;
		uint64_t turn;
	} rows[] = {
		{"eve.json", false, 0},
		{"eve.json.1", true, 1},
		{"eve.json.12.gz", true, 12},
		{"eve.json.3.zst", true, 3},
		{"eve.json-20261127", true, 0},
		{"eve.json-20261127.gz", true, 0},
		{"eve.json-2026-11-27_01", true, 0},
		{"eve.json.20261127", true, 0},
		{"eve.json.gz", true, 0},
		{"eve.json.old", true, 0},
		{"eve.json.tmp", false, 0},
		{"eve.json.1.tmp", false, 0},
		{"eve.json1", false, 0},
		{"eve.jso", false, 0},
		{"eve.json.", false, 0},
		{"eve.json-", false, 0},
		{"eve.json.1.bz2", false, 0},
		{"other.json.1", false, 0},
		{"eve.json.999999999999", true, 0},
		{".gz", false, 0},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t turn;
		bool is = names_is_rotated("eve.json", rows[i].name, &turn);
		if (is != rows[i].rotated || (is && turn != rows[i].turn)) {
			fail_msg("%s: %d, turn %d", rows[i].name, is, (int)turn);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_plain_or_packed_the_same),
		cmocka_unit_test(packed_cut_off_said),
		cmocka_unit_test(packed_damaged_never_all),
		cmocka_unit_test(packed_padding_behind_ignored),
		cmocka_unit_test(head_behind_a_hole_found),
		cmocka_unit_test(fill_truncated_and_grown_again_noticed),
		cmocka_unit_test(names_rotated_told),
	};

	srandom(5);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
