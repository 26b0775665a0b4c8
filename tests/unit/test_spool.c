/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/shipper's spool: what is put stays, in order, for each sink, as long as there is room. */
#include "spool_bench.h"

/* --- names and footers ------------------------------------------------------------------- */

static void crc_is_crc32c(void **state)
{
	uint8_t footer[SPOOL_FOOTER_LEN];
	static const uint8_t expected[SPOOL_FOOTER_LEN] = {
		'T', 'L', 'S', 'P', 'O', 'O', 'L', '1', 9, 0, 0, 0, 0x83, 0x92, 0x06, 0xe3};

	(void)state;
	spool_footer_put(footer, (const uint8_t *)"123456789", 9);
	assert_memory_equal(footer, expected, sizeof(footer));
}

static void name_is_read_back(void **state)
{
	uint8_t stream[TL_WIRE_STREAM_LEN];
	uint8_t read_stream[TL_WIRE_STREAM_LEN];
	char name[SPOOL_NAME_LEN];

	(void)state;
	srandom(1);
	for (unsigned int i = 0; i < 2000; i++) {
		for (unsigned int k = 0; k < TL_WIRE_STREAM_LEN; k++) {
			stream[k] = (uint8_t)random();
		}
		uint64_t first = ((uint64_t)random() << 31 | (uint64_t)random()) >> kit_random(60);
		struct backlog_run run = {
			.order = (uint64_t)random() << kit_random(30),
			.after = first - (first ? first % (1 + kit_random(1000)) : 0),
			.first = first,
			.count = kit_random(TL_WIRE_MAX_EVENTS + 1),
			.end = kit_random(2),
			.stream = stream,
		};
		struct backlog_run read = {0};
		spool_name_put(&run, name);
		assert_int_equal(spool_name_get(name, &read, read_stream), strlen(name));
		assert_memory_equal(stream, read_stream, sizeof(stream));
		assert_true(run.order == read.order && run.after == read.after &&
			    run.first == read.first && run.count == read.count &&
			    run.end == read.end);
		/* Another byte is another name or none. */
		char other[SPOOL_NAME_LEN];
		memcpy(other, name, sizeof(other));
		size_t at = kit_random((uint32_t)strlen(name));
		other[at] = "0af-.e:A"[kit_random(8)];
		struct backlog_run changed;
		unsigned int len = spool_name_get(other, &changed, read_stream);
		if (len > 0) {
			char again[SPOOL_NAME_LEN];
			spool_name_put(&changed, again);
			assert_memory_equal(other, again, len);
		}
		/* Cut short it is none. */
		name[kit_random((uint32_t)strlen(name))] = 0;
		assert_int_equal(spool_name_get(name, &read, read_stream), 0);
	}
}

/* --- delivery ------------------------------------------------------------------------------ */

static void reopened_spool_goes_on_where_each_sink_was(void **state)
{
	struct bench *b = bench_opened(2, 1 << 20, STORE_BLOCK);

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		put_ok(b, 0, 10);
		put_ok(b, 1, 5);
	}
	assert_int_equal(b->w.safe[0], 0);
	kit_commit(b->w.store);
	assert_int_equal(b->w.safe[0], 40);
	assert_int_equal(b->w.safe[1], 20);
	take_is(b, 0, 0, 0, 10);
	take_is(b, 0, 0, 0, 5);
	take_is(b, 0, 10, 10, 10);
	bench_kill(b);
	bench_open(b);
	assert_int_equal(b->found[0], 40);
	assert_int_equal(b->found[1], 20);
	take_is(b, 0, 5, 5, 5);
	take_is(b, 1, 0, 0, 10);
	assert_int_equal(store_counts(b->w.store, 0).waiting_batches, 4);
	assert_int_equal(store_counts(b->w.store, 1).waiting_events, 50);
	put_ok(b, 0, 7);
	assert_int_equal(list(b, "tmp", 0), 1);
	kit_commit(b->w.store);
	assert_int_equal(list(b, "tmp", 0), 0);
	drain(&b->w);
	assert_int_equal(list(b, "a", 0), 0);
	assert_int_equal(list(b, "b", 0), 0);
	bench_free(b);
}

static void second_shipper_is_refused(void **state)
{
	struct bench *b = bench_opened(1, 1 << 20, STORE_BLOCK);
	struct store *second = 0;

	(void)state;
	assert_int_equal(store_open(&second, &b->config), -EBUSY);
	assert_null(second);
	bench_free(b);
}

static void sink_names_that_are_ours_are_refused(void **state)
{
	static const char *const names[] = {"tmp", "bad", "", ".x", "a/b", "x.state", "lock"};
	struct bench *b = bench_new(1, 1 << 20, STORE_BLOCK);
	struct store *store = 0;

	(void)state;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		b->config.sinks[0] = names[i];
		assert_int_equal(store_open(&store, &b->config), -EINVAL);
	}
	bench_free(b);
}

static void interval_commit_waits_and_stop_ends_that(void **state)
{
	struct bench *b = bench_new(1, 1 << 20, STORE_BLOCK);
	uint64_t again_ns;

	(void)state;
	b->config.sync = STORE_SYNC_INTERVAL;
	bench_open(b);
	put_ok(b, 0, 10);
	assert_int_equal(store_commit(b->w.store, &again_ns), 0);
	if (again_ns != UINT64_MAX) { /* unless 200 ms passed here */
		assert_int_equal(b->w.safe[0], 0);
	}
	store_stop(b->w.store);
	assert_int_equal(store_commit(b->w.store, &again_ns), 0);
	assert_int_equal(again_ns, UINT64_MAX);
	assert_int_equal(b->w.safe[0], 10);
	bench_free(b);
}

static void failed_sync_is_never_taken_back(void **state)
{
	struct bench *b = bench_opened(1, 1 << 20, STORE_BLOCK);
	uint64_t again_ns;

	(void)state;
	put_ok(b, 0, 10);
	b->disk.sync_error = -EIO;
	assert_int_equal(store_commit(b->w.store, &again_ns), -EIO);
	b->disk.sync_error = 0;
	assert_int_equal(store_commit(b->w.store, &again_ns), -EIO);
	assert_int_equal(kit_put(b->w.store, 0, 10, 10, 10, false), -EIO);
	assert_int_equal(b->w.safe[0], 0);
	bench_free(b);
}

/* --- room ------------------------------------------------------------------------------------ */

static void full_quota_blocks_until_done(void **state)
{
	struct bench *b = bench_opened(2, 3 * 4096, STORE_BLOCK);

	(void)state;
	put_ok(b, 0, 10);
	put_ok(b, 0, 10);
	put_ok(b, 0, 10);
	assert_int_equal(kit_put(b->w.store, 0, 30, 30, 10, false), -ENOSPC);
	take_is(b, 0, 0, 0, 10);
	assert_int_equal(kit_put(b->w.store, 0, 30, 30, 10, false), -ENOSPC);
	take_is(b, 1, 0, 0, 10);
	put_ok(b, 0, 10);
	bench_free(b);
}

static void full_reserve_blocks_and_nothing_is_dropped_for_others(void **state)
{
	struct bench *b = bench_new(1, 1 << 20, STORE_BLOCK);

	(void)state;
	b->config.reserve = 1 << 20;
	b->disk.free_bytes = (1 << 20) + 4096;
	bench_open(b);
	put_ok(b, 0, 10);
	b->disk.free_bytes = (1 << 20) + 4095;
	assert_int_equal(kit_put(b->w.store, 0, 10, 10, 10, false), -ENOSPC);
	assert_int_equal(store_counts(b->w.store, 0).waiting_batches, 1);
	bench_free(b);
}

static void drop_oldest_leaves_one_declaration_a_stream(void **state)
{
	struct bench *b = bench_opened(1, 5 * 4096, STORE_DROP_OLDEST);

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		put_ok(b, i % 2, 10);
		kit_commit(b->w.store);
	}
	struct store_counts counts = store_counts(b->w.store, 0);
	/* They do not weigh on the quota. */
	assert_int_equal(counts.waiting_batches, 5 + 2);
	assert_int_equal(counts.waiting_events, 50);
	assert_int_equal(counts.dropped_batches, 15);
	assert_int_equal(counts.dropped_events, 150);
	assert_int_equal(list(b, "a", 0), 5 + 2);
	bench_kill(b);
	bench_open(b);
	take_is(b, 0, 0, 70, 0);
	take_is(b, 0, 0, 80, 0);
	take_is(b, 0, 70, 70, 10);
	take_is(b, 0, 80, 80, 10);
	take_is(b, 0, 80, 80, 10);
	take_is(b, 0, 90, 90, 10);
	take_is(b, 0, 90, 90, 10);
	assert_null(kit_take(b->w.store, 0));
	bench_free(b);
}

static void drop_oldest_on_a_full_disk_still_declares(void **state)
{
	struct bench *b = bench_opened(1, 1 << 20, STORE_DROP_OLDEST);

	(void)state;
	put_ok(b, 0, 10);
	put_ok(b, 0, 10);
	put_ok(b, 1, 10);
	b->disk.refuse_percent = 100;
	assert_int_equal(kit_put(b->w.store, 0, 20, 20, 10, false), -ENOSPC);
	assert_int_equal(list(b, "a", 0), 0);
	take_is(b, 0, 0, 20, 0);
	take_is(b, 0, 0, 10, 0);
	bench_free(b);
}

/* --- status
 * ------------------------------------------------------------------------------------------ */

static void status_shows_what_waits_and_why(void **state)
{
	struct bench *b = bench_opened(2, 1 << 20, STORE_BLOCK);
	char text[2000];

	(void)state;
	put_ok(b, 0, 10);
	put_ok(b, 0, 10);
	take_is(b, 0, 0, 0, 10);
	assert_int_equal(store_note(b->w.store, 0, "ok"), 0);
	assert_int_equal(store_note(b->w.store, 1, "HTTP 503\ntry later"), 0);
	fflush(stdout);
	int saved = dup(STDOUT_FILENO);
	FILE *out = tmpfile();
	assert_true(saved >= 0 && out && dup2(fileno(out), STDOUT_FILENO) >= 0);
	int code = store_status(b->folder);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(out);
	text[fread(text, 1, sizeof(text) - 1, out)] = 0;
	fclose(out);
	assert_int_equal(code, 0);
	assert_non_null(strstr(text, "sink\tbatches\tevents\tbytes\toldest\tage_s\tstate\n"));
	assert_non_null(strstr(text, "\na\t1\t10\t"));
	assert_non_null(strstr(text, "\nb\t2\t20\t"));
	assert_non_null(strstr(text, "Z ok\n"));
	assert_non_null(strstr(text, "Z HTTP 503 try later\n"));
	assert_non_null(strstr(text, "\nbad\t0\t0\t0\t-\t-\t"));
	assert_non_null(strstr(text, "\nrejected\t0\t0\t0\t-\t-\t"));
	assert_int_equal(store_status("/nonexistent"), 2);
	assert_int_equal(store_status("/"), 2);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_is_crc32c),
		cmocka_unit_test(name_is_read_back),
		cmocka_unit_test(reopened_spool_goes_on_where_each_sink_was),
		cmocka_unit_test(second_shipper_is_refused),
		cmocka_unit_test(sink_names_that_are_ours_are_refused),
		cmocka_unit_test(interval_commit_waits_and_stop_ends_that),
		cmocka_unit_test(failed_sync_is_never_taken_back),
		cmocka_unit_test(full_quota_blocks_until_done),
		cmocka_unit_test(full_reserve_blocks_and_nothing_is_dropped_for_others),
		cmocka_unit_test(drop_oldest_leaves_one_declaration_a_stream),
		cmocka_unit_test(drop_oldest_on_a_full_disk_still_declares),
		cmocka_unit_test(status_shows_what_waits_and_why),
	};

	kit_hush();
	return cmocka_run_group_tests(tests, 0, 0);
}
