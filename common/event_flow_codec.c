/* SPDX-License-Identifier: BSD-2-Clause */
/* Encoding and decoding flow events. */
#include "event_flow.h"

/* --- encoding ------------------------------------------------------------- */

/* Those of the ICMP shapes, end_reason and community_id come to these. */
enum { ENCODED_ALWAYS = F_COUNT - 3 - 1 - 1 };

static inline __attribute__((always_inline)) uint8_t *put_flow(uint8_t *p,
							       const struct tl_flow *flow, bool v6,
							       bool icmp, bool end, uint8_t reason,
							       uint64_t ts_ns)
{
	p = tl_mp_put_time(p, ts_ns);
	p = put_key(p, &flow->key, v6, icmp);
	if (icmp) {
		p = put_icmp(p, &flow->key);
	}
	p = put_u8(p, flow->tcp_flags);
	p = tl_mp_put_u64(p, flow->packets);
	p = tl_mp_put_u64(p, flow->bytes);
	p = tl_mp_put_u64(p, flow->ip_bytes);
	p = tl_mp_put_u64(p, flow->skbs);
	p = put_u16(p, flow->min_len);
	p = put_u16(p, flow->max_len);
	p = put_u8(p, flow->ttl);
	p = put_u8(p, flow->tos);
	p = tl_mp_put_time(p, flow->start_ns);
	p = tl_mp_put_time(p, flow->end_ns);
	if (end) {
		p = tl_mp_put_byte(p, reason & 0x7f);
	}
	p = tl_mp_put_u64(p, flow->id);
	return tl_mp_put_byte(p, flow->key.flags & 0x7f);
}

uint32_t tl_flow_event_encode(uint8_t *p, const struct tl_flow *flow, enum tl_flow_kind kind,
			      enum tl_end_reason reason, uint64_t ts_ns, unsigned int *shape)
{
	const bool icmp = is_icmp(&flow->key);
	const bool v6 = is_v6(&flow->key);
	const bool end = kind == TL_FLOW_END;
	const uint8_t why = (uint8_t)reason;
	uint8_t *at = p + 4;

	*shape = (icmp ? TL_SHAPE_FLOW_ICMP : TL_SHAPE_FLOW) + (unsigned int)kind;
	p[0] = TL_MP_ARRAY16;
	p[1] = 0;
	p[2] = (uint8_t)(2 + ENCODED_ALWAYS + (icmp ? 3 : 0) + (end ? 1 : 0));
	p[3] = (uint8_t)*shape;
	/* Constant arguments: each call is a straight row of stores. */
	if (icmp) {
		at = v6 ? put_flow(at, flow, true, true, end, why, ts_ns)
			: put_flow(at, flow, false, true, end, why, ts_ns);
	} else if (end) {
		at = v6 ? put_flow(at, flow, true, false, true, why, ts_ns)
			: put_flow(at, flow, false, false, true, why, ts_ns);
	} else {
		at = v6 ? put_flow(at, flow, true, false, false, why, ts_ns)
			: put_flow(at, flow, false, false, false, why, ts_ns);
	}
	return (uint32_t)(at - p);
}

/* --- decoding by offset --------------------------------------------------- */

static inline void get_address(uint8_t address[16], const uint8_t *p, bool v6)
{
	if (v6) {
		memcpy(address, p, 16);
		return;
	}
	memset(address, 0, 10);
	address[10] = address[11] = 0xff;
	memcpy(address + 12, p, 4);
}

static inline uint16_t get_raw16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, 2);
	return v;
}

/* Ports to flags of the key; returns what follows. Offsets count the markers. */
static inline const uint8_t *get_key(struct tl_flow_key *key, const uint8_t *p, bool icmp, bool v6)
{
	uint32_t address = v6 ? 16 : 4;

	get_address(key->src, p + 2, v6);
	get_address(key->dst, p + 4 + address, v6);
	p += 2 * (2 + address);
	key->src_port = get_raw16(p + 1);
	key->dst_port = get_raw16(p + 4);
	key->proto = p[7];
	key->vlan = get_raw16(p + 9);
	key->vlan_inner = get_raw16(p + 12);
	key->direction = p[14];
	key->ifindex = 0;
	key->pad = 0;
	p += 15;
	if (icmp) {
		uint8_t type_code[2] = {p[1], p[3]};
		key->dst_port = get_raw16(type_code);
		key->src_port = get_raw16(p + 5);
		p += 7;
	}
	return p;
}

static void decode_by_offset(const struct tl_event *event, struct tl_flow_event *out)
{
	const struct tl_flow_shape *shape = event->shape->flow;
	struct tl_flow *flow = &out->flow;
	const uint8_t *p =
		get_key(&flow->key, event->bytes + 14, shape->icmp, event->bytes[15] == 16);

	flow->tcp_flags = p[1];
	flow->packets = tl_mp_be64(p + 3);
	flow->bytes = tl_mp_be64(p + 12);
	flow->ip_bytes = tl_mp_be64(p + 21);
	flow->skbs = tl_mp_be64(p + 30);
	flow->min_len = tl_mp_be16(p + 39);
	flow->max_len = tl_mp_be16(p + 42);
	flow->ttl = p[45];
	flow->tos = p[47];
	flow->start_ns = tl_mp_time_ns(p + 50);
	flow->end_ns = tl_mp_time_ns(p + 60);
	p += 68;
	out->kind = shape->kind;
	out->reason = TL_END_NONE;
	if (shape->kind == TL_FLOW_END) {
		out->reason = (enum tl_end_reason) * p;
		p++;
	}
	flow->id = tl_mp_be64(p + 1);
	flow->key.flags = p[9];
	out->has_community_id = shape->with_id;
	out->ts_ns = event->ts_ns;
}

/* --- decoding field by field ---------------------------------------------- */

struct flow_values {
	uint64_t numbers[F_COUNT];
	uint8_t addresses[2][16];
	bool icmp; /* by its fields, not by proto: what decides by offset too */
	bool with_id;
};

/* Names mostly come in our order: the search begins after the last one found. */
static int find_field(struct tl_str name, int last)
{
	for (int i = 1; i <= F_COUNT; i++) {
		int f = (last + i) % F_COUNT;
		if (tl_str_eq(tl_flow_fields[f].name, name)) {
			return f;
		}
	}
	return -ENOENT;
}

static int take_address(uint8_t address[16], const struct tl_mp_item *item)
{
	if (item->kind != TL_MP_KIND_BIN || (item->blob.len != 4 && item->blob.len != 16)) {
		return -EBADMSG;
	}
	get_address(address, (const uint8_t *)item->blob.ptr, item->blob.len == 16);
	return 0;
}

static int take_value(struct flow_values *v, int f, struct tl_mp_cursor value)
{
	const struct tl_flow_field *field = &tl_flow_fields[f];
	struct tl_mp_item item;

	if (tl_mp_get(&value, &item) < 0) {
		return -EBADMSG;
	}
	if (field->width == ADDR) {
		return take_address(v->addresses[f], &item);
	}
	if (field->width == ID) {
		return item.kind == TL_MP_KIND_STR ? 0 : -EBADMSG;
	}
	enum tl_mp_kind kind = field->width == TIME ? TL_MP_KIND_TIME : TL_MP_KIND_UINT;
	if (item.kind != kind || (field->max != 0 && item.number > field->max)) {
		return -EBADMSG;
	}
	v->numbers[f] = item.number;
	return 0;
}

static void values_to_key(const struct flow_values *v, struct tl_flow_key *key)
{
	const uint64_t *n = v->numbers;

	memset(key, 0, sizeof(*key));
	memcpy(key->src, v->addresses[0], 16);
	memcpy(key->dst, v->addresses[1], 16);
	key->proto = (uint8_t)n[F_PROTO];
	key->src_port = __builtin_bswap16((uint16_t)n[F_SRC_PORT]);
	key->dst_port = __builtin_bswap16((uint16_t)n[F_DST_PORT]);
	if (v->icmp) {
		key->src_port = __builtin_bswap16((uint16_t)n[F_ICMP_ID]);
		key->dst_port = __builtin_bswap16((uint16_t)(n[F_ICMP_TYPE] << 8 | n[F_ICMP_CODE]));
	}
	key->vlan = __builtin_bswap16((uint16_t)n[F_VLAN]);
	key->vlan_inner = __builtin_bswap16((uint16_t)n[F_VLAN_INNER]);
	key->direction = (uint8_t)n[F_DIRECTION];
	key->flags = (uint8_t)n[F_FLAGS];
}

static void values_to_event(const struct flow_values *v, struct tl_flow_event *out)
{
	const uint64_t *n = v->numbers;

	values_to_key(v, &out->flow.key);
	out->reason = (enum tl_end_reason)n[F_END_REASON];
	out->flow.tcp_flags = (uint8_t)n[F_TCP_FLAGS];
	out->flow.packets = n[F_PACKETS];
	out->flow.bytes = n[F_BYTES];
	out->flow.ip_bytes = n[F_IP_BYTES];
	out->flow.skbs = n[F_SKBS];
	out->flow.min_len = (uint16_t)n[F_MIN_LEN];
	out->flow.max_len = (uint16_t)n[F_MAX_LEN];
	out->flow.ttl = (uint8_t)n[F_TTL];
	out->flow.tos = (uint8_t)n[F_TOS];
	out->flow.start_ns = n[F_START];
	out->flow.end_ns = n[F_END];
	out->flow.id = n[F_FLOW_ID];
	out->has_community_id = v->with_id;
}

static int decode_by_name(const struct tl_event *event, struct tl_flow_event *out)
{
	struct tl_entity_iter iter = tl_event_entities(event);
	struct flow_values values = {0};
	struct tl_entity entity;
	int last = -1;

	while (tl_entity_next(&iter, &entity)) {
		int f = find_field(entity.name, last);
		last = f >= 0 ? f : last;
		if (f >= 0 && take_value(&values, f, entity.value) < 0) {
			return -EBADMSG;
		}
		values.icmp |= f >= 0 && tl_flow_fields[f].when == ICMP_ONLY;
		values.with_id |= f == F_COMMUNITY_ID;
	}
	values_to_event(&values, out);
	out->ts_ns = event->ts_ns;
	return 0;
}

static int find_kind(struct tl_str type)
{
	for (int kind = TL_FLOW_START; kind <= TL_FLOW_END; kind++) {
		if (tl_str_eq(type, tl_flow_types[kind])) {
			return kind;
		}
	}
	return -ENOMSG;
}

int tl_flow_event_decode(const struct tl_event *event, struct tl_flow_event *out)
{
	if (event->fixed) {
		decode_by_offset(event, out);
		return 0;
	}
	int kind = find_kind(event->type);
	if (kind < 0) {
		return -ENOMSG;
	}
	out->kind = (enum tl_flow_kind)kind;
	return decode_by_name(event, out);
}

const char *tl_end_reason_name(unsigned int reason)
{
	static const char *const names[TL_END_COUNT] = {
		[TL_END_FIN] = "fin",
		[TL_END_RST] = "rst",
		[TL_END_IDLE] = "idle",
		[TL_END_EVICTED] = "evicted",
		[TL_END_SHUTDOWN] = "shutdown",
		[TL_END_EOF] = "eof",
		[TL_END_ENGINE_CHANGE] = "engine_change",
	};

	return reason < TL_END_COUNT ? names[reason] : 0;
}
