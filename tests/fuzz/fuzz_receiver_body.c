/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way of a body through receiver: decompressed (first byte odd) within a
 * limit, checked, and what is new picked out: all of it is valid again, and the
 * same body has nothing new after that.
 */
#include <stdlib.h>

#include "../../tools/receiver/body.c"
#include "../../tools/receiver/dedup.c"
#include "../../tools/receiver/delivery.c"

enum { MAX = 1 << 20 };

static struct tl_wire_reader *reader;
static ZSTD_DCtx *zstd;

static void require(int holds)
{
	if (!holds) {
		abort();
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	zstd = ZSTD_createDCtx();
	require(zstd && tl_wire_reader_create(&reader) == 0);
	return 0;
}

/* The size in the head of the first batch is set right, or few inputs would get further. */
static void mend_size(struct body *body)
{
	enum { SIZE_AT = 10 };

	if (body->len >= SIZE_AT + 4 && tl_wire_peek(body->bytes, body->len) > 0 &&
	    (size_t)tl_wire_peek(body->bytes, body->len) > body->len) {
		tl_mp_put_be32(body->bytes + SIZE_AT, (uint32_t)body->len);
	}
}

static void sift(struct delivery *delivery, struct dedup *dedup, bool again)
{
	struct delivery_news news;
	struct tl_wire_error error;

	delivery->events = delivery->duplicates = 0;
	require(delivery_sift(delivery, reader, dedup, &news) == 0);
	require(news.len == 0 || delivery_check(reader, news.bytes, news.len, &error) == 0);
	require(!again || (news.len == 0 && delivery->events == 0));
	body_fini(&news.made);
}

static void deliver(struct body *body)
{
	struct delivery delivery = {.body = *body};
	struct dedup *dedup;

	require(dedup_create(&dedup, 8) == 0);
	sift(&delivery, dedup, false);
	dedup_undo(dedup, 0);
	sift(&delivery, dedup, false);
	dedup_keep(dedup);
	/* More streams than it may know: some are forgotten. */
	if (dedup_counts(dedup).forgotten_streams == 0 &&
	    dedup_counts(dedup).forgotten_ranges == 0) {
		sift(&delivery, dedup, true);
	}
	dedup_destroy(dedup);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct body sent = {0};
	struct body plain = {0};
	struct tl_wire_error error = {0};

	if (size == 0) {
		return 0;
	}
	require(body_add(&sent, data + 1, size - 1, MAX) == 0);
	int err = data[0] & 1 ? body_inflate(zstd, &sent, MAX, &plain)
			      : body_add(&plain, sent.bytes, sent.len, MAX);
	require(plain.len <= MAX && plain.room <= MAX);
	mend_size(&plain);
	if (err == 0 && delivery_check(reader, plain.bytes, plain.len, &error) == 0) {
		deliver(&plain);
	} else {
		require(err < 0 || (error.reason && error.offset <= plain.len));
	}
	body_fini(&sent);
	body_fini(&plain);
	return 0;
}
