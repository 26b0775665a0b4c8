/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every tool that counts packets tells capmetrics, for each interface or
 * file: the terms of received = sum of the classes, drops beside it, and the
 * flow table. Rows follow those of the outbox (outbox_metrics.h).
 */
#ifndef TL_CAPTURE_METRICS_H
#define TL_CAPTURE_METRICS_H

#include "event.h"
#include "flowtab.h"
#include "outbox_metrics.h"

enum tl_capture_metric {
	TL_CAPTURE_PACKETS = TL_OUTBOX_METRICS,
	TL_CAPTURE_BYTES,
	TL_CAPTURE_CLASS_PACKETS,
	TL_CAPTURE_CLASS_BYTES,
	TL_CAPTURE_SKBS,
	TL_CAPTURE_DROPPED_SKBS,
	TL_CAPTURE_LOST_HINTS,
	TL_CAPTURE_RESIDUAL_PACKETS,
	TL_CAPTURE_RESIDUAL_BYTES,
	TL_CAPTURE_LOST_IN_CRASH,
	TL_CAPTURE_RING_UTILIZATION,
	TL_CAPTURE_ACTIVE_FLOWS,
	TL_CAPTURE_STARTED_FLOWS,
	TL_CAPTURE_EVICTED_FLOWS,
	TL_CAPTURE_FEATURES,
	TL_CAPTURE_EARLY_FEATURES,
	TL_CAPTURE_UNBUFFERED_FEATURES,
	TL_CAPTURE_MALFORMED_FEATURES,
	TL_CAPTURE_UNORDERED_FEATURES,
	TL_CAPTURE_METRICS,
};

/* The table of a capture tool, which has no rows but these and those of the outbox. */
extern const struct tl_metric tl_capture_metrics[TL_CAPTURE_METRICS];

/* From gather. `iface` is also the name of a file. */
void tl_capture_metrics_add(struct tl_metrics *metrics, const char *iface,
			    const struct tl_capture_stats *stats,
			    const struct tl_flowtab_counts *flows);

#endif
