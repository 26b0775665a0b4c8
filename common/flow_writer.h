/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a flow table decides becomes events of a stream: encoded into batches,
 * pushed when they are full or have waited long enough. Belongs to one thread;
 * several may feed one stream. Nothing logs.
 */
#ifndef TL_FLOW_WRITER_H
#define TL_FLOW_WRITER_H

#include "event.h"
#include "outbox.h"

struct tl_flow_writer {
	struct tl_stream *stream; /* borrowed */
	struct tl_batch_writer batch;
	uint64_t flush_due_ns; /* monotonic */
	bool start_waits;
	bool community_id;
	int error; /* of the last push */
};

/* With `community_id` each flow event gets one, computed as it is written. 0 or -ENOMEM. */
int tl_flow_writer_init(struct tl_flow_writer *w, struct tl_stream *stream, bool community_id);
void tl_flow_writer_fini(struct tl_flow_writer *w);

/* The callback of a flow table; `writer` is a struct tl_flow_writer. */
void tl_flow_writer_emit(void *writer, enum tl_flow_kind kind, const struct tl_flow *flow,
			 enum tl_end_reason reason, uint64_t now_ns);

/* Room for one event of another kind, pushing a full batch first. 0: no memory, the event is lost.
 */
uint8_t *tl_flow_writer_reserve(struct tl_flow_writer *w, uint32_t len);
void tl_flow_writer_commit(struct tl_flow_writer *w, unsigned int shape, uint32_t len);

/*
 * Pushes what is encoded. Full batches are pushed as they fill; the caller
 * calls this when its input is idle, 0.5 ms after a flow_start waits, or
 * after 10 ms (tl_flow_writer_flush_due). 0 or -EPIPE.
 */
int tl_flow_writer_flush(struct tl_flow_writer *w);

/* Monotonic time by which to flush; UINT64_MAX when nothing waits. */
uint64_t tl_flow_writer_flush_due(const struct tl_flow_writer *w);

#endif
