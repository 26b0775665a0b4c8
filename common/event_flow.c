/* SPDX-License-Identifier: BSD-2-Clause */
/* Flow events: one table of fields gives names, templates and the slow decoder. */
#include <stdlib.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "event_private.h"

enum width {
	ADDR, /* bin4 or bin16 */
	FIX,  /* positive fixint: below 128 */
	U8,
	U16,
	U64,
	TIME,
};

enum when {
	ALWAYS,
	ICMP_ONLY,
	END_ONLY,
};

enum field {
	F_SRC_IP,
	F_DST_IP,
	F_SRC_PORT,
	F_DST_PORT,
	F_PROTO,
	F_VLAN,
	F_VLAN_INNER,
	F_DIRECTION,
	F_ICMP_TYPE,
	F_ICMP_CODE,
	F_ICMP_ID,
	F_TCP_FLAGS,
	F_PACKETS,
	F_BYTES,
	F_IP_BYTES,
	F_SKBS,
	F_MIN_LEN,
	F_MAX_LEN,
	F_TTL,
	F_TOS,
	F_START,
	F_END,
	F_END_REASON,
	F_FLOW_ID,
	F_FLAGS,
	F_COUNT,
};

struct flow_field {
	struct tl_str name;
	enum width width;
	enum when when;
	uint64_t max; /* of the number, all bits set; 0 = 64 bits */
};

static const struct flow_field flow_fields[F_COUNT] = {
	[F_SRC_IP] = {TL_STR("src_ip"), ADDR, ALWAYS, 0},
	[F_DST_IP] = {TL_STR("dst_ip"), ADDR, ALWAYS, 0},
	[F_SRC_PORT] = {TL_STR("src_port"), U16, ALWAYS, 0xffff},
	[F_DST_PORT] = {TL_STR("dst_port"), U16, ALWAYS, 0xffff},
	[F_PROTO] = {TL_STR("proto"), U8, ALWAYS, 0xff},
	[F_VLAN] = {TL_STR("vlan"), U16, ALWAYS, 0xfff},
	[F_VLAN_INNER] = {TL_STR("vlan_inner"), U16, ALWAYS, 0xfff},
	[F_DIRECTION] = {TL_STR("direction"), FIX, ALWAYS, 1},
	[F_ICMP_TYPE] = {TL_STR("icmp_type"), U8, ICMP_ONLY, 0xff},
	[F_ICMP_CODE] = {TL_STR("icmp_code"), U8, ICMP_ONLY, 0xff},
	[F_ICMP_ID] = {TL_STR("icmp_id"), U16, ICMP_ONLY, 0xffff},
	[F_TCP_FLAGS] = {TL_STR("tcp_flags"), U8, ALWAYS, 0xff},
	[F_PACKETS] = {TL_STR("packets"), U64, ALWAYS, 0},
	[F_BYTES] = {TL_STR("bytes"), U64, ALWAYS, 0},
	[F_IP_BYTES] = {TL_STR("ip_bytes"), U64, ALWAYS, 0},
	[F_SKBS] = {TL_STR("skbs"), U64, ALWAYS, 0},
	[F_MIN_LEN] = {TL_STR("min_len"), U16, ALWAYS, 0xffff},
	[F_MAX_LEN] = {TL_STR("max_len"), U16, ALWAYS, 0xffff},
	[F_TTL] = {TL_STR("ttl"), U8, ALWAYS, 0xff},
	[F_TOS] = {TL_STR("tos"), U8, ALWAYS, 0xff},
	[F_START] = {TL_STR("start"), TIME, ALWAYS, 0},
	[F_END] = {TL_STR("end"), TIME, ALWAYS, 0},
	[F_END_REASON] = {TL_STR("end_reason"), FIX, END_ONLY, TL_END_COUNT - 1},
	[F_FLOW_ID] = {TL_STR("flow_id"), U64, ALWAYS, 0},
	[F_FLAGS] = {TL_STR("flags"), FIX, ALWAYS, 127},
};

static const struct tl_str flow_types[] = {
	[TL_FLOW_START] = TL_STR("flow_start"),
	[TL_FLOW_UPDATE] = TL_STR("flow_update"),
	[TL_FLOW_END] = TL_STR("flow_end"),
};

/* --- templates --------------------------------------------------------------- */

struct layout {
	uint32_t len;
	uint32_t times[3]; /* where the timestamps' 8 bytes are */
	uint8_t bytes[TL_FLOW_EVENT_MAX];
	uint8_t mask[TL_FLOW_EVENT_MAX];
};

struct tl_flow_shape {
	enum tl_flow_kind kind;
	bool icmp;
	struct tl_str definition; /* as on the wire */
	struct layout v4;
	struct layout v6;
};

enum { FLOW_SHAPES = 6, MIN_LAYOUT = 119 };

typedef uint32_t walker(const struct tl_flow_shape *const *by_id, const uint8_t *bytes, size_t len,
			uint32_t max, uint32_t *count);

/* Written once, by tl_event_add_flow_shapes. */
static walker *chosen_walker;
static uint8_t definitions[FLOW_SHAPES][512];
static struct tl_flow_shape flow_shapes[FLOW_SHAPES];

static bool has_field(const struct flow_field *f, enum tl_flow_kind kind, bool icmp)
{
	return f->when == ALWAYS || (f->when == ICMP_ONLY && icmp) ||
	       (f->when == END_ONLY && kind == TL_FLOW_END);
}

static uint8_t *lay(struct layout *l, uint8_t *p, uint8_t byte, uint8_t mask)
{
	l->mask[p - l->bytes] = mask;
	*p = byte;
	return p + 1;
}

/* A marker that must be there, and bytes that may be anything their field allows. */
static uint8_t *lay_field(struct layout *l, uint8_t *p, const struct flow_field *f,
			  uint8_t address_len)
{
	static const uint8_t markers[] = {
		[ADDR] = TL_MP_BIN8, [U8] = TL_MP_U8,	     [U16] = TL_MP_U16,
		[U64] = TL_MP_U64,   [TIME] = TL_MP_FIXEXT8,
	};
	static const uint8_t lens[] = {[U8] = 1, [U16] = 2, [U64] = 8, [TIME] = 8};

	if (f->width == FIX) {
		return lay(l, p, 0, (uint8_t)~f->max);
	}
	p = lay(l, p, markers[f->width], 0xff);
	if (f->width == ADDR) {
		return lay(l, p, address_len, 0xff) + address_len;
	}
	if (f->width == TIME) {
		p = lay(l, p, (uint8_t)TL_MP_TIME_EXT, 0xff);
	} else if (f->width == U16) {
		lay(l, p, 0, (uint8_t) ~(f->max >> 8));
	}
	return p + lens[f->width];
}

static void build_layout(struct layout *l, const struct tl_flow_shape *shape, uint8_t address_len)
{
	static const struct flow_field ts = {.width = TIME};
	uint8_t count = 2;
	unsigned int times = 0;
	uint8_t *p = l->bytes;

	p = lay(l, p, TL_MP_ARRAY16, 0xff);
	p = lay(l, p, 0, 0xff);
	uint8_t *count_at = p;
	p = lay(l, p, 0, 0xff);
	p = lay(l, p, 0, 0x80); /* shape id: whatever the batch calls it */
	l->times[times++] = (uint32_t)(p - l->bytes) + 2;
	p = lay_field(l, p, &ts, 0);
	for (unsigned int f = 0; f < F_COUNT; f++) {
		if (!has_field(&flow_fields[f], shape->kind, shape->icmp)) {
			continue;
		}
		if (flow_fields[f].width == TIME) {
			l->times[times++] = (uint32_t)(p - l->bytes) + 2;
		}
		p = lay_field(l, p, &flow_fields[f], address_len);
		count++;
	}
	*count_at = count;
	l->len = (uint32_t)(p - l->bytes);
}

/* Interns the shape and keeps its definition for readers to compare with. */
static int build_flow_shape(struct tl_shapes *shapes, unsigned int index)
{
	struct tl_flow_shape *shape = &flow_shapes[index];
	struct tl_str names[F_COUNT];
	uint32_t count = 0;

	shape->kind = (enum tl_flow_kind)(index % 3);
	shape->icmp = index >= 3;
	uint8_t *p = tl_mp_put_str(definitions[index], flow_types[shape->kind]);
	uint8_t *array = p++;
	p += 2;
	for (unsigned int f = 0; f < F_COUNT; f++) {
		if (has_field(&flow_fields[f], shape->kind, shape->icmp)) {
			names[count++] = flow_fields[f].name;
			p = tl_mp_put_str(p, flow_fields[f].name);
		}
	}
	tl_mp_put_array(array, count); /* over 15: three bytes */
	p = tl_mp_put_array(p, 1);
	p = tl_mp_put_array(p, 2);
	p = tl_mp_put_str(tl_mp_put_str(p, tl_event_ip_edge.from), tl_event_ip_edge.to);
	shape->definition = (struct tl_str){(const char *)definitions[index],
					    (uint32_t)(p - definitions[index])};
	build_layout(&shape->v4, shape, 4);
	build_layout(&shape->v6, shape, 16);
	return tl_shapes_intern(shapes, flow_types[shape->kind], names, count, &tl_event_ip_edge,
				1);
}

/*
 * Comparing with the template is most of what validating and forwarding an
 * event costs: 32 bytes at a time where the CPU can, which is asked once. The
 * last chunk overlaps the one before.
 */
typedef bool layout_match(const struct layout *l, const uint8_t *bytes);

static inline bool matches_plain(const struct layout *l, const uint8_t *bytes)
{
	uint64_t seen = 0;

	for (uint32_t at = 0;; at = at + 16 <= l->len ? at : l->len - 8) {
		uint64_t have;
		uint64_t want;
		uint64_t mask;
		memcpy(&have, bytes + at, 8);
		memcpy(&want, l->bytes + at, 8);
		memcpy(&mask, l->mask + at, 8);
		seen |= (have ^ want) & mask;
		at += 8;
		if (at >= l->len) {
			return seen == 0;
		}
	}
}

#ifdef __x86_64__
static inline __attribute__((target("avx2"))) __m256i
differs_avx2(const struct layout *l, const uint8_t *bytes, uint32_t at)
{
	__m256i have = _mm256_loadu_si256((const __m256i *)(bytes + at));
	__m256i want = _mm256_loadu_si256((const __m256i *)(l->bytes + at));
	__m256i mask = _mm256_loadu_si256((const __m256i *)(l->mask + at));

	return _mm256_and_si256(_mm256_xor_si256(have, want), mask);
}

static inline __attribute__((target("avx2"))) bool matches_avx2(const struct layout *l,
								const uint8_t *bytes)
{
	__m256i a = differs_avx2(l, bytes, 0);
	__m256i b = differs_avx2(l, bytes, 32);
	__m256i c = differs_avx2(l, bytes, 64);
	__m256i d = differs_avx2(l, bytes, l->len - 32);

	if (l->len > 128) {
		a = _mm256_or_si256(a, differs_avx2(l, bytes, 96));
	}
	a = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
	return _mm256_testz_si256(a, a);
}
#endif

/* Nanoseconds are the upper 30 bits, and below 10^9. */
static inline bool times_fit(const struct layout *l, const uint8_t *bytes)
{
	const uint32_t limit = 1000000000u << 2;

	return (tl_mp_be32(bytes + l->times[0]) < limit) &
	       (tl_mp_be32(bytes + l->times[1]) < limit) &
	       (tl_mp_be32(bytes + l->times[2]) < limit);
}

/*
 * The layout of one event is tried on the next: where the next one begins then
 * does not wait for three dependent loads.
 */
static inline __attribute__((always_inline)) uint32_t walk(const struct tl_flow_shape *const *by_id,
							   const uint8_t *bytes, size_t len,
							   uint32_t max, uint32_t *count,
							   layout_match *matches)
{
	const uint8_t *p = bytes;
	const uint8_t *end = bytes + len;
	const struct layout *l = 0;
	uint32_t layout_len = 0;
	uint8_t id = UINT8_MAX;
	uint8_t address_len = 0;
	uint32_t n = 0;

	for (; n < max && (size_t)(end - p) >= MIN_LAYOUT; n++) {
		if (!l || p[3] != id || p[15] != address_len) {
			id = p[3];
			address_len = p[15];
			if (id >= TL_FLOW_SHAPE_IDS || !by_id[id]) {
				break;
			}
			l = address_len == 16 ? &by_id[id]->v6 : &by_id[id]->v4;
			layout_len = l->len;
		}
		if ((size_t)(end - p) < layout_len || !matches(l, p) || !times_fit(l, p)) {
			break;
		}
		p += layout_len;
	}
	*count = n;
	return (uint32_t)(p - bytes);
}

static uint32_t walk_plain(const struct tl_flow_shape *const *by_id, const uint8_t *bytes,
			   size_t len, uint32_t max, uint32_t *count)
{
	return walk(by_id, bytes, len, max, count, matches_plain);
}

#ifdef __x86_64__
static __attribute__((target("avx2"))) uint32_t walk_avx2(const struct tl_flow_shape *const *by_id,
							  const uint8_t *bytes, size_t len,
							  uint32_t max, uint32_t *count)
{
	return walk(by_id, bytes, len, max, count, matches_avx2);
}
#endif

static walker *pick_walker(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2")) {
		return walk_avx2;
	}
#endif
	return walk_plain;
}

int tl_event_add_flow_shapes(struct tl_shapes *shapes)
{
	int id = 0;

	chosen_walker = pick_walker();
	for (unsigned int i = 0; i < FLOW_SHAPES && id >= 0; i++) {
		id = build_flow_shape(shapes, i);
	}
	return id < 0 ? id : 0;
}

const struct tl_flow_shape *tl_flow_shape_find(struct tl_str definition)
{
	if (!tl_event_shapes()) {
		return 0;
	}
	for (unsigned int i = 0; i < FLOW_SHAPES; i++) {
		if (tl_str_eq(flow_shapes[i].definition, definition)) {
			return &flow_shapes[i];
		}
	}
	return 0;
}

uint32_t tl_flow_events_walk(const struct tl_flow_shape *const by_id[TL_FLOW_SHAPE_IDS],
			     const uint8_t *bytes, size_t len, uint32_t max, uint32_t *count)
{
	return chosen_walker(by_id, bytes, len, max, count);
}

uint32_t tl_flow_event_len(const struct tl_flow_shape *shape, const uint8_t *bytes)
{
	return bytes[15] == 16 ? shape->v6.len : shape->v4.len;
}

/* --- encoding ---------------------------------------------------------------- */

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
	p[2] = (uint8_t)(F_COUNT - 4 + 2 + (icmp ? 3 : 0) + (end ? 1 : 0));
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

/* --- decoding by offset -------------------------------------------------------- */

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
	out->ts_ns = event->ts_ns;
}

/* --- decoding field by field ----------------------------------------------------- */

struct flow_values {
	uint64_t numbers[F_COUNT];
	uint8_t addresses[2][16];
	bool icmp; /* by its fields, not by proto: what decides by offset too */
};

/* Names mostly come in our order: the search begins after the last one found. */
static int find_field(struct tl_str name, int last)
{
	for (int i = 1; i <= F_COUNT; i++) {
		int f = (last + i) % F_COUNT;
		if (tl_str_eq(flow_fields[f].name, name)) {
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
	const struct flow_field *field = &flow_fields[f];
	struct tl_mp_item item;

	if (tl_mp_get(&value, &item) < 0) {
		return -EBADMSG;
	}
	if (field->width == ADDR) {
		return take_address(v->addresses[f], &item);
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
		values.icmp |= f >= 0 && flow_fields[f].when == ICMP_ONLY;
	}
	values_to_event(&values, out);
	out->ts_ns = event->ts_ns;
	return 0;
}

static int find_kind(struct tl_str type)
{
	for (int kind = TL_FLOW_START; kind <= TL_FLOW_END; kind++) {
		if (tl_str_eq(type, flow_types[kind])) {
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
