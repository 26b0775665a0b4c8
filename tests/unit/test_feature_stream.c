/* SPDX-License-Identifier: BSD-2-Clause */
/* common/feature_stream, feature_tcp, feature_buffer: where a stream begins, and who has a buffer.
 */
#include "feature_kit.h"

enum { SYN = 2, ACK = 16, FLAGS_AT = 13, ACK_AT = 8 };

static const char request[] = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

/* --- SYNs -------------------------------------------------------------------------------- */

static void put_flags(struct kit *k, uint8_t flags, uint32_t seq, const void *bytes, uint32_t len)
{
	k->tcp[FLAGS_AT] = flags;
	kit_put_at(k, seq, bytes, len);
	k->tcp[FLAGS_AT] = ACK;
}

static void assert_request(const struct kit *k)
{
	kit_says(k, HTTP_METHOD, 0, "GET");
	kit_says(k, HTTP_METHOD, 1, "");
	kit_says(k, HTTP_HOSTNAME, 0, "a.example");
}

static void data_before_the_syn_does_not_hide_what_follows(void **state)
{
	static const char *const decoys[] = {"x", "GET / HT", "SSH-2.0-",
					     "\x16\x03\x01\x02\x00\x01"};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct kit k;
		kit_open(&k, 6, 40000, 80);
		kit_put_at(&k, 77, decoys[i], (uint32_t)strlen(decoys[i]));
		put_flags(&k, SYN, 5000, "", 0);
		kit_put_at(&k, 5001, request, sizeof(request) - 1);
		assert_request(&k);
		kit_close(&k);
	}
}

static void later_syn_with_another_number_begins_the_stream_anew(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k, 6, 40000, 80);
	put_flags(&k, SYN, 100, "", 0);
	k.tcp[14] = 9; /* the window */
	put_flags(&k, SYN, 5000, "", 0);
	assert_int_equal(k.f.window, 0x0900);
	kit_put_at(&k, 5001, request, sizeof(request) - 1);
	assert_request(&k);
	kit_close(&k);
}

static void syn_that_is_sent_again_changes_nothing(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k, 6, 40000, 80);
	put_flags(&k, SYN, 5000, "", 0);
	uint64_t syn_ns = k.f.syn_ns;
	kit_put_at(&k, 5001, request, 10);
	put_flags(&k, SYN, 5000, "", 0);
	assert_int_equal(k.f.syn_ns, syn_ns);
	kit_put_at(&k, 5011, request + 10, sizeof(request) - 11);
	assert_request(&k);
	kit_close(&k);
}

/* Reordered on the way: the stream goes on. */
static void syn_behind_its_data_is_read_and_changes_no_stream(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k, 6, 40000, 80);
	kit_put_at(&k, 5001, request, 10);
	put_flags(&k, SYN, 5000, "", 0);
	assert_true(k.f.has_syn);
	kit_put_at(&k, 5011, request + 10, sizeof(request) - 11);
	assert_request(&k);
	kit_close(&k);
}

/* What was found stays, whoever sends SYNs: the first of two connections is told. */
static void syn_does_not_hide_what_was_found(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k, 6, 40000, 80);
	put_flags(&k, SYN, 5000, "", 0);
	kit_put_at(&k, 5001, request, sizeof(request) - 1);
	put_flags(&k, SYN, 900000, "", 0);
	kit_put_at(&k, 900001, "GET /2 HTTP/1.1\r\nHost: b.example\r\n\r\n", 37);
	assert_request(&k);
	assert_int_equal(k.f.syn_seq, 5000);
	kit_close(&k);
}

/* What was not captured of a packet was on the wire all the same. */
static void packet_cut_short_is_followed_by_the_next(void **state)
{
	struct tl_feature_packet packet;
	struct kit k;

	(void)state;
	kit_open(&k, 6, 40000, 80);
	packet = (struct tl_feature_packet){.key = &k.key,
					    .tcp = k.tcp,
					    .tcp_len = sizeof(k.tcp),
					    .payload = (const uint8_t *)"\x80y",
					    .payload_len = 2,
					    .wire_len = 1000,
					    .packets = 1};
	tl_mp_put_be32(k.tcp + 4, 5000);
	tl_feature_add(&k.f, k.pool, &packet, 0);
	kit_put_at(&k, 6000, "abc", 3);
	assert_int_equal(k.f.out_of_order, 0);
	assert_int_equal(k.f.entropy_count, 5);
	kit_close(&k);
}

/* --- SYN to SYN-ACK ------------------------------------------------------------------------ */

static void answer_to(struct kit *server, const struct tl_feature *client, uint64_t ns,
		      uint32_t acked)
{
	struct tl_feature_packet packet = {.ns = ns,
					   .key = &server->key,
					   .tcp = server->tcp,
					   .tcp_len = sizeof(server->tcp),
					   .payload = server->tcp,
					   .packets = 1};

	server->tcp[FLAGS_AT] = SYN | ACK;
	tl_mp_put_be32(server->tcp + ACK_AT, acked);
	tl_feature_add(&server->f, server->pool, &packet, client);
}

/* An old acknowledgement stands before it, data in it (RFC 7413), a repeated SYN behind it. */
static void synack_is_timed_from_the_syn(void **state)
{
	static const struct {
		uint32_t acked;
		bool is_ours;
	} rows[] = {{5000, false}, {5001, true}, {5003, true}, {5004, true}, {5005, false}};

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		struct kit client;
		struct kit server;
		kit_open(&client, 6, 40000, 80);
		kit_open(&server, 6, 80, 40000);
		kit_put_at(&client, 12, "", 0);
		put_flags(&client, SYN, 5000, "abc", 3);
		uint64_t syn_ns = client.ns;
		put_flags(&client, SYN, 5000, "abc", 3);
		answer_to(&server, &client.f, syn_ns + 12345, rows[i].acked);
		assert_int_equal(server.f.synack_ns, rows[i].is_ours ? 12345 : 0);
		kit_close(&client);
		kit_close(&server);
	}
}

static void synack_does_not_answer_a_synack(void **state)
{
	struct kit client;
	struct kit server;

	(void)state;
	kit_open(&client, 6, 40000, 80);
	kit_open(&server, 6, 80, 40000);
	put_flags(&client, SYN | ACK, 5000, "", 0);
	answer_to(&server, &client.f, client.ns + 1000, 5001);
	assert_int_equal(server.f.synack_ns, 0);
	kit_close(&client);
	kit_close(&server);
}

/* --- buffers --------------------------------------------------------------------------------- */

static void add_piece(struct tl_feature *f, struct kit *k, uint32_t from, uint32_t to)
{
	struct tl_feature_packet packet = {.ns = 1,
					   .key = &k->key,
					   .tcp = k->tcp,
					   .tcp_len = sizeof(k->tcp),
					   .payload = (const uint8_t *)request + from,
					   .payload_len = to - from,
					   .wire_len = to - from,
					   .packets = 1};

	tl_mp_put_be32(k->tcp + 4, 100 + from);
	tl_feature_add(f, k->pool, &packet, 0);
}

/* The kit's pool has 4: with 6 that wait, the first two have given theirs up. */
static void newest_messages_in_pieces_have_the_buffers(void **state)
{
	enum { FLOWS = 6, BUFFERS = 4 };
	struct tl_feature *flows = calloc(FLOWS, sizeof(*flows));
	struct kit k;

	(void)state;
	kit_open(&k, 6, 40000, 80);
	for (unsigned int i = 0; i < FLOWS; i++) {
		tl_feature_open(&flows[i]);
		add_piece(&flows[i], &k, 0, 20);
	}
	for (unsigned int i = 0; i < FLOWS; i++) {
		bool lost = i < FLOWS - BUFFERS;
		assert_int_equal(flows[i].done, lost);
		assert_int_equal(flows[i].flags, lost ? TL_FEATURE_NO_BUFFER : 0);
		add_piece(&flows[i], &k, 20, sizeof(request) - 1);
		assert_string_equal(kit_text(&flows[i], TL_FEATURE_HTTP_HOSTNAME, 0),
				    lost ? "" : "a.example");
		tl_feature_close(&flows[i], k.pool);
	}
	struct tl_feature_counts counts = tl_feature_pool_counts(k.pool);
	assert_int_equal(counts.buffers_taken, FLOWS);
	assert_int_equal(counts.buffers_short, FLOWS - BUFFERS);
	free(flows);
	kit_close(&k);
}

/* In any order they come and go: each buffer is with one flow or free. */
static void buffers_are_never_lost(void **state)
{
	enum { FLOWS = 10, STEPS = 20000 };
	struct tl_feature *flows = calloc(FLOWS, sizeof(*flows));
	struct kit k;

	(void)state;
	kit_open(&k, 6, 40000, 80);
	srand(6);
	for (unsigned int i = 0; i < STEPS; i++) {
		struct tl_feature *f = &flows[rand() % FLOWS];
		switch (rand() % 4) {
		case 0:
			tl_feature_close(f, k.pool);
			tl_feature_open(f);
			break;
		case 1:
			add_piece(f, &k, 20, sizeof(request) - 1);
			break;
		default:
			add_piece(f, &k, 0, 20);
		}
		unsigned int held = 0;
		unsigned int listed = 0;
		for (unsigned int n = 0; n < FLOWS; n++) {
			held += flows[n].buffer != 0;
			assert_true(!flows[n].buffer || flows[n].buffer->owner == &flows[n]);
		}
		for (struct tl_feature_buffer *b = k.pool->first; b; b = b->next) {
			listed++;
			assert_true(b->next ? b->next->before == b : k.pool->last == b);
		}
		for (struct tl_feature_buffer *b = k.pool->free; b; b = b->next) {
			listed++;
			held++;
		}
		assert_int_equal(held, 4);
		assert_int_equal(listed, 4);
	}
	for (unsigned int n = 0; n < FLOWS; n++) {
		tl_feature_close(&flows[n], k.pool);
	}
	free(flows);
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_before_the_syn_does_not_hide_what_follows),
		cmocka_unit_test(later_syn_with_another_number_begins_the_stream_anew),
		cmocka_unit_test(syn_that_is_sent_again_changes_nothing),
		cmocka_unit_test(syn_behind_its_data_is_read_and_changes_no_stream),
		cmocka_unit_test(syn_does_not_hide_what_was_found),
		cmocka_unit_test(packet_cut_short_is_followed_by_the_next),
		cmocka_unit_test(synack_is_timed_from_the_syn),
		cmocka_unit_test(synack_does_not_answer_a_synack),
		cmocka_unit_test(newest_messages_in_pieces_have_the_buffers),
		cmocka_unit_test(buffers_are_never_lost),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
