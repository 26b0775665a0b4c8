/* SPDX-License-Identifier: BSD-2-Clause */
/* common/event: what is encoded is decoded, by offset and field by field alike. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/event.h"

static struct tl_wire_reader *reader;

static int make_reader(void **state)
{
	(void)state;
	return tl_wire_reader_create(&reader);
}

static int drop_reader(void **state)
{
	(void)state;
	tl_wire_reader_destroy(reader);
	return 0;
}

static uint64_t any64(void)
{
	return (uint64_t)random() << 62 ^ (uint64_t)random() << 31 ^ (uint64_t)random();
}

static void any_address(uint8_t address[16], bool v6)
{
	for (int i = 0; i < 16; i++) {
		address[i] = (uint8_t)random();
	}
	if (!v6) {
		memset(address, 0, 10);
		address[10] = address[11] = 0xff;
	}
}

static uint64_t any_time(void)
{
	return any64() % (0x3ffffffffull * 1000000000ull);
}

static struct tl_flow any_flow(void)
{
	static const uint8_t protos[] = {1, 6, 17, 58, 132, 255, 0};
	struct tl_flow flow = {
		.id = any64(),
		.packets = any64() >> (random() % 64),
		.bytes = any64(),
		.ip_bytes = any64(),
		.skbs = any64(),
		.start_ns = any_time(),
		.end_ns = any_time(),
		.min_len = (uint16_t)random(),
		.max_len = (uint16_t)random(),
		.ttl = (uint8_t)random(),
		.tos = (uint8_t)random(),
		.tcp_flags = (uint8_t)random(),
	};
	bool v6 = random() % 2;
	any_address(flow.key.src, v6);
	any_address(flow.key.dst, v6);
	flow.key.src_port = (uint16_t)random();
	flow.key.dst_port = (uint16_t)random();
	flow.key.vlan = htons((uint16_t)(random() & 0xfff));
	flow.key.vlan_inner = htons((uint16_t)(random() & 0xfff));
	flow.key.proto = protos[random() % 7];
	flow.key.direction = (uint8_t)(random() % 2);
	flow.key.flags = (uint8_t)(random() % 8);
	return flow;
}

struct encoded {
	uint8_t bytes[TL_FLOW_EVENT_MAX];
	uint32_t len;
	unsigned int shape;
};

static struct encoded encode(const struct tl_flow_event *e)
{
	struct encoded out;
	out.len =
		tl_flow_event_encode(out.bytes, &e->flow, e->kind, e->reason, e->ts_ns, &out.shape);
	assert_true(out.len <= TL_FLOW_EVENT_MAX);
	return out;
}

/* A batch of one event, and that event read from it; the result of tl_wire_read. */
static int through_a_batch(unsigned int shape, const uint8_t *bytes, uint32_t len,
			   struct tl_msg **msg, struct tl_event *event)
{
	static const struct tl_batch_head head = {
		.source = TL_STR("s"), .host = TL_STR("h"), .iface = TL_STR("i")};
	struct tl_batch_writer w;
	struct tl_batch batch;

	tl_batch_init(&w, tl_event_shapes());
	memcpy(tl_batch_reserve(&w, len), bytes, len);
	tl_batch_commit(&w, shape, len);
	assert_int_equal(tl_batch_finish(&w, &head, msg), 0);
	int err = tl_wire_read(reader, (*msg)->data, (*msg)->len, &batch, 0);
	if (err == 0) {
		struct tl_event_iter iter = tl_wire_events(reader, &batch);
		assert_true(tl_event_next(&iter, event));
		assert_int_equal(event->len, len);
	}
	return err;
}

/* The same entities under the open shape: no template fits, so it is decoded by name. */
static uint32_t as_open(const struct tl_event *event, uint8_t *p)
{
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;
	uint8_t *at = tl_mp_put_uint(tl_mp_put_array(p, 5), 0);

	at = tl_mp_put_str(tl_mp_put_time(at, event->ts_ns), event->type);
	at = tl_mp_put_map(at, event->value_count);
	while (tl_entity_next(&iter, &entity)) {
		size_t len = (size_t)(entity.value.end - entity.value.at);
		at = tl_mp_put_str(at, entity.name);
		memcpy(at, entity.value.at, len);
		at += len;
	}
	return (uint32_t)(tl_mp_put_array(at, 0) - p);
}

static struct tl_flow_event any_flow_event(void)
{
	struct tl_flow_event e = {
		.kind = (enum tl_flow_kind)(random() % 3),
		.ts_ns = any_time(),
		.flow = any_flow(),
	};
	if (e.kind == TL_FLOW_END) {
		e.reason = (enum tl_end_reason)(1 + random() % (TL_END_COUNT - 1));
	}
	return e;
}

static void assert_same(const struct tl_flow_event *a, const struct tl_flow_event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->reason, b->reason);
	assert_true(a->ts_ns == b->ts_ns);
	assert_memory_equal(&a->flow.key, &b->flow.key, sizeof(a->flow.key));
	assert_true(a->flow.id == b->flow.id && a->flow.packets == b->flow.packets);
	assert_true(a->flow.bytes == b->flow.bytes && a->flow.ip_bytes == b->flow.ip_bytes);
	assert_true(a->flow.skbs == b->flow.skbs);
	assert_true(a->flow.start_ns == b->flow.start_ns && a->flow.end_ns == b->flow.end_ns);
	assert_int_equal(a->flow.min_len, b->flow.min_len);
	assert_int_equal(a->flow.max_len, b->flow.max_len);
	assert_int_equal(a->flow.ttl, b->flow.ttl);
	assert_int_equal(a->flow.tos, b->flow.tos);
	assert_int_equal(a->flow.tcp_flags, b->flow.tcp_flags);
}

static void flow_event_encoded_is_decoded_by_offset_and_by_name(void **state)
{
	(void)state;
	for (int i = 0; i < 4000; i++) {
		struct tl_flow_event in = any_flow_event();
		struct tl_flow_event out = {0};
		struct encoded e = encode(&in);
		struct tl_msg *msg;
		struct tl_msg *open_msg;
		struct tl_event event;
		uint8_t open[1024];

		assert_int_equal(through_a_batch(e.shape, e.bytes, e.len, &msg, &event), 0);
		assert_non_null(event.shape->flow);
		assert_true(event.fixed);
		assert_int_equal(tl_flow_event_decode(&event, &out), 0);
		assert_same(&in, &out);

		memset(&out, 0x55, sizeof(out));
		uint32_t len = as_open(&event, open);
		assert_int_equal(through_a_batch(0, open, len, &open_msg, &event), 0);
		assert_null(event.shape);
		assert_int_equal(tl_flow_event_decode(&event, &out), 0);
		assert_same(&in, &out);
		tl_msg_free(msg);
		tl_msg_free(open_msg);
	}
}

/* Whatever the bytes: what one way of decoding says, the other says. */
static void flow_event_with_any_byte_changed_is_decoded_alike_both_ways(void **state)
{
	(void)state;
	unsigned int valid = 0;

	for (int i = 0; i < 12000; i++) {
		struct tl_flow_event in = any_flow_event();
		struct encoded e = encode(&in);
		struct tl_msg *msg;
		struct tl_msg *open_msg;
		struct tl_event event;
		uint8_t open[1024];
		struct tl_flow_event fast = {0};
		struct tl_flow_event slow = {0};

		e.bytes[random() % e.len] = (uint8_t)random();
		if (through_a_batch(e.shape, e.bytes, e.len, &msg, &event) == 0) {
			valid++;
			int err = tl_flow_event_decode(&event, &fast);
			uint32_t len = as_open(&event, open);
			assert_int_equal(through_a_batch(0, open, len, &open_msg, &event), 0);
			assert_int_equal(tl_flow_event_decode(&event, &slow), err);
			if (err == 0) {
				assert_same(&fast, &slow);
			}
			tl_msg_free(open_msg);
		}
		tl_msg_free(msg);
	}
	assert_true(valid > 1000);
}

/* A time of more than 999,999,999 ns is no msgpack timestamp; getters would refuse it later. */
static void flow_event_with_impossible_nanoseconds_is_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 600; i++) {
		struct tl_flow_event in = any_flow_event();
		struct encoded e = encode(&in);
		struct tl_msg *msg;
		struct tl_event event;
		uint32_t times[3];
		unsigned int count = 0;

		for (uint32_t at = 0; at + 10 <= e.len && count < 3; at++) {
			if (e.bytes[at] == TL_MP_FIXEXT8 && e.bytes[at + 1] == 0xff) {
				times[count++] = at + 2;
			}
		}
		memset(e.bytes + times[random() % count], 0xff, 4);
		assert_int_equal(through_a_batch(e.shape, e.bytes, e.len, &msg, &event), -EBADMSG);
		tl_msg_free(msg);
	}
}

static void flow_event_length_stays_within_its_bars(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct tl_flow_event in = any_flow_event();
		bool v6 = in.flow.key.src[10] != 0xff || in.flow.key.src[0] != 0;
		bool icmp = in.flow.key.proto == 1 || in.flow.key.proto == 58;
		uint32_t len = encode(&in).len;
		if (!v6 && !icmp) {
			assert_true(len <= 125);
		}
	}
}

static void addresses_of_mixed_family_stay_whole(void **state)
{
	(void)state;
	struct tl_flow_event in = any_flow_event();
	struct tl_flow_event out;
	struct tl_msg *msg;
	struct tl_event event;

	any_address(in.flow.key.src, false);
	any_address(in.flow.key.dst, true);
	struct encoded e = encode(&in);
	assert_int_equal(through_a_batch(e.shape, e.bytes, e.len, &msg, &event), 0);
	assert_int_equal(tl_flow_event_decode(&event, &out), 0);
	assert_same(&in, &out);
	tl_msg_free(msg);
}

/* The order and the names of the design's section 2. */
static void flow_entities_are_named_in_order(void **state)
{
	(void)state;
	static const char *const order[] = {
		"src_ip",  "dst_ip",	 "src_port",   "dst_port",  "proto",
		"vlan",	   "vlan_inner", "direction",  "icmp_type", "icmp_code",
		"icmp_id", "tcp_flags",	 "packets",    "bytes",	    "ip_bytes",
		"skbs",	   "min_len",	 "max_len",    "ttl",	    "tos",
		"start",   "end",	 "end_reason", "flow_id",   "flags"};
	for (int kind = 0; kind < 3; kind++) {
		for (int icmp = 0; icmp < 2; icmp++) {
			struct tl_flow_event in = any_flow_event();
			struct tl_msg *msg;
			struct tl_event event;
			struct tl_entity entity;
			struct tl_str from;
			struct tl_str to;
			in.kind = (enum tl_flow_kind)kind;
			in.flow.key.proto = icmp ? 58 : 6;
			struct encoded e = encode(&in);
			assert_int_equal(e.shape,
					 (icmp ? TL_SHAPE_FLOW_ICMP : TL_SHAPE_FLOW) + kind);
			assert_int_equal(through_a_batch(e.shape, e.bytes, e.len, &msg, &event), 0);
			struct tl_entity_iter iter = tl_event_entities(&event);
			for (int i = 0; i < 25; i++) {
				if ((i >= 8 && i <= 10 && !icmp) || (i == 22 && kind != 2)) {
					continue;
				}
				assert_true(tl_entity_next(&iter, &entity));
				assert_true(tl_str_eq(entity.name, tl_str_of(order[i])));
			}
			assert_false(tl_entity_next(&iter, &entity));
			struct tl_edge_iter edges = tl_event_edges(&event);
			assert_true(tl_edge_next(&edges, &from, &to));
			assert_true(tl_str_eq(from, TL_STR("src_ip")));
			assert_true(tl_str_eq(to, TL_STR("dst_ip")));
			tl_msg_free(msg);
		}
	}
}

static void icmp_ports_are_told_as_type_code_and_id(void **state)
{
	(void)state;
	struct tl_flow_event in = any_flow_event();
	struct tl_msg *msg;
	struct tl_event event;
	struct tl_entity entity;
	uint64_t seen = 0;

	in.flow.key.proto = 1;
	in.flow.key.src_port = htons(0x1234);
	in.flow.key.dst_port = htons(0x0301);
	struct encoded e = encode(&in);
	assert_int_equal(through_a_batch(e.shape, e.bytes, e.len, &msg, &event), 0);
	struct tl_entity_iter iter = tl_event_entities(&event);
	while (tl_entity_next(&iter, &entity)) {
		uint64_t v;
		if (tl_mp_get_uint(&entity.value, &v) < 0) {
			continue;
		}
		if (tl_str_eq(entity.name, TL_STR("src_port")) ||
		    tl_str_eq(entity.name, TL_STR("dst_port"))) {
			assert_int_equal(v, 0);
		} else if (tl_str_eq(entity.name, TL_STR("icmp_type"))) {
			assert_int_equal(v, 3);
			seen++;
		} else if (tl_str_eq(entity.name, TL_STR("icmp_code"))) {
			assert_int_equal(v, 1);
			seen++;
		} else if (tl_str_eq(entity.name, TL_STR("icmp_id"))) {
			assert_int_equal(v, 0x1234);
			seen++;
		}
	}
	assert_int_equal(seen, 3);
	tl_msg_free(msg);
}

/* --- by name: events of foreign writers ------------------------------------------------ */

static int decode_open(const char *type, const char *name, const uint8_t *value, uint32_t len,
		       struct tl_flow_event *out)
{
	uint8_t bytes[256];
	struct tl_msg *msg;
	struct tl_event event;
	uint8_t *p = tl_mp_put_uint(tl_mp_put_array(bytes, 5), 0);

	p = tl_mp_put_str(tl_mp_put_time(p, 99), tl_str_of(type));
	p = tl_mp_put_str(tl_mp_put_map(p, 1), tl_str_of(name));
	memcpy(p, value, len);
	p = tl_mp_put_array(p + len, 0);
	assert_int_equal(through_a_batch(0, bytes, (uint32_t)(p - bytes), &msg, &event), 0);
	int err = tl_flow_event_decode(&event, out);
	tl_msg_free(msg);
	return err;
}

static void field_of_the_wrong_kind_or_range_is_refused(void **state)
{
	(void)state;
	struct tl_flow_event out;
	uint8_t v[32];
	uint32_t len = (uint32_t)(tl_mp_put_uint(v, 80) - v);

	assert_int_equal(decode_open("flow_end", "dst_port", v, len, &out), 0);
	assert_int_equal(ntohs(out.flow.key.dst_port), 80);
	assert_true(out.flow.packets == 0 && out.ts_ns == 99 && out.kind == TL_FLOW_END);
	assert_int_equal(decode_open("flow_end", "src_ip", v, len, &out), -EBADMSG);
	assert_int_equal(decode_open("flow_end", "start", v, len, &out), -EBADMSG);
	assert_int_equal(decode_open("flow_end", "end_reason", v, len, &out), -EBADMSG);
	assert_int_equal(decode_open("flow_end", "nothing_known", v, len, &out), 0);
	assert_int_equal(decode_open("flow_ends", "dst_port", v, len, &out), -ENOMSG);
	assert_int_equal(decode_open("alert", "dst_port", v, len, &out), -ENOMSG);
	len = (uint32_t)(tl_mp_put_uint(v, 65536) - v);
	assert_int_equal(decode_open("flow_end", "dst_port", v, len, &out), -EBADMSG);
	assert_int_equal(decode_open("flow_end", "vlan", v, len, &out), -EBADMSG);
	len = (uint32_t)(tl_mp_put_bin(v, "12345", 5) - v);
	assert_int_equal(decode_open("flow_end", "src_ip", v, len, &out), -EBADMSG);
	len = (uint32_t)(tl_mp_put_int(v, -1) - v);
	assert_int_equal(decode_open("flow_end", "packets", v, len, &out), -EBADMSG);
}

/* --- capture_stats, packet --------------------------------------------------------------- */

static struct tl_capture_stats any_stats(void)
{
	struct tl_capture_stats s = {
		.packets = any64(),
		.bytes = any64(),
		.skbs = any64(),
		.kernel_drops = any64(),
		.ring_drops = any64(),
		.events = any64(),
		.flows_active = any64(),
		.flows_evicted = any64(),
		.lost_in_crash = any64(),
		.ring_utilization = (double)random() / RAND_MAX,
		.cpu_percent = (double)random() / 1e7,
		.residual_packets = -(int64_t)(any64() >> 1),
		.residual_bytes = (int64_t)(any64() >> 1),
		.engine = TL_STR("tpv3-capd"),
		.mode = TL_STR("ring"),
	};
	for (int c = 0; c < TL_CLASS_COUNT; c++) {
		s.class_packets[c] = any64();
		s.class_bytes[c] = any64();
	}
	return s;
}

static void capture_stats_encoded_are_decoded(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct tl_capture_stats in = any_stats();
		struct tl_capture_stats out;
		uint8_t bytes[TL_STATS_EVENT_MAX];
		struct tl_msg *msg;
		struct tl_event event;
		uint32_t len = tl_stats_event_encode(bytes, &in, 5);

		assert_true(len <= TL_STATS_EVENT_MAX);
		assert_int_equal(through_a_batch(TL_SHAPE_STATS, bytes, len, &msg, &event), 0);
		assert_int_equal(tl_stats_event_decode(&event, &out), 0);
		assert_true(tl_str_eq(in.engine, out.engine) && tl_str_eq(in.mode, out.mode));
		/* the two texts are the last fields */
		assert_memory_equal(&in, &out, offsetof(struct tl_capture_stats, engine));
		struct tl_flow_event flow;
		assert_int_equal(tl_flow_event_decode(&event, &flow), -ENOMSG);
		tl_msg_free(msg);
	}
}

static void packet_event_is_read_by_name(void **state)
{
	(void)state;
	for (int i = 0; i < 500; i++) {
		struct tl_flow flow = any_flow();
		uint8_t payload[300];
		struct tl_packet_event in = {
			.key = &flow.key,
			.length = any64() >> (random() % 60),
			.ip_bytes = any64() >> (random() % 60),
			.segments = (uint32_t)random(),
			.tcp_flags = 2,
			.ttl = 200,
			.tos = 7,
			.payload = payload,
			.payload_len = (uint32_t)random() % 300,
		};
		uint8_t bytes[TL_PACKET_EVENT_MAX + 300];
		unsigned int shape;
		struct tl_msg *msg;
		struct tl_event event;
		struct tl_entity entity;
		unsigned int seen = 0;
		memset(payload, i, sizeof(payload));
		uint32_t len = tl_packet_event_encode(bytes, &in, 5, &shape);
		assert_true(len <= TL_PACKET_EVENT_MAX + in.payload_len);
		assert_int_equal(through_a_batch(shape, bytes, len, &msg, &event), 0);
		assert_true(tl_str_eq(event.type, TL_STR("packet")));
		struct tl_entity_iter iter = tl_event_entities(&event);
		while (tl_entity_next(&iter, &entity)) {
			uint64_t v;
			struct tl_str blob;
			if (tl_str_eq(entity.name, TL_STR("length"))) {
				assert_int_equal(tl_mp_get_uint(&entity.value, &v), 0);
				assert_true(v == in.length);
				seen++;
			} else if (tl_str_eq(entity.name, TL_STR("payload"))) {
				assert_int_equal(tl_mp_get_bin(&entity.value, &blob), 0);
				assert_int_equal(blob.len, in.payload_len);
				assert_memory_equal(blob.ptr, payload, blob.len);
				seen++;
			} else if (tl_str_eq(entity.name, TL_STR("ttl"))) {
				assert_int_equal(tl_mp_get_uint(&entity.value, &v), 0);
				assert_int_equal(v, 200);
				seen++;
			}
		}
		assert_int_equal(seen, 3);
		tl_msg_free(msg);
	}
}

static void end_reason_of_each_number_has_a_name(void **state)
{
	(void)state;
	assert_null(tl_end_reason_name(TL_END_NONE));
	assert_null(tl_end_reason_name(TL_END_COUNT));
	for (unsigned int reason = 1; reason < TL_END_COUNT; reason++) {
		assert_non_null(tl_end_reason_name(reason));
	}
	assert_string_equal(tl_end_reason_name(TL_END_ENGINE_CHANGE), "engine_change");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flow_event_encoded_is_decoded_by_offset_and_by_name),
		cmocka_unit_test(flow_event_with_any_byte_changed_is_decoded_alike_both_ways),
		cmocka_unit_test(flow_event_with_impossible_nanoseconds_is_refused),
		cmocka_unit_test(flow_event_length_stays_within_its_bars),
		cmocka_unit_test(addresses_of_mixed_family_stay_whole),
		cmocka_unit_test(flow_entities_are_named_in_order),
		cmocka_unit_test(icmp_ports_are_told_as_type_code_and_id),
		cmocka_unit_test(field_of_the_wrong_kind_or_range_is_refused),
		cmocka_unit_test(capture_stats_encoded_are_decoded),
		cmocka_unit_test(packet_event_is_read_by_name),
		cmocka_unit_test(end_reason_of_each_number_has_a_name),
	};
	srandom(11);
	return cmocka_run_group_tests(tests, make_reader, drop_reader);
}
