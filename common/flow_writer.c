/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow_writer.h"

#include <errno.h>

#include "clock.h"

#define START_WAITS_NS (TL_MS_NS / 2)
#define EVENT_WAITS_NS (10 * TL_MS_NS)

int tl_flow_writer_init(struct tl_flow_writer *w, struct tl_stream *stream, bool community_id)
{
	const struct tl_shapes *shapes = tl_event_shapes();

	*w = (struct tl_flow_writer){
		.stream = stream, .flush_due_ns = UINT64_MAX, .community_id = community_id};
	if (!shapes) {
		return -ENOMEM;
	}
	tl_batch_init(&w->batch, shapes);
	return 0;
}

void tl_flow_writer_fini(struct tl_flow_writer *w)
{
	tl_batch_fini(&w->batch);
}

int tl_flow_writer_flush(struct tl_flow_writer *w)
{
	w->flush_due_ns = UINT64_MAX;
	w->start_waits = false;
	int err = tl_stream_push(w->stream, &w->batch, false);
	if (err < 0) {
		w->error = err;
	}
	return w->error == -EPIPE ? -EPIPE : 0;
}

uint64_t tl_flow_writer_flush_due(const struct tl_flow_writer *w)
{
	return w->flush_due_ns;
}

uint8_t *tl_flow_writer_reserve(struct tl_flow_writer *w, uint32_t len)
{
	uint8_t *p = tl_batch_reserve(&w->batch, len);

	if (!p && w->batch.count > 0) {
		tl_flow_writer_flush(w);
		p = tl_batch_reserve(&w->batch, len);
	}
	if (!p) {
		tl_stream_lose(w->stream, 1);
	}
	return p;
}

/* The clock is read twice a batch at most: at its first event and at its first flow_start. */
static void note_waiting(struct tl_flow_writer *w, bool start)
{
	if (w->flush_due_ns == UINT64_MAX) {
		w->flush_due_ns = tl_clock_mono_ns() + EVENT_WAITS_NS;
	}
	if (start && !w->start_waits) {
		uint64_t due = tl_clock_mono_ns() + START_WAITS_NS;
		w->start_waits = true;
		w->flush_due_ns = due < w->flush_due_ns ? due : w->flush_due_ns;
	}
}

void tl_flow_writer_commit(struct tl_flow_writer *w, unsigned int shape, uint32_t len)
{
	tl_batch_commit(&w->batch, shape, len);
	note_waiting(w, false);
}

void tl_flow_writer_emit(void *writer, enum tl_flow_kind kind, const struct tl_flow *flow,
			 enum tl_end_reason reason, uint64_t now_ns)
{
	struct tl_flow_writer *w = writer;
	uint8_t *p = tl_flow_writer_reserve(w, TL_FLOW_EVENT_MAX);
	unsigned int shape;

	if (p) {
		uint32_t len = tl_flow_event_encode(p, flow, kind, reason, now_ns, &shape);
		if (w->community_id) {
			len = tl_event_add_community_id(p, len, &flow->key, &shape);
		}
		tl_batch_commit(&w->batch, shape, len);
		note_waiting(w, kind == TL_FLOW_START);
	}
}
