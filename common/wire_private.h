/* SPDX-License-Identifier: BSD-2-Clause */
/* What reading a batch and walking it share. */
#ifndef TL_WIRE_PRIVATE_H
#define TL_WIRE_PRIVATE_H

#include "event.h"
#include "wire.h"

struct tl_wire_reader {
	struct tl_shape shapes[TL_WIRE_MAX_SHAPES]; /* name_count etc. valid where `defined` */
	bool defined[TL_WIRE_MAX_SHAPES];
	const struct tl_flow_shape *flow[TL_FLOW_SHAPE_IDS]; /* templates by id, 0 = none */
	uint16_t in_use[TL_WIRE_MAX_SHAPES];
	uint32_t in_use_count;
	bool head_readable;
	const char *reason;
	int code; /* -EBADMSG or -E2BIG */
};

/* [[from, to]...]: 0 and what lies between *edges, -EBADMSG, -E2BIG. */
int tl_wire_read_edges(struct tl_mp_cursor *c, struct tl_mp_cursor *edges, uint32_t *edge_count);

/* tl_flow_events_walk from the cursor on. */
static inline uint32_t tl_wire_walk_flows(const struct tl_wire_reader *reader,
					  const struct tl_mp_cursor *c, uint32_t max,
					  uint32_t *count)
{
	return tl_flow_events_walk(reader->flow, c->at, (size_t)(c->end - c->at), max, count);
}

#endif
