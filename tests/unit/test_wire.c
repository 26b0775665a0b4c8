/* SPDX-License-Identifier: BSD-2-Clause */
/* The bounded reader on batches made by hand: what it takes, and all that it must refuse. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/wire.h"

enum { SIZE_AT = 1 + 3 + 6 }; /* map, "v" and 1, "size" and its mark */

/* A batch made by hand; zeroed fields are the plain case. */
struct recipe {
	uint64_t base, after, first;
	uint32_t shapes_said; /* counts written, where they differ from what follows */
	uint32_t events_said;
	bool unknown_keys;     /* between the known ones */
	const uint8_t *shapes; /* ready-made; 0: one shape {1, "t", ["a", "b"], [["a", "b"]]} */
	uint32_t shapes_len, shape_count;
	const uint8_t *events; /* ready-made; 0: two events of shape 1 */
	uint32_t events_len, event_count;
};

struct bytes {
	uint8_t *data;
	uint32_t len;
};

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

static uint8_t *put_name(uint8_t *p, const char *name)
{
	return tl_mp_put_str(p, tl_str_of(name));
}

static uint8_t *put_shape(uint8_t *p, uint64_t id)
{
	p = put_name(tl_mp_put_uint(tl_mp_put_array(p, 4), id), "t");
	p = put_name(put_name(tl_mp_put_array(p, 2), "a"), "b");
	p = tl_mp_put_array(tl_mp_put_array(p, 1), 2);
	return put_name(put_name(p, "a"), "b");
}

static uint8_t *put_event(uint8_t *p, uint64_t id, uint64_t a, const char *b)
{
	p = tl_mp_put_time(tl_mp_put_uint(tl_mp_put_array(p, 4), id), 1700000000123456789ull);
	return put_name(tl_mp_put_uint(p, a), b);
}

static uint8_t *put_plain_events(uint8_t *p, const struct recipe *r)
{
	if (r->events) {
		memcpy(p, r->events, r->events_len);
		return p + r->events_len;
	}
	return put_event(put_event(p, 1, 7, "seven"), 1, 8, "eight");
}

static uint8_t *put_plain_shapes(uint8_t *p, const struct recipe *r)
{
	if (r->shapes) {
		memcpy(p, r->shapes, r->shapes_len);
		return p + r->shapes_len;
	}
	return put_shape(p, 1);
}

static uint8_t *put_unknown(uint8_t *p, const struct recipe *r)
{
	if (!r->unknown_keys) {
		return p;
	}
	p = tl_mp_put_map(put_name(p, "future"), 1);
	return tl_mp_put_uint(tl_mp_put_array(put_name(p, "x"), 1), 5);
}

static struct bytes make(const struct recipe *r)
{
	static const uint8_t stream[16] = {1, 2, 3};
	uint8_t *data = malloc(1024 + r->shapes_len + r->events_len);
	uint8_t *p = tl_mp_put_map(data, r->unknown_keys ? 14 : 12);
	uint32_t shapes = r->shapes ? r->shape_count : 1;
	uint32_t events = r->events ? r->event_count : 2;

	p = tl_mp_put_uint(put_name(p, "v"), 1);
	p = tl_mp_put_be32(tl_mp_put_byte(put_name(p, "size"), TL_MP_U32), 0);
	p = put_unknown(p, r);
	p = tl_mp_put_bin(put_name(p, "stream"), stream, sizeof(stream));
	p = tl_mp_put_uint(put_name(p, "base"), r->base);
	p = tl_mp_put_uint(put_name(p, "after"), r->after);
	p = tl_mp_put_uint(put_name(p, "first"), r->first);
	p = tl_mp_put_bool(put_name(p, "end"), true);
	p = put_name(put_name(p, "source"), "test");
	p = put_name(put_name(p, "host"), "here");
	p = put_name(put_name(p, "iface"), "eth7");
	p = tl_mp_put_array(put_name(p, "shapes"), r->shapes_said ? r->shapes_said : shapes);
	p = put_plain_shapes(p, r);
	p = put_unknown(p, r);
	p = tl_mp_put_array(put_name(p, "events"), r->events_said ? r->events_said : events);
	p = put_plain_events(p, r);
	struct bytes b = {data, (uint32_t)(p - data)};
	tl_mp_put_be32(data + SIZE_AT, b.len);
	return b;
}

/* Walks all there is in a valid batch: a sanitizer sees what should not be read. */
static uint32_t walk(const struct tl_batch *batch)
{
	struct tl_event_iter events = tl_wire_events(reader, batch);
	struct tl_event event;
	uint32_t count = 0;

	while (tl_event_next(&events, &event)) {
		struct tl_entity_iter entities = tl_event_entities(&event);
		struct tl_edge_iter edges = tl_event_edges(&event);
		struct tl_entity entity;
		struct tl_str from;
		struct tl_str to;
		uint32_t values = 0;
		while (tl_entity_next(&entities, &entity)) {
			struct tl_mp_cursor c = entity.value;
			assert_int_equal(tl_mp_skip(&c, TL_WIRE_VALUE_DEPTH), 0);
			assert_ptr_equal(c.at, entity.value.end);
			values++;
		}
		assert_int_equal(values, event.value_count);
		while (tl_edge_next(&edges, &from, &to)) {
			assert_true(from.ptr && to.ptr);
		}
		assert_true(event.number == batch->head.first + count);
		count++;
	}
	assert_int_equal(count, batch->event_count);
	return count;
}

/* From memory of exactly that size. */
static int read_copy(const uint8_t *bytes, uint32_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct tl_batch batch;
	struct tl_wire_error error = {0};

	memcpy(copy, bytes, len);
	int err = tl_wire_read(reader, copy, len, &batch, &error);
	if (err == 0) {
		walk(&batch);
	} else {
		assert_true(err == -EBADMSG || err == -E2BIG);
		assert_non_null(error.reason);
		assert_true(error.offset <= len);
	}
	free(copy);
	return err;
}

static int read_recipe(const struct recipe *r)
{
	struct bytes b = make(r);
	int err = read_copy(b.data, b.len);
	free(b.data);
	return err;
}

static void batch_by_hand_is_read_back(void **state)
{
	(void)state;
	struct bytes b = make(&(struct recipe){.base = 3, .after = 5, .first = 9});
	struct tl_batch batch;
	struct tl_event event;
	struct tl_entity entity;

	assert_int_equal(tl_wire_read(reader, b.data, b.len, &batch, 0), 0);
	assert_true(tl_wire_head_readable(reader));
	assert_true(batch.head.base == 3 && batch.head.after == 5 && batch.head.first == 9);
	assert_true(batch.head.end && !batch.has_unknown_keys);
	assert_true(tl_str_eq(batch.head.source, TL_STR("test")));
	assert_true(tl_str_eq(batch.head.host, TL_STR("here")));
	assert_true(tl_str_eq(batch.head.iface, TL_STR("eth7")));
	assert_int_equal(batch.head.stream[2], 3);
	assert_int_equal(batch.shape_count, 1);
	assert_non_null(tl_wire_shape(reader, 1));
	assert_null(tl_wire_shape(reader, 2));
	assert_null(tl_wire_shape(reader, 70000));
	struct tl_event_iter events = tl_wire_events(reader, &batch);
	assert_true(tl_event_next(&events, &event));
	assert_true(event.number == 9 && event.ts_ns == 1700000000123456789ull);
	assert_true(tl_str_eq(event.type, TL_STR("t")));
	struct tl_entity_iter entities = tl_event_entities(&event);
	assert_true(tl_entity_next(&entities, &entity));
	assert_true(tl_str_eq(entity.name, TL_STR("a")));
	assert_int_equal(*entity.value.at, 7);
	assert_true(tl_event_next(&events, &event));
	assert_true(event.number == 10);
	assert_false(tl_event_next(&events, &event));
	free(b.data);
}

static void batch_cut_at_every_byte_is_refused(void **state)
{
	(void)state;
	struct bytes b = make(&(struct recipe){.unknown_keys = true});
	for (uint32_t len = 0; len < b.len; len++) {
		assert_int_not_equal(read_copy(b.data, len), 0);
		/* the same, saying that it is so long */
		if (len >= TL_WIRE_PEEK + 4) {
			uint8_t *cut = malloc(len);
			memcpy(cut, b.data, len);
			tl_mp_put_be32(cut + SIZE_AT, len);
			assert_int_equal(read_copy(cut, len), -EBADMSG);
			free(cut);
		}
	}
	free(b.data);
}

static void batch_followed_by_a_byte_is_refused(void **state)
{
	(void)state;
	struct bytes b = make(&(struct recipe){0});
	b.data = realloc(b.data, b.len + 1);
	b.data[b.len] = 0;
	assert_int_equal(read_copy(b.data, b.len + 1), -EBADMSG);
	tl_mp_put_be32(b.data + SIZE_AT, b.len + 1);
	assert_int_equal(read_copy(b.data, b.len + 1), -EBADMSG);
	free(b.data);
}

static void batch_with_any_byte_changed_is_refused_or_walked(void **state)
{
	(void)state;
	struct bytes b = make(&(struct recipe){.unknown_keys = true});
	unsigned int taken = 0;
	for (uint32_t at = 0; at < b.len; at++) {
		uint8_t was = b.data[at];
		for (int v = 0; v < 256; v++) {
			b.data[at] = (uint8_t)v;
			taken += read_copy(b.data, b.len) == 0;
		}
		b.data[at] = was;
	}
	assert_true(taken > b.len);
	free(b.data);
}

static void unknown_keys_are_stepped_over_and_told(void **state)
{
	(void)state;
	struct bytes b = make(&(struct recipe){.unknown_keys = true});
	struct tl_batch batch;
	assert_int_equal(tl_wire_read(reader, b.data, b.len, &batch, 0), 0);
	assert_true(batch.has_unknown_keys);
	assert_int_equal(walk(&batch), 2);
	free(b.data);
}

static void key_missing_or_out_of_order_is_refused(void **state)
{
	(void)state;
	static const char *const keys[] = {"\xa6stream",
					   "\xa4"
					   "base",
					   "\xa5"
					   "after",
					   "\xa5"
					   "first",
					   "\xa3"
					   "end",
					   "\xa6source",
					   "\xa4host",
					   "\xa5iface",
					   "\xa6shapes",
					   "\xa6"
					   "events"};
	struct bytes b = make(&(struct recipe){0});
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		uint8_t *at = memmem(b.data, b.len, keys[i], strlen(keys[i]));
		assert_non_null(at);
		at[1] ^= 0x20;
		assert_int_equal(read_copy(b.data, b.len), -EBADMSG);
		at[1] ^= 0x20;
	}
	assert_int_equal(read_copy(b.data, b.len), 0);
	free(b.data);
}

static void numbers_that_cannot_be_are_refused(void **state)
{
	(void)state;
	assert_int_equal(read_recipe(&(struct recipe){.after = 6, .first = 5}), -EBADMSG);
	assert_int_equal(read_recipe(&(struct recipe){.first = 1ull << 62}), -EBADMSG);
	assert_int_equal(read_recipe(&(struct recipe){.base = 1ull << 62}), -EBADMSG);
	assert_int_equal(read_recipe(&(struct recipe){.first = (1ull << 62) - 1}), 0);
	assert_int_equal(read_recipe(&(struct recipe){.after = 5, .first = 5, .base = 9}), 0);
}

/* --- limits ------------------------------------------------------------------- */

static int read_with_events(uint8_t *events, uint8_t *end, uint32_t count)
{
	return read_recipe(&(struct recipe){
		.events = events, .events_len = (uint32_t)(end - events), .event_count = count});
}

static int read_with_shapes(uint8_t *shapes, uint8_t *end, uint32_t count)
{
	static const uint8_t none[1];
	return read_recipe(&(struct recipe){.shapes = shapes,
					    .shapes_len = (uint32_t)(end - shapes),
					    .shape_count = count,
					    .events = none});
}

static void events_over_the_limit_are_refused(void **state)
{
	(void)state;
	uint8_t *events = malloc(65536 * 40);
	uint8_t *p = events;
	for (uint32_t i = 0; i < TL_WIRE_MAX_EVENTS; i++) {
		p = put_event(p, 1, i, "x");
	}
	assert_int_equal(read_with_events(events, p, TL_WIRE_MAX_EVENTS), 0);
	p = put_event(p, 1, 1, "x");
	assert_int_equal(read_with_events(events, p, TL_WIRE_MAX_EVENTS + 1), -E2BIG);
	free(events);
}

static void shapes_over_the_limit_are_refused(void **state)
{
	(void)state;
	uint8_t *shapes = malloc(4200 * 40);
	uint8_t *p = shapes;
	for (uint32_t id = 1; id < TL_WIRE_MAX_SHAPES; id++) {
		p = put_shape(p, id);
	}
	assert_int_equal(read_with_shapes(shapes, p, TL_WIRE_MAX_SHAPES - 1), 0);
	assert_int_equal(read_with_shapes(shapes, put_shape(p, 1), TL_WIRE_MAX_SHAPES), -E2BIG);
	p = put_shape(shapes, TL_WIRE_MAX_SHAPES);
	assert_int_equal(read_with_shapes(shapes, p, 1), -E2BIG);
	p = put_shape(shapes, 0);
	assert_int_equal(read_with_shapes(shapes, p, 1), -E2BIG);
	p = put_shape(put_shape(shapes, 3), 3);
	assert_int_equal(read_with_shapes(shapes, p, 2), -EBADMSG);
	free(shapes);
}

/* A shape with so many names, one name being so long. */
static int read_with_names(uint32_t count, uint32_t len, uint32_t edges)
{
	char *name = calloc(1, len + 1);
	uint8_t *shapes = malloc(100 + count * 10 + len + edges * 10);
	memset(name, 'n', len);
	uint8_t *p = put_name(tl_mp_put_uint(tl_mp_put_array(shapes, 4), 1), "t");
	p = tl_mp_put_array(p, count);
	for (uint32_t i = 0; i < count; i++) {
		p = i == 0 ? tl_mp_put_str(p, (struct tl_str){name, len}) : put_name(p, "n");
	}
	p = tl_mp_put_array(p, edges);
	for (uint32_t i = 0; i < edges; i++) {
		p = put_name(put_name(tl_mp_put_array(p, 2), "a"), "b");
	}
	int err = read_with_shapes(shapes, p, 1);
	free(name);
	free(shapes);
	return err;
}

static void entities_names_and_edges_over_the_limit_are_refused(void **state)
{
	(void)state;
	assert_int_equal(read_with_names(TL_WIRE_MAX_ENTITIES, 5, 1), 0);
	assert_int_equal(read_with_names(TL_WIRE_MAX_ENTITIES + 1, 5, 1), -E2BIG);
	assert_int_equal(read_with_names(1, TL_MP_MAX_BLOB, 1), 0);
	assert_int_equal(read_with_names(1, TL_MP_MAX_BLOB + 1, 1), -EBADMSG);
	assert_int_equal(read_with_names(1, 5, TL_WIRE_MAX_ENTITIES), 0);
	assert_int_equal(read_with_names(1, 5, TL_WIRE_MAX_ENTITIES + 1), -E2BIG);
}

static void batch_over_four_mebibytes_is_refused(void **state)
{
	(void)state;
	uint32_t len = TL_WIRE_MAX_BATCH + 1;
	uint8_t *bytes = calloc(1, len);
	struct bytes b = make(&(struct recipe){0});
	memcpy(bytes, b.data, b.len);
	tl_mp_put_be32(bytes + SIZE_AT, len);
	assert_int_equal(read_copy(bytes, len), -E2BIG);
	assert_int_equal(tl_wire_peek(bytes, len), -E2BIG);
	tl_mp_put_be32(bytes + SIZE_AT, TL_WIRE_MAX_BATCH);
	assert_int_equal(tl_wire_peek(bytes, len), TL_WIRE_MAX_BATCH);
	free(b.data);
	free(bytes);
}

static int read_nested(unsigned int levels)
{
	uint8_t events[100];
	uint8_t *p = tl_mp_put_time(tl_mp_put_uint(tl_mp_put_array(events, 4), 1), 5);
	memset(p, 0x91, levels);
	p = tl_mp_put_uint(tl_mp_put_uint(p + levels, 1), 2);
	return read_with_events(events, p, 1);
}

static void value_nested_too_deep_is_refused(void **state)
{
	(void)state;
	assert_int_equal(read_nested(TL_WIRE_VALUE_DEPTH), 0);
	assert_int_equal(read_nested(TL_WIRE_VALUE_DEPTH + 1), -EBADMSG);
	assert_int_equal(read_nested(60), -EBADMSG);
}

/* --- events that do not fit -------------------------------------------------------- */

static void event_that_does_not_fit_its_shape_is_refused(void **state)
{
	(void)state;
	uint8_t events[100];
	uint8_t *p = put_event(events, 2, 7, "x");
	assert_int_equal(read_with_events(events, p, 1), -EBADMSG); /* no such shape */
	p = put_event(events, 4096, 7, "x");
	assert_int_equal(read_with_events(events, p, 1), -EBADMSG);
	p = tl_mp_put_time(tl_mp_put_uint(tl_mp_put_array(events, 3), 1), 5);
	p = tl_mp_put_uint(p, 1);
	assert_int_equal(read_with_events(events, p, 1), -EBADMSG); /* a value short */
	p = tl_mp_put_time(tl_mp_put_uint(tl_mp_put_array(events, 5), 1), 5);
	p = tl_mp_put_uint(tl_mp_put_uint(tl_mp_put_uint(p, 1), 2), 3);
	assert_int_equal(read_with_events(events, p, 1), -EBADMSG); /* one too many */
	p = tl_mp_put_uint(tl_mp_put_uint(tl_mp_put_array(events, 4), 1), 5);
	p = tl_mp_put_uint(tl_mp_put_uint(p, 1), 1);
	assert_int_equal(read_with_events(events, p, 1), -EBADMSG); /* no time */
	p = put_event(events, 1, 7, "x");
	assert_int_equal(read_with_events(events, p, 2), -EBADMSG); /* one said too many */
	assert_int_equal(read_with_events(events, p, 1), 0);
}

static uint8_t *put_open(uint8_t *p, uint32_t fields)
{
	p = tl_mp_put_time(tl_mp_put_uint(tl_mp_put_array(p, fields), 0), 42);
	p = tl_mp_put_map(put_name(p, "odd"), 2);
	p = tl_mp_put_uint(put_name(p, "x"), 300);
	p = tl_mp_put_uint(tl_mp_put_array(put_name(p, "y"), 1), 1);
	p = tl_mp_put_array(tl_mp_put_array(p, 1), 2);
	return put_name(put_name(p, "x"), "y");
}

static void open_event_is_read_by_name(void **state)
{
	(void)state;
	uint8_t events[100];
	uint8_t *p = put_open(events, 5);
	struct bytes b = make(&(struct recipe){
		.events = events, .events_len = (uint32_t)(p - events), .event_count = 1});
	struct tl_batch batch;
	struct tl_event event;
	struct tl_entity entity;
	struct tl_str from;
	struct tl_str to;
	assert_int_equal(tl_wire_read(reader, b.data, b.len, &batch, 0), 0);
	assert_int_equal(walk(&batch), 1);
	struct tl_event_iter events_at = tl_wire_events(reader, &batch);
	assert_true(tl_event_next(&events_at, &event));
	assert_null(event.shape);
	assert_true(tl_str_eq(event.type, TL_STR("odd")));
	struct tl_entity_iter entities = tl_event_entities(&event);
	assert_true(tl_entity_next(&entities, &entity));
	assert_true(tl_str_eq(entity.name, TL_STR("x")));
	assert_true(tl_entity_next(&entities, &entity));
	assert_true(tl_str_eq(entity.name, TL_STR("y")));
	assert_int_equal(entity.value.end - entity.value.at, 2);
	struct tl_edge_iter edges = tl_event_edges(&event);
	assert_true(tl_edge_next(&edges, &from, &to));
	assert_true(tl_str_eq(from, TL_STR("x")) && tl_str_eq(to, TL_STR("y")));
	free(b.data);

	assert_int_equal(read_with_events(events, put_open(events, 4), 1), -EBADMSG);
	assert_int_equal(read_with_events(events, put_open(events, 6), 1), -EBADMSG);
}

/* The first batch a process sees may have no shape at all. Must be the first test. */
static void first_batch_of_a_process_may_have_no_shapes(void **state)
{
	(void)state;
	static const uint8_t none[1];
	uint8_t events[200];
	uint8_t *p = put_open(put_open(put_open(events, 5), 5), 5);

	assert_int_equal(read_recipe(&(struct recipe){.shapes = none,
						      .events = events,
						      .events_len = (uint32_t)(p - events),
						      .event_count = 3}),
			 0);
}

/* --- peek, ids ------------------------------------------------------------------------ */

static void peek_tells_the_size_from_the_first_bytes(void **state)
{
	(void)state;
	struct bytes b = make(&(struct recipe){0});
	for (uint32_t len = 0; len < SIZE_AT + 4; len++) {
		assert_int_equal(tl_wire_peek(b.data, len), -EAGAIN);
	}
	assert_int_equal(tl_wire_peek(b.data, SIZE_AT + 4), b.len);
	for (uint32_t at = 0; at < SIZE_AT; at++) {
		b.data[at] ^= 0x55;
		assert_int_equal(tl_wire_peek(b.data, b.len), -EBADMSG);
		b.data[at] ^= 0x55;
	}
	tl_mp_put_be32(b.data + SIZE_AT, 3);
	assert_int_equal(tl_wire_peek(b.data, b.len), -EBADMSG);
	free(b.data);
}

static void refused_batch_tells_whether_its_head_was_readable(void **state)
{
	(void)state;
	struct bytes b = make(&(struct recipe){.first = 77, .after = 70});
	struct tl_batch batch;
	b.data[b.len - 6] = 0xc1; /* no msgpack at all, in the last event */
	assert_int_equal(tl_wire_read(reader, b.data, b.len, &batch, 0), -EBADMSG);
	assert_true(tl_wire_head_readable(reader));
	assert_true(batch.head.first == 77 && batch.event_count == 2);
	b.data[SIZE_AT + 4] = 0xc1;
	assert_int_equal(tl_wire_read(reader, b.data, b.len, &batch, 0), -EBADMSG);
	assert_false(tl_wire_head_readable(reader));
	free(b.data);
}

static void event_id_is_a_version_8_uuid_of_stream_and_number(void **state)
{
	(void)state;
	static const uint8_t stream[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
	char text[37];
	tl_event_id(stream, 0, text);
	assert_string_equal(text, "01234567-89ab-8def-8000-000000000000");
	tl_event_id(stream, 1, text);
	assert_string_equal(text, "01234567-89ab-8def-8000-000000000001");
	tl_event_id(stream, (1ull << 62) - 1, text);
	assert_string_equal(text, "01234567-89ab-8def-bfff-ffffffffffff");
	tl_event_id(stream, 0x123456789abcdefull, text);
	assert_string_equal(text, "01234567-89ab-8def-8123-456789abcdef");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_batch_of_a_process_may_have_no_shapes),
		cmocka_unit_test(batch_by_hand_is_read_back),
		cmocka_unit_test(batch_cut_at_every_byte_is_refused),
		cmocka_unit_test(batch_followed_by_a_byte_is_refused),
		cmocka_unit_test(batch_with_any_byte_changed_is_refused_or_walked),
		cmocka_unit_test(unknown_keys_are_stepped_over_and_told),
		cmocka_unit_test(key_missing_or_out_of_order_is_refused),
		cmocka_unit_test(numbers_that_cannot_be_are_refused),
		cmocka_unit_test(events_over_the_limit_are_refused),
		cmocka_unit_test(shapes_over_the_limit_are_refused),
		cmocka_unit_test(entities_names_and_edges_over_the_limit_are_refused),
		cmocka_unit_test(batch_over_four_mebibytes_is_refused),
		cmocka_unit_test(value_nested_too_deep_is_refused),
		cmocka_unit_test(event_that_does_not_fit_its_shape_is_refused),
		cmocka_unit_test(open_event_is_read_by_name),
		cmocka_unit_test(peek_tells_the_size_from_the_first_bytes),
		cmocka_unit_test(refused_batch_tells_whether_its_head_was_readable),
		cmocka_unit_test(event_id_is_a_version_8_uuid_of_stream_and_number),
	};
	return cmocka_run_group_tests(tests, make_reader, drop_reader);
}
