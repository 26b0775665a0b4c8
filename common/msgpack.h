/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * msgpack primitives: stores for the writer, a bounded cursor for the reader.
 * Spec: github.com/msgpack/msgpack/blob/master/spec.md (2017, with timestamp).
 *
 * Writing: tl_mp_put_* store at `p` and return the byte after; the caller has
 * made the room (sizes are in the comments). Reading: every getter checks
 * against the cursor's end, moves it on success and returns 0, else -EBADMSG
 * and leaves it undefined. Nothing allocates or logs.
 */
#ifndef TL_MSGPACK_H
#define TL_MSGPACK_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	TL_MP_NIL = 0xc0,
	TL_MP_FALSE = 0xc2,
	TL_MP_TRUE = 0xc3,
	TL_MP_BIN8 = 0xc4,
	TL_MP_BIN16 = 0xc5,
	TL_MP_BIN32 = 0xc6,
	TL_MP_EXT8 = 0xc7,
	TL_MP_EXT16 = 0xc8,
	TL_MP_EXT32 = 0xc9,
	TL_MP_F32 = 0xca,
	TL_MP_F64 = 0xcb,
	TL_MP_U8 = 0xcc,
	TL_MP_U16 = 0xcd,
	TL_MP_U32 = 0xce,
	TL_MP_U64 = 0xcf,
	TL_MP_I8 = 0xd0,
	TL_MP_I16 = 0xd1,
	TL_MP_I32 = 0xd2,
	TL_MP_I64 = 0xd3,
	TL_MP_FIXEXT1 = 0xd4,
	TL_MP_FIXEXT4 = 0xd6,
	TL_MP_FIXEXT8 = 0xd7,
	TL_MP_FIXEXT16 = 0xd8,
	TL_MP_STR8 = 0xd9,
	TL_MP_STR16 = 0xda,
	TL_MP_STR32 = 0xdb,
	TL_MP_ARRAY16 = 0xdc,
	TL_MP_ARRAY32 = 0xdd,
	TL_MP_MAP16 = 0xde,
	TL_MP_MAP32 = 0xdf,

	TL_MP_TIME_EXT = -1,
	TL_MP_MAX_DEPTH = 6,
	TL_MP_MAX_BLOB = 1 << 20, /* bytes of one string or bin */
};

/* Bytes or text in somebody else's memory; not NUL-terminated. */
struct tl_str {
	const char *ptr;
	uint32_t len;
};

#define TL_STR(literal) ((struct tl_str){(literal), sizeof(literal) - 1})

static inline struct tl_str tl_str_of(const char *text)
{
	return (struct tl_str){text, (uint32_t)strlen(text)};
}

static inline bool tl_str_eq(struct tl_str a, struct tl_str b)
{
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* --- stores --------------------------------------------------------------- */

static inline uint8_t *tl_mp_put_be16(uint8_t *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, 2);
	return p + 2;
}

static inline uint8_t *tl_mp_put_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, 4);
	return p + 4;
}

static inline uint8_t *tl_mp_put_be64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, 8);
	return p + 8;
}

static inline uint8_t *tl_mp_put_byte(uint8_t *p, uint8_t v)
{
	*p = v;
	return p + 1;
}

static inline uint8_t *tl_mp_put_bool(uint8_t *p, bool v)
{
	return tl_mp_put_byte(p, v ? TL_MP_TRUE : TL_MP_FALSE);
}

/* Always the 9-byte form: fixed width. */
static inline uint8_t *tl_mp_put_u64(uint8_t *p, uint64_t v)
{
	return tl_mp_put_be64(tl_mp_put_byte(p, TL_MP_U64), v);
}

/* The shortest form, up to 9 bytes. */
static inline uint8_t *tl_mp_put_uint(uint8_t *p, uint64_t v)
{
	if (v < 0x80) {
		return tl_mp_put_byte(p, (uint8_t)v);
	}
	if (v <= 0xff) {
		return tl_mp_put_byte(tl_mp_put_byte(p, TL_MP_U8), (uint8_t)v);
	}
	if (v <= 0xffff) {
		return tl_mp_put_be16(tl_mp_put_byte(p, TL_MP_U16), (uint16_t)v);
	}
	if (v <= 0xffffffff) {
		return tl_mp_put_be32(tl_mp_put_byte(p, TL_MP_U32), (uint32_t)v);
	}
	return tl_mp_put_u64(p, v);
}

/* The shortest form, up to 9 bytes. */
static inline uint8_t *tl_mp_put_int(uint8_t *p, int64_t v)
{
	if (v >= 0) {
		return tl_mp_put_uint(p, (uint64_t)v);
	}
	if (v >= -32) {
		return tl_mp_put_byte(p, (uint8_t)v);
	}
	if (v >= INT32_MIN) {
		return tl_mp_put_be32(tl_mp_put_byte(p, TL_MP_I32), (uint32_t)v);
	}
	return tl_mp_put_be64(tl_mp_put_byte(p, TL_MP_I64), (uint64_t)v);
}

/* 9 bytes. */
static inline uint8_t *tl_mp_put_f64(uint8_t *p, double v)
{
	uint64_t bits;
	memcpy(&bits, &v, 8);
	return tl_mp_put_be64(tl_mp_put_byte(p, TL_MP_F64), bits);
}

/* 10 bytes: timestamp, 64-bit form (seconds below 2^34: until the year 2514). */
static inline uint8_t *tl_mp_put_time(uint8_t *p, uint64_t ns)
{
	p = tl_mp_put_byte(p, TL_MP_FIXEXT8);
	p = tl_mp_put_byte(p, (uint8_t)TL_MP_TIME_EXT);
	return tl_mp_put_be64(p, ns % 1000000000ull << 34 | ns / 1000000000ull);
}

/* Up to 5 bytes. */
static inline uint8_t *tl_mp_put_array(uint8_t *p, uint32_t count)
{
	if (count < 16) {
		return tl_mp_put_byte(p, (uint8_t)(0x90 | count));
	}
	if (count <= 0xffff) {
		return tl_mp_put_be16(tl_mp_put_byte(p, TL_MP_ARRAY16), (uint16_t)count);
	}
	return tl_mp_put_be32(tl_mp_put_byte(p, TL_MP_ARRAY32), count);
}

/* Up to 5 bytes. */
static inline uint8_t *tl_mp_put_map(uint8_t *p, uint32_t count)
{
	if (count < 16) {
		return tl_mp_put_byte(p, (uint8_t)(0x80 | count));
	}
	if (count <= 0xffff) {
		return tl_mp_put_be16(tl_mp_put_byte(p, TL_MP_MAP16), (uint16_t)count);
	}
	return tl_mp_put_be32(tl_mp_put_byte(p, TL_MP_MAP32), count);
}

/* Up to 5 bytes and the text. */
static inline uint8_t *tl_mp_put_str(uint8_t *p, struct tl_str s)
{
	if (s.len < 32) {
		p = tl_mp_put_byte(p, (uint8_t)(0xa0 | s.len));
	} else if (s.len <= 0xff) {
		p = tl_mp_put_byte(tl_mp_put_byte(p, TL_MP_STR8), (uint8_t)s.len);
	} else if (s.len <= 0xffff) {
		p = tl_mp_put_be16(tl_mp_put_byte(p, TL_MP_STR16), (uint16_t)s.len);
	} else {
		p = tl_mp_put_be32(tl_mp_put_byte(p, TL_MP_STR32), s.len);
	}
	memcpy(p, s.ptr, s.len);
	return p + s.len;
}

/* Up to 5 bytes and the bytes. */
static inline uint8_t *tl_mp_put_bin(uint8_t *p, const void *bytes, uint32_t len)
{
	if (len <= 0xff) {
		p = tl_mp_put_byte(tl_mp_put_byte(p, TL_MP_BIN8), (uint8_t)len);
	} else if (len <= 0xffff) {
		p = tl_mp_put_be16(tl_mp_put_byte(p, TL_MP_BIN16), (uint16_t)len);
	} else {
		p = tl_mp_put_be32(tl_mp_put_byte(p, TL_MP_BIN32), len);
	}
	memcpy(p, bytes, len);
	return p + len;
}

/* --- the bounded cursor --------------------------------------------------- */

struct tl_mp_cursor {
	const uint8_t *at;
	const uint8_t *end;
};

enum tl_mp_kind {
	TL_MP_KIND_NIL,
	TL_MP_KIND_BOOL,
	TL_MP_KIND_UINT,
	TL_MP_KIND_INT, /* below 0 */
	TL_MP_KIND_FLOAT,
	TL_MP_KIND_STR,
	TL_MP_KIND_BIN,
	TL_MP_KIND_TIME,
	TL_MP_KIND_EXT,	  /* any other extension: type in `ext`, bytes in `blob` */
	TL_MP_KIND_ARRAY, /* the elements follow; `count` of them */
	TL_MP_KIND_MAP,	  /* the pairs follow; `count` of them */
};

/* One item. An array or a map is its header only. */
struct tl_mp_item {
	enum tl_mp_kind kind;
	int8_t ext;
	uint32_t count;
	struct tl_str blob; /* STR, BIN, EXT */
	union {
		bool truth;
		uint64_t number; /* UINT; TIME in ns since the epoch */
		int64_t negative;
		double real;
	};
};

/* Reads one item. A count is refused when the cursor cannot hold so many items. */
int tl_mp_get(struct tl_mp_cursor *c, struct tl_mp_item *item);

/* Steps over one item with all that is in it; deeper than `depth` is refused. */
int tl_mp_skip(struct tl_mp_cursor *c, unsigned int depth);

/* Reads an item that must be of that kind. */
int tl_mp_get_uint(struct tl_mp_cursor *c, uint64_t *number);
int tl_mp_get_bool(struct tl_mp_cursor *c, bool *truth);
int tl_mp_get_str(struct tl_mp_cursor *c, struct tl_str *text);
int tl_mp_get_bin(struct tl_mp_cursor *c, struct tl_str *bytes);
int tl_mp_get_time(struct tl_mp_cursor *c, uint64_t *ns);
int tl_mp_get_array(struct tl_mp_cursor *c, uint32_t *count);
int tl_mp_get_map(struct tl_mp_cursor *c, uint32_t *count);

static inline uint16_t tl_mp_be16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, 2);
	return __builtin_bswap16(v);
}

static inline uint32_t tl_mp_be32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return __builtin_bswap32(v);
}

static inline uint64_t tl_mp_be64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, 8);
	return __builtin_bswap64(v);
}

/* The 8 payload bytes of a 64-bit timestamp as ns since the epoch. */
static inline uint64_t tl_mp_time_ns(const uint8_t *p)
{
	uint64_t v = tl_mp_be64(p);
	return (v & 0x3ffffffffull) * 1000000000ull + (v >> 34);
}

#endif
