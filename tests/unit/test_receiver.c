/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What receiver stores of what it gets: each event once, whatever overlaps,
 * fails or is read back from a checkpoint; against plain arrays.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/batch.h"
#include "../../tools/receiver/body.c"
#include "../../tools/receiver/checkpoint.c"
#include "../../tools/receiver/dedup.c"
#include "../../tools/receiver/delivery.c"

enum { STREAMS = 3, NUMBERS = 120, FIRST = 1000 };

/* Numbers from FIRST on, by stream: stored events, declared losses, ends. */
struct model {
	bool seen[STREAMS][NUMBERS];
	bool lost[STREAMS][NUMBERS];
	bool end[STREAMS][NUMBERS];
};

static struct tl_wire_reader *reader;

static int make_reader(void **state)
{
	(void)state;
	srandom(17);
	return tl_wire_reader_create(&reader);
}

static int drop_reader(void **state)
{
	(void)state;
	tl_wire_reader_destroy(reader);
	return 0;
}

static struct tl_batch_head head_of(unsigned int stream, uint64_t after, uint64_t first, bool end)
{
	return (struct tl_batch_head){
		.stream = {(uint8_t)stream},
		.after = FIRST + after,
		.first = FIRST + first,
		.end = end,
		.source = TL_STR("s"),
		.host = TL_STR("h"),
		.iface = TL_STR("i"),
	};
}

static struct tl_batch_head any_head(uint32_t *count)
{
	uint64_t first = (uint64_t)random() % (NUMBERS - 40);
	uint64_t loss = random() % 4 ? 0 : (uint64_t)random() % 10;

	*count = random() % 5 ? (uint32_t)random() % 40 : 0;
	return head_of((unsigned int)random() % STREAMS, first - (loss < first ? loss : first),
		       first, random() % 6 == 0);
}

/* The times of the events are their numbers. */
static void add_batch_to(struct body *body, struct tl_batch_head head, uint32_t count)
{
	struct tl_batch_writer w;
	struct tl_msg *msg;

	tl_batch_init(&w, 0);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *start = tl_batch_reserve(&w, 64);
		uint8_t *p = tl_mp_put_uint(tl_mp_put_array(start, 5), 0);
		p = tl_mp_put_str(tl_mp_put_time(p, head.first + i), TL_STR("e"));
		p = tl_mp_put_array(tl_mp_put_map(p, 0), 0);
		tl_batch_commit(&w, 0, (uint32_t)(p - start));
	}
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	assert_int_equal(body_add(body, msg->data, msg->len, 1 << 20), 0);
	tl_msg_free(msg);
}

/* What dedup says it knows. */
static struct model known(const struct dedup *dedup)
{
	struct model m = {0};

	for (const struct dedup_stream *s = dedup_next(dedup, 0); s; s = dedup_next(dedup, s)) {
		unsigned int stream = s->node.stream[0];
		for (uint64_t i = 0; i < NUMBERS; i++) {
			m.seen[stream][i] = tl_ranges_has(&s->sets[DEDUP_SEEN], FIRST + i);
			m.lost[stream][i] = tl_ranges_has(&s->sets[DEDUP_LOST], FIRST + i);
			m.end[stream][i] = tl_ranges_has(&s->sets[DEDUP_ENDS], FIRST + i);
		}
	}
	return m;
}

/* Adds what a batch holds; with `once`, nothing of its events may be there already. */
static uint64_t enter(struct model *m, const struct tl_batch *batch, bool once)
{
	const struct tl_batch_head *head = &batch->head;
	unsigned int stream = head->stream[0];
	struct tl_event_iter iter = tl_wire_events(reader, batch);
	struct tl_event event;

	while (tl_event_next(&iter, &event)) {
		assert_true(event.number == event.ts_ns);
		assert_false(once && m->seen[stream][event.number - FIRST]);
		m->seen[stream][event.number - FIRST] = true;
	}
	for (uint64_t i = head->after; i < head->first; i++) {
		m->lost[stream][i - FIRST] = true;
	}
	if (head->end) {
		m->end[stream][head->first + batch->event_count - FIRST] = true;
	}
	return batch->event_count;
}

static uint64_t enter_all(struct model *m, const uint8_t *bytes, size_t len, bool once)
{
	struct tl_batch batch;
	struct tl_wire_error error;
	uint64_t events = 0;

	assert_true(len == 0 || delivery_check(reader, bytes, len, &error) == 0);
	for (size_t at = 0; at < len; at += batch.size) {
		int size = tl_wire_peek(bytes + at, len - at);
		assert_int_equal(tl_wire_read(reader, bytes + at, (size_t)size, &batch, 0), 0);
		events += enter(m, &batch, once);
	}
	return events;
}

static struct delivery any_delivery(void)
{
	struct delivery delivery = {0};

	for (int i = 1 + (int)random() % 4; i > 0; i--) {
		uint32_t count;
		struct tl_batch_head head = any_head(&count);
		add_batch_to(&delivery.body, head, count);
	}
	return delivery;
}

static void assert_same(const struct model *a, const struct model *b)
{
	assert_memory_equal(a->seen, b->seen, sizeof(a->seen));
	assert_memory_equal(a->lost, b->lost, sizeof(a->lost));
	assert_memory_equal(a->end, b->end, sizeof(a->end));
}

/* One delivery that is stored. */
static void deliver(struct dedup *dedup, struct model *stored)
{
	struct delivery delivery = any_delivery();
	struct delivery_news news;
	struct model all = *stored;

	uint64_t sent = enter_all(&all, delivery.body.bytes, delivery.body.len, false);
	assert_int_equal(delivery_sift(&delivery, reader, dedup, &news), 0);
	uint64_t written = enter_all(stored, news.bytes, news.len, true);
	assert_int_equal(written, delivery.events);
	assert_int_equal(sent, delivery.events + delivery.duplicates);
	assert_same(stored, &all);
	body_fini(&news.made);

	/* The same again is nothing new. */
	delivery.events = delivery.duplicates = 0;
	assert_int_equal(delivery_sift(&delivery, reader, dedup, &news), 0);
	assert_int_equal(delivery.duplicates, sent);
	assert_int_equal(news.len, 0);
	body_fini(&news.made);
	body_fini(&delivery.body);
}

static void deliver_in_vain(struct dedup *dedup)
{
	struct delivery delivery = any_delivery();
	struct delivery_news news;
	struct model before = known(dedup);
	size_t mark = dedup_mark(dedup);

	assert_int_equal(delivery_sift(&delivery, reader, dedup, &news), 0);
	dedup_undo(dedup, mark);
	struct model after = known(dedup);
	assert_same(&before, &after);
	body_fini(&news.made);
	body_fini(&delivery.body);
}

static void any_deliveries_are_stored_once(void **state)
{
	(void)state;
	for (int round = 0; round < 100; round++) {
		struct model stored = {0};
		struct dedup *dedup = 0;
		assert_int_equal(dedup_create(&dedup, 100), 0);
		for (int i = 0; i < 40; i++) {
			if (random() % 3 == 0) {
				deliver_in_vain(dedup);
			} else {
				deliver(dedup, &stored);
			}
			if (random() % 4 == 0) {
				dedup_keep(dedup);
			}
			struct model now = known(dedup);
			assert_same(&now, &stored);
		}
		dedup_destroy(dedup);
	}
}

static void end_twice_the_same_is_stored_once(void **state)
{
	(void)state;
	struct dedup *dedup = 0;
	struct delivery delivery = {0};
	struct delivery_news news;

	assert_int_equal(dedup_create(&dedup, 100), 0);
	add_batch_to(&delivery.body, head_of(0, 10, 10, true), 0);
	assert_int_equal(delivery_sift(&delivery, reader, dedup, &news), 0);
	assert_ptr_equal(news.bytes, delivery.body.bytes);
	assert_int_equal(news.len, delivery.body.len);
	assert_int_equal(delivery_sift(&delivery, reader, dedup, &news), 0);
	assert_int_equal(news.len, 0);
	body_fini(&delivery.body);
	dedup_destroy(dedup);
}

static void streams_beyond_the_limit_forget_the_oldest(void **state)
{
	(void)state;
	struct dedup *dedup = 0;

	assert_int_equal(dedup_create(&dedup, 4), 0);
	for (unsigned int i = 0; i < 6; i++) {
		struct tl_batch_head head = head_of(i, 0, 0, false);
		assert_int_equal(dedup_add(dedup, &head, 10), 0);
		dedup_keep(dedup);
		head = head_of(0, 0, 0, false); /* seen all the time */
		dedup_look(dedup, &head, 10);
	}
	assert_int_equal(dedup_counts(dedup).streams, 4);
	assert_int_equal(dedup_counts(dedup).forgotten_streams, 2);
	for (unsigned int i = 0; i < 6; i++) {
		struct tl_batch_head head = head_of(i, 0, 0, false);
		bool gone = i == 1 || i == 2;
		assert_int_equal(dedup_look(dedup, &head, 10).events, gone ? 10 : 0);
	}
	dedup_destroy(dedup);
}

/* Also when no stream is new: what many gaps of many streams take is bounded. */
static void ranges_beyond_the_limit_forget_the_oldest(void **state)
{
	(void)state;
	enum { FULL = DEDUP_RANGES / TL_RANGES_MAX, MORE = 3 };
	struct dedup *dedup = 0;

	assert_int_equal(dedup_create(&dedup, 2 * FULL), 0);
	for (uint64_t k = 0; k < TL_RANGES_MAX; k++) {
		for (unsigned int i = 0; i < FULL + MORE; i++) {
			struct tl_batch_head head = head_of(0, 10 * k, 10 * k, false);
			memcpy(head.stream, &i, sizeof(i));
			assert_int_equal(dedup_add(dedup, &head, 4), 0);
			dedup_keep(dedup);
			assert_in_range(dedup_counts(dedup).ranges, 1, DEDUP_RANGES);
		}
	}
	assert_in_range(dedup_counts(dedup).forgotten_streams, 1, UINT64_MAX);
	dedup_destroy(dedup);
}

/* Single events with a gap behind each, and then all of it in one batch whose head has so long a
 * text. */
static size_t len_of_full_of_holes(uint32_t holes, uint32_t text_len)
{
	static char text[TL_WIRE_MAX_BATCH];
	struct dedup *dedup = 0;
	struct delivery delivery = {0};
	struct delivery_news news;
	struct tl_batch_head head;

	assert_int_equal(dedup_create(&dedup, 4), 0);
	for (uint64_t i = 0; i < holes; i++) {
		head = head_of(0, 2 * i, 2 * i, false);
		assert_int_equal(dedup_add(dedup, &head, 1), 0);
	}
	head = head_of(0, 0, 0, false);
	memset(text, 'x', sizeof(text));
	head.iface = (struct tl_str){text, text_len};
	add_batch_to(&delivery.body, head, 2 * holes);
	assert_int_equal(delivery_sift(&delivery, reader, dedup, &news), 0);
	assert_int_equal(delivery.duplicates, holes);
	assert_int_equal(delivery.events, holes);
	size_t len = news.len;
	bool whole = len == delivery.body.len;
	body_fini(&news.made);
	body_fini(&delivery.body);
	dedup_destroy(dedup);
	return whole ? 0 : len;
}

/* A few bytes must not become gigabytes, nor take a minute. */
static void batch_full_of_holes_is_stored_whole(void **state)
{
	(void)state;
	assert_int_not_equal(len_of_full_of_holes(60, 10), 0);
	assert_int_equal(len_of_full_of_holes(70, 10), 0);
	assert_int_equal(len_of_full_of_holes(20, 60000), 0);
}

/* What never came is never taken for a duplicate, however many gaps there are. */
static void gaps_beyond_the_limit_are_never_closed(void **state)
{
	(void)state;
	enum { RUNS = TL_RANGES_MAX + 100 };
	struct dedup *dedup = 0;

	assert_int_equal(dedup_create(&dedup, 4), 0);
	for (uint64_t i = 0; i < RUNS; i++) {
		struct tl_batch_head head = head_of(0, 10 * i, 10 * i, false);
		assert_int_equal(dedup_add(dedup, &head, 4), 0);
		dedup_keep(dedup);
	}
	uint64_t known_runs = 0;
	for (uint64_t i = 0; i < RUNS; i++) {
		struct tl_batch_head head = head_of(0, 10 * i, 10 * i, false);
		struct tl_batch_head gap = head_of(0, 10 * i + 4, 10 * i + 4, false);
		known_runs += dedup_look(dedup, &head, 4).events == 0;
		assert_int_equal(dedup_look(dedup, &gap, 6).events, 6);
	}
	assert_int_equal(known_runs, TL_RANGES_MAX);
	assert_int_equal(dedup_counts(dedup).forgotten_ranges, 100);
	assert_int_equal(dedup_counts(dedup).ranges, TL_RANGES_MAX);
	dedup_destroy(dedup);
}

/* --- checkpoint --------------------------------------------------------------- */

struct file {
	char folder[40];
	int fd;
	uint8_t *bytes;
	size_t len;
};

static struct file checkpoint_of(const struct dedup *dedup)
{
	struct file f = {.folder = "/tmp/test_receiver.XXXXXX", .len = 1 << 20};

	assert_non_null(mkdtemp(f.folder));
	f.fd = open(f.folder, O_RDONLY | O_DIRECTORY);
	assert_int_equal(checkpoint_write(f.fd, dedup, "a-name"), 0);
	f.bytes = malloc(f.len);
	int fd = openat(f.fd, "checkpoint", O_RDONLY);
	ssize_t got = read(fd, f.bytes, f.len);
	assert_true(got > 0);
	f.len = (size_t)got;
	close(fd);
	unlinkat(f.fd, "checkpoint", 0);
	close(f.fd);
	rmdir(f.folder);
	return f;
}

static int parse(const uint8_t *bytes, size_t len, struct dedup **dedup)
{
	char last[TL_SEGMENT_NAME_MAX] = "";

	assert_int_equal(dedup_create(dedup, 100), 0);
	int err = checkpoint_parse(bytes, len, *dedup, last);
	if (err == 0) {
		assert_string_equal(last, "a-name");
	}
	return err;
}

static void checkpoint_is_read_back_and_damage_is_found(void **state)
{
	(void)state;
	struct model stored = {0};
	struct dedup *dedup = 0;
	struct dedup *again = 0;

	assert_int_equal(dedup_create(&dedup, 100), 0);
	for (int i = 0; i < 10; i++) {
		deliver(dedup, &stored);
	}
	struct file f = checkpoint_of(dedup);
	assert_int_equal(parse(f.bytes, f.len, &again), 0);
	struct model now = known(again);
	assert_same(&now, &stored);
	dedup_destroy(again);
	for (size_t len = 0; len < f.len; len++) {
		assert_int_equal(parse(f.bytes, len, &again), -EBADMSG);
		dedup_destroy(again);
		f.bytes[len] ^= 1;
		assert_int_equal(parse(f.bytes, f.len, &again), -EBADMSG);
		dedup_destroy(again);
		f.bytes[len] ^= 1;
	}
	free(f.bytes);
	dedup_destroy(dedup);
}

/* --- bodies -------------------------------------------------------------------- */

static void any_body_is_inflated_within_its_limit(void **state)
{
	(void)state;
	enum { PLAIN = 300000 };
	uint8_t *plain = calloc(1, PLAIN);
	struct body packed = {0};
	ZSTD_DCtx *zstd = ZSTD_createDCtx();

	for (size_t i = 0; i < PLAIN; i++) {
		plain[i] = random() % 3 ? 0 : (uint8_t)random();
	}
	packed.room = ZSTD_compressBound(PLAIN);
	packed.bytes = malloc(packed.room);
	for (int round = 0; round < 50; round++) {
		size_t len = (size_t)random() % PLAIN;
		struct body out = {0};
		packed.len = ZSTD_compress(packed.bytes, packed.room, plain, len, 1);
		assert_int_equal(body_inflate(zstd, &packed, len, &out), 0);
		assert_int_equal(out.len, len);
		assert_true(len == 0 || memcmp(out.bytes, plain, len) == 0);
		body_fini(&out);
		assert_int_equal(len > 0 ? body_inflate(zstd, &packed, len - 1, &out) : -E2BIG,
				 -E2BIG);
		assert_true(out.len <= len);
		body_fini(&out);
		packed.len = 1 + (size_t)random() % (packed.len - 1);
		assert_int_equal(body_inflate(zstd, &packed, PLAIN, &out), -EBADMSG);
		body_fini(&out);
	}
	body_fini(&packed);
	free(plain);
	ZSTD_freeDCtx(zstd);
}

static void body_is_never_over_its_limit(void **state)
{
	(void)state;
	uint8_t bytes[1000] = {0};
	struct body body = {0};
	size_t added = 0;

	for (int i = 0; i < 200; i++) {
		size_t len = (size_t)random() % sizeof(bytes);
		int err = body_add(&body, bytes, len, 50000);
		assert_int_equal(err, added + len > 50000 ? -E2BIG : 0);
		added += err == 0 ? len : 0;
		assert_int_equal(body.len, added);
		assert_true(body.room <= 50000);
	}
	body_fini(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_deliveries_are_stored_once),
		cmocka_unit_test(end_twice_the_same_is_stored_once),
		cmocka_unit_test(streams_beyond_the_limit_forget_the_oldest),
		cmocka_unit_test(ranges_beyond_the_limit_forget_the_oldest),
		cmocka_unit_test(batch_full_of_holes_is_stored_whole),
		cmocka_unit_test(gaps_beyond_the_limit_are_never_closed),
		cmocka_unit_test(checkpoint_is_read_back_and_damage_is_found),
		cmocka_unit_test(any_body_is_inflated_within_its_limit),
		cmocka_unit_test(body_is_never_over_its_limit),
	};

	return cmocka_run_group_tests(tests, make_reader, drop_reader);
}
