/* SPDX-License-Identifier: BSD-2-Clause */
/* common/batch and common/join: what is written is read, however it was cut into batches. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/batch.h"
#include "../../common/join.h"

enum {
	SHAPES = 40,
	NAMES = 6, /* entities of a shape, at most */
	EVENT_MAX = 2000,
};

static struct tl_wire_reader *reader;
static struct tl_shapes *shapes;
static uint32_t shape_names[SHAPES + 1]; /* entities by id */

static struct tl_batch_head head_at(uint64_t first)
{
	return (struct tl_batch_head){
		.stream = {9, 8, 7},
		.base = 1,
		.after = first,
		.first = first,
		.source = TL_STR("source"),
		.host = TL_STR("host"),
		.iface = TL_STR("iface"),
	};
}

static int make_shapes(void)
{
	for (unsigned int i = 1; i <= SHAPES; i++) {
		char type[16];
		char text[NAMES][16];
		struct tl_str names[NAMES];
		struct tl_edge edge;
		shape_names[i] = (uint32_t)random() % (NAMES + 1);
		snprintf(type, sizeof(type), "type%u", i);
		for (unsigned int n = 0; n < NAMES; n++) {
			snprintf(text[n], sizeof(text[n]), "name%u", n);
			names[n] = tl_str_of(text[n]);
		}
		edge = (struct tl_edge){names[0], names[1]};
		int id = tl_shapes_intern(shapes, tl_str_of(type), names, shape_names[i], &edge,
					  shape_names[i] > 1);
		if (id != (int)i) {
			return -1;
		}
	}
	return 0;
}

static int setup(void **state)
{
	(void)state;
	srandom(5);
	if (tl_wire_reader_create(&reader) < 0 || tl_shapes_create(&shapes) < 0) {
		return -1;
	}
	return make_shapes();
}

static int teardown(void **state)
{
	(void)state;
	tl_wire_reader_destroy(reader);
	tl_shapes_destroy(shapes);
	return 0;
}

static uint8_t *put_any_value(uint8_t *p)
{
	static const char text[64] = "text that is of any length up to sixty-four bytes";

	switch (random() % 6) {
	case 0:
		return tl_mp_put_uint(p, (uint64_t)random() >> (random() % 31));
	case 1:
		return tl_mp_put_int(p, -random());
	case 2:
		return tl_mp_put_str(p, (struct tl_str){text, (uint32_t)random() % 64});
	case 3:
		return tl_mp_put_bin(p, text, (uint32_t)random() % 64);
	case 4:
		return tl_mp_put_time(p, (uint64_t)random());
	default:
		return tl_mp_put_uint(tl_mp_put_f64(tl_mp_put_array(p, 2), 0.5), 1);
	}
}

struct made {
	unsigned int shape;
	uint32_t len;
	uint8_t bytes[EVENT_MAX];
};

static void make_open(struct made *e)
{
	uint32_t count = (uint32_t)random() % NAMES;
	uint8_t *p = tl_mp_put_uint(tl_mp_put_array(e->bytes, 5), 0);

	p = tl_mp_put_str(tl_mp_put_time(p, (uint64_t)random()), TL_STR("open"));
	p = tl_mp_put_map(p, count);
	for (uint32_t i = 0; i < count; i++) {
		p = put_any_value(tl_mp_put_str(p, TL_STR("x")));
	}
	e->len = (uint32_t)(tl_mp_put_array(p, 0) - e->bytes);
}

static void make_event(struct made *e)
{
	e->shape = (unsigned int)random() % (SHAPES + 1);
	if (e->shape == 0) {
		make_open(e);
		return;
	}
	uint8_t *p = tl_mp_put_array(e->bytes, 2 + shape_names[e->shape]);
	p = tl_mp_put_time(tl_mp_put_uint(p, e->shape), (uint64_t)random());
	for (uint32_t i = 0; i < shape_names[e->shape]; i++) {
		p = put_any_value(p);
	}
	e->len = (uint32_t)(p - e->bytes);
}

static void write_event(struct tl_batch_writer *w, const struct made *e)
{
	uint8_t *p = tl_batch_reserve(w, EVENT_MAX);

	assert_non_null(p);
	memcpy(p, e->bytes, e->len);
	tl_batch_commit(w, e->shape, e->len);
}

static struct tl_batch read_msg(const struct tl_msg *msg)
{
	struct tl_batch batch;
	struct tl_wire_error error = {0};

	int err = tl_wire_read(reader, msg->data, msg->len, &batch, &error);
	if (err < 0) {
		print_error("refused at %u: %s\n", error.offset, error.reason);
	}
	assert_int_equal(err, 0);
	return batch;
}

static void check_event(const struct tl_event *event, const struct made *made)
{
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;
	char type[16];

	assert_int_equal(event->len, made->len);
	assert_memory_equal(event->bytes, made->bytes, made->len);
	snprintf(type, sizeof(type), "type%u", made->shape);
	assert_true(tl_str_eq(event->type, made->shape ? tl_str_of(type) : TL_STR("open")));
	for (unsigned int i = 0; made->shape && i < shape_names[made->shape]; i++) {
		char name[16];
		snprintf(name, sizeof(name), "name%u", i);
		assert_true(tl_entity_next(&iter, &entity));
		assert_true(tl_str_eq(entity.name, tl_str_of(name)));
	}
	assert_true(made->shape == 0 || !tl_entity_next(&iter, &entity));
	assert_int_equal(event->edge_count, made->shape && shape_names[made->shape] > 1);
}

static void batch_of_any_events_is_read_back(void **state)
{
	(void)state;
	struct made *made = malloc(300 * sizeof(*made));

	for (int round = 0; round < 200; round++) {
		struct tl_batch_writer w;
		struct tl_msg *msg;
		struct tl_event event;
		uint32_t count = (uint32_t)random() % 120;
		struct tl_batch_head head = head_at((uint64_t)random());
		head.end = random() % 2;
		tl_batch_init(&w, shapes);
		for (uint32_t i = 0; i < count; i++) {
			make_event(&made[i]);
			write_event(&w, &made[i]);
		}
		assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
		assert_int_equal(w.count, 0);
		assert_null(w.msg);
		struct tl_batch batch = read_msg(msg);
		assert_int_equal(batch.event_count, count);
		assert_true(batch.head.first == head.first && batch.head.after == head.after);
		assert_true(batch.head.base == 1 && batch.head.end == head.end);
		assert_memory_equal(batch.head.stream, head.stream, 16);
		assert_true(tl_str_eq(batch.head.iface, head.iface));
		struct tl_event_iter iter = tl_wire_events(reader, &batch);
		for (uint32_t i = 0; i < count; i++) {
			assert_true(tl_event_next(&iter, &event));
			assert_true(event.number == head.first + i);
			check_event(&event, &made[i]);
		}
		assert_false(tl_event_next(&iter, &event));
		tl_msg_free(msg);
	}
	free(made);
}

static void batch_names_only_the_shapes_in_use(void **state)
{
	(void)state;
	struct tl_batch_writer w;
	struct tl_msg *msg;
	struct tl_batch_head head = head_at(0);
	struct made made;

	tl_batch_init(&w, shapes);
	do {
		make_event(&made);
	} while (made.shape == 0);
	write_event(&w, &made);
	write_event(&w, &made);
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	struct tl_batch batch = read_msg(msg);
	assert_int_equal(batch.shape_count, 1);
	assert_non_null(tl_wire_shape(reader, made.shape));
	tl_msg_free(msg);
}

static void batch_of_no_events_says_end(void **state)
{
	(void)state;
	struct tl_batch_writer w;
	struct tl_msg *msg;
	struct tl_batch_head head = head_at(77);

	head.end = true;
	tl_batch_init(&w, shapes);
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	struct tl_batch batch = read_msg(msg);
	assert_true(batch.head.end && batch.event_count == 0 && batch.head.first == 77);
	tl_msg_free(msg);
}

static void after_and_base_are_rewritten_in_place(void **state)
{
	(void)state;
	struct tl_batch_writer w;
	struct tl_msg *msg;
	struct tl_batch_head head = head_at(UINT32_MAX);
	struct made made;

	tl_batch_init(&w, shapes);
	make_event(&made);
	write_event(&w, &made);
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	tl_wire_set_after(msg->data, 0x1234);
	tl_wire_set_base(msg->data, 0x123456789a);
	struct tl_batch batch = read_msg(msg);
	assert_true(batch.head.after == 0x1234 && batch.head.base == 0x123456789a);
	assert_true(batch.head.first == UINT32_MAX);
	tl_msg_free(msg);
}

static void full_batch_gives_no_room_until_it_is_finished(void **state)
{
	(void)state;
	struct tl_batch_writer w;
	struct tl_msg *msg;
	struct tl_batch_head head = head_at(0);
	struct made made;
	uint32_t count = 0;

	tl_batch_init(&w, shapes);
	make_event(&made);
	while (tl_batch_reserve(&w, EVENT_MAX)) {
		write_event(&w, &made);
		count++;
		assert_true(tl_batch_len(&w) <= TL_BATCH_TARGET);
	}
	assert_true(tl_batch_len(&w) + EVENT_MAX > TL_BATCH_TARGET);
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	assert_int_equal(read_msg(msg).event_count, count);
	tl_msg_free(msg);
	assert_non_null(tl_batch_reserve(&w, EVENT_MAX));
	tl_batch_fini(&w);
}

static void event_of_megabytes_has_a_batch_of_its_own(void **state)
{
	(void)state;
	const uint32_t blob = TL_MP_MAX_BLOB;
	const uint32_t room = 3 * (blob + 5) + 100;
	struct tl_batch_writer w;
	struct tl_msg *msg;
	struct tl_batch_head head = head_at(0);
	char *text = calloc(1, blob);
	struct tl_str name = TL_STR("x");
	int id = tl_shapes_intern(shapes, TL_STR("big"), &name, 1, 0, 0);

	tl_batch_init(&w, shapes);
	uint8_t *start = tl_batch_reserve(&w, room);
	assert_non_null(start);
	uint8_t *p = tl_mp_put_uint(tl_mp_put_array(start, 3), (uint64_t)id);
	p = tl_mp_put_array(tl_mp_put_time(p, 1), 3);
	for (int i = 0; i < 3; i++) {
		p = tl_mp_put_bin(p, text, blob);
	}
	tl_batch_commit(&w, (unsigned int)id, (uint32_t)(p - start));
	assert_null(tl_batch_reserve(&w, room));
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	assert_int_equal(read_msg(msg).event_count, 1);
	tl_msg_free(msg);
	assert_null(tl_batch_reserve(&w, TL_WIRE_MAX_BATCH));
	tl_batch_fini(&w);
	free(text);
}

/* Shapes whose definitions do not fit the room kept before the events. */
static void shapes_beyond_the_headroom_are_written(void **state)
{
	(void)state;
	struct tl_shapes *many;
	struct tl_batch_writer w;
	struct tl_msg *msg;
	struct tl_batch_head head = head_at(0);

	assert_int_equal(tl_shapes_create(&many), 0);
	tl_batch_init(&w, many);
	for (unsigned int i = 1; i < TL_WIRE_MAX_SHAPES; i++) {
		char type[40];
		int len = snprintf(type, sizeof(type), "a rather long name of a type %u", i);
		struct tl_str name = {type, (uint32_t)len};
		assert_int_equal(tl_shapes_intern(many, name, 0, 0, 0, 0), i);
		assert_int_equal(tl_shapes_intern(many, name, 0, 0, 0, 0), i);
		uint8_t *start = tl_batch_reserve(&w, 32);
		uint8_t *p = tl_mp_put_uint(tl_mp_put_array(start, 2), i);
		p = tl_mp_put_time(p, i);
		tl_batch_commit(&w, i, (uint32_t)(p - start));
	}
	assert_int_equal(tl_shapes_intern(many, TL_STR("one more"), 0, 0, 0, 0), -ENOSPC);
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	struct tl_batch batch = read_msg(msg);
	assert_int_equal(batch.shape_count, TL_WIRE_MAX_SHAPES - 1);
	assert_int_equal(batch.event_count, TL_WIRE_MAX_SHAPES - 1);
	tl_msg_free(msg);
	tl_shapes_destroy(many);
}

static void shape_over_a_limit_is_not_interned(void **state)
{
	(void)state;
	struct tl_str *names = calloc(TL_WIRE_MAX_ENTITIES + 1, sizeof(*names));
	char *text = calloc(1, TL_MP_MAX_BLOB + 1);

	for (int i = 0; i <= TL_WIRE_MAX_ENTITIES; i++) {
		names[i] = TL_STR("n");
	}
	assert_int_equal(
		tl_shapes_intern(shapes, TL_STR("wide"), names, TL_WIRE_MAX_ENTITIES + 1, 0, 0),
		-EINVAL);
	assert_true(tl_shapes_intern(shapes, TL_STR("wide"), names, TL_WIRE_MAX_ENTITIES, 0, 0) >
		    0);
	names[0] = (struct tl_str){text, TL_MP_MAX_BLOB + 1};
	assert_int_equal(tl_shapes_intern(shapes, TL_STR("long"), names, 1, 0, 0), -EINVAL);
	free(names);
	free(text);
}

/* --- any split, any join ---------------------------------------------------------- */

struct run {
	struct tl_msg **msgs;
	uint32_t count;
};

static struct run cut(const struct made *made, uint32_t count)
{
	struct run run = {.msgs = calloc(count + 1, sizeof(*run.msgs))};
	struct tl_batch_writer w;

	tl_batch_init(&w, shapes);
	for (uint32_t at = 0; at < count;) {
		uint32_t len = 1 + (uint32_t)random() % 20;
		struct tl_batch_head head = head_at(at);
		len = len < count - at ? len : count - at;
		for (uint32_t i = 0; i < len; i++) {
			write_event(&w, &made[at + i]);
		}
		at += len;
		head.end = at == count;
		assert_int_equal(tl_batch_finish(&w, &head, &run.msgs[run.count++]), 0);
	}
	return run;
}

static void take_joined(struct tl_join *join, struct run *to)
{
	if (!tl_join_is_empty(join)) {
		assert_int_equal(tl_join_take(join, &to->msgs[to->count++]), 0);
	}
}

static struct run join_any(struct run *from, uint32_t limit)
{
	struct run to = {.msgs = calloc(from->count + 1, sizeof(*to.msgs))};
	struct tl_join *join;

	assert_int_equal(tl_join_create(&join), 0);
	for (uint32_t i = 0; i < from->count; i++) {
		struct tl_batch batch = read_msg(from->msgs[i]);
		if (random() % 4 == 0 || !tl_join_add(join, from->msgs[i], &batch, reader, limit)) {
			take_joined(join, &to);
			batch = read_msg(from->msgs[i]);
			assert_true(tl_join_add(join, from->msgs[i], &batch, reader, limit));
		}
	}
	take_joined(join, &to);
	tl_join_destroy(join);
	free(from->msgs);
	return to;
}

static void check_run(const struct run *run, const struct made *made, uint32_t count)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < run->count; i++) {
		struct tl_batch batch = read_msg(run->msgs[i]);
		struct tl_event_iter iter = tl_wire_events(reader, &batch);
		struct tl_event event;
		assert_true(batch.head.after == at && batch.head.first == at);
		while (tl_event_next(&iter, &event)) {
			assert_true(event.number == at);
			check_event(&event, &made[at++]);
		}
		assert_int_equal(batch.head.end, at == count);
		tl_msg_free(run->msgs[i]);
	}
	assert_int_equal(at, count);
	free(run->msgs);
}

static void stream_cut_and_joined_anyhow_is_the_same_stream(void **state)
{
	(void)state;
	struct made *made = malloc(400 * sizeof(*made));

	for (int round = 0; round < 60; round++) {
		uint32_t count = 1 + (uint32_t)random() % 400;
		for (uint32_t i = 0; i < count; i++) {
			make_event(&made[i]);
		}
		struct run run = cut(made, count);
		uint32_t before = run.count;
		run = join_any(&run, 256 << 10);
		run = join_any(&run, 256 << 10);
		assert_true(before < 8 || run.count < before);
		check_run(&run, made, count);
	}
	free(made);
}

static struct tl_msg *one_batch(struct tl_batch_head head, const struct tl_shapes *of,
				unsigned int shape)
{
	struct tl_batch_writer w;
	struct tl_msg *msg;

	tl_batch_init(&w, of);
	uint8_t *start = tl_batch_reserve(&w, 64);
	uint8_t *p = tl_mp_put_uint(tl_mp_put_array(start, 2), shape);
	p = tl_mp_put_time(p, 5);
	tl_batch_commit(&w, shape, (uint32_t)(p - start));
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	return msg;
}

/* Whether B joins A, both of one event; frees both. */
static bool joins(struct tl_msg *a, struct tl_msg *b, uint32_t limit)
{
	struct tl_join *join;

	assert_int_equal(tl_join_create(&join), 0);
	struct tl_batch batch = read_msg(a);
	assert_true(tl_join_add(join, a, &batch, reader, limit));
	batch = read_msg(b);
	bool joined = tl_join_add(join, b, &batch, reader, limit);
	assert_int_equal(tl_join_count(join), joined ? 2 : 1);
	if (!joined) {
		tl_msg_free(b);
	}
	tl_join_destroy(join);
	return joined;
}

static void runs_that_do_not_belong_together_stay_apart(void **state)
{
	(void)state;
	struct tl_shapes *a;
	struct tl_shapes *b;
	struct tl_batch_head first = head_at(10);
	struct tl_batch_head next = head_at(11);
	struct tl_batch_head other;

	tl_shapes_create(&a);
	tl_shapes_create(&b);
	tl_shapes_intern(a, TL_STR("one"), 0, 0, 0, 0);
	tl_shapes_intern(b, TL_STR("two"), 0, 0, 0, 0);
	assert_true(joins(one_batch(first, a, 1), one_batch(next, a, 1), 4096));
	assert_false(joins(one_batch(first, a, 1), one_batch(next, b, 1), 4096));
	assert_false(joins(one_batch(first, a, 1), one_batch(next, a, 1), 100));
	assert_false(joins(one_batch(first, a, 1), one_batch(head_at(12), a, 1), 4096));
	assert_false(joins(one_batch(first, a, 1), one_batch(first, a, 1), 4096));
	other = next;
	other.after = 10;
	assert_false(joins(one_batch(first, a, 1), one_batch(other, a, 1), 4096));
	other = next;
	other.stream[15] = 1;
	assert_false(joins(one_batch(first, a, 1), one_batch(other, a, 1), 4096));
	other = next;
	other.source = TL_STR("sourcf");
	assert_false(joins(one_batch(first, a, 1), one_batch(other, a, 1), 4096));
	other = next;
	other.host = TL_STR("");
	assert_false(joins(one_batch(first, a, 1), one_batch(other, a, 1), 4096));
	other = next;
	other.iface = TL_STR("iface2");
	assert_false(joins(one_batch(first, a, 1), one_batch(other, a, 1), 4096));
	other = first;
	other.end = true;
	assert_false(joins(one_batch(other, a, 1), one_batch(next, a, 1), 4096));
	tl_shapes_destroy(a);
	tl_shapes_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batch_of_any_events_is_read_back),
		cmocka_unit_test(batch_names_only_the_shapes_in_use),
		cmocka_unit_test(batch_of_no_events_says_end),
		cmocka_unit_test(after_and_base_are_rewritten_in_place),
		cmocka_unit_test(full_batch_gives_no_room_until_it_is_finished),
		cmocka_unit_test(event_of_megabytes_has_a_batch_of_its_own),
		cmocka_unit_test(shapes_beyond_the_headroom_are_written),
		cmocka_unit_test(shape_over_a_limit_is_not_interned),
		cmocka_unit_test(stream_cut_and_joined_anyhow_is_the_same_stream),
		cmocka_unit_test(runs_that_do_not_belong_together_stay_apart),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
