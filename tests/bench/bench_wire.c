/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ns and bytes a flow event of the wire format, beside msgpack-c on the same
 * values. One batch of a quarter of a MiB, as capture tools send them; "compact"
 * is the same events as a foreign writer would make them, in the shortest
 * form, which our reader cannot read by offset.
 */
/* By parts: its msgpack.h has the name of ours. */
#include <msgpack/pack.h>
#include <msgpack/sbuffer.h>
#include <msgpack/timestamp.h>
#include <msgpack/unpack.h>
#include <msgpack/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "sample.h"

enum {
	EVENTS = 2000,
	ROUNDS = 100,
	ITEMS = EVENTS * ROUNDS,
};

struct wire_bench {
	struct tl_flow flows[EVENTS];
	struct tl_batch_writer writer;
	struct tl_wire_reader *reader;
	struct tl_msg *fixed;
	struct tl_msg *compact;
	const struct tl_msg *msg; /* of the two, the one measured */
	struct tl_batch batch;	  /* of msg */
	uint8_t *copy;
	msgpack_sbuffer packed;
	uint64_t sum;
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_wire: %s\n", what);
	exit(1);
}

static void fill_flow(struct tl_flow *flow, unsigned int i)
{
	*flow = (struct tl_flow){.packets = 1000 + i * 7,
				 .bytes = 640000 + i * 1500,
				 .ip_bytes = 620000 + i * 1486,
				 .skbs = 900 + i,
				 .start_ns = 1700000000123456789ull + i * 1000ull,
				 .end_ns = 1700000003123456789ull + i * 1000ull,
				 .min_len = 60,
				 .max_len = 1514,
				 .ttl = 64,
				 .tcp_flags = 0x1b};
	flow->key.proto = 6;
	flow->key.src_port = (uint16_t)(i * 40503);
	flow->key.dst_port = 0xbb01;
	flow->key.src[10] = flow->key.src[11] = flow->key.dst[10] = flow->key.dst[11] = 0xff;
	memcpy(flow->key.src + 12, &i, 4);
	memcpy(flow->key.dst + 12, "\xc6\x12\x00\x01", 4);
	flow->id = tl_flow_id(&flow->key);
}

static struct tl_msg *finish(struct tl_batch_writer *w)
{
	static const struct tl_batch_head head = {
		.source = TL_STR("bench"), .host = TL_STR("host"), .iface = TL_STR("none")};
	struct tl_msg *msg;

	if (tl_batch_finish(w, &head, &msg) < 0) {
		fail("batch");
	}
	return msg;
}

static void put_flow(struct tl_batch_writer *w, const struct tl_flow *flow)
{
	unsigned int shape;
	uint8_t *p = tl_batch_reserve(w, TL_FLOW_EVENT_MAX);
	if (!p) {
		fail("batch is full");
	}
	uint32_t len =
		tl_flow_event_encode(p, flow, TL_FLOW_UPDATE, TL_END_NONE, flow->end_ns, &shape);
	tl_batch_commit(w, shape, len);
}

static struct tl_msg *make_fixed(struct wire_bench *b)
{
	for (unsigned int i = 0; i < EVENTS; i++) {
		put_flow(&b->writer, &b->flows[i]);
	}
	return finish(&b->writer);
}

/* --- the same in the shortest form ---------------------------------------------- */

static uint32_t compact_event(const struct tl_event *event, uint8_t *p)
{
	uint8_t *at = tl_mp_put_array(p, event->value_count + 2);
	at = tl_mp_put_uint(at, event->shape->id);
	at = tl_mp_put_time(at, event->ts_ns);
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;
	while (tl_entity_next(&iter, &entity)) {
		struct tl_mp_cursor value = entity.value;
		struct tl_mp_item item;
		tl_mp_get(&value, &item);
		if (item.kind == TL_MP_KIND_UINT) {
			at = tl_mp_put_uint(at, item.number);
		} else {
			size_t len = (size_t)(entity.value.end - entity.value.at);
			memcpy(at, entity.value.at, len);
			at += len;
		}
	}
	return (uint32_t)(at - p);
}

static struct tl_msg *make_compact(struct wire_bench *b)
{
	struct tl_event event;

	if (tl_wire_read(b->reader, b->fixed->data, b->fixed->len, &b->batch, 0) < 0) {
		fail("own batch refused");
	}
	struct tl_event_iter iter = tl_wire_events(b->reader, &b->batch);
	while (tl_event_next(&iter, &event)) {
		uint8_t *p = tl_batch_reserve(&b->writer, TL_FLOW_EVENT_MAX);
		tl_batch_commit(&b->writer, event.shape->id, compact_event(&event, p));
	}
	return finish(&b->writer);
}

/* --- what is measured -------------------------------------------------------------- */

static void encode(void *ctx)
{
	struct wire_bench *b = ctx;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		tl_msg_free(make_fixed(b));
	}
}

static void validate(void *ctx)
{
	struct wire_bench *b = ctx;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		if (tl_wire_read(b->reader, b->msg->data, b->msg->len, &b->batch, 0) < 0) {
			fail("batch refused");
		}
	}
}

/* What a forwarder does: checks a batch and copies its events behind others. */
static void forward(void *ctx)
{
	struct wire_bench *b = ctx;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		if (tl_wire_read(b->reader, b->msg->data, b->msg->len, &b->batch, 0) < 0) {
			fail("batch refused");
		}
		memcpy(b->copy, b->batch.events.at,
		       (size_t)(b->batch.events.end - b->batch.events.at));
		sample_keep(b->copy);
	}
}

static void iterate(void *ctx)
{
	struct wire_bench *b = ctx;
	struct tl_event event;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct tl_event_iter iter = tl_wire_events(b->reader, &b->batch);
		while (tl_event_next(&iter, &event)) {
			b->sum += event.ts_ns;
		}
	}
}

static void decode(void *ctx)
{
	struct wire_bench *b = ctx;
	struct tl_flow_event flow;
	struct tl_event event;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct tl_event_iter iter = tl_wire_events(b->reader, &b->batch);
		while (tl_event_next(&iter, &event)) {
			if (tl_flow_event_decode(&event, &flow) < 0) {
				fail("event refused");
			}
			sample_keep(&flow);
		}
	}
}

/* Every value of every event, whatever its name: what a reader of any type does. */
static void walk(void *ctx)
{
	struct wire_bench *b = ctx;
	struct tl_entity entity;
	struct tl_event event;
	struct tl_mp_item item;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct tl_event_iter iter = tl_wire_events(b->reader, &b->batch);
		while (tl_event_next(&iter, &event)) {
			struct tl_entity_iter entities = tl_event_entities(&event);
			while (tl_entity_next(&entities, &entity)) {
				tl_mp_get(&entity.value, &item);
				b->sum += item.number;
			}
		}
	}
}

/* --- msgpack-c ---------------------------------------------------------------------- */

static void pack_time(msgpack_packer *pk, uint64_t ns)
{
	msgpack_timestamp t = {.tv_sec = (int64_t)(ns / 1000000000u),
			       .tv_nsec = (uint32_t)(ns % 1000000000u)};
	msgpack_pack_timestamp(pk, &t);
}

static void pack_address(msgpack_packer *pk, const uint8_t *address)
{
	msgpack_pack_bin(pk, 4);
	msgpack_pack_bin_body(pk, address + 12, 4);
}

static void pack_flow(msgpack_packer *pk, const struct tl_flow *flow)
{
	msgpack_pack_array(pk, 23);
	msgpack_pack_uint8(pk, TL_SHAPE_FLOW + TL_FLOW_UPDATE);
	pack_time(pk, flow->end_ns);
	pack_address(pk, flow->key.src);
	pack_address(pk, flow->key.dst);
	msgpack_pack_uint16(pk, __builtin_bswap16(flow->key.src_port));
	msgpack_pack_uint16(pk, __builtin_bswap16(flow->key.dst_port));
	msgpack_pack_uint8(pk, flow->key.proto);
	msgpack_pack_uint16(pk, __builtin_bswap16(flow->key.vlan));
	msgpack_pack_uint16(pk, __builtin_bswap16(flow->key.vlan_inner));
	msgpack_pack_uint8(pk, flow->key.direction);
	msgpack_pack_uint8(pk, flow->tcp_flags);
	msgpack_pack_uint64(pk, flow->packets);
	msgpack_pack_uint64(pk, flow->bytes);
	msgpack_pack_uint64(pk, flow->ip_bytes);
	msgpack_pack_uint64(pk, flow->skbs);
	msgpack_pack_uint16(pk, flow->min_len);
	msgpack_pack_uint16(pk, flow->max_len);
	msgpack_pack_uint8(pk, flow->ttl);
	msgpack_pack_uint8(pk, flow->tos);
	pack_time(pk, flow->start_ns);
	pack_time(pk, flow->end_ns);
	msgpack_pack_uint64(pk, flow->id);
	msgpack_pack_uint8(pk, flow->key.flags);
}

static void msgpack_c_pack(void *ctx)
{
	struct wire_bench *b = ctx;
	msgpack_packer pk;
	msgpack_packer_init(&pk, &b->packed, msgpack_sbuffer_write);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		msgpack_sbuffer_clear(&b->packed);
		for (unsigned int i = 0; i < EVENTS; i++) {
			pack_flow(&pk, &b->flows[i]);
		}
	}
}

static void msgpack_c_unpack(void *ctx)
{
	struct wire_bench *b = ctx;
	msgpack_unpacked result;
	msgpack_unpacked_init(&result);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		size_t at = 0;
		for (unsigned int i = 0; i < EVENTS; i++) {
			if (msgpack_unpack_next(&result, b->packed.data, b->packed.size, &at) !=
			    MSGPACK_UNPACK_SUCCESS) {
				fail("msgpack-c refuses its own event");
			}
			b->sum += result.data.via.array.ptr[13].via.u64;
		}
	}
	msgpack_unpacked_destroy(&result);
}

/* --- the table ------------------------------------------------------------------------ */

static void use(struct wire_bench *b, const struct tl_msg *msg)
{
	b->msg = msg;
	validate(b);
}

static void bench_ours(struct wire_bench *b, struct sample_result *encoded,
		       struct sample_result *decoded)
{
	*encoded = sample_time("encode", ITEMS, encode, b);
	use(b, b->fixed);
	sample_time("validate", ITEMS, validate, b);
	sample_time("validate and forward", ITEMS, forward, b);
	sample_time("iterate", ITEMS, iterate, b);
	sample_time("iterate, decode by offset", ITEMS, decode, b);
	sample_time("iterate, walk all values", ITEMS, walk, b);
	use(b, b->compact);
	sample_time("compact: validate", ITEMS, validate, b);
	sample_time("compact: validate and forward", ITEMS, forward, b);
	sample_time("compact: iterate, walk all values", ITEMS, walk, b);
	*decoded = sample_time("compact: iterate, decode by name", ITEMS, decode, b);
}

int main(void)
{
	static struct wire_bench b;
	struct sample_result encoded, decoded;

	sample_environment("bench_wire: flow_update over IPv4, per event");
	for (unsigned int i = 0; i < EVENTS; i++) {
		fill_flow(&b.flows[i], i);
	}
	tl_batch_init(&b.writer, tl_event_shapes());
	b.copy = malloc(TL_WIRE_MAX_BATCH);
	if (!b.copy || tl_wire_reader_create(&b.reader) < 0) {
		fail("no memory");
	}
	msgpack_sbuffer_init(&b.packed);
	b.fixed = make_fixed(&b);
	b.compact = make_compact(&b);
	bench_ours(&b, &encoded, &decoded);
	struct sample_result packed = sample_time("msgpack-c pack", ITEMS, msgpack_c_pack, &b);
	struct sample_result unpacked =
		sample_time("msgpack-c unpack", ITEMS, msgpack_c_unpack, &b);
	printf("msgpack-c %s\n", msgpack_version());
	printf("bytes per event: ours %.1f, compact %.1f, msgpack-c %.1f\n",
	       (double)b.fixed->len / EVENTS, (double)b.compact->len / EVENTS,
	       (double)b.packed.size / EVENTS);
	sample_ratio("msgpack-c pack / encode", encoded, packed);
	sample_ratio("msgpack-c unpack / compact by name", decoded, unpacked);
	msgpack_sbuffer_destroy(&b.packed);
	tl_msg_free(b.fixed);
	tl_msg_free(b.compact);
	tl_wire_reader_destroy(b.reader);
	tl_batch_fini(&b.writer);
	free(b.copy);
	return 0;
}
