/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/shipper's spool: whatever lies in its folders, nothing is delivered that was not put. */
#include "spool_bench.h"

static void altered_file_is_declared_lost(struct bench *b, const char *name, const uint8_t *bytes,
					  size_t len)
{
	struct parcel *parcel = 0;

	write_file(b, "a", name, bytes, len);
	bench_open(b);
	assert_int_equal(store_take(b->w.store, 0, &parcel, 0), -EBADMSG);
	take_is(b, 0, 0, 10, 0);
	struct store_counts counts = store_counts(b->w.store, 0);
	assert_int_equal(counts.bad_files, 1);
	assert_int_equal(counts.bad_events, 10);
	assert_int_equal(list(b, "a", 0), 0);
	assert_int_equal(list(b, "bad", 0), 1);
	store_close(b->w.store);
	b->w.store = 0;
}

static void every_altered_byte_and_length_is_found(void **state)
{
	struct bench *b = bench_opened(1, 1 << 20, STORE_BLOCK);
	uint8_t bytes[4096];
	char *name;

	(void)state;
	put_ok(b, 0, 10);
	kit_commit(b->w.store);
	assert_int_equal(list(b, "a", &name), 1);
	size_t len = read_file(b, "a", name, bytes, sizeof(bytes) - 1);
	store_close(b->w.store);
	for (size_t i = 0; i < len; i++) {
		bytes[i] ^= (uint8_t)(1u << i % 8);
		altered_file_is_declared_lost(b, name, bytes, len);
		bytes[i] ^= (uint8_t)(1u << i % 8);
		altered_file_is_declared_lost(b, name, bytes, i);
	}
	bytes[len] = 0;
	altered_file_is_declared_lost(b, name, bytes, len + 1);
	free(name);
	bench_free(b);
}

static void file_under_another_name_is_bad(void **state)
{
	struct bench *b = bench_opened(1, 1 << 20, STORE_BLOCK);
	char from[400];
	char to[400];
	char *name;

	(void)state;
	put_ok(b, 0, 10);
	assert_int_equal(list(b, "a", &name), 1);
	bench_kill(b);
	kit_remove(b->folder);
	bench_open(b);
	put_ok(b, 0, 10);
	kit_commit(b->w.store);
	free(name);
	assert_int_equal(list(b, "a", &name), 1);
	path_of(b, "a", name, from);
	char *count = strstr(name, "-10--.tap");
	assert_non_null(count);
	memcpy(count, "-12--.tap", 9);
	path_of(b, "a", name, to);
	bench_kill(b);
	assert_int_equal(rename(from, to), 0);
	bench_open(b);
	struct parcel *parcel;
	assert_int_equal(store_take(b->w.store, 0, &parcel, 0), -EBADMSG);
	take_is(b, 0, 10, 22, 0);
	free(name);
	bench_free(b);
}

/* A declaration that is bad is made again from its name, and not read again. */
static void bad_declaration_is_made_anew(void **state)
{
	struct bench *b = bench_opened(1, 1 << 20, STORE_BLOCK);
	struct parcel *parcel;
	char *name;

	(void)state;
	put_ok(b, 0, 10);
	store_reject(b->w.store, 0, kit_take(b->w.store, 0), 0, "no");
	kit_commit(b->w.store);
	assert_int_equal(list(b, "a", &name), 1);
	bench_kill(b);
	write_file(b, "a", name, "x", 1);
	bench_open(b);
	assert_int_equal(store_take(b->w.store, 0, &parcel, 0), -EBADMSG);
	take_is(b, 0, 0, 10, 0);
	assert_null(kit_take(b->w.store, 0));
	assert_int_equal(list(b, "a", 0), 0);
	free(name);
	bench_free(b);
}

static void removed_file_is_declared_lost(void **state)
{
	struct bench *b = bench_opened(1, 1 << 20, STORE_BLOCK);
	struct parcel *parcel;
	char path[400];
	char *name;

	(void)state;
	put_ok(b, 0, 10);
	put_ok(b, 0, 10);
	kit_commit(b->w.store);
	list(b, "a", &name);
	bench_kill(b);
	bench_open(b);
	path_of(b, "a", name, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_take(b->w.store, 0, &parcel, 0), -ENOENT);
	take_is(b, 0, 0, 10, 0);
	take_is(b, 0, 10, 10, 10);
	free(name);
	bench_free(b);
}

static void foreign_files_are_left_alone(void **state)
{
	struct bench *b = bench_opened(1, 1 << 20, STORE_BLOCK);
	char path[400];
	char *name;

	(void)state;
	put_ok(b, 0, 10);
	kit_commit(b->w.store);
	list(b, "a", &name);
	bench_kill(b);
	write_file(b, "a", "notes.txt", "mine", 4);
	write_file(b, "a", "x.tap", "", 0);
	/* What has a batch's name and is no file. */
	name[19]++;
	path_of(b, "a", name, path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	name[19]++;
	path_of(b, "a", name, path);
	assert_int_equal(mkfifo(path, 0600), 0);
	name[19]++;
	path_of(b, "a", name, path);
	assert_int_equal(mkdir(path, 0700), 0);
	bench_open(b);
	assert_int_equal(store_counts(b->w.store, 0).waiting_batches, 1);
	take_is(b, 0, 0, 0, 10);
	assert_int_equal(list(b, "a", 0), 5);
	free(name);
	bench_free(b);
}

static void old_sink_keeps_its_batches(void **state)
{
	struct bench *b = bench_opened(2, 1 << 20, STORE_BLOCK);

	(void)state;
	put_ok(b, 0, 10);
	kit_commit(b->w.store);
	bench_kill(b);
	b->config.sinks[1] = "new";
	bench_open(b);
	assert_int_equal(list(b, "b", 0), 1);
	assert_int_equal(list(b, "new", 0), 0);
	take_is(b, 0, 0, 0, 10);
	assert_null(kit_take(b->w.store, 1));
	bench_kill(b);
	b->found[0] = 0;
	bench_open(b);
	assert_int_equal(b->found[0], 10);
	bench_free(b);
}

static void torn_tmp_is_removed_and_complete_tmp_given_to_all(void **state)
{
	struct bench *b = bench_opened(2, 1 << 20, STORE_BLOCK);
	uint8_t bytes[4096];
	char path[400];
	char *name;

	(void)state;
	put_ok(b, 0, 10);
	list(b, "tmp", &name);
	size_t len = read_file(b, "tmp", name, bytes, sizeof(bytes));
	for (unsigned int torn = 0; torn < 2; torn++) {
		bench_kill(b);
		/* A kill between the links: b does not have it yet. */
		path_of(b, "b", name, path);
		assert_int_equal(unlink(path), 0);
		path_of(b, "tmp", name, path);
		unlink(path);
		write_file(b, "tmp", name, bytes, torn ? len - 1 : len);
		write_file(b, "tmp", "lost-0-x", "x", 1);
		bench_open(b);
		assert_int_equal(list(b, "a", 0), 1);
		assert_int_equal(list(b, "b", 0), torn ? 0 : 1);
		assert_int_equal(list(b, "tmp", 0), 0);
	}
	free(name);
	bench_free(b);
}

/* What no sync had reached was not acknowledged either: it comes again, and is not declared lost.
 */
static void torn_file_after_power_failure_is_not_declared(void **state)
{
	for (unsigned int sync = STORE_SYNC_BATCH; sync <= STORE_SYNC_NONE; sync++) {
		struct bench *b = bench_new(1, 1 << 20, STORE_BLOCK);
		struct parcel *parcel;
		char *name;

		(void)state;
		b->config.sync = (enum store_sync)sync;
		bench_open(b);
		put_ok(b, 0, 10);
		kit_commit(b->w.store);
		list(b, "a", &name);
		bench_kill(b);
		write_file(b, "a", name, "x", 1);
		write_file(b, "tmp", name, "x", 1);
		b->disk.boot = "two";
		bench_open(b);
		assert_int_equal(b->found[0], 0);
		assert_int_equal(store_take(b->w.store, 0, &parcel, 0), -EBADMSG);
		parcel = kit_take(b->w.store, 0);
		assert_int_equal(parcel != 0, sync == STORE_SYNC_BATCH);
		if (parcel) {
			store_done(b->w.store, 0, parcel);
		}
		assert_int_equal(store_counts(b->w.store, 0).bad_events, 10);
		free(name);
		bench_free(b);
	}
}

static void rejected_batch_is_kept_with_its_reason(void **state)
{
	struct bench *b = bench_opened(1, 1 << 20, STORE_BLOCK);
	uint8_t kept[4096];
	uint8_t bytes[4096];
	char reason[300];
	char *name;

	(void)state;
	put_ok(b, 0, 10);
	kit_commit(b->w.store);
	list(b, "a", &name);
	size_t len = read_file(b, "a", name, bytes, sizeof(bytes));
	store_reject(b->w.store, 0, kit_take(b->w.store, 0), 0, "HTTP 400: no");
	free(name);
	assert_int_equal(list(b, "rejected", &name), 2);
	assert_int_equal(read_file(b, "rejected", name, kept, sizeof(kept)), len);
	assert_memory_equal(kept, bytes, len);
	snprintf(reason, sizeof(reason), "%s.reason", name);
	len = read_file(b, "rejected", reason, kept, sizeof(kept));
	assert_int_equal(len, 13);
	assert_memory_equal(kept, "HTTP 400: no\n", 13);
	/* And its declaration, refused too, is gone. */
	store_reject(b->w.store, 0, kit_take(b->w.store, 0), 0, "no");
	assert_null(kit_take(b->w.store, 0));
	assert_int_equal(list(b, "a", 0), 0);
	assert_int_equal(list(b, "rejected", 0), 2);
	struct store_counts counts = store_counts(b->w.store, 0);
	assert_int_equal(counts.rejected_batches, 2);
	assert_int_equal(counts.rejected_events, 10);
	free(name);
	bench_free(b);
}

static void yard_over_its_quota_loses_the_oldest(void **state)
{
	struct bench *b = bench_opened(1, 1 << 20, STORE_BLOCK);
	struct spool *spool = spool_of(b->w.store);
	char *first;
	char *last;

	(void)state;
	spool->rejected_yard.quota = 10 * 4096;
	for (unsigned int i = 0; i < 40; i++) {
		put_ok(b, 0, 10);
		struct parcel *parcel = kit_take(b->w.store, 0);
		while (parcel->count == 0) {
			store_done(b->w.store, 0, parcel);
			parcel = kit_take(b->w.store, 0);
		}
		store_reject(b->w.store, 0, parcel, 0, "no");
		if (i == 0) {
			list(b, "rejected", &first);
		}
		assert_in_range(list(b, "rejected", &last), 1, 11);
		if (i < 39) {
			free(last);
		}
	}
	assert_true(strcmp(first, last) < 0);
	assert_true(spool->rejected_yard.removed_files > 50);
	free(first);
	free(last);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_altered_byte_and_length_is_found),
		cmocka_unit_test(file_under_another_name_is_bad),
		cmocka_unit_test(bad_declaration_is_made_anew),
		cmocka_unit_test(removed_file_is_declared_lost),
		cmocka_unit_test(foreign_files_are_left_alone),
		cmocka_unit_test(old_sink_keeps_its_batches),
		cmocka_unit_test(torn_tmp_is_removed_and_complete_tmp_given_to_all),
		cmocka_unit_test(torn_file_after_power_failure_is_not_declared),
		cmocka_unit_test(rejected_batch_is_kept_with_its_reason),
		cmocka_unit_test(yard_over_its_quota_loses_the_oldest),
	};

	kit_hush();
	return cmocka_run_group_tests(tests, 0, 0);
}
