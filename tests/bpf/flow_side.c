/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow_side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>

void flow_side_open(struct flow_side *side, struct kernel_options options)
{
	for (unsigned int hook = 0; hook < KERNEL_HOOKS; hook++) {
		options.hooks[hook] = true;
	}
	options.config.ifindex = FLOW_IFINDEX;
	options.flow_entries = options.flow_entries ? options.flow_entries : FLOW_ENTRIES;
	options.coarse_entries = options.coarse_entries ? options.coarse_entries : COARSE_ENTRIES;
	*side = (struct flow_side){0};
	assert_int_equal(kernel_load(&side->kernel, &options), 0);
}

void flow_side_close(struct flow_side *side)
{
	kernel_close(side->kernel);
	side->kernel = 0;
}

static void take_books(struct flow_side *side, uint32_t parity, struct tl_books *books)
{
	struct tl_books now;

	assert_int_equal(kernel_books(side->kernel, parity, &now), 0);
	uint64_t *words = (uint64_t *)books;
	for (size_t i = 0; i < sizeof(now) / sizeof(*words); i++) {
		words[i] = ((uint64_t *)&now)[i] - ((uint64_t *)&side->before[parity])[i];
	}
	side->before[parity] = now;
}

static uint32_t take_map(struct flow_side *side, uint32_t parity, enum kernel_map map,
			 struct taken *taken)
{
	struct kernel_cursor cursor = {0};
	uint32_t sum = 0;

	while (!cursor.done) {
		const struct tl_flow_key *keys;
		const struct tl_flow_value *values;
		int count = kernel_drain(side->kernel, parity, map, &cursor, &keys, &values);
		assert_true(count >= 0);
		assert_true(sum + (uint32_t)count <= FLOW_TAKEN_MAX);
		memcpy(taken->keys[map] + sum, keys, (size_t)count * sizeof(*keys));
		memcpy(taken->values[map] + sum, values, (size_t)count * sizeof(*values));
		sum += (uint32_t)count;
	}
	return sum;
}

void flow_side_take(struct flow_side *side, struct taken *taken)
{
	uint32_t parity = kernel_turn(side->kernel);

	take_books(side, parity, &taken->books);
	taken->count[KERNEL_FLOWS] = take_map(side, parity, KERNEL_FLOWS, taken);
	taken->count[KERNEL_COARSE] = take_map(side, parity, KERNEL_COARSE, taken);
}

int32_t flow_run(int program, const struct given *frame)
{
	struct __sk_buff skb = {.gso_size = frame->gso_size, .gso_segs = frame->gso_segments};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame->bytes, .data_size_in = frame->len);

	if (frame->gso_size) {
		run.ctx_in = &skb;
		run.ctx_size_in = sizeof(skb);
	}
	return bpf_prog_test_run_opts(program, &run) < 0 ? INT32_MIN : (int32_t)run.retval;
}

void flow_expect(const struct given *frame, enum kernel_hook hook, struct tl_packet *pkt,
		 struct tl_segments *segments)
{
	struct tl_merged merged = {
		.tag_len = frame->tci ? 4 : 0,
		.gso_size = frame->gso_size,
		.gso_segments = frame->gso_segments,
	};
	uint32_t linear = frame->linear ? frame->linear : frame->len;

	merged.wire_len = frame->len + merged.tag_len;
	tl_parse_begin(pkt);
	if (frame->tci) {
		tl_parse_tag(pkt, frame->tci);
	}
	tl_parse_ethernet(frame->bytes, frame->bytes + linear, merged.wire_len, pkt);
	pkt->key.ifindex = FLOW_IFINDEX;
	pkt->key.direction = hook == KERNEL_TC_OUT ? TL_DIR_OUT : TL_DIR_IN;
	tl_segments_count(pkt, &merged, segments);
}
