/* SPDX-License-Identifier: BSD-2-Clause */
#include "msgpack.h"

static uint32_t left(const struct tl_mp_cursor *c)
{
	return (uint32_t)(c->end - c->at);
}

static int take(struct tl_mp_cursor *c, uint32_t len, const uint8_t **bytes)
{
	if (left(c) < len) {
		return -EBADMSG;
	}
	*bytes = c->at;
	c->at += len;
	return 0;
}

static int get_be(struct tl_mp_cursor *c, unsigned int width, uint64_t *v)
{
	const uint8_t *p;

	if (take(c, width, &p) < 0) {
		return -EBADMSG;
	}
	*v = width == 1	  ? p[0]
	     : width == 2 ? tl_mp_be16(p)
	     : width == 4 ? tl_mp_be32(p)
			  : tl_mp_be64(p);
	return 0;
}

static int get_blob(struct tl_mp_cursor *c, uint64_t len, struct tl_mp_item *item,
		    enum tl_mp_kind kind)
{
	const uint8_t *p;

	if (len > TL_MP_MAX_BLOB || take(c, (uint32_t)len, &p) < 0) {
		return -EBADMSG;
	}
	item->kind = kind;
	item->blob = (struct tl_str){(const char *)p, (uint32_t)len};
	return 0;
}

static int get_sized_blob(struct tl_mp_cursor *c, unsigned int width, struct tl_mp_item *item,
			  enum tl_mp_kind kind)
{
	uint64_t len;

	if (get_be(c, width, &len) < 0) {
		return -EBADMSG;
	}
	return get_blob(c, len, item, kind);
}

static int set_count(struct tl_mp_cursor *c, uint64_t count, struct tl_mp_item *item,
		     enum tl_mp_kind kind)
{
	uint64_t least = kind == TL_MP_KIND_MAP ? 2 * count : count;

	if (least > left(c)) {
		return -EBADMSG;
	}
	item->kind = kind;
	item->count = (uint32_t)count;
	return 0;
}

static int get_count(struct tl_mp_cursor *c, unsigned int width, struct tl_mp_item *item,
		     enum tl_mp_kind kind)
{
	uint64_t count;

	if (get_be(c, width, &count) < 0) {
		return -EBADMSG;
	}
	return set_count(c, count, item, kind);
}

static int set_time(struct tl_mp_item *item)
{
	const uint8_t *p = (const uint8_t *)item->blob.ptr;
	uint64_t nanoseconds;
	uint64_t seconds;

	if (item->blob.len == 4) {
		nanoseconds = 0;
		seconds = tl_mp_be32(p);
	} else if (item->blob.len == 8) {
		nanoseconds = tl_mp_be64(p) >> 34;
		seconds = tl_mp_be64(p) & 0x3ffffffffull;
	} else if (item->blob.len == 12) {
		nanoseconds = tl_mp_be32(p);
		seconds = tl_mp_be64(p + 4);
	} else {
		return -EBADMSG;
	}
	if (nanoseconds > 999999999 || seconds > 0x3ffffffffull) {
		return -EBADMSG;
	}
	item->kind = TL_MP_KIND_TIME;
	item->number = seconds * 1000000000ull + nanoseconds;
	return 0;
}

static int get_ext(struct tl_mp_cursor *c, uint64_t len, struct tl_mp_item *item)
{
	uint64_t type;

	if (get_be(c, 1, &type) < 0 || get_blob(c, len, item, TL_MP_KIND_EXT) < 0) {
		return -EBADMSG;
	}
	item->ext = (int8_t)type;
	return item->ext == TL_MP_TIME_EXT ? set_time(item) : 0;
}

static int get_sized_ext(struct tl_mp_cursor *c, unsigned int width, struct tl_mp_item *item)
{
	uint64_t len;

	if (get_be(c, width, &len) < 0) {
		return -EBADMSG;
	}
	return get_ext(c, len, item);
}

static int get_unsigned(struct tl_mp_cursor *c, unsigned int width, struct tl_mp_item *item)
{
	item->kind = TL_MP_KIND_UINT;
	return get_be(c, width, &item->number);
}

static int get_signed(struct tl_mp_cursor *c, unsigned int width, struct tl_mp_item *item)
{
	uint64_t raw;

	if (get_be(c, width, &raw) < 0) {
		return -EBADMSG;
	}
	unsigned int shift = 64 - 8 * width;
	int64_t value = (int64_t)(raw << shift) >> shift;
	item->kind = value < 0 ? TL_MP_KIND_INT : TL_MP_KIND_UINT;
	item->negative = value;
	return 0;
}

static int get_float(struct tl_mp_cursor *c, unsigned int width, struct tl_mp_item *item)
{
	uint64_t raw;

	if (get_be(c, width, &raw) < 0) {
		return -EBADMSG;
	}
	item->kind = TL_MP_KIND_FLOAT;
	if (width == 8) {
		memcpy(&item->real, &raw, 8);
	} else {
		uint32_t bits = (uint32_t)raw;
		float real;
		memcpy(&real, &bits, 4);
		item->real = real;
	}
	return 0;
}

static int get_marked(struct tl_mp_cursor *c, uint8_t mark, struct tl_mp_item *item)
{
	switch (mark) {
	case TL_MP_NIL:
		item->kind = TL_MP_KIND_NIL;
		return 0;
	case TL_MP_FALSE:
	case TL_MP_TRUE:
		item->kind = TL_MP_KIND_BOOL;
		item->truth = mark == TL_MP_TRUE;
		return 0;
	case TL_MP_BIN8 ... TL_MP_BIN32:
		return get_sized_blob(c, 1u << (mark - TL_MP_BIN8), item, TL_MP_KIND_BIN);
	case TL_MP_EXT8 ... TL_MP_EXT32:
		return get_sized_ext(c, 1u << (mark - TL_MP_EXT8), item);
	case TL_MP_F32:
	case TL_MP_F64:
		return get_float(c, mark == TL_MP_F32 ? 4 : 8, item);
	case TL_MP_U8 ... TL_MP_U64:
		return get_unsigned(c, 1u << (mark - TL_MP_U8), item);
	case TL_MP_I8 ... TL_MP_I64:
		return get_signed(c, 1u << (mark - TL_MP_I8), item);
	case TL_MP_FIXEXT1 ... TL_MP_FIXEXT16:
		return get_ext(c, 1u << (mark - TL_MP_FIXEXT1), item);
	case TL_MP_STR8 ... TL_MP_STR32:
		return get_sized_blob(c, 1u << (mark - TL_MP_STR8), item, TL_MP_KIND_STR);
	case TL_MP_ARRAY16 ... TL_MP_ARRAY32:
		return get_count(c, 2u << (mark - TL_MP_ARRAY16), item, TL_MP_KIND_ARRAY);
	case TL_MP_MAP16 ... TL_MP_MAP32:
		return get_count(c, 2u << (mark - TL_MP_MAP16), item, TL_MP_KIND_MAP);
	default:
		return -EBADMSG; /* 0xc1 */
	}
}

int tl_mp_get(struct tl_mp_cursor *c, struct tl_mp_item *item)
{
	if (c->at == c->end) {
		return -EBADMSG;
	}
	uint8_t mark = *c->at++;
	item->ext = 0;
	item->count = 0;
	if (mark < 0x80) {
		item->kind = TL_MP_KIND_UINT;
		item->number = mark;
		return 0;
	}
	if (mark < 0x90) {
		return set_count(c, mark & 0xf, item, TL_MP_KIND_MAP);
	}
	if (mark < 0xa0) {
		return set_count(c, mark & 0xf, item, TL_MP_KIND_ARRAY);
	}
	if (mark < 0xc0) {
		return get_blob(c, mark & 0x1f, item, TL_MP_KIND_STR);
	}
	if (mark >= 0xe0) {
		item->kind = TL_MP_KIND_INT;
		item->negative = (int8_t)mark;
		return 0;
	}
	return get_marked(c, mark, item);
}

int tl_mp_skip(struct tl_mp_cursor *c, unsigned int depth)
{
	/* What is still to be read on each level: no recursion, whatever the bytes say. */
	uint64_t open[TL_MP_MAX_DEPTH + 1];
	unsigned int level = 0;

	if (depth > TL_MP_MAX_DEPTH) {
		depth = TL_MP_MAX_DEPTH;
	}
	open[0] = 1;
	for (;;) {
		while (open[level] == 0) {
			if (level == 0) {
				return 0;
			}
			level--;
		}
		struct tl_mp_item item;
		if (tl_mp_get(c, &item) < 0) {
			return -EBADMSG;
		}
		open[level]--;
		if (item.count == 0) {
			continue;
		}
		if (level == depth) {
			return -EBADMSG;
		}
		open[++level] = item.kind == TL_MP_KIND_MAP ? 2ull * item.count : item.count;
	}
}

static int get_kind(struct tl_mp_cursor *c, enum tl_mp_kind kind, struct tl_mp_item *item)
{
	if (tl_mp_get(c, item) < 0 || item->kind != kind) {
		return -EBADMSG;
	}
	return 0;
}

int tl_mp_get_uint(struct tl_mp_cursor *c, uint64_t *number)
{
	struct tl_mp_item item;
	int err = get_kind(c, TL_MP_KIND_UINT, &item);
	if (err == 0) {
		*number = item.number;
	}
	return err;
}

int tl_mp_get_bool(struct tl_mp_cursor *c, bool *truth)
{
	struct tl_mp_item item;
	int err = get_kind(c, TL_MP_KIND_BOOL, &item);
	if (err == 0) {
		*truth = item.truth;
	}
	return err;
}

int tl_mp_get_str(struct tl_mp_cursor *c, struct tl_str *text)
{
	struct tl_mp_item item;
	int err = get_kind(c, TL_MP_KIND_STR, &item);
	if (err == 0) {
		*text = item.blob;
	}
	return err;
}

int tl_mp_get_bin(struct tl_mp_cursor *c, struct tl_str *bytes)
{
	struct tl_mp_item item;
	int err = get_kind(c, TL_MP_KIND_BIN, &item);
	if (err == 0) {
		*bytes = item.blob;
	}
	return err;
}

int tl_mp_get_time(struct tl_mp_cursor *c, uint64_t *ns)
{
	struct tl_mp_item item;
	int err = get_kind(c, TL_MP_KIND_TIME, &item);
	if (err == 0) {
		*ns = item.number;
	}
	return err;
}

int tl_mp_get_array(struct tl_mp_cursor *c, uint32_t *count)
{
	struct tl_mp_item item;
	int err = get_kind(c, TL_MP_KIND_ARRAY, &item);
	if (err == 0) {
		*count = item.count;
	}
	return err;
}

int tl_mp_get_map(struct tl_mp_cursor *c, uint32_t *count)
{
	struct tl_mp_item item;
	int err = get_kind(c, TL_MP_KIND_MAP, &item);
	if (err == 0) {
		*count = item.count;
	}
	return err;
}
