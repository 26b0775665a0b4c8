/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What --top shows: streams with their rates and drops, and the biggest
 * flows. Rates of a stream are those between its last two capture_stats; of a
 * stream without them, what its flow events grew by since the last frame.
 * Memory is bounded: 1,024 streams, 65,536 flows; beyond is counted and shown.
 * Nothing logs.
 */
#ifndef EVCAT_TOP_H
#define EVCAT_TOP_H

#include "evcat.h"
#include "text.h"
#include "wire.h"

struct top;

int top_create(struct top **out, enum evcat_sort sort);
void top_destroy(struct top *top);

void top_event(struct top *top, const struct tl_batch_head *head, const struct tl_event *event,
	       uint64_t now_ns);

/* Once a batch: what it declares lost, and whether the stream ends. */
void top_batch(struct top *top, const struct tl_batch_head *head);

/* Appends a frame of at most `rows` lines; rates are per second since the last one. */
int top_frame(struct top *top, struct tl_textbuf *out, unsigned int rows, uint64_t now_ns);

#endif
