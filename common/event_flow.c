/* SPDX-License-Identifier: BSD-2-Clause */
/* Flow events: one table of fields gives names, templates and the slow decoder. */
#include "event_flow.h"

#include "community_id.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

const struct tl_flow_field tl_flow_fields[F_COUNT] = {
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
	[F_COMMUNITY_ID] = {TL_STR("community_id"), ID, ID_ONLY, 0},
};

const struct tl_str tl_flow_types[TL_FLOW_END + 1] = {
	[TL_FLOW_START] = TL_STR("flow_start"),
	[TL_FLOW_UPDATE] = TL_STR("flow_update"),
	[TL_FLOW_END] = TL_STR("flow_end"),
};

/* --- templates ------------------------------------------------------------ */

enum { FLOW_SHAPES_PLAIN = 6, FLOW_SHAPES = 12, MIN_LAYOUT = 119 };

typedef uint32_t walker(const struct tl_flow_shape *const *by_id, const uint8_t *bytes, size_t len,
			uint32_t max, uint32_t *count);

/* Written once, by tl_event_add_flow_shapes. */
static walker *chosen_walker;
static uint8_t definitions[FLOW_SHAPES][512];
static struct tl_flow_shape flow_shapes[FLOW_SHAPES];

static bool has_field(const struct tl_flow_shape *shape, const struct tl_flow_field *f)
{
	return f->when == ALWAYS || (f->when == ICMP_ONLY && shape->icmp) ||
	       (f->when == END_ONLY && shape->kind == TL_FLOW_END) ||
	       (f->when == ID_ONLY && shape->with_id);
}

static uint8_t *lay(struct tl_flow_layout *l, uint8_t *p, uint8_t byte, uint8_t mask)
{
	l->mask[p - l->bytes] = mask;
	*p = byte;
	return p + 1;
}

/* A marker that must be there, and bytes that may be anything their field allows. */
static uint8_t *lay_field(struct tl_flow_layout *l, uint8_t *p, const struct tl_flow_field *f,
			  uint8_t address_len)
{
	static const uint8_t markers[] = {
		[ADDR] = TL_MP_BIN8, [U8] = TL_MP_U8,	     [U16] = TL_MP_U16,
		[U64] = TL_MP_U64,   [TIME] = TL_MP_FIXEXT8, [ID] = 0xa0 | TL_COMMUNITY_ID_LEN,
	};
	static const uint8_t lens[] = {
		[U8] = 1, [U16] = 2, [U64] = 8, [TIME] = 8, [ID] = TL_COMMUNITY_ID_LEN};

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

static void build_layout(struct tl_flow_layout *l, const struct tl_flow_shape *shape,
			 uint8_t address_len)
{
	static const struct tl_flow_field ts = {.width = TIME};
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
		if (!has_field(shape, &tl_flow_fields[f])) {
			continue;
		}
		if (tl_flow_fields[f].width == TIME) {
			l->times[times++] = (uint32_t)(p - l->bytes) + 2;
		}
		p = lay_field(l, p, &tl_flow_fields[f], address_len);
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
	shape->icmp = index / 3 % 2 != 0;
	shape->with_id = index >= FLOW_SHAPES_PLAIN;
	uint8_t *p = tl_mp_put_str(definitions[index], tl_flow_types[shape->kind]);
	uint8_t *array = p++;
	p += 2;
	for (unsigned int f = 0; f < F_COUNT; f++) {
		if (has_field(shape, &tl_flow_fields[f])) {
			names[count++] = tl_flow_fields[f].name;
			p = tl_mp_put_str(p, tl_flow_fields[f].name);
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
	return tl_shapes_intern(shapes, tl_flow_types[shape->kind], names, count, &tl_event_ip_edge,
				1);
}

/*
 * Comparing with the template is most of what validating and forwarding an
 * event costs: 32 bytes at a time where the CPU can, which is asked once. The
 * last chunk overlaps the one before.
 */
typedef bool layout_match(const struct tl_flow_layout *l, const uint8_t *bytes);

static inline bool matches_plain(const struct tl_flow_layout *l, const uint8_t *bytes)
{
	uint64_t seen = 0;

	for (uint32_t at = 0;; at = at + 8 <= l->len ? at : l->len - 8) {
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
differs_avx2(const struct tl_flow_layout *l, const uint8_t *bytes, uint32_t at)
{
	__m256i have = _mm256_loadu_si256((const __m256i *)(bytes + at));
	__m256i want = _mm256_loadu_si256((const __m256i *)(l->bytes + at));
	__m256i mask = _mm256_loadu_si256((const __m256i *)(l->mask + at));

	return _mm256_and_si256(_mm256_xor_si256(have, want), mask);
}

static inline __attribute__((target("avx2"))) bool matches_avx2(const struct tl_flow_layout *l,
								const uint8_t *bytes)
{
	__m256i a = differs_avx2(l, bytes, 0);
	__m256i b = differs_avx2(l, bytes, 32);
	__m256i c = differs_avx2(l, bytes, 64);
	__m256i d = differs_avx2(l, bytes, l->len - 32);

	if (l->len > 128) {
		a = _mm256_or_si256(a, differs_avx2(l, bytes, 96));
	}
	if (l->len > 160) {
		b = _mm256_or_si256(b, differs_avx2(l, bytes, 128));
	}
	a = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
	return _mm256_testz_si256(a, a);
}
#endif

/* Nanoseconds are the upper 30 bits, and below 10^9. */
static inline bool times_fit(const struct tl_flow_layout *l, const uint8_t *bytes)
{
	const uint32_t limit = 1000000000u << 2;

	return (tl_mp_be32(bytes + l->times[0]) < limit) &
	       (tl_mp_be32(bytes + l->times[1]) < limit) &
	       (tl_mp_be32(bytes + l->times[2]) < limit);
}

/*
 * Events of one layout in a row: where the next one begins waits for no load,
 * and the template stays in registers.
 */
static inline __attribute__((always_inline)) uint32_t walk_alike(const struct tl_flow_layout *l,
								 const uint8_t *p,
								 const uint8_t *end, uint32_t max,
								 layout_match *matches)
{
	const uint32_t len = l->len;
	const uint8_t id = p[3];
	const uint8_t address_len = p[15];
	uint32_t n = 0;

	while (n < max && (size_t)(end - p) >= len && p[3] == id && p[15] == address_len &&
	       matches(l, p) && times_fit(l, p)) {
		p += len;
		n++;
	}
	return n;
}

static inline __attribute__((always_inline)) uint32_t walk(const struct tl_flow_shape *const *by_id,
							   const uint8_t *bytes, size_t len,
							   uint32_t max, uint32_t *count,
							   layout_match *matches)
{
	const uint8_t *p = bytes;
	const uint8_t *end = bytes + len;
	uint32_t n = 0;

	while (n < max && (size_t)(end - p) >= MIN_LAYOUT && p[3] < TL_FLOW_SHAPE_IDS &&
	       by_id[p[3]]) {
		const struct tl_flow_shape *shape = by_id[p[3]];
		const struct tl_flow_layout *l = p[15] == 16 ? &shape->v6 : &shape->v4;
		uint32_t alike = walk_alike(l, p, end, max - n, matches);
		if (alike == 0) {
			break;
		}
		p += (size_t)alike * l->len;
		n += alike;
	}
	*count = n;
	return (uint32_t)(p - bytes);
}

uint32_t tl_flow_events_walk_plain(const struct tl_flow_shape *const *by_id, const uint8_t *bytes,
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
	return tl_flow_events_walk_plain;
}

int tl_event_add_flow_shapes(struct tl_shapes *shapes, bool with_id)
{
	unsigned int first = with_id ? FLOW_SHAPES_PLAIN : 0;
	int id = 0;

	chosen_walker = pick_walker();
	for (unsigned int i = 0; i < FLOW_SHAPES_PLAIN && id >= 0; i++) {
		id = build_flow_shape(shapes, first + i);
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
