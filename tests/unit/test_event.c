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

#include "../../common/community_id.h"
#include "../../common/event.h"
#include "../../common/event_flow.h"

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
	if (e->has_community_id) {
		out.len = tl_event_add_community_id(out.bytes, out.len, &e->flow.key, &out.shape);
	}
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
	e.has_community_id = random() % 2 && !(e.flow.key.flags & TL_KEY_COARSE);
	return e;
}

static void assert_same(const struct tl_flow_event *a, const struct tl_flow_event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->reason, b->reason);
	assert_true(a->ts_ns == b->ts_ns);
	assert_int_equal(a->has_community_id, b->has_community_id);
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

/* Wherever a byte is changed: what one kind of CPU takes for a flow event of ours, another does. */
static void flow_event_is_matched_alike_on_every_cpu(void **state)
{
	(void)state;
	unsigned int matched = 0;

	for (int i = 0; i < 2000; i++) {
		struct tl_flow_event in = any_flow_event();
		struct encoded e = encode(&in);
		const struct tl_flow_shape *by_id[TL_FLOW_SHAPE_IDS] = {0};
		struct tl_msg *msg;
		struct tl_event event;

		assert_int_equal(through_a_batch(e.shape, e.bytes, e.len, &msg, &event), 0);
		by_id[e.shape] = event.shape->flow;
		tl_msg_free(msg);
		for (uint32_t at = 0; at < e.len; at++) {
			uint8_t *copy = malloc(e.len);
			uint32_t count;
			uint32_t plain_count;
			assert_non_null(copy);
			memcpy(copy, e.bytes, e.len);
			copy[at] ^= (uint8_t)(1 << random() % 8);
			uint32_t len = tl_flow_events_walk(by_id, copy, e.len, 9, &count);
			assert_int_equal(
				tl_flow_events_walk_plain(by_id, copy, e.len, 9, &plain_count),
				len);
			assert_int_equal(plain_count, count);
			assert_true(len == 0 || len == e.len);
			matched += count;
			free(copy);
		}
	}
	assert_true(matched > 1000);
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
			assert_true(len <=
				    (in.has_community_id ? 125 + 1 + TL_COMMUNITY_ID_LEN : 125));
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
		"src_ip",     "dst_ip",	     "src_port",  "dst_port",  "proto",	     "vlan",
		"vlan_inner", "direction",   "icmp_type", "icmp_code", "icmp_id",    "tcp_flags",
		"packets",    "bytes",	     "ip_bytes",  "skbs",      "min_len",    "max_len",
		"ttl",	      "tos",	     "start",	  "end",       "end_reason", "flow_id",
		"flags",      "community_id"};
	for (int kind = 0; kind < 3; kind++) {
		for (int variant = 0; variant < 4; variant++) {
			const bool icmp = variant % 2;
			const bool with_id = variant / 2;
			struct tl_flow_event in = any_flow_event();
			struct tl_msg *msg;
			struct tl_event event;
			struct tl_entity entity;
			struct tl_str from;
			struct tl_str to;
			in.kind = (enum tl_flow_kind)kind;
			in.flow.key.proto = icmp ? 58 : 6;
			in.flow.key.flags &= (uint8_t)~TL_KEY_COARSE;
			in.has_community_id = with_id;
			struct encoded e = encode(&in);
			assert_int_equal(e.shape, 1 + kind + (icmp ? 3 : 0) + (with_id ? 9 : 0));
			assert_int_equal(through_a_batch(e.shape, e.bytes, e.len, &msg, &event), 0);
			struct tl_entity_iter iter = tl_event_entities(&event);
			for (int i = 0; i < (with_id ? 26 : 25); i++) {
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

	in.has_community_id = false;
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

/* --- community_id ------------------------------------------------------------------------ */

static struct tl_str text_of(const struct tl_event *event, const char *name)
{
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;
	struct tl_str text = {0};

	while (tl_entity_next(&iter, &entity)) {
		if (tl_str_eq(entity.name, tl_str_of(name))) {
			assert_int_equal(tl_mp_get_str(&entity.value, &text), 0);
		}
	}
	return text;
}

/* The community_id of the flow and of the packet event of a key; they must be the same. */
static void id_of(const struct tl_flow_key *key, char id[TL_COMMUNITY_ID_LEN + 1])
{
	struct tl_flow_event flow = {.flow.key = *key, .has_community_id = true};
	struct tl_packet_event packet = {.key = key, .payload = (const uint8_t *)"x"};
	struct encoded e = encode(&flow);
	uint8_t bytes[TL_PACKET_EVENT_MAX];
	struct tl_msg *msg;
	struct tl_event event;
	unsigned int shape;

	assert_int_equal(through_a_batch(e.shape, e.bytes, e.len, &msg, &event), 0);
	struct tl_str text = text_of(&event, "community_id");
	assert_int_equal(text.len, TL_COMMUNITY_ID_LEN);
	memcpy(id, text.ptr, text.len);
	id[text.len] = '\0';
	tl_msg_free(msg);
	uint32_t len = tl_packet_event_encode(bytes, &packet, 5, &shape);
	len = tl_event_add_community_id(bytes, len, key, &shape);
	assert_int_equal(through_a_batch(shape, bytes, len, &msg, &event), 0);
	text = text_of(&event, "community_id");
	assert_int_equal(text.len, TL_COMMUNITY_ID_LEN);
	assert_memory_equal(text.ptr, id, TL_COMMUNITY_ID_LEN);
	tl_msg_free(msg);
}

static struct tl_flow_key key_of(int proto, const char *src, const char *dst, uint16_t src_port,
				 uint16_t dst_port)
{
	struct tl_flow_key key = {
		.proto = (uint8_t)proto, .src_port = htons(src_port), .dst_port = htons(dst_port)};

	if (inet_pton(AF_INET6, src, key.src) != 1) {
		key.src[10] = key.src[11] = key.dst[10] = key.dst[11] = 0xff;
		assert_int_equal(inet_pton(AF_INET, src, key.src + 12), 1);
		assert_int_equal(inet_pton(AF_INET, dst, key.dst + 12), 1);
	} else {
		assert_int_equal(inet_pton(AF_INET6, dst, key.dst), 1);
	}
	return key;
}

/* Published ones, through the key of a flow: ICMP has type and code in dst_port, an id in src. */
static void community_id_of_a_flow_is_the_published_one(void **state)
{
	(void)state;
	const struct {
		struct tl_flow_key key;
		const char *id;
	} rows[] = {
		{key_of(6, "128.232.110.120", "66.35.250.204", 34855, 80),
		 "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{key_of(17, "8.8.8.8", "192.168.1.52", 53, 54585),
		 "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
		{key_of(132, "192.168.170.56", "192.168.170.8", 80, 7),
		 "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
		{key_of(6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a",
			63943, 25),
		 "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
		{key_of(1, "192.168.0.89", "192.168.0.1", 4711, 8 << 8),
		 "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
		{key_of(1, "192.168.0.1", "192.168.0.89", 4711, 0),
		 "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
		{key_of(1, "192.168.0.89", "192.168.0.1", 0, 20 << 8 | 1),
		 "1:tz/fHIDUHs19NkixVVoOZywde+I="},
		{key_of(58, "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da",
			0, 1 << 8 | 4),
		 "1:hLZd0XGWojozrvxqE0dWB1iM6R0="},
		{key_of(46, "10.1.24.4", "10.1.12.1", 0, 0), "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4="},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char id[TL_COMMUNITY_ID_LEN + 1];
		id_of(&rows[i].key, id);
		assert_string_equal(id, rows[i].id);
	}
}

/* ICMP of one way apart, whose id has a direction: both directions, any interface and tag. */
static void community_id_is_of_endpoints_and_protocol_alone(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct tl_flow_key there = any_flow().key;
		char a[TL_COMMUNITY_ID_LEN + 1];
		char b[TL_COMMUNITY_ID_LEN + 1];

		there.flags &= TL_KEY_FRAGMENT;
		if (there.proto == 1 || there.proto == 58) {
			there.dst_port = htons(there.proto == 1 ? 8 << 8 : 128 << 8);
		}
		struct tl_flow_key back = there;
		memcpy(back.src, there.dst, 16);
		memcpy(back.dst, there.src, 16);
		back.src_port = there.dst_port;
		back.dst_port = there.src_port;
		if (there.proto == 1 || there.proto == 58) {
			back.src_port = there.src_port;
			back.dst_port = htons(there.proto == 1 ? 0 : 129 << 8);
		}
		back.direction ^= 1;
		back.vlan = htons(7);
		id_of(&there, a);
		id_of(&back, b);
		assert_string_equal(a, b);
		back.src[15] ^= 1;
		id_of(&back, b);
		assert_string_not_equal(a, b);
	}
}

/* Nothing of a transport header is known: as of a protocol that has no ports. */
static void fragment_without_its_first_has_an_id_without_ports(void **state)
{
	(void)state;
	struct tl_flow_key key = key_of(17, "1.2.3.4", "5.6.7.8", 0, 0);
	char with[TL_COMMUNITY_ID_LEN + 1];
	char without[TL_COMMUNITY_ID_LEN + 1];

	id_of(&key, with);
	key.flags = TL_KEY_FRAGMENT;
	id_of(&key, without);
	assert_string_equal(with, "1:4jigRrsdCB1UPuHhssFa7eDjuP0=");
	assert_string_equal(without, "1:Nseo4Y+e1MVBR8OoJPnALwN2srU=");
}

static void coarse_flow_has_no_community_id(void **state)
{
	(void)state;
	struct tl_flow_event in = any_flow_event();

	in.flow.key.flags = TL_KEY_COARSE;
	in.has_community_id = false;
	struct encoded plain = encode(&in);
	in.has_community_id = true;
	struct encoded asked = encode(&in);
	assert_int_equal(asked.shape, plain.shape);
	assert_int_equal(asked.len, plain.len);
	assert_memory_equal(asked.bytes, plain.bytes, plain.len);
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
	assert_int_equal(decode_open("flow_end", "community_id", v, len, &out), -EBADMSG);
	len = (uint32_t)(tl_mp_put_str(v, TL_STR("1:of another kind")) - v);
	assert_int_equal(decode_open("flow_end", "community_id", v, len, &out), 0);
	assert_true(out.has_community_id);
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
		if (i % 2 && !(flow.key.flags & TL_KEY_COARSE)) {
			len = tl_event_add_community_id(bytes, len, &flow.key, &shape);
			assert_true(len <= TL_PACKET_EVENT_MAX + in.payload_len);
		}
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
		cmocka_unit_test(flow_event_is_matched_alike_on_every_cpu),
		cmocka_unit_test(flow_event_with_impossible_nanoseconds_is_refused),
		cmocka_unit_test(flow_event_length_stays_within_its_bars),
		cmocka_unit_test(addresses_of_mixed_family_stay_whole),
		cmocka_unit_test(flow_entities_are_named_in_order),
		cmocka_unit_test(icmp_ports_are_told_as_type_code_and_id),
		cmocka_unit_test(community_id_of_a_flow_is_the_published_one),
		cmocka_unit_test(community_id_is_of_endpoints_and_protocol_alone),
		cmocka_unit_test(fragment_without_its_first_has_an_id_without_ports),
		cmocka_unit_test(coarse_flow_has_no_community_id),
		cmocka_unit_test(field_of_the_wrong_kind_or_range_is_refused),
		cmocka_unit_test(capture_stats_encoded_are_decoded),
		cmocka_unit_test(packet_event_is_read_by_name),
		cmocka_unit_test(end_reason_of_each_number_has_a_name),
	};
	srandom(11);
	return cmocka_run_group_tests(tests, make_reader, drop_reader);
}
