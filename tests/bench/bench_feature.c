/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ns a packet of the features: each decoder on a flow of its own kind, from
 * tl_feature_open to tl_feature_close, and what the event costs; then a packet
 * of a flow that is past its first 16, which is what almost all packets are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/feature_event.h"
#include "common/feature_table.h"
#include "common/msgpack.h"
#include "sample.h"
#include "tests/unit/feature_vectors.h"

enum { FLOWS = 20000, PAST_FLOWS = 10000, PAST_PACKETS = 1000000 };

struct subject {
	const char *name;
	struct tl_feature_pool *pool;
	struct tl_flow_key key;
	uint8_t bytes[4096];
	uint32_t len;
	uint32_t pieces;
	uint32_t flows;
};

static uint32_t from_hex(uint8_t *to, const char *hex)
{
	uint32_t len = (uint32_t)strlen(hex) / 2;

	for (uint32_t i = 0; i < len; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
		to[i] = (uint8_t)strtoul(digits, 0, 16);
	}
	return len;
}

static void one_flow(const struct subject *s, struct tl_feature *f)
{
	uint8_t tcp[20] = {0};
	uint32_t step = (s->len + s->pieces - 1) / s->pieces;

	tl_feature_open(f);
	for (uint32_t i = 0; i < s->pieces; i++) {
		uint32_t at = i * step < s->len ? i * step : s->len;
		uint32_t left = s->len - at;
		struct tl_feature_packet packet = {
			.ns = i,
			.key = &s->key,
			.tcp = s->key.proto == 6 ? tcp : 0,
			.tcp_len = sizeof(tcp),
			.payload = s->bytes + at,
			.payload_len = left < step ? left : step,
			.wire_len = left < step ? left : step,
			.packets = 1,
			.min_len = 100,
			.max_len = 100,
		};
		tl_mp_put_be32(tcp + 4, at);
		tl_feature_add(f, s->pool, &packet, 0);
	}
	tl_feature_close(f, s->pool);
}

static void all_flows(void *ctx)
{
	const struct subject *s = ctx;
	static struct tl_feature f;

	for (uint32_t i = 0; i < s->flows; i++) {
		one_flow(s, &f);
		sample_keep(&f);
	}
}

static void all_events(void *ctx)
{
	const struct subject *s = ctx;
	static struct tl_feature f;
	uint8_t event[TL_FEATURE_EVENT_MAX];
	unsigned int shape;

	one_flow(s, &f);
	for (uint32_t i = 0; i < s->flows; i++) {
		tl_feature_encode(event, &f, s->pool, &s->key, i, i, 1, &shape);
		sample_keep(event);
	}
}

static void measure(struct subject *s, uint8_t proto, uint16_t port, uint32_t pieces)
{
	char name[64];

	s->key.proto = proto;
	s->key.src_port = htons(40000);
	s->key.dst_port = htons(port);
	s->pieces = pieces;
	s->flows = FLOWS;
	snprintf(name, sizeof(name), "%s, %u B in %u: a packet", s->name, s->len, pieces);
	sample_time(name, (uint64_t)s->flows * pieces, all_flows, s);
	snprintf(name, sizeof(name), "%s: the event", s->name);
	sample_time(name, s->flows, all_events, s);
}

static void decoders(struct tl_feature_pool *pool)
{
	static struct subject s;

	s.pool = pool;
	s.name = "no payload";
	measure(&s, 6, 443, 16);
	s.name = "unknown bytes";
	for (s.len = 0; s.len < 4096; s.len++) {
		s.bytes[s.len] = (uint8_t)(0x80 | s.len * 7);
	}
	measure(&s, 6, 9999, 4);
	s.name = "tls client hello";
	s.len = 5 + from_hex(s.bytes + 5, quic_hello);
	s.bytes[0] = 22;
	tl_mp_put_be16(s.bytes + 1, 0x0301);
	tl_mp_put_be16(s.bytes + 3, (uint16_t)(s.len - 5));
	measure(&s, 6, 443, 1);
	measure(&s, 6, 443, 2);
	s.name = "quic initial";
	s.len = from_hex(s.bytes, quic_v1_initial);
	measure(&s, 17, 443, 1);
	s.name = "dns answer";
	s.len = from_hex(s.bytes, "1234818000010003000000000161076578616d706c650000010001"
				  "c00c0005000100000e1000040162c00ec0270001000100000e1000040a010203"
				  "c027001c000100000e100010fd000000000000000000000000000001");
	measure(&s, 17, 53, 1);
	s.name = "http request";
	s.len = (uint32_t)sprintf((char *)s.bytes,
				  "GET /index.html HTTP/1.1\r\nHost: www.example.com\r\n"
				  "User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n");
	measure(&s, 6, 80, 1);
}

/* --- flows past their first packets ------------------------------------------------- */

struct past {
	struct tl_feature_table *table;
	struct tl_flow flows[PAST_FLOWS];
};

static void forget(void *ctx, const struct tl_feature *f, const struct tl_feature_pool *pool,
		   const struct tl_flow_key *key, uint64_t flow_id, uint64_t now_ns)
{
	(void)ctx;
	(void)f;
	(void)pool;
	(void)key;
	(void)flow_id;
	(void)now_ns;
}

static void past_packets(void *ctx)
{
	struct past *p = ctx;
	static const struct tl_feature_packet packet = {.ns = 1};

	for (uint32_t i = 0; i < PAST_PACKETS; i++) {
		uint32_t entry = i % PAST_FLOWS;
		p->flows[entry].packets++;
		if (!tl_feature_is_past(&p->flows[entry], 1, 16, 2000000000)) {
			tl_feature_table_add(p->table, entry + 1, &packet, 0);
		}
		sample_keep(p);
	}
}

static void past_packets_off(void *ctx)
{
	struct past *p = ctx;

	for (uint32_t i = 0; i < PAST_PACKETS; i++) {
		p->flows[i % PAST_FLOWS].packets++;
		sample_keep(p);
	}
}

/* --- flows that come and go: states out of the cache ---------------------------------- */

struct churn {
	struct tl_feature_table *table;
	struct tl_flow_key key;
	uint32_t packets; /* of each flow */
	uint8_t event[TL_FEATURE_EVENT_MAX];
};

enum { CHURN_FLOWS = 100000 };

static void encode(void *ctx, const struct tl_feature *f, const struct tl_feature_pool *pool,
		   const struct tl_flow_key *key, uint64_t flow_id, uint64_t now_ns)
{
	struct churn *c = ctx;
	unsigned int shape;

	tl_feature_encode(c->event, f, pool, key, flow_id, now_ns, 1, &shape);
}

/* All flows begin, then each has its next packet: the table is full and ends the oldest early. */
static void churn_flows(void *ctx)
{
	struct churn *c = ctx;
	static const uint8_t payload[64];
	struct tl_feature_packet packet = {.key = &c->key,
					   .payload = payload,
					   .payload_len = sizeof(payload),
					   .wire_len = sizeof(payload),
					   .packets = 1,
					   .min_len = 106,
					   .max_len = 106};

	for (uint32_t i = 1; i <= CHURN_FLOWS; i++) {
		packet.ns = i;
		tl_feature_table_start(c->table, i, &c->key, i, i);
		for (uint32_t n = 0; n < c->packets; n++) {
			tl_feature_table_add(c->table, i > n * 1000 ? i - n * 1000 : i, &packet, 0);
		}
	}
	for (uint32_t i = 1; i <= CHURN_FLOWS; i++) {
		tl_feature_table_end(c->table, i, i);
	}
}

static void churn(void)
{
	struct tl_feature_table_config config = tl_feature_table_defaults();
	static struct churn c = {.key = {.proto = 17}};

	config.emit = encode;
	config.ctx = &c;
	if (tl_feature_table_create(&c.table, &config) < 0) {
		fputs("bench_feature: no memory\n", stderr);
		exit(1);
	}
	c.packets = 1;
	sample_time("flows of 1 packet, event included: a flow", CHURN_FLOWS, churn_flows, &c);
	c.packets = 10;
	sample_time("flows of 10 packets, event included: a packet", 10ull * CHURN_FLOWS,
		    churn_flows, &c);
	tl_feature_table_destroy(c.table);
}

int main(void)
{
	struct tl_feature_table_config config = tl_feature_table_defaults();
	static struct past past;
	struct tl_feature_pool *pool;

	config.emit = forget;
	if (tl_feature_pool_create(&pool, 16) < 0 ||
	    tl_feature_table_create(&past.table, &config) < 0) {
		fputs("bench_feature: no memory\n", stderr);
		return 1;
	}
	sample_environment("bench_feature: features of flows");
	printf("a state is %zu bytes, a buffer %d\n", sizeof(struct tl_feature),
	       TL_FEATURE_BUFFER_BYTES);
	decoders(pool);
	churn();
	for (uint32_t i = 0; i < PAST_FLOWS; i++) {
		past.flows[i].packets = 1000;
	}
	struct sample_result on =
		sample_time("past the first 16: a packet", PAST_PACKETS, past_packets, &past);
	struct sample_result off =
		sample_time("the same without features", PAST_PACKETS, past_packets_off, &past);
	struct sample_result less = sample_less(on, off);
	printf("past the first 16: %.2f ns a packet more\n", less.min);
	tl_feature_table_destroy(past.table);
	tl_feature_pool_destroy(pool);
	return 0;
}
