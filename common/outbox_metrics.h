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
	{"assigned_events", "events", TL_METRIC_COUNTER, "Numbers used up for events", {0}},       \
		{"safe_events",                                                                    \
		 "events",                                                                         \
		 TL_METRIC_COUNTER,                                                                \
		 "Events that are safe wherever they go, or were sent where nobody acknowledges",  \
		 {0}},                                                                             \
		{"held_events",                                                                    \
		 "events",                                                                         \
		 TL_METRIC_GAUGE,                                                                  \
		 "Events kept until they are safe",                                                \
		 {0}},                                                                             \
		{"lost_events",                                                                    \
		 "events",                                                                         \
		 TL_METRIC_COUNTER,                                                                \
		 "Events that were dropped, which their stream declares",                          \
		 {"reason"}},                                                                      \
		{"sent_batches",                                                                   \
		 "batches",                                                                        \
		 TL_METRIC_COUNTER,                                                                \
		 "Batches sent, to each place and again included",                                 \
		 {0}},                                                                             \
		{"sent_events",                                                                    \
		 "events",                                                                         \
		 TL_METRIC_COUNTER,                                                                \
		 "Events sent, to each place and again included",                                  \
		 {0}},                                                                             \
		{"sent_bytes",                                                                     \
		 "bytes",                                                                          \
		 TL_METRIC_COUNTER,                                                                \
		 "Bytes sent, to each place and again included",                                   \
		 {0}},                                                                             \
	{                                                                                          \
		"resent_batches", "batches", TL_METRIC_COUNTER,                                    \
			"Batches sent again, since they may not have arrived",                     \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

/* From gather. `waiting`: events that the tool took and did not put into the outbox yet. */
void tl_outbox_metrics_add(struct tl_metrics *metrics, const struct tl_outbox_counts *counts,
			   uint64_t waiting);

#endif
