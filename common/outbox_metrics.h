/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every tool with an outbox tells capmetrics of it: the terms of the
 * equation assigned = safe + held + lost, and how it was sent.
 *
 *	static const struct tl_metric table[] = {
 *		TL_OUTBOX_METRIC_ROWS,
 *		{"read_lines", ...},
 *	};
 *	enum { READ_LINES = TL_OUTBOX_METRICS };
 */
#ifndef TL_OUTBOX_METRICS_H
#define TL_OUTBOX_METRICS_H

#include "metrics.h"
#include "outbox.h"

enum tl_outbox_metric {
	TL_OUTBOX_ASSIGNED,
	TL_OUTBOX_SAFE,
	TL_OUTBOX_HELD,
	TL_OUTBOX_LOST,
	TL_OUTBOX_SENT_BATCHES,
	TL_OUTBOX_SENT_EVENTS,
	TL_OUTBOX_SENT_BYTES,
	TL_OUTBOX_RESENT_BATCHES,
	TL_OUTBOX_METRICS,
};

/* The first rows of a table. */
#define TL_OUTBOX_METRIC_ROWS                                                                      \
	TL_COUNTER("assigned_events", "events", "Numbers used up for events"),                     \
		TL_COUNTER("safe_events", "events",                                                \
			   "Events that are safe, or were sent where nobody acknowledges"),        \
		TL_GAUGE("held_events", "events", "Events kept until they are safe"),              \
		TL_COUNTER("lost_events", "events", "Events dropped, which their stream declares", \
			   "reason"),                                                              \
		TL_COUNTER("sent_batches", "batches",                                              \
			   "Batches sent, to each place and again included"),                      \
		TL_COUNTER("sent_events", "events",                                                \
			   "Events sent, to each place and again included"),                       \
		TL_COUNTER("sent_bytes", "bytes", "Bytes sent, to each place and again included"), \
		TL_COUNTER("resent_batches", "batches", "Batches sent again, in case")

/* From gather. `waiting`: events that the tool took and did not put into the outbox yet. */
void tl_outbox_metrics_add(struct tl_metrics *metrics, const struct tl_outbox_counts *counts,
			   uint64_t waiting);

#endif
