/* SPDX-License-Identifier: BSD-2-Clause */
/* The decoders of features, through the streams and datagrams they live in. */
#include "../../common/feature.h"

#include "feature_kit.h"
#include "feature_vectors.h"

enum { HELLO_LEN = 241, RECORD = 5 };

/* The ClientHello of the QUIC vectors in a TLS record; returns its length. */
static uint32_t tls_record(uint8_t *to)
{
	uint32_t len = kit_hex(to + RECORD, quic_hello);

	assert_int_equal(len, HELLO_LEN);
	to[0] = 22;
	tl_mp_put_be16(to + 1, 0x0301);
	tl_mp_put_be16(to + 3, (uint16_t)len);
	return len + RECORD;
}

static void assert_tls_client(const struct kit *k)
{
	kit_says(k, TLS_SNI, 0, "example.com");
	kit_says(k, TLS_CLIENT_ALPNS, 0, "alpn");
	kit_says(k, TLS_CLIENT_VERSION, 0, "TLS 1.3");
	assert_memory_equal(kit_text(&k->f, TL_FEATURE_TLS_JA4, 0), "t13d0211an_", 11);
	assert_int_equal(strlen(kit_text(&k->f, TL_FEATURE_TLS_JA3, 0)), 32);
}

static void tls_hello_in_one_segment_is_read_in_place(void **state)
{
	uint8_t bytes[512];
	struct kit k;

	(void)state;
	kit_open(&k, 6, 40000, 443);
	kit_put(&k, bytes, tls_record(bytes));
	assert_true(k.f.done);
	assert_int_equal(tl_feature_pool_counts(k.pool).buffers_taken, 0);
	assert_tls_client(&k);
	kit_close(&k);
}

static void tls_hello_in_two_segments_is_joined_wherever_cut(void **state)
{
	uint8_t bytes[512];
	uint32_t len = tls_record(bytes);

	(void)state;
	for (uint32_t cut = 1; cut < len; cut++) {
		struct kit k;
		kit_open(&k, 6, 40000, 443);
		kit_put(&k, bytes, cut);
		assert_false(k.f.done);
		kit_put(&k, bytes + cut, len - cut);
		assert_tls_client(&k);
		assert_int_equal(k.f.out_of_order, 0);
		kit_close(&k);
	}
}

/* All orders of four pieces, one of them sent twice. */
static void tls_hello_out_of_order_is_put_in_order_and_counted(void **state)
{
	static const uint8_t orders[][4] = {{3, 2, 1, 0}, {0, 2, 1, 3}, {1, 0, 3, 2}, {2, 0, 3, 1}};
	uint8_t bytes[512];
	uint32_t len = tls_record(bytes);
	uint32_t piece = len / 4 + 1;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct kit k;
		kit_open(&k, 6, 40000, 443);
		uint8_t syn[20] = {[13] = 2};
		tl_mp_put_be32(syn + 4, k.seq - 1);
		struct tl_feature_packet first = {
			.key = &k.key, .tcp = syn, .tcp_len = 20, .packets = 1, .payload = syn};
		tl_feature_add(&k.f, k.pool, &first, 0);
		for (unsigned int n = 0; n < 5; n++) {
			uint32_t at = orders[i][n % 4] * piece;
			uint32_t left = len - at;
			kit_put_at(&k, k.seq + at, bytes + at, left < piece ? left : piece);
		}
		assert_true(k.f.out_of_order > 0);
		assert_tls_client(&k);
		kit_close(&k);
	}
}

static void tls_hello_in_many_records_is_joined(void **state)
{
	uint8_t whole[512];
	uint8_t bytes[4096];
	uint32_t len = 0;

	(void)state;
	tls_record(whole);
	for (uint32_t i = 0; i < HELLO_LEN; i++) {
		const uint8_t header[RECORD] = {22, 3, 1, 0, 1};
		memcpy(bytes + len, header, RECORD);
		bytes[len + RECORD] = whole[RECORD + i];
		len += RECORD + 1;
	}
	struct kit k;
	kit_open(&k, 6, 40000, 443);
	kit_put(&k, bytes, len / 2);
	kit_put(&k, bytes + len / 2, len - len / 2);
	assert_tls_client(&k);
	kit_close(&k);
}

static void tls_hello_cut_anywhere_says_nothing(void **state)
{
	uint8_t bytes[512];
	uint32_t len = tls_record(bytes);

	(void)state;
	for (uint32_t cut = 1; cut < len; cut++) {
		struct kit k;
		kit_open(&k, 6, 40000, 443);
		kit_put(&k, bytes, cut);
		kit_close(&k);
		assert_int_equal(k.f.have, 0);
		assert_true(k.f.flags & TL_FEATURE_PARTIAL);
	}
}

/* The versions become GREASE, 1.3, GREASE: two bytes more behind each length before them. */
static void tls_version_that_is_grease_is_passed_over(void **state)
{
	static const uint8_t versions[] = {0x00, 0x2b, 0, 7, 6, 0xfa, 0xfa, 3, 4, 0xda, 0xda};
	enum { OLD = 7, MORE = sizeof(versions) - OLD };
	uint8_t bytes[512];
	uint32_t len = tls_record(bytes);
	uint8_t *at = memmem(bytes, len, "\x00\x2b\x00\x03\x02", 5);
	uint32_t behind = len - (uint32_t)(at + OLD - bytes);
	struct kit k;

	(void)state;
	memmove(at + sizeof(versions), at + OLD, behind);
	memcpy(at, versions, sizeof(versions));
	bytes[4] += MORE;					/* the record */
	bytes[RECORD + 3] += MORE;				/* the hello */
	bytes[RECORD + 4 + 2 + 32 + 1 + 2 + 4 + 2 + 1] += MORE; /* the extensions */
	kit_open(&k, 6, 40000, 443);
	kit_put(&k, bytes, len + MORE);
	kit_says(&k, TLS_CLIENT_VERSION, 0, "TLS 1.3");
	assert_memory_equal(kit_text(&k.f, TL_FEATURE_TLS_JA4, 0), "t13d", 4);
	kit_close(&k);
}

static void too_many_holes_are_flagged_and_mended(void **state)
{
	uint8_t bytes[512];
	uint32_t len = tls_record(bytes);
	struct kit k;

	(void)state;
	kit_open(&k, 6, 40000, 443);
	kit_put(&k, bytes, 1);
	for (uint32_t i = 0; i < 2 * TL_FEATURE_RANGES; i++) {
		kit_put_at(&k, k.seq + 10 * i + 5, bytes + 10 * i + 6, 1);
		assert_true(k.f.buffer->range_count <= TL_FEATURE_RANGES);
	}
	assert_true(k.f.flags & TL_FEATURE_HOLES);
	kit_put(&k, bytes + 1, len - 1);
	assert_tls_client(&k);
	kit_close(&k);
}

static void tls_hello_longer_than_the_buffer_is_flagged(void **state)
{
	const uint8_t bytes[] = {22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3};
	struct kit k;

	(void)state;
	kit_open(&k, 6, 40000, 443);
	kit_put(&k, bytes, sizeof(bytes));
	assert_true(k.f.done);
	assert_true(k.f.flags & TL_FEATURE_LONG);
	kit_close(&k);
}

static void assert_numbers(const struct tl_feature *f, enum tl_feature_field field,
			   const uint8_t *bytes, uint8_t len)
{
	struct tl_feature_item item = {0};

	assert_true(tl_feature_next(f, field, &item));
	assert_int_equal(item.kind, TL_FEATURE_NUMBERS);
	assert_int_equal(item.len, len);
	assert_memory_equal(item.bytes, bytes, len);
	assert_false(tl_feature_next(f, field, &item));
}

/* RFC 8448, section 3: the ServerHello. JA3S: python's md5 of "771,4865,51-43". */
static void tls_server_hello_is_read(void **state)
{
	static const char hex[] =
		"160303005a020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3"
		"e2692800130100002e00330024001d0020c9828876112095fe66762bdbf7c672e156d6cc253b833d"
		"f1dd69b1b04e751f0f002b00020304";
	uint8_t bytes[128];
	struct kit k;

	(void)state;
	kit_open(&k, 6, 443, 40000);
	kit_put(&k, bytes, kit_hex(bytes, hex));
	kit_says(&k, TLS_VERSION, 0, "TLS 1.3");
	kit_says(&k, TLS_JA3S, 0, "eb1d94daa7e0344597e756a1fb6e7054");
	assert_numbers(&k.f, TL_FEATURE_TLS_SERVER_CIPHER, (const uint8_t[]){0x13, 1}, 2);
	assert_numbers(&k.f, TL_FEATURE_TLS_SERVER_EXTS, (const uint8_t[]){0, 51, 0, 43}, 4);
	kit_close(&k);
}

/* A server that asks for another client hello first: what it says then is what it chose. */
static void retry_request_is_passed_over(void **state)
{
	/* HelloRetryRequest (X25519), change_cipher_spec, the ServerHello of RFC 8448. */
	static const char hex[] =
		"1603030034020000300303cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8"
		"339c0013020000080033000200170000"
		"140303000101"
		"160303005a020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3"
		"e2692800130100002e00330024001d0020c9828876112095fe66762bdbf7c672e156d6cc253b833d"
		"f1dd69b1b04e751f0f002b00020304";
	uint8_t bytes[256];
	uint32_t len = kit_hex(bytes, hex);

	(void)state;
	for (uint32_t cut = 1; cut < len; cut++) {
		struct kit k;
		kit_open(&k, 6, 443, 40000);
		kit_put(&k, bytes, cut);
		kit_put(&k, bytes + cut, len - cut);
		kit_says(&k, TLS_VERSION, 0, "TLS 1.3");
		kit_says(&k, TLS_JA3S, 0, "eb1d94daa7e0344597e756a1fb6e7054");
		kit_says(&k, TLS_JA3S, 1, "");
		assert_int_equal(k.f.flags, 0);
		kit_close(&k);
	}
}

static void quic_initial_of_the_rfcs_is_read(void **state)
{
	static const char *const packets[] = {quic_v1_initial, quic_v2_initial};
	static const char *const versions[] = {"1", "2"};
	uint8_t bytes[1200];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct kit k;
		kit_open(&k, 17, 50000, 443);
		kit_put(&k, bytes, kit_hex(bytes, packets[i]));
		assert_true(k.f.done);
		kit_says(&k, QUIC_SNI, 0, "example.com");
		kit_says(&k, QUIC_CLIENT_ALPNS, 0, "alpn");
		kit_says(&k, QUIC_VERSION, 0, versions[i]);
		assert_memory_equal(kit_text(&k.f, TL_FEATURE_QUIC_JA4, 0), "q13d0211an_", 11);
		kit_close(&k);
	}
}

static void quic_hello_in_two_packets_is_joined(void **state)
{
	uint8_t bytes[1200];
	struct kit k;

	(void)state;
	kit_open(&k, 17, 50000, 443);
	kit_put(&k, bytes, kit_hex(bytes, quic_split_initials[0]));
	assert_false(k.f.done);
	kit_put(&k, bytes, kit_hex(bytes, quic_split_initials[1]));
	kit_says(&k, QUIC_SNI, 0, "example.com");
	assert_int_equal(tl_feature_pool_counts(k.pool).quic_failures, 0);
	kit_close(&k);
}

static void quic_initial_cut_or_changed_anywhere_says_nothing(void **state)
{
	uint8_t bytes[1200];
	uint32_t len = kit_hex(bytes, quic_v1_initial);

	(void)state;
	for (uint32_t i = 0; i < len; i++) {
		struct kit k;
		kit_open(&k, 17, 50000, 443);
		kit_put(&k, bytes, i);
		bytes[i] ^= 0x10;
		kit_put(&k, bytes, len);
		bytes[i] ^= 0x10;
		kit_close(&k);
		assert_int_equal(k.f.have, 0);
	}
}

static void quic_failures_are_bounded(void **state)
{
	uint8_t bytes[1200];
	uint32_t len = kit_hex(bytes, quic_v1_initial);
	struct kit k;

	(void)state;
	kit_open(&k, 17, 50000, 443);
	bytes[len - 1] ^= 1;
	for (int i = 0; i < 10; i++) {
		kit_put(&k, bytes, len);
	}
	assert_true(k.f.done);
	assert_int_equal(tl_feature_pool_counts(k.pool).quic_initials, TL_FEATURE_QUIC_FAILURES);
	kit_close(&k);
}

/* --- HTTP and SSH --------------------------------------------------------------------- */

static void http_request_is_read_wherever_cut(void **state)
{
	static const char request[] =
		"GET /a HTTP/1.1\r\nhost:  www.example \r\nUser-Agent: x\xffy\r\n\r\n";
	uint32_t len = sizeof(request) - 1;

	(void)state;
	for (uint32_t cut = 1; cut < len; cut++) {
		struct kit k;
		kit_open(&k, 6, 40000, 8080);
		kit_put(&k, request, cut);
		kit_put(&k, request + cut, len - cut);
		kit_says(&k, HTTP_METHOD, 0, "GET");
		kit_says(&k, HTTP_HOSTNAME, 0, "www.example");
		kit_says(&k, HTTP_USER_AGENT, 0, "x\\xffy");
		kit_close(&k);
	}
}

static void first_of_two_headers_counts(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\nUser-Agent: c\r\n"
				      "User-Agent: d\r\n\r\n";
	struct kit k;

	(void)state;
	kit_open(&k, 6, 40000, 80);
	kit_put(&k, request, sizeof(request) - 1);
	kit_says(&k, HTTP_HOSTNAME, 0, "a");
	kit_says(&k, HTTP_USER_AGENT, 0, "c");
	kit_close(&k);
}

static void headers_without_end_are_let_go(void **state)
{
	char line[1000];
	struct kit k;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	kit_open(&k, 6, 40000, 80);
	kit_put(&k, "GET / HTTP/1.1\r\nHost: a\r\n", 25);
	for (unsigned int i = 0; i < 9; i++) {
		assert_false(k.f.done);
		kit_put(&k, line, sizeof(line));
	}
	assert_true(k.f.done);
	assert_true(k.f.flags & TL_FEATURE_LONG);
	assert_null(k.f.buffer);
	kit_says(&k, HTTP_HOSTNAME, 0, "a");
	kit_close(&k);
}

static void http_without_its_end_is_told_as_partial(void **state)
{
	static const char request[] = "POST / HTTP/1.0\r\nHost: a.example\r\nX-";
	struct kit k;

	(void)state;
	kit_open(&k, 6, 40000, 80);
	kit_put(&k, request, sizeof(request) - 1);
	kit_close(&k);
	kit_says(&k, HTTP_HOSTNAME, 0, "a.example");
	assert_true(k.f.flags & TL_FEATURE_PARTIAL);
}

static void long_text_is_cut_and_flagged(void **state)
{
	char request[1000];
	struct kit k;

	(void)state;
	memset(request, 'a', sizeof(request));
	memcpy(request, "GET / HTTP/1.1\r\nHost: ", 22);
	memcpy(request + sizeof(request) - 4, "\r\n\r\n", 4);
	request[300] = '\xff';
	kit_open(&k, 6, 40000, 80);
	kit_put(&k, request, sizeof(request));
	assert_true(k.f.flags & TL_FEATURE_CUT);
	assert_int_equal(strlen(kit_text(&k.f, TL_FEATURE_HTTP_HOSTNAME, 0)), TL_FEATURE_TEXT_MAX);
	kit_close(&k);
}

static void other_streams_are_let_go_at_once(void **state)
{
	static const char *const streams[] = {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x17\x03\x03",
					      "220 mail ESMTP\r\n", "get / HTTP/1.1\r\n", "\x80"};
	(void)state;
	for (unsigned int i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		struct kit k;
		kit_open(&k, 6, 40000, 80);
		kit_put(&k, streams[i], (uint32_t)strlen(streams[i]));
		assert_true(k.f.done);
		assert_int_equal(k.f.have, 0);
		kit_close(&k);
	}
}

/* github.com/salesforce/hassh, README.md: the lists and hash of Cyberduck 6.7.1. */
static const char *const hassh_lists[] = {
	"curve25519-sha256@libssh.org,diffie-hellman-group-exchange-sha256,ecdh-sha2-nistp521,"
	"ecdh-sha2-nistp384,ecdh-sha2-nistp256,diffie-hellman-group-exchange-sha1,"
	"diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group14-sha256,"
	"diffie-hellman-group15-sha512,diffie-hellman-group16-sha512,diffie-hellman-group17-sha512,"
	"diffie-hellman-group18-sha512,diffie-hellman-group14-sha256@ssh.com,"
	"diffie-hellman-group15-sha256,diffie-hellman-group15-sha256@ssh.com,"
	"diffie-hellman-group15-sha384@ssh.com,diffie-hellman-group16-sha256,"
	"diffie-hellman-group16-sha384@ssh.com,diffie-hellman-group16-sha512@ssh.com,"
	"diffie-hellman-group18-sha512@ssh.com",
	"ssh-rsa",
	"aes128-cbc,aes128-ctr,aes192-cbc,aes192-ctr,aes256-cbc,aes256-ctr,blowfish-cbc,"
	"blowfish-ctr,cast128-cbc,cast128-ctr,idea-cbc,idea-ctr,serpent128-cbc,serpent128-ctr,"
	"serpent192-cbc,serpent192-ctr,serpent256-cbc,serpent256-ctr,3des-cbc,3des-ctr,"
	"twofish128-cbc,twofish128-ctr,twofish192-cbc,twofish192-ctr,twofish256-cbc,"
	"twofish256-ctr,twofish-cbc,arcfour,arcfour128,arcfour256",
	"other",
	"hmac-sha1,hmac-sha1-96,hmac-md5,hmac-md5-96,hmac-sha2-256,hmac-sha2-512",
	"other",
	"zlib@openssh.com,zlib,none",
	"other",
	"",
	"",
};

static uint32_t ssh_stream(uint8_t *to)
{
	static const char banner[] = "SSH-2.0-Cyberduck/6.7.1.28683\r\n";
	uint32_t len = sizeof(banner) - 1;
	uint8_t *packet = to + len;
	uint8_t *p = packet + 6 + 16;

	memcpy(to, banner, len);
	memset(packet, 0, 6 + 16);
	for (unsigned int i = 0; i < 10; i++) {
		uint32_t list = (uint32_t)strlen(hassh_lists[i]);
		p = tl_mp_put_be32(p, list);
		memcpy(p, hassh_lists[i], list);
		p += list;
	}
	memset(p, 0, 5 + 4);
	p += 5 + 4;
	packet[4] = 4;
	packet[5] = 20;
	tl_mp_put_be32(packet, (uint32_t)(p - packet - 4));
	return (uint32_t)(p - to);
}

static void hassh_of_the_readme_is_met(void **state)
{
	uint8_t bytes[4096];
	uint32_t len = ssh_stream(bytes);

	(void)state;
	for (uint32_t cut = 1; cut < len; cut += 7) {
		struct kit k;
		kit_open(&k, 6, 40000, 22);
		kit_put(&k, bytes, cut);
		kit_put(&k, bytes + cut, len - cut);
		kit_says(&k, SSH_CLIENT_BANNER, 0, "SSH-2.0-Cyberduck/6.7.1.28683");
		kit_says(&k, SSH_CLIENT_HASSH, 0, "8a8ae540028bf433cd68356c1b9e8d5b");
		kit_close(&k);
	}
}

static void ssh_stream_sent_again_from_its_start_is_read_once(void **state)
{
	uint8_t bytes[4096];
	uint32_t len = ssh_stream(bytes);
	struct kit k;

	(void)state;
	kit_open(&k, 6, 40000, 22);
	kit_put(&k, bytes, 31); /* the banner, which is done with then */
	kit_put_at(&k, k.seq - 31, bytes, len);
	kit_says(&k, SSH_CLIENT_HASSH, 0, "8a8ae540028bf433cd68356c1b9e8d5b");
	kit_says(&k, SSH_CLIENT_BANNER, 1, "");
	kit_close(&k);
}

/* Nothing is further away than half the sequence space: neither before nor behind. */
static void piece_from_far_away_is_left_out(void **state)
{
	uint8_t bytes[4096];
	uint32_t len = ssh_stream(bytes);

	(void)state;
	for (int32_t off = -12; off <= 2; off++) {
		struct kit k;
		kit_open(&k, 6, 40000, 22);
		kit_put(&k, bytes, 10);
		kit_put_at(&k, k.seq + (1u << 31) + (uint32_t)off, bytes, 100);
		kit_put(&k, bytes + 10, len - 10);
		kit_says(&k, SSH_CLIENT_HASSH, 0, "8a8ae540028bf433cd68356c1b9e8d5b");
		kit_close(&k);
	}
}

static void ssh_of_the_server_is_told_apart(void **state)
{
	uint8_t bytes[4096];
	struct kit k;

	(void)state;
	kit_open(&k, 6, 22, 40000);
	kit_put(&k, bytes, ssh_stream(bytes));
	kit_says(&k, SSH_CLIENT_BANNER, 0, "");
	assert_int_equal(strlen(kit_text(&k.f, TL_FEATURE_SSH_SERVER_HASSH, 0)), 32);
	assert_string_not_equal(kit_text(&k.f, TL_FEATURE_SSH_SERVER_HASSH, 0),
				"8a8ae540028bf433cd68356c1b9e8d5b");
	kit_close(&k);
}

/* Where the handshake was seen, no port is asked. */
static void ssh_side_is_that_of_the_handshake(void **state)
{
	uint8_t bytes[4096];
	uint32_t len = ssh_stream(bytes);

	(void)state;
	for (unsigned int server = 0; server < 2; server++) {
		struct kit k;
		kit_open(&k, 6, server ? 40000 : 22, server ? 22 : 40000);
		k.tcp[13] = server ? 0x12 : 2;
		kit_put_at(&k, k.seq - 1, "", 0);
		k.tcp[13] = 16;
		kit_put(&k, bytes, len);
		assert_int_equal(strlen(kit_text(&k.f, TL_FEATURE_SSH_SERVER_HASSH, 0)),
				 server ? 32 : 0);
		kit_close(&k);
	}
}

/* --- anything ------------------------------------------------------------------------- */

/* Good messages with random bytes changed, in random pieces: for the sanitizers. */
static void random_damage_is_survived(void **state)
{
	static uint8_t seeds[5][4096];
	uint32_t lens[5];
	static const uint16_t ports[5] = {443, 22, 53, 53, 443};
	static const uint8_t protos[5] = {6, 6, 6, 17, 17};

	(void)state;
	srand(1);
	lens[0] = tls_record(seeds[0]);
	lens[1] = ssh_stream(seeds[1]);
	lens[2] = kit_hex(seeds[2] + 2, dns_answer) + 2;
	tl_mp_put_be16(seeds[2], (uint16_t)(lens[2] - 2));
	lens[3] = kit_hex(seeds[3], dns_answer);
	lens[4] = kit_hex(seeds[4], quic_v1_initial);
	for (unsigned int round = 0; round < 20000; round++) {
		unsigned int i = round % 5;
		uint8_t bytes[4096];
		struct kit k;
		memcpy(bytes, seeds[i], lens[i]);
		for (int n = rand() % 4; n >= 0; n--) {
			bytes[(uint32_t)rand() % lens[i]] = (uint8_t)rand();
		}
		kit_open(&k, protos[i], 40000, ports[i]);
		for (uint32_t at = 0; at < lens[i];) {
			uint32_t left = lens[i] - at;
			uint32_t step = protos[i] == 17 ? left : (uint32_t)rand() % left + 1;
			kit_put(&k, bytes + at, step);
			at += step;
		}
		kit_close(&k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_hello_in_one_segment_is_read_in_place),
		cmocka_unit_test(tls_hello_in_two_segments_is_joined_wherever_cut),
		cmocka_unit_test(tls_hello_out_of_order_is_put_in_order_and_counted),
		cmocka_unit_test(tls_hello_in_many_records_is_joined),
		cmocka_unit_test(tls_hello_cut_anywhere_says_nothing),
		cmocka_unit_test(tls_hello_longer_than_the_buffer_is_flagged),
		cmocka_unit_test(tls_version_that_is_grease_is_passed_over),
		cmocka_unit_test(tls_server_hello_is_read),
		cmocka_unit_test(too_many_holes_are_flagged_and_mended),
		cmocka_unit_test(retry_request_is_passed_over),
		cmocka_unit_test(quic_initial_of_the_rfcs_is_read),
		cmocka_unit_test(quic_initial_cut_or_changed_anywhere_says_nothing),
		cmocka_unit_test(quic_failures_are_bounded),
		cmocka_unit_test(quic_hello_in_two_packets_is_joined),
		cmocka_unit_test(http_request_is_read_wherever_cut),
		cmocka_unit_test(first_of_two_headers_counts),
		cmocka_unit_test(headers_without_end_are_let_go),
		cmocka_unit_test(http_without_its_end_is_told_as_partial),
		cmocka_unit_test(other_streams_are_let_go_at_once),
		cmocka_unit_test(long_text_is_cut_and_flagged),
		cmocka_unit_test(hassh_of_the_readme_is_met),
		cmocka_unit_test(piece_from_far_away_is_left_out),
		cmocka_unit_test(ssh_of_the_server_is_told_apart),
		cmocka_unit_test(ssh_side_is_that_of_the_handshake),
		cmocka_unit_test(ssh_stream_sent_again_from_its_start_is_read_once),
		cmocka_unit_test(random_damage_is_survived),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
