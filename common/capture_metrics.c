/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture_metrics.h"

static const char *const class_names[TL_CLASS_COUNT] = {
	[TL_CLASS_FLOW] = "flow",
	[TL_CLASS_COARSE] = "coarse",
	[TL_CLASS_UNATTRIBUTED] = "unattributed",
	[TL_CLASS_ARP] = "arp",
	[TL_CLASS_OTHER_L3] = "other_l3",
	[TL_CLASS_MALFORMED_L2] = "malformed_l2",
	[TL_CLASS_MALFORMED_L3] = "malformed_l3",
	[TL_CLASS_FILTERED] = "filtered",
};

const struct tl_metric tl_capture_metrics[TL_CAPTURE_METRICS] = {
	TL_OUTBOX_METRIC_ROWS,
	TL_COUNTER("received_packets", "packets", "Packets on the wire, of all classes", "iface"),
	TL_COUNTER("received_bytes", "bytes", "Bytes of them, without FCS", "iface"),
	TL_COUNTER("class_packets", "packets", "Packets by what became of them", "iface", "class"),
	TL_COUNTER("class_bytes", "bytes", "Bytes by what became of them", "iface", "class"),
	TL_COUNTER("received_skbs", "skbs", "Packets as the engine got them, merged ones as one",
		   "iface"),
	TL_COUNTER("dropped_skbs", "skbs", "Packets that the engine did not get to see", "iface",
		   "reason"),
	TL_COUNTER("lost_hints", "hints",
		   "Hints of new flows that found no room: their flow_start comes late", "iface"),
	TL_GAUGE("residual_packets", "packets", "What the engine's own equation leaves over",
		 "iface"),
	TL_GAUGE("residual_bytes", "bytes", "What the engine's own equation leaves over", "iface"),
	TL_COUNTER("lost_in_crash_packets", "packets",
		   "Packets that a killed run had counted and not told", "iface"),
	TL_GAUGE("ring_utilization_ratio", "ratio", "Of the ring, the highest in this second",
		 "iface"),
	TL_GAUGE("active_flows", "flows", "Flows in the table", "iface"),
	TL_COUNTER("started_flows", "flows", "Flows that began", "iface"),
	TL_COUNTER("evicted_flows", "flows", "Flows ended early, for the table was full", "iface"),
	TL_COUNTER("feature_events", "events", "flow_features events (--features)", "iface"),
	TL_COUNTER("feature_early_flows", "flows",
		   "Flows told of early and not to their end: newer ones took their place",
		   "iface"),
	TL_COUNTER("feature_unbuffered_messages", "messages",
		   "Messages in pieces given up: newer ones needed their buffers", "iface"),
	TL_COUNTER("feature_malformed_messages", "messages", "Messages that contradict themselves",
		   "iface"),
	TL_COUNTER("feature_unordered_packets", "packets",
		   "TCP packets whose payload does not follow on the one before", "iface"),
};

static void add_classes(struct tl_metrics *m, const char *iface,
			const struct tl_capture_stats *stats)
{
	for (unsigned int i = 0; i < TL_CLASS_COUNT; i++) {
		const char *const *labels = TL_LABELS(iface, class_names[i]);
		tl_metrics_add(m, TL_CAPTURE_CLASS_PACKETS, stats->class_packets[i], labels);
		tl_metrics_add(m, TL_CAPTURE_CLASS_BYTES, stats->class_bytes[i], labels);
	}
}

static void add_features(struct tl_metrics *m, const char *const *labels,
			 const struct tl_capture_features *features)
{
	tl_metrics_add(m, TL_CAPTURE_FEATURES, features->told, labels);
	tl_metrics_add(m, TL_CAPTURE_EARLY_FEATURES, features->early, labels);
	tl_metrics_add(m, TL_CAPTURE_UNBUFFERED_FEATURES, features->no_buffer, labels);
	tl_metrics_add(m, TL_CAPTURE_MALFORMED_FEATURES, features->malformed, labels);
	tl_metrics_add(m, TL_CAPTURE_UNORDERED_FEATURES, features->out_of_order, labels);
}

void tl_capture_metrics_add(struct tl_metrics *m, const char *iface,
			    const struct tl_capture_stats *stats,
			    const struct tl_flowtab_counts *flows)
{
	const char *const *labels = TL_LABELS(iface);

	tl_metrics_add(m, TL_CAPTURE_PACKETS, stats->packets, labels);
	tl_metrics_add(m, TL_CAPTURE_BYTES, stats->bytes, labels);
	add_classes(m, iface, stats);
	tl_metrics_add(m, TL_CAPTURE_SKBS, stats->skbs, labels);
	tl_metrics_add(m, TL_CAPTURE_DROPPED_SKBS, stats->kernel_drops, TL_LABELS(iface, "kernel"));
	tl_metrics_add(m, TL_CAPTURE_LOST_HINTS, stats->ring_drops, labels);
	tl_metrics_add_int(m, TL_CAPTURE_RESIDUAL_PACKETS, stats->residual_packets, labels);
	tl_metrics_add_int(m, TL_CAPTURE_RESIDUAL_BYTES, stats->residual_bytes, labels);
	tl_metrics_add(m, TL_CAPTURE_LOST_IN_CRASH, stats->lost_in_crash, labels);
	tl_metrics_add_real(m, TL_CAPTURE_RING_UTILIZATION, stats->ring_utilization, labels);
	tl_metrics_add(m, TL_CAPTURE_ACTIVE_FLOWS, flows->active, labels);
	tl_metrics_add(m, TL_CAPTURE_STARTED_FLOWS, flows->started, labels);
	tl_metrics_add(m, TL_CAPTURE_EVICTED_FLOWS, flows->evicted, labels);
	add_features(m, labels, &stats->features);
}
