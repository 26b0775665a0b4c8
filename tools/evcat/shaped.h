/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events on their way from one stream to another: the same event under the
 * shape ids of its new stream. Open events are given a shape, and flow events
 * their fixed layout where nothing is lost by it; when no shape id is free an
 * event becomes open. Nothing logs.
 */
#ifndef EVCAT_SHAPED_H
#define EVCAT_SHAPED_H

#include "event.h"
#include "text.h"

/* What one stream of output needs for it. */
struct shaper {
	struct tl_shapes *shapes; /* borrowed: of the stream */
	struct tl_textbuf scratch;
	struct tl_textbuf definition;
	/* Ids of the input batch to ours, valid where `generation` is the shaper's. */
	uint32_t generation;
	struct {
		uint32_t generation;
		uint16_t id;
	} known[TL_WIRE_MAX_SHAPES];
	uint8_t flow[TL_FLOW_EVENT_MAX];
};

/* An event ready to be written: header and shape id are put before `tail`. */
struct shaped {
	unsigned int id; /* 0 = open */
	uint8_t prefix[8];
	uint32_t prefix_len;
	const uint8_t *tail; /* valid until the next call, or as long as the event */
	uint32_t tail_len;
	uint32_t definition_len;
};

/* The next events are of another batch: ids mean something else. */
void shaper_next_batch(struct shaper *shaper);
void shaper_fini(struct shaper *shaper);

/* 0 or -ENOMEM. */
int shaper_shape(struct shaper *shaper, const struct tl_event *event, struct shaped *out);

#endif
