/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow_lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <cmocka.h>

#include "../../common/clock.h"

void both_sides_open(struct both_sides *sides, struct kernel_options options)
{
	flow_side_open(&sides->kernel, options);
	assert_int_equal(tl_fragtab_create(&sides->here), 0);
}

void both_sides_close(struct both_sides *sides)
{
	tl_fragtab_destroy(sides->here);
	flow_side_close(&sides->kernel);
}

struct lane lane_of(struct both_sides *sides, enum kernel_hook hook)
{
	return (struct lane){
		.side = &sides->kernel,
		.fragments = sides->here,
		.hook = hook,
		.program = kernel_program(sides->kernel.kernel, hook),
		.len_max = LINEAR_MAX,
	};
}

const struct golden_row *row_named(const char *name)
{
	for (unsigned int i = 0; i < golden_row_count; i++) {
		if (strcmp(golden_rows[i].name, name) == 0) {
			return &golden_rows[i];
		}
	}
	fail_msg("no golden row is named %s", name);
	return 0;
}

/* --- what one frame must leave behind ------------------------------------- */

static void assert_acct(const struct tl_acct *acct, const struct tl_segments *s)
{
	assert_int_equal(acct->packets, s ? s->packets : 0);
	assert_int_equal(acct->bytes, s ? s->bytes : 0);
	assert_int_equal(acct->skbs, s ? 1 : 0);
}

void assert_books(const struct tl_books *books, unsigned int expected, const struct tl_segments *s)
{
	assert_acct(&books->total, s);
	for (unsigned int class = 0; class < TL_CLASS_COUNT; class ++) {
		assert_acct(&books->by_class[class], class == expected ? s : 0);
	}
	assert_int_equal(books->flows_full, 0);
	assert_int_equal(books->flows_refused, 0);
	assert_int_equal(books->hints_lost, 0);
	assert_int_equal(books->hints, expected == TL_CLASS_FLOW ? 1 : 0);
	assert_true(books->frag_hits + books->frag_misses <= 1);
}

static void assert_value(const struct tl_flow_value *v, const struct lane *lane,
			 const struct tl_packet *pkt, const struct tl_segments *s)
{
	assert_int_equal(v->packets, s->packets);
	assert_int_equal(v->bytes, s->bytes);
	assert_int_equal(tl_flow_value_ip_bytes(v), s->ip_bytes);
	assert_int_equal(v->skbs, lane->hook == KERNEL_XDP ? 0 : 1);
	assert_int_equal(v->tcp_flags, pkt->tcp_flags);
	assert_int_equal(v->min_len, s->min_len);
	assert_int_equal(v->max_len, s->max_len);
	assert_int_equal(v->ttl, pkt->ttl);
	assert_int_equal(v->tos, pkt->tos);
	assert_int_equal(v->first_ns, v->last_ns);
}

void lane_check(struct lane *lane, const struct given *frame, struct taken *taken)
{
	struct tl_packet pkt;
	struct tl_segments segments;
	uint64_t before_ns = tl_clock_mono_ns();

	assert_int_equal(flow_run(lane->program, frame),
			 lane->hook == KERNEL_XDP ? XDP_PASS : TC_ACT_UNSPEC);
	flow_side_take(lane->side, taken);
	flow_expect(frame, lane->hook, &pkt, &segments);
	if (pkt.class == TL_CLASS_FLOW && pkt.frag != TL_FRAG_NONE) {
		tl_fragtab_resolve(lane->fragments, &pkt, before_ns);
	}
	assert_books(&taken->books, pkt.class, &segments);
	assert_int_equal(taken->count[KERNEL_FLOWS], pkt.class == TL_CLASS_FLOW ? 1 : 0);
	assert_int_equal(taken->count[KERNEL_COARSE], 0);
	if (pkt.class == TL_CLASS_FLOW) {
		const struct tl_flow_value *v = &taken->values[KERNEL_FLOWS][0];
		assert_memory_equal(&taken->keys[KERNEL_FLOWS][0], &pkt.key, sizeof(pkt.key));
		assert_value(v, lane, &pkt, &segments);
		assert_in_range(v->first_ns, before_ns - TICK_MAX_MS * TL_MS_NS,
				tl_clock_mono_ns());
	}
}
