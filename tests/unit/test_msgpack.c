/* SPDX-License-Identifier: BSD-2-Clause */
/* common/msgpack against msgpack-c: what one writes, the other reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
/* not <msgpack.h>: -Icommon has one too */
#include <msgpack/object.h>
#include <msgpack/pack.h>
#include <msgpack/sbuffer.h>
#include <msgpack/timestamp.h>
#include <msgpack/unpack.h>
#include <msgpack/zone.h>

#include "../../common/msgpack.h"

/* Values on both sides of every change of encoding. */
static const uint64_t edge_numbers[] = {
	0,	    1,	     127,	 128,	     255,	 256,	      65535,
	65536,	    1 << 30, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
	UINT64_MAX,
};

static const int64_t edge_integers[] = {
	0,
	-1,
	-32,
	-33,
	-127,
	-128,
	-129,
	-32768,
	INT16_MIN - 1ll,
	INT32_MIN,
	INT32_MIN - 1ll,
	INT64_MIN,
	1,
	INT64_MAX,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t any64(void)
{
	uint64_t wide = (uint64_t)random() << 62 ^ (uint64_t)random() << 31 ^ (uint64_t)random();
	return wide >> (random() % 64);
}

static msgpack_object unpack(msgpack_zone *zone, const uint8_t *bytes, size_t len)
{
	msgpack_object object;
	size_t at = 0;

	assert_int_equal(msgpack_unpack((const char *)bytes, len, &at, zone, &object),
			 MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(at, len);
	return object;
}

static void check_written_uint(uint64_t v)
{
	uint8_t bytes[9];
	msgpack_zone *zone = msgpack_zone_new(256);
	msgpack_object o = unpack(zone, bytes, (size_t)(tl_mp_put_uint(bytes, v) - bytes));
	assert_int_equal(o.type, MSGPACK_OBJECT_POSITIVE_INTEGER);
	assert_true(o.via.u64 == v);
	assert_int_equal(tl_mp_put_u64(bytes, v) - bytes, 9);
	assert_true(unpack(zone, bytes, 9).via.u64 == v);
	msgpack_zone_free(zone);
}

static void number_written_is_read_by_msgpack_c(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(edge_numbers); i++) {
		check_written_uint(edge_numbers[i]);
	}
	for (int i = 0; i < 5000; i++) {
		check_written_uint(any64());
	}
}

static void check_written_int(int64_t v)
{
	uint8_t bytes[9];
	msgpack_zone *zone = msgpack_zone_new(256);
	msgpack_object o = unpack(zone, bytes, (size_t)(tl_mp_put_int(bytes, v) - bytes));
	assert_true(o.via.i64 == v);
	assert_int_equal(o.type,
			 v < 0 ? MSGPACK_OBJECT_NEGATIVE_INTEGER : MSGPACK_OBJECT_POSITIVE_INTEGER);
	msgpack_zone_free(zone);
}

static void integer_written_is_read_by_msgpack_c(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(edge_integers); i++) {
		check_written_int(edge_integers[i]);
	}
	for (int i = 0; i < 5000; i++) {
		check_written_int((int64_t)any64());
		check_written_int(-(int64_t)(any64() >> 1));
	}
}

static void blob_of_any_length_is_read_by_msgpack_c(void **state)
{
	(void)state;
	static const uint32_t lens[] = {0, 1, 31, 32, 255, 256, 65535, 65536, 1 << 20};
	char *text = malloc(1 << 20);
	uint8_t *bytes = malloc((1 << 20) + 5);
	memset(text, 'x', 1 << 20);
	for (size_t i = 0; i < COUNT(lens); i++) {
		msgpack_zone *zone = msgpack_zone_new(256);
		struct tl_str s = {text, lens[i]};
		msgpack_object o = unpack(zone, bytes, (size_t)(tl_mp_put_str(bytes, s) - bytes));
		assert_int_equal(o.type, MSGPACK_OBJECT_STR);
		assert_int_equal(o.via.str.size, lens[i]);
		o = unpack(zone, bytes, (size_t)(tl_mp_put_bin(bytes, text, lens[i]) - bytes));
		assert_int_equal(o.type, MSGPACK_OBJECT_BIN);
		assert_int_equal(o.via.bin.size, lens[i]);
		assert_memory_equal(o.via.bin.ptr, text, lens[i]);
		msgpack_zone_free(zone);
	}
	free(text);
	free(bytes);
}

static void time_and_float_written_are_read_by_msgpack_c(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		uint8_t bytes[10];
		msgpack_timestamp ts = {0};
		msgpack_zone *zone = msgpack_zone_new(256);
		uint64_t ns = any64() % (0x3ffffffffull * 1000000000ull);
		assert_int_equal(tl_mp_put_time(bytes, ns) - bytes, 10);
		msgpack_object o = unpack(zone, bytes, 10);
		assert_true(msgpack_object_to_timestamp(&o, &ts));
		assert_true((uint64_t)ts.tv_sec * 1000000000ull + ts.tv_nsec == ns);
		assert_true(tl_mp_time_ns(bytes + 2) == ns);

		double real = (double)random() / 7;
		assert_int_equal(tl_mp_put_f64(bytes, real) - bytes, 9);
		o = unpack(zone, bytes, 9);
		assert_true(o.via.f64 == real);
		msgpack_zone_free(zone);
	}
}

static void container_header_of_any_count_is_read_by_msgpack_c(void **state)
{
	(void)state;
	static const uint32_t counts[] = {0, 1, 15, 16, 300, 65535, 65536};
	for (size_t i = 0; i < COUNT(counts); i++) {
		uint8_t *bytes = malloc(5 + 2 * (size_t)counts[i]);
		uint8_t *p = tl_mp_put_array(bytes, counts[i]);
		memset(p, TL_MP_NIL, counts[i]);
		msgpack_zone *zone = msgpack_zone_new(256);
		msgpack_object o = unpack(zone, bytes, (size_t)(p - bytes) + counts[i]);
		assert_int_equal(o.type, MSGPACK_OBJECT_ARRAY);
		assert_int_equal(o.via.array.size, counts[i]);
		p = tl_mp_put_map(bytes, counts[i]);
		memset(p, TL_MP_NIL, 2 * (size_t)counts[i]);
		o = unpack(zone, bytes, (size_t)(p - bytes) + 2 * (size_t)counts[i]);
		assert_int_equal(o.type, MSGPACK_OBJECT_MAP);
		assert_int_equal(o.via.map.size, counts[i]);
		msgpack_zone_free(zone);
		free(bytes);
	}
}

/* --- the cursor reads what msgpack-c packs ----------------------------------- */

static struct tl_mp_item get_one(const msgpack_sbuffer *buffer)
{
	struct tl_mp_cursor c = {(const uint8_t *)buffer->data,
				 (const uint8_t *)buffer->data + buffer->size};
	struct tl_mp_item item;
	assert_int_equal(tl_mp_get(&c, &item), 0);
	assert_ptr_equal(c.at, c.end);
	return item;
}

static void number_packed_by_msgpack_c_is_read(void **state)
{
	(void)state;
	msgpack_sbuffer buffer;
	msgpack_packer packer;
	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
	for (int i = 0; i < 5000; i++) {
		uint64_t u = i < (int)COUNT(edge_numbers) ? edge_numbers[i] : any64();
		int64_t n = i < (int)COUNT(edge_integers) ? edge_integers[i] : -(int64_t)(u >> 1);
		msgpack_sbuffer_clear(&buffer);
		msgpack_pack_uint64(&packer, u);
		struct tl_mp_item item = get_one(&buffer);
		assert_int_equal(item.kind, TL_MP_KIND_UINT);
		assert_true(item.number == u);

		msgpack_sbuffer_clear(&buffer);
		msgpack_pack_int64(&packer, n);
		item = get_one(&buffer);
		assert_int_equal(item.kind, n < 0 ? TL_MP_KIND_INT : TL_MP_KIND_UINT);
		assert_true(item.negative == n);

		/* signed encodings of any width, also of positive numbers */
		msgpack_sbuffer_clear(&buffer);
		msgpack_pack_fix_int16(&packer, (int16_t)u);
		item = get_one(&buffer);
		assert_true(item.negative == (int16_t)u);
		assert_int_equal(item.kind, (int16_t)u < 0 ? TL_MP_KIND_INT : TL_MP_KIND_UINT);
	}
	msgpack_sbuffer_destroy(&buffer);
}

static void other_kinds_packed_by_msgpack_c_are_read(void **state)
{
	(void)state;
	msgpack_sbuffer buffer;
	msgpack_packer packer;
	struct tl_mp_item item;
	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);

	msgpack_pack_nil(&packer);
	assert_int_equal(get_one(&buffer).kind, TL_MP_KIND_NIL);
	msgpack_sbuffer_clear(&buffer);
	msgpack_pack_true(&packer);
	item = get_one(&buffer);
	assert_true(item.kind == TL_MP_KIND_BOOL && item.truth);
	msgpack_sbuffer_clear(&buffer);
	msgpack_pack_false(&packer);
	item = get_one(&buffer);
	assert_true(item.kind == TL_MP_KIND_BOOL && !item.truth);
	msgpack_sbuffer_clear(&buffer);
	msgpack_pack_float(&packer, -1.5f);
	item = get_one(&buffer);
	assert_true(item.kind == TL_MP_KIND_FLOAT && item.real == -1.5);
	msgpack_sbuffer_clear(&buffer);
	msgpack_pack_double(&packer, 1e300);
	assert_true(get_one(&buffer).real == 1e300);
	msgpack_sbuffer_destroy(&buffer);
}

static void blob_packed_by_msgpack_c_is_read(void **state)
{
	(void)state;
	static const uint32_t lens[] = {0, 1, 4, 8, 16, 31, 32, 255, 256, 65535, 65536, 1 << 20};
	char *text = malloc(1 << 20);
	memset(text, 'y', 1 << 20);
	for (size_t i = 0; i < COUNT(lens); i++) {
		msgpack_sbuffer buffer;
		msgpack_packer packer;
		msgpack_sbuffer_init(&buffer);
		msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
		msgpack_pack_str_with_body(&packer, text, lens[i]);
		struct tl_mp_item item = get_one(&buffer);
		assert_true(item.kind == TL_MP_KIND_STR && item.blob.len == lens[i]);
		msgpack_sbuffer_clear(&buffer);
		msgpack_pack_bin_with_body(&packer, text, lens[i]);
		item = get_one(&buffer);
		assert_true(item.kind == TL_MP_KIND_BIN && item.blob.len == lens[i]);
		msgpack_sbuffer_clear(&buffer);
		msgpack_pack_ext_with_body(&packer, text, lens[i], 42);
		item = get_one(&buffer);
		assert_true(item.kind == TL_MP_KIND_EXT && item.blob.len == lens[i]);
		assert_int_equal(item.ext, 42);
		msgpack_sbuffer_destroy(&buffer);
	}
	free(text);
}

static void time_packed_by_msgpack_c_in_each_form_is_read(void **state)
{
	(void)state;
	static const msgpack_timestamp times[] = {
		{0, 0}, {1, 0}, {0xffffffff, 0}, {1700000000, 999999999}, {0x3ffffffff, 1},
	};
	for (size_t i = 0; i < COUNT(times); i++) {
		msgpack_sbuffer buffer;
		msgpack_packer packer;
		msgpack_sbuffer_init(&buffer);
		msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
		msgpack_pack_timestamp(&packer, &times[i]);
		struct tl_mp_item item = get_one(&buffer);
		assert_int_equal(item.kind, TL_MP_KIND_TIME);
		assert_true(item.number ==
			    (uint64_t)times[i].tv_sec * 1000000000ull + times[i].tv_nsec);
		msgpack_sbuffer_destroy(&buffer);
	}
}

/* --- hostile bytes -------------------------------------------------------------- */

/* From memory of exactly that size, so that a sanitizer sees one byte too many. */
static int skip_copy(const void *bytes, size_t len, unsigned int depth, size_t *used)
{
	uint8_t *copy = malloc(len ? len : 1);
	memcpy(copy, bytes, len);
	struct tl_mp_cursor c = {copy, copy + len};
	int err = tl_mp_skip(&c, depth);
	size_t left = (size_t)(c.end - c.at);
	free(copy);
	*used = len - left;
	return err;
}

/* A value of any kind, containers included. */
static void pack_any(msgpack_packer *packer, unsigned int depth)
{
	static const char text[300];
	unsigned long n = (unsigned long)random() % 5;

	switch (random() % (depth ? 9 : 7)) {
	case 0:
		msgpack_pack_uint64(packer, any64());
		break;
	case 1:
		msgpack_pack_int64(packer, -(int64_t)(any64() >> 1));
		break;
	case 2:
		msgpack_pack_str_with_body(packer, text, (size_t)random() % 300);
		break;
	case 3:
		msgpack_pack_bin_with_body(packer, text, (size_t)random() % 300);
		break;
	case 4:
		msgpack_pack_double(packer, (double)random());
		break;
	case 5:
		msgpack_pack_nil(packer);
		break;
	case 6:
		msgpack_pack_timestamp(packer, &(msgpack_timestamp){random(), 5});
		break;
	case 7:
		msgpack_pack_array(packer, n);
		for (; n; n--) {
			pack_any(packer, depth - 1);
		}
		break;
	default:
		msgpack_pack_map(packer, n);
		for (; n; n--) {
			pack_any(packer, depth - 1);
			pack_any(packer, depth - 1);
		}
		break;
	}
}

static void value_of_any_shape_is_stepped_over_and_its_truncations_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 3000; i++) {
		msgpack_sbuffer buffer;
		msgpack_packer packer;
		size_t used;
		msgpack_sbuffer_init(&buffer);
		msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
		pack_any(&packer, 4);
		assert_int_equal(skip_copy(buffer.data, buffer.size, 4, &used), 0);
		assert_int_equal(used, buffer.size);
		size_t most = buffer.size < 400 ? buffer.size : 400;
		for (size_t len = 0; len < most; len++) {
			assert_int_equal(skip_copy(buffer.data, len, 4, &used), -EBADMSG);
		}
		msgpack_sbuffer_destroy(&buffer);
	}
}

static void random_bytes_are_judged_as_msgpack_c_does(void **state)
{
	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint8_t bytes[24];
		size_t len = (size_t)random() % sizeof(bytes);
		for (size_t k = 0; k < len; k++) {
			bytes[k] = (uint8_t)random();
		}
		size_t used;
		int err = skip_copy(bytes, len, TL_MP_MAX_DEPTH, &used);
		if (err != 0) {
			continue;
		}
		msgpack_zone *zone = msgpack_zone_new(256);
		msgpack_object o;
		size_t at = 0;
		int theirs = msgpack_unpack((const char *)bytes, len, &at, zone, &o);
		assert_true(theirs == MSGPACK_UNPACK_SUCCESS ||
			    theirs == MSGPACK_UNPACK_EXTRA_BYTES);
		assert_int_equal(at, used);
		msgpack_zone_free(zone);
	}
}

static void count_beyond_the_bytes_is_refused(void **state)
{
	(void)state;
	/* five bytes that make msgpack-c reserve 16 GiB */
	static const uint8_t array[] = {TL_MP_ARRAY32, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t map[] = {TL_MP_MAP32, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t halves[] = {0x82, 1, 1, 1}; /* two pairs said, one and a half there */
	static const uint8_t str[] = {TL_MP_STR32, 0xff, 0xff, 0xff, 0xff, 'a'};
	size_t used;
	static const uint8_t three[] = {0x93, 1, 1, 1};
	struct tl_mp_cursor c = {three, three + sizeof(three)};
	uint32_t count;

	/* by the header alone, before any element is looked at */
	assert_int_equal(tl_mp_get_array(&c, &count), 0);
	c = (struct tl_mp_cursor){three, three + sizeof(three) - 1};
	assert_int_equal(tl_mp_get_array(&c, &count), -EBADMSG);
	c = (struct tl_mp_cursor){halves, halves + sizeof(halves)};
	assert_int_equal(tl_mp_get_map(&c, &count), -EBADMSG);
	assert_int_equal(skip_copy(array, sizeof(array), 6, &used), -EBADMSG);
	assert_int_equal(skip_copy(map, sizeof(map), 6, &used), -EBADMSG);
	assert_int_equal(skip_copy(halves, sizeof(halves), 6, &used), -EBADMSG);
	assert_int_equal(skip_copy(str, sizeof(str), 6, &used), -EBADMSG);
}

static void blob_over_a_mebibyte_is_refused(void **state)
{
	(void)state;
	size_t len = (1 << 20) + 6;
	uint8_t *bytes = calloc(1, len);
	size_t used;
	bytes[0] = TL_MP_BIN32;
	tl_mp_put_be32(bytes + 1, 1 << 20);
	assert_int_equal(skip_copy(bytes, len, 1, &used), 0);
	tl_mp_put_be32(bytes + 1, (1 << 20) + 1);
	assert_int_equal(skip_copy(bytes, len, 1, &used), -EBADMSG);
	free(bytes);
}

static void nesting_beyond_the_depth_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[40];
	size_t used;
	memset(bytes, 0x91, sizeof(bytes)); /* array of one array of one array ... */
	for (unsigned int levels = 0; levels < 12; levels++) {
		bytes[levels] = 1;
		for (unsigned int depth = 0; depth < 12; depth++) {
			unsigned int allowed = depth > TL_MP_MAX_DEPTH ? TL_MP_MAX_DEPTH : depth;
			int err = skip_copy(bytes, levels + 1, depth, &used);
			assert_int_equal(err, levels <= allowed ? 0 : -EBADMSG);
		}
		bytes[levels] = 0x91;
	}
}

static void timestamp_out_of_range_is_refused(void **state)
{
	(void)state;
	static const uint8_t nanoseconds[] = {0xd7, 0xff, 0xee, 0x6b, 0x28, 0x00, 0, 0, 0, 1};
	static const uint8_t negative[] = {0xc7, 12,   0xff, 0,	   0,	 0,    0,   0xff,
					   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t odd[] = {0xd4, 0xff, 0};
	size_t used;
	assert_int_equal(skip_copy(nanoseconds, sizeof(nanoseconds), 1, &used), -EBADMSG);
	assert_int_equal(skip_copy(negative, sizeof(negative), 1, &used), -EBADMSG);
	assert_int_equal(skip_copy(odd, sizeof(odd), 1, &used), -EBADMSG);
}

static void getter_of_a_kind_refuses_the_others(void **state)
{
	(void)state;
	static const uint8_t items[] = {TL_MP_NIL, TL_MP_TRUE, 5, 0xff, 0xa0, 0x90, 0x80};
	for (size_t i = 0; i < sizeof(items); i++) {
		struct tl_mp_cursor c = {items + i, items + i + 1};
		uint64_t number;
		uint32_t count;
		bool truth;
		struct tl_str text;
		struct tl_mp_cursor t = c;
		assert_int_equal(tl_mp_get_uint(&t, &number), items[i] == 5 ? 0 : -EBADMSG);
		t = c;
		assert_int_equal(tl_mp_get_bool(&t, &truth), items[i] == TL_MP_TRUE ? 0 : -EBADMSG);
		t = c;
		assert_int_equal(tl_mp_get_str(&t, &text), items[i] == 0xa0 ? 0 : -EBADMSG);
		t = c;
		assert_int_equal(tl_mp_get_array(&t, &count), items[i] == 0x90 ? 0 : -EBADMSG);
		t = c;
		assert_int_equal(tl_mp_get_map(&t, &count), items[i] == 0x80 ? 0 : -EBADMSG);
		t = c;
		assert_int_equal(tl_mp_get_bin(&t, &text), -EBADMSG);
		t = c;
		assert_int_equal(tl_mp_get_time(&t, &number), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_written_is_read_by_msgpack_c),
		cmocka_unit_test(integer_written_is_read_by_msgpack_c),
		cmocka_unit_test(blob_of_any_length_is_read_by_msgpack_c),
		cmocka_unit_test(time_and_float_written_are_read_by_msgpack_c),
		cmocka_unit_test(container_header_of_any_count_is_read_by_msgpack_c),
		cmocka_unit_test(number_packed_by_msgpack_c_is_read),
		cmocka_unit_test(other_kinds_packed_by_msgpack_c_are_read),
		cmocka_unit_test(blob_packed_by_msgpack_c_is_read),
		cmocka_unit_test(time_packed_by_msgpack_c_in_each_form_is_read),
		cmocka_unit_test(value_of_any_shape_is_stepped_over_and_its_truncations_refused),
		cmocka_unit_test(random_bytes_are_judged_as_msgpack_c_does),
		cmocka_unit_test(count_beyond_the_bytes_is_refused),
		cmocka_unit_test(blob_over_a_mebibyte_is_refused),
		cmocka_unit_test(nesting_beyond_the_depth_is_refused),
		cmocka_unit_test(timestamp_out_of_range_is_refused),
		cmocka_unit_test(getter_of_a_kind_refuses_the_others),
	};
	srandom(7);
	return cmocka_run_group_tests(tests, 0, 0);
}
