/* SPDX-License-Identifier: BSD-2-Clause */
#include "flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum {
	NONE = UINT32_MAX,
	SHOWN_S = 10,	/* after its end */
	SILENT_S = 180, /* three active timeouts: its producer has died, or lost the end */
};

struct tl_flows {
	enum tl_flows_sort sort;
	uint32_t heads[TL_FLOWS_MAX];
	uint32_t free_list;
	uint32_t used;
	uint32_t ended;
	uint64_t unseen;
	struct tl_flow_row rows[TL_FLOWS_MAX]; /* id-chained by `next`, or in the free list */
	bool taken[TL_FLOWS_MAX];
};

int tl_flows_create(struct tl_flows **out, enum tl_flows_sort sort)
{
	struct tl_flows *flows = calloc(1, sizeof(*flows));

	if (!flows) {
		return -ENOMEM;
	}
	flows->sort = sort;
	memset(flows->heads, 0xff, sizeof(flows->heads));
	for (uint32_t i = 0; i < TL_FLOWS_MAX; i++) {
		flows->rows[i].next = i + 1 < TL_FLOWS_MAX ? i + 1 : NONE;
	}
	*out = flows;
	return 0;
}

void tl_flows_destroy(struct tl_flows *flows)
{
	free(flows);
}

static uint32_t slot_of(uint64_t id, uint16_t stream)
{
	uint64_t hash = (id ^ stream) * 0x9e3779b97f4a7c15ull;

	return (uint32_t)(hash >> 48);
}

static bool is_same(const struct tl_flow_row *row, uint16_t stream, const struct tl_flow *flow)
{
	return row->id == flow->id && row->stream == stream && row->start_ns == flow->start_ns &&
	       row->key.direction == flow->key.direction;
}

static double size_of(enum tl_flows_sort sort, const struct tl_flow_row *row)
{
	switch (sort) {
	case TL_FLOWS_BY_PACKETS:
		return (double)row->packets;
	case TL_FLOWS_BY_RATE:
		/* Ended flows come after all others, among themselves by size. */
		return row->ended_at_ns ? -1 / (1 + (double)row->bytes) : row->byte_rate;
	default:
		return (double)row->bytes;
	}
}

unsigned int tl_flows_top(const struct tl_flows *flows, enum tl_flows_sort sort,
			  const struct tl_flow_row **rows, unsigned int max)
{
	unsigned int count = 0;
	double smallest = 0;

	for (uint32_t i = 0; i < TL_FLOWS_MAX && max > 0; i++) {
		const struct tl_flow_row *row = &flows->rows[i];
		if (!flows->taken[i] || (count == max && size_of(sort, row) <= smallest)) {
			continue;
		}
		unsigned int at = count < max ? count++ : max - 1;
		for (; at > 0 && size_of(sort, rows[at - 1]) < size_of(sort, row); at--) {
			rows[at] = rows[at - 1];
		}
		rows[at] = row;
		smallest = size_of(sort, rows[count - 1]);
	}
	return count;
}

static void forget(struct tl_flows *flows, uint32_t index)
{
	struct tl_flow_row *row = &flows->rows[index];
	uint32_t *link = &flows->heads[slot_of(row->id, row->stream)];

	while (*link != index) {
		link = &flows->rows[*link].next;
	}
	*link = row->next;
	flows->taken[index] = false;
	flows->used--;
	flows->ended -= row->ended_at_ns != 0;
	row->next = flows->free_list;
	flows->free_list = index;
}

void tl_flows_expire(struct tl_flows *flows, uint64_t now_ns)
{
	for (uint32_t i = 0; i < TL_FLOWS_MAX && flows->used > 0; i++) {
		const struct tl_flow_row *row = &flows->rows[i];
		uint64_t keep_s = row->ended_at_ns ? SHOWN_S : SILENT_S;
		if (flows->taken[i] && now_ns - row->seen_at_ns > keep_s * TL_SECOND_NS) {
			forget(flows, i);
		}
	}
}

/* Ended flows go, but for the biggest: in a file they are what there is to see. */
static void make_room(struct tl_flows *flows)
{
	const struct tl_flow_row *top[TL_FLOWS_TOP_MAX];
	unsigned int count = tl_flows_top(flows, flows->sort, top, TL_FLOWS_TOP_MAX);

	if (flows->ended <= count) {
		return;
	}
	for (unsigned int i = 0; i < count; i++) {
		flows->rows[top[i] - flows->rows].kept = true;
	}
	for (uint32_t i = 0; i < TL_FLOWS_MAX; i++) {
		struct tl_flow_row *row = &flows->rows[i];
		if (flows->taken[i] && row->ended_at_ns != 0 && !row->kept) {
			forget(flows, i);
		}
		row->kept = false;
	}
}

static struct tl_flow_row *find(struct tl_flows *flows, uint16_t stream, const struct tl_flow *flow)
{
	uint32_t index = flows->heads[slot_of(flow->id, stream)];

	while (index != NONE && !is_same(&flows->rows[index], stream, flow)) {
		index = flows->rows[index].next;
	}
	return index == NONE ? 0 : &flows->rows[index];
}

static struct tl_flow_row *add(struct tl_flows *flows, uint16_t stream, const struct tl_flow *flow)
{
	if (flows->free_list == NONE) {
		make_room(flows);
	}
	if (flows->free_list == NONE) {
		flows->unseen++;
		return 0;
	}
	uint32_t index = flows->free_list;
	uint32_t *head = &flows->heads[slot_of(flow->id, stream)];
	struct tl_flow_row *row = &flows->rows[index];
	flows->free_list = row->next;
	*row = (struct tl_flow_row){
		.id = flow->id,
		.stream = stream,
		.key = flow->key,
		.start_ns = flow->start_ns,
		.end_ns = flow->start_ns,
		.next = *head,
	};
	*head = index;
	flows->taken[index] = true;
	flows->used++;
	return row;
}

static void end_row(struct tl_flows *flows, struct tl_flow_row *row, enum tl_end_reason reason,
		    uint64_t now_ns)
{
	if (row->ended_at_ns == 0) {
		flows->ended++;
	}
	row->ended_at_ns = now_ns;
	row->reason = (uint8_t)reason;
}

/* Totals only grow; an event that says less is an old one sent again. */
static struct tl_flow_growth grow(struct tl_flow_row *row, const struct tl_flow *flow)
{
	struct tl_flow_growth growth = {0};

	if (flow->packets < row->packets || flow->bytes < row->bytes) {
		return growth;
	}
	growth.packets = flow->packets - row->packets;
	growth.bytes = flow->bytes - row->bytes;
	if (flow->end_ns > row->end_ns) {
		double seconds = (double)(flow->end_ns - row->end_ns) / TL_SECOND_NS;
		row->packet_rate = (double)growth.packets / seconds;
		row->byte_rate = (double)growth.bytes / seconds;
	}
	row->packets = flow->packets;
	row->bytes = flow->bytes;
	row->end_ns = flow->end_ns;
	return growth;
}

struct tl_flow_growth tl_flows_update(struct tl_flows *flows, uint16_t stream,
				      const struct tl_flow_event *event, uint64_t now_ns)
{
	struct tl_flow_row *row = find(flows, stream, &event->flow);

	if (!row) {
		row = add(flows, stream, &event->flow);
	}
	if (!row) {
		return (struct tl_flow_growth){0};
	}
	struct tl_flow_growth growth = grow(row, &event->flow);
	row->seen_at_ns = now_ns;
	if (event->kind == TL_FLOW_END) {
		end_row(flows, row, event->reason, now_ns);
	}
	return growth;
}

uint64_t tl_flows_active(const struct tl_flows *flows)
{
	return flows->used - flows->ended;
}

uint64_t tl_flows_known(const struct tl_flows *flows)
{
	return flows->used;
}

uint64_t tl_flows_unseen(const struct tl_flows *flows)
{
	return flows->unseen;
}
