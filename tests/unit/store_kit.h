/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of shipper's stores share: batches that can be made again, and what a sink knows.
 */
#ifndef STORE_KIT_H
#define STORE_KIT_H

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/batch.h"
#include "../../common/log.h"
#include "../../common/run.h"
#include "../../tools/shipper/store.h"

enum {
	KIT_STREAMS = 4,
	KIT_NUMBERS = 40000, /* of a stream, at most */
	KIT_PAD = 64,	     /* bytes of an event's text, at most */
};

static inline uint32_t kit_random(uint32_t below)
{
	return (uint32_t)random() % below;
}

static inline struct tl_batch_head kit_head(unsigned int stream, uint64_t after, uint64_t first,
					    bool end)
{
	struct tl_batch_head head = {
		.after = after,
		.first = first,
		.end = end,
		.source = TL_STR("kit"),
		.host = TL_STR("host"),
		.iface = TL_STR("eth0"),
	};
	memset(head.stream, 0xa0 + (int)stream, sizeof(head.stream));
	return head;
}

static inline unsigned int kit_stream(const uint8_t *id)
{
	return id[0] - 0xa0u;
}

/* Equal arguments, equal bytes: what was delivered can be compared with what was put. */
static inline struct tl_msg *kit_batch(const struct tl_batch_head *head, uint32_t count)
{
	static const char text[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	struct tl_batch_writer w;
	struct tl_msg *msg;

	tl_batch_init(&w, 0);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t number = head->first + i;
		uint8_t *p = tl_batch_reserve(&w, 256);
		assert_non_null(p);
		uint8_t *start = p;
		p = tl_mp_put_uint(tl_mp_put_array(p, 5), 0);
		p = tl_mp_put_str(tl_mp_put_time(p, number), TL_STR("kit"));
		p = tl_mp_put_str(tl_mp_put_map(p, 1), TL_STR("x"));
		p = tl_mp_put_str(p, (struct tl_str){text, (uint32_t)(number * 7 % KIT_PAD)});
		p = tl_mp_put_array(p, 0);
		tl_batch_commit(&w, 0, (uint32_t)(p - start));
	}
	assert_int_equal(tl_batch_finish(&w, head, &msg), 0);
	return msg;
}

/* What became of the numbers of one sink's streams. */
struct kit_sink {
	uint8_t delivered[KIT_STREAMS][KIT_NUMBERS];
	uint8_t declared[KIT_STREAMS][KIT_NUMBERS];
	bool ended[KIT_STREAMS];
};

static inline void kit_mark(uint8_t *numbers, uint64_t from, uint64_t to)
{
	assert_true(to <= KIT_NUMBERS);
	for (uint64_t i = from; i < to; i++) {
		numbers[i]++;
	}
}

/* A run was delivered: its events, and what it says is lost. */
static inline void kit_deliver(struct kit_sink *sink, const struct parcel *parcel)
{
	unsigned int stream = kit_stream(parcel->stream);

	assert_true(stream < KIT_STREAMS);
	kit_mark(sink->declared[stream], parcel->after, parcel->first);
	kit_mark(sink->delivered[stream], parcel->first, parcel->first + parcel->count);
	sink->ended[stream] = sink->ended[stream] || parcel->end;
}

/* It is a valid batch that says what the parcel says, and its events are what was put. */
static inline bool kit_is_intact(const struct parcel *parcel)
{
	static struct tl_wire_reader *reader;
	struct tl_batch batch;

	if (!reader) {
		assert_int_equal(tl_wire_reader_create(&reader), 0);
	}
	if (tl_wire_read(reader, parcel->data, parcel->len, &batch, 0) < 0 ||
	    batch.head.after != parcel->after || batch.head.first != parcel->first ||
	    batch.head.end != parcel->end || batch.event_count != parcel->count ||
	    memcmp(batch.head.stream, parcel->stream, TL_WIRE_STREAM_LEN) != 0) {
		return false;
	}
	if (parcel->count == 0) {
		return true;
	}
	struct tl_batch_head head =
		kit_head(kit_stream(parcel->stream), parcel->after, parcel->first, parcel->end);
	struct tl_msg *msg = kit_batch(&head, parcel->count);
	bool same = msg->len == parcel->len && memcmp(msg->data, parcel->data, msg->len) == 0;
	tl_msg_free(msg);
	return same;
}

static inline void kit_check_counts(const struct store_counts *c)
{
	assert_int_equal(c->given_events, c->safe_events + c->waiting_events + c->dropped_events +
						  c->rejected_events + c->bad_events);
}

static inline int kit_put(struct store *store, unsigned int stream, uint64_t after, uint64_t first,
			  uint32_t count, bool end)
{
	struct tl_batch_head head = kit_head(stream, after, first, end);
	struct tl_msg *msg = kit_batch(&head, count);
	int err = store_put(store, msg, &head, count);

	if (err < 0) {
		tl_msg_free(msg);
	}
	return err;
}

static inline void kit_commit(struct store *store)
{
	uint64_t again_ns;

	assert_int_equal(store_commit(store, &again_ns), 0);
}

static inline struct parcel *kit_take(struct store *store, unsigned int sink)
{
	struct parcel *parcel = 0;

	return store_take(store, sink, &parcel, 0) == 1 ? parcel : 0;
}

static inline int kit_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void kit_remove(const char *path)
{
	nftw(path, kit_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* What is logged about all that is spoiled here is kept short; TL_TEST_LOG=1 shows all. */
static inline void kit_hush(void)
{
	if (!getenv("TL_TEST_LOG")) {
		tl_log_set_level((enum tl_log_level) - 1);
	}
}

/* A new folder; the text is the caller's to free. */
static inline char *kit_folder(void)
{
	const char *base = getenv("TMPDIR");
	char *path;

	/* Nothing here depends on a real disk, and memory is quicker. */
	base = base ? base : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	assert_true(asprintf(&path, "%s/tl-store-XXXXXX", base) > 0);
	assert_non_null(mkdtemp(path));
	return path;
}

#endif
