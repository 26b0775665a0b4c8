/* SPDX-License-Identifier: BSD-2-Clause */
/* common/feature_quic: Initials that we seal ourselves; feature_decoders has those of the RFCs. */
#include "feature_kit.h"
#include "feature_vectors.h"
#include "quic_seal.h"

enum { DATAGRAM_MAX = 4096 };

struct hello {
	uint8_t bytes[512];
	uint32_t len;
};

static struct hello hello_of_vectors(void)
{
	struct hello hello;

	hello.len = kit_hex(hello.bytes, quic_hello);
	return hello;
}

/* A datagram of one Initial with these frames. */
static void put_initial(struct kit *k, const char *key_dcid, const char *dcid, uint32_t token_len,
			const uint8_t *frames, uint32_t len)
{
	const struct quic_initial q = {key_dcid, dcid, token_len, frames, len};
	uint8_t bytes[DATAGRAM_MAX];

	kit_put(k, bytes, quic_seal(bytes, &q));
}

static void frames_of_every_kind_stand_before_the_hello(void **state)
{
	/* PADDING, PING, ACK of three ranges, ACK with ECN of one; no number is a frame's. */
	static const uint8_t before[] = {0, 0, 1,    2, 9, 9, 2, 9, 9, 9, 9,
					 9, 3, 0x40, 9, 9, 0, 9, 9, 9, 9};
	const struct hello hello = hello_of_vectors();
	uint8_t frames[1024];
	struct kit k;

	(void)state;
	memcpy(frames, before, sizeof(before));
	uint32_t len =
		sizeof(before) + quic_crypto(frames + sizeof(before), 0, hello.bytes, hello.len);
	kit_open(&k, 17, 50000, 443);
	put_initial(&k, "connection", "connection", 0, frames, len);
	assert_true(k.f.done);
	kit_says(&k, QUIC_SNI, 0, "example.com");
	assert_int_equal(k.f.flags, 0);
	kit_close(&k);
}

/* As Chrome does: pieces in any order, in one packet. */
static void hello_in_shuffled_frames_is_joined(void **state)
{
	const struct hello hello = hello_of_vectors();

	(void)state;
	srand(1);
	for (unsigned int round = 0; round < 200; round++) {
		uint32_t order[12], step = hello.len / 12 + 1, len = 0;
		uint8_t frames[2048];
		struct kit k;
		for (uint32_t i = 0; i < 12; i++) {
			uint32_t j = (uint32_t)rand() % (i + 1);
			order[i] = order[j];
			order[j] = i;
		}
		for (uint32_t i = 0; i < 12; i++) {
			uint32_t at = order[i] * step;
			uint32_t left = hello.len - at;
			len += quic_crypto(frames + len, at, hello.bytes + at,
					   left < step ? left : step);
		}
		kit_open(&k, 17, 50000, 443);
		put_initial(&k, "connection", "connection", 0, frames, len);
		kit_says(&k, QUIC_SNI, 0, "example.com");
		kit_close(&k);
	}
}

static void more_holes_than_are_kept_track_of_give_up(void **state)
{
	const struct hello hello = hello_of_vectors();
	uint8_t frames[2048];
	uint32_t len = 0;
	struct kit k;

	(void)state;
	for (uint32_t i = 1; i <= TL_FEATURE_RANGES + 1; i++) {
		len += quic_crypto(frames + len, i * 10, hello.bytes + i * 10, 4);
	}
	kit_open(&k, 17, 50000, 443);
	put_initial(&k, "connection", "connection", 0, frames, len);
	assert_true(k.f.done);
	assert_true(k.f.flags & TL_FEATURE_HOLES);
	kit_close(&k);
}

static void token_may_be_long(void **state)
{
	const struct hello hello = hello_of_vectors();
	uint8_t frames[1024];
	uint32_t len = quic_crypto(frames, 0, hello.bytes, hello.len);

	(void)state;
	for (uint32_t token_len = 0; token_len < 2000; token_len += 63) {
		struct kit k;
		kit_open(&k, 17, 50000, 443);
		put_initial(&k, "connection", "connection", token_len, frames, len);
		kit_says(&k, QUIC_SNI, 0, "example.com");
		kit_close(&k);
	}
}

/* The client's id is not its own for long; the keys stay (RFC 9001, 5.2) but for a Retry. */
static void connection_id_that_changes_keeps_the_keys(void **state)
{
	static const char *const key[] = {"connection", "afterretry"};
	const struct hello hello = hello_of_vectors();
	uint8_t frames[1024];

	(void)state;
	for (unsigned int retried = 0; retried < 2; retried++) {
		struct kit k;
		kit_open(&k, 17, 50000, 443);
		uint32_t len = quic_crypto(frames, 0, hello.bytes, 100);
		put_initial(&k, "connection", "connection", 0, frames, len);
		assert_false(k.f.done);
		len = quic_crypto(frames, retried ? 0 : 100, hello.bytes + (retried ? 0 : 100),
				  hello.len - (retried ? 0 : 100));
		put_initial(&k, key[retried], retried ? key[1] : "newid", 30, frames, len);
		kit_says(&k, QUIC_SNI, 0, "example.com");
		assert_int_equal(tl_feature_pool_counts(k.pool).quic_failures, retried);
		kit_close(&k);
	}
}

static void coalesced_packets_are_read_when_they_are_of_one_connection(void **state)
{
	const struct hello hello = hello_of_vectors();

	(void)state;
	for (unsigned int foreign = 0; foreign < 2; foreign++) {
		const char *second = foreign ? "another" : "connection";
		uint8_t bytes[DATAGRAM_MAX];
		uint8_t frames[1024];
		struct kit k;
		struct quic_initial q = {"connection", "connection", 0, frames,
					 quic_crypto(frames, 0, hello.bytes, 100)};
		uint32_t len = quic_seal(bytes, &q);
		q.frames_len = quic_crypto(frames, 100, hello.bytes + 100, hello.len - 100);
		q.dcid = second;
		q.key_dcid = second;
		len += quic_seal(bytes + len, &q);
		kit_open(&k, 17, 50000, 443);
		kit_put(&k, bytes, len);
		kit_says(&k, QUIC_SNI, 0, foreign ? "" : "example.com");
		assert_int_equal(tl_feature_pool_counts(k.pool).quic_initials, 2 - foreign);
		kit_close(&k);
	}
}

/* Whatever a datagram holds, and however many come. */
static void decryptions_of_a_flow_are_bounded(void **state)
{
	static const uint8_t ping[] = {1};
	const struct quic_initial q = {"connection", "connection", 0, ping, sizeof(ping)};
	uint8_t bytes[DATAGRAM_MAX];
	uint32_t len = 0;
	struct kit k;

	(void)state;
	while (len + 200 < sizeof(bytes)) {
		len += quic_seal(bytes + len, &q);
	}
	kit_open(&k, 17, 50000, 443);
	kit_put(&k, bytes, len);
	kit_put(&k, bytes, len);
	assert_true(k.f.done);
	assert_true(k.f.flags & TL_FEATURE_PARTIAL);
	assert_int_equal(tl_feature_pool_counts(k.pool).quic_initials, TL_FEATURE_QUIC_TRIES);
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_every_kind_stand_before_the_hello),
		cmocka_unit_test(hello_in_shuffled_frames_is_joined),
		cmocka_unit_test(more_holes_than_are_kept_track_of_give_up),
		cmocka_unit_test(token_may_be_long),
		cmocka_unit_test(connection_id_that_changes_keeps_the_keys),
		cmocka_unit_test(coalesced_packets_are_read_when_they_are_of_one_connection),
		cmocka_unit_test(decryptions_of_a_flow_are_bounded),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
