/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * common/intake, common/ack, common/streammap. The property: whatever order runs
 * come in, how often, and how they are cut, what is taken is each number once,
 * in order, and what is declared lost is what never came.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/intake.h"
#include "../../common/streammap.h"

static const uint8_t ID[TL_WIRE_STREAM_LEN] = {1, 2, 3};

struct fixture {
	struct tl_intake *intake;
	uint64_t now_ns;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->now_ns = TL_SECOND_NS;
	*state = f;
	return tl_intake_create(&f->intake);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tl_intake_destroy(f->intake);
	free(f);
	return 0;
}

static struct tl_intake_verdict look(struct fixture *f, uint64_t base, uint64_t after,
				     uint64_t first, uint64_t next)
{
	struct tl_batch_head head = {.base = base, .after = after, .first = first};

	memcpy(head.stream, ID, sizeof(head.stream));
	return tl_intake_look(f->intake, &head, next, f->now_ns);
}

static void take(struct fixture *f, uint64_t next)
{
	tl_intake_took(f->intake, ID, next, f->now_ns);
}

static struct tl_ack told(struct fixture *f)
{
	struct tl_ack ack = {0};

	assert_int_equal(tl_intake_report(f->intake, f->now_ns, &ack, 1), 1);
	return ack;
}

static void what_came_after_the_mark_is_not_told_safe(void **state)
{
	struct fixture *f = *state;

	look(f, 0, 0, 0, 10);
	take(f, 10);
	tl_intake_mark(f->intake);
	look(f, 0, 10, 10, 20);
	take(f, 20);
	tl_intake_marked_safe(f->intake);
	struct tl_ack ack = told(f);
	assert_int_equal(ack.safe, 10);
	assert_int_equal(ack.got, 20);
	tl_intake_mark(f->intake);
	tl_intake_marked_safe(f->intake);
	assert_int_equal(told(f).safe, 20);
}

static void run_that_follows_is_taken(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(look(f, 0, 0, 0, 10).kind, TL_INTAKE_TAKE);
	take(f, 10);
	struct tl_intake_verdict v = look(f, 0, 10, 15, 20);
	assert_int_equal(v.kind, TL_INTAKE_TAKE);
	assert_int_equal(v.after, 10);
	assert_int_equal(v.from, 15);
}

static void run_after_a_gap_is_refused_and_asked_for(void **state)
{
	struct fixture *f = *state;

	look(f, 0, 0, 0, 10);
	take(f, 10);
	told(f);
	assert_int_equal(look(f, 0, 20, 20, 30).kind, TL_INTAKE_GAP);
	struct tl_ack ack = told(f);
	assert_int_equal(ack.flags, TL_ACK_REFUSED);
	assert_int_equal(ack.got, 10);
	assert_int_equal(ack.safe, 0);
	assert_int_equal(tl_intake_counts(f->intake).missing_events, 0);
}

static void one_position_is_refused_once_in_a_while(void **state)
{
	struct fixture *f = *state;

	look(f, 0, 20, 20, 30);
	assert_int_equal(told(f).flags, TL_ACK_REFUSED);
	f->now_ns += 50 * TL_MS_NS;
	look(f, 0, 30, 30, 40);
	assert_int_equal(told(f).flags, 0);
	f->now_ns += 60 * TL_MS_NS;
	look(f, 0, 40, 40, 50);
	assert_int_equal(told(f).flags, TL_ACK_REFUSED);
}

static void run_that_is_here_is_a_duplicate(void **state)
{
	struct fixture *f = *state;

	take(f, 10);
	assert_int_equal(look(f, 0, 5, 5, 10).kind, TL_INTAKE_DUPLICATE);
	assert_int_equal(tl_intake_counts(f->intake).duplicate_events, 5);
}

static void run_that_overlaps_is_cut(void **state)
{
	struct fixture *f = *state;

	take(f, 10);
	struct tl_intake_verdict v = look(f, 0, 5, 5, 15);
	assert_int_equal(v.kind, TL_INTAKE_CUT);
	assert_int_equal(v.from, 10);
	assert_int_equal(v.after, 10);
}

/* tests/model: a number that is here must not be declared lost by the run after it. */
static void declared_loss_leaves_out_what_arrived(void **state)
{
	struct fixture *f = *state;

	take(f, 10);
	struct tl_intake_verdict v = look(f, 0, 5, 20, 25);
	assert_int_equal(v.kind, TL_INTAKE_TAKE);
	assert_int_equal(v.after, 10);
}

/* tests/model: after a restart with nothing kept, base tells where to begin, and no loss. */
static void unknown_stream_begins_at_base(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(look(f, 100, 120, 120, 130).kind, TL_INTAKE_GAP);
	struct tl_ack ack = told(f);
	assert_int_equal(ack.got, 100);
	assert_int_equal(ack.safe, 100);
	assert_int_equal(look(f, 120, 120, 120, 130).kind, TL_INTAKE_TAKE);
	assert_int_equal(tl_intake_counts(f->intake).missing_events, 0);
}

static void producer_that_does_not_wait_is_never_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(look(f, TL_WIRE_NO_BASE, 50, 50, 60).kind, TL_INTAKE_TAKE);
	take(f, 60);
	struct tl_intake_verdict v = look(f, TL_WIRE_NO_BASE, 70, 75, 80);
	assert_int_equal(v.kind, TL_INTAKE_TAKE);
	assert_int_equal(v.after, 60);
	assert_int_equal(tl_intake_counts(f->intake).missing_events, 10);
}

static void producer_that_hears_nothing_is_taken_in_the_end(void **state)
{
	struct fixture *f = *state;
	uint64_t first = 20;
	enum tl_intake_kind kind = TL_INTAKE_GAP;
	unsigned int refused = 0;

	for (; kind == TL_INTAKE_GAP && refused < 10000; first += 10, refused++) {
		kind = look(f, 0, first, first, first + 10).kind;
		told(f);
		f->now_ns += 110 * TL_MS_NS;
	}
	assert_int_equal(kind, TL_INTAKE_TAKE);
	assert_true(refused > 60 * 9);
	assert_true(tl_intake_counts(f->intake).missing_events > 0);
}

/* A pause alone is no sign of it. */
static void refusals_that_nobody_could_hear_do_not_count(void **state)
{
	struct fixture *f = *state;

	look(f, 0, 20, 20, 30);
	told(f);
	f->now_ns += 3600 * TL_SECOND_NS;
	assert_int_equal(look(f, 0, 30, 30, 40).kind, TL_INTAKE_GAP);
}

static void found_is_got_and_safe(void **state)
{
	struct fixture *f = *state;

	tl_intake_found(f->intake, ID, 40);
	assert_int_equal(look(f, 0, 30, 30, 40).kind, TL_INTAKE_DUPLICATE);
	struct tl_ack ack = told(f);
	assert_int_equal(ack.got, 40);
	assert_int_equal(ack.safe, 40);
}

static void safe_is_told_on_change_and_again(void **state)
{
	struct fixture *f = *state;
	struct tl_ack ack;

	look(f, 0, 0, 0, 10);
	take(f, 10);
	assert_int_equal(told(f).got, 10);
	assert_int_equal(tl_intake_report(f->intake, f->now_ns, &ack, 1), 0);
	tl_intake_safe(f->intake, ID, 10);
	assert_int_equal(told(f).safe, 10);
	f->now_ns += 101 * TL_MS_NS;
	assert_int_equal(told(f).safe, 10);
	f->now_ns += 11 * TL_SECOND_NS;
	assert_int_equal(tl_intake_report(f->intake, f->now_ns, &ack, 1), 0);
}

/* tests/model: an ack that was lost leaves the producer waiting for ever. */
static void what_is_not_safe_is_told_for_ever(void **state)
{
	struct fixture *f = *state;

	look(f, 0, 0, 0, 10);
	take(f, 10);
	told(f);
	f->now_ns += 3600 * TL_SECOND_NS;
	assert_int_equal(told(f).got, 10);
}

static void more_streams_than_asked_for_come_in_several_reports(void **state)
{
	struct fixture *f = *state;
	struct tl_ack acks[64];
	size_t total = 0;
	size_t count;

	for (unsigned int i = 0; i < 1000; i++) {
		uint8_t id[TL_WIRE_STREAM_LEN] = {(uint8_t)i, (uint8_t)(i >> 8), 9};
		tl_intake_took(f->intake, id, i + 1, f->now_ns);
	}
	do {
		count = tl_intake_report(f->intake, f->now_ns, acks, 64);
		total += count;
	} while (count == 64);
	assert_int_equal(total, 1000);
}

static void streams_beyond_the_limit_are_forgotten(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < TL_INTAKE_STREAMS + 10; i++) {
		uint8_t id[TL_WIRE_STREAM_LEN] = {(uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16),
						  7};
		tl_intake_took(f->intake, id, 1, f->now_ns);
	}
	struct tl_intake_counts counts = tl_intake_counts(f->intake);
	assert_int_equal(counts.streams, TL_INTAKE_STREAMS);
	assert_int_equal(counts.forgotten_streams, 10);
}

/* A producer that goes back at each refusal, whose runs are cut anew each time. */
static void every_number_is_taken_once_whatever_comes(void **state)
{
	enum { NUMBERS = 400 };
	struct fixture *f = *state;
	uint8_t taken[NUMBERS] = {0};
	uint64_t at = 0;
	uint64_t expected = 0;

	srandom(7);
	for (unsigned int step = 0; expected < NUMBERS; step++) {
		assert_true(step < 100000);
		uint64_t first = at;
		uint64_t next = first + 1 + (uint64_t)random() % 20;
		next = next < NUMBERS ? next : NUMBERS;
		at = next < NUMBERS ? next : (uint64_t)random() % NUMBERS;
		if (random() % 4 == 0) {
			continue; /* lost on the way */
		}
		struct tl_intake_verdict v = look(f, 0, first, first, next);
		if (v.kind == TL_INTAKE_GAP) {
			at = told(f).got;
			continue;
		}
		if (v.kind != TL_INTAKE_DUPLICATE) {
			assert_int_equal(v.from, expected);
			assert_int_equal(v.after, expected);
			for (uint64_t n = v.from; n < next; n++) {
				assert_int_equal(taken[n]++, 0);
			}
			expected = next;
			take(f, next);
		}
	}
}

static void ack_is_44_bytes_big_endian(void **state)
{
	struct tl_ack ack = {
		.safe = 0x0102030405060708, .got = 2, .instance = 3, .flags = 0x11223344};
	struct tl_ack back;
	uint8_t bytes[TL_ACK_LEN];

	(void)state;
	memcpy(ack.stream, ID, sizeof(ID));
	assert_ptr_equal(tl_ack_put(bytes, &ack), bytes + 44);
	assert_memory_equal(bytes, ID, 16);
	assert_memory_equal(bytes + 16, "\1\2\3\4\5\6\7\10\0\0\0\0\0\0\0\2", 16);
	assert_memory_equal(bytes + 40, "\x11\x22\x33\x44", 4);
	tl_ack_get(bytes, &back);
	assert_memory_equal(&back, &ack, offsetof(struct tl_ack, flags) + sizeof(ack.flags));
	assert_int_equal(tl_ack_count(88), 2);
	assert_int_equal(tl_ack_count(45), 0);
	assert_int_equal(tl_ack_count(0), 0);
	assert_int_equal(tl_ack_count((size_t)TL_ACK_LEN * (TL_ACK_MAX + 1)), 0);
}

static void map_finds_what_is_in_it_in_the_order_of_use(void **state)
{
	enum { NODES = 5000 };
	struct tl_streammap map;
	struct tl_streamnode *nodes = calloc(NODES, sizeof(*nodes));

	(void)state;
	assert_int_equal(tl_streammap_init(&map), 0);
	for (unsigned int i = 0; i < NODES; i++) {
		uint8_t id[TL_WIRE_STREAM_LEN] = {(uint8_t)i, (uint8_t)(i >> 8)};
		assert_null(tl_streammap_find(&map, id));
		tl_streammap_add(&map, &nodes[i], id);
	}
	for (unsigned int i = 0; i < NODES; i += 2) {
		tl_streammap_touch(&map, &nodes[i]);
	}
	assert_ptr_equal(map.oldest, &nodes[1]);
	assert_ptr_equal(map.newest, &nodes[NODES - 2]);
	for (unsigned int i = 1; i < NODES; i += 2) {
		assert_ptr_equal(tl_streammap_find(&map, nodes[i].stream), &nodes[i]);
		tl_streammap_remove(&map, &nodes[i]);
		assert_null(tl_streammap_find(&map, nodes[i].stream));
	}
	assert_int_equal(map.count, NODES / 2);
	assert_ptr_equal(map.oldest, &nodes[0]);
	tl_streammap_fini(&map);
	free(nodes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(run_that_follows_is_taken),
		TEST(what_came_after_the_mark_is_not_told_safe),
		TEST(run_after_a_gap_is_refused_and_asked_for),
		TEST(one_position_is_refused_once_in_a_while),
		TEST(run_that_is_here_is_a_duplicate),
		TEST(run_that_overlaps_is_cut),
		TEST(declared_loss_leaves_out_what_arrived),
		TEST(unknown_stream_begins_at_base),
		TEST(producer_that_does_not_wait_is_never_refused),
		TEST(producer_that_hears_nothing_is_taken_in_the_end),
		TEST(refusals_that_nobody_could_hear_do_not_count),
		TEST(found_is_got_and_safe),
		TEST(safe_is_told_on_change_and_again),
		TEST(what_is_not_safe_is_told_for_ever),
		TEST(more_streams_than_asked_for_come_in_several_reports),
		TEST(streams_beyond_the_limit_are_forgotten),
		TEST(every_number_is_taken_once_whatever_comes),
		cmocka_unit_test(ack_is_44_bytes_big_endian),
		cmocka_unit_test(map_finds_what_is_in_it_in_the_order_of_use),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
