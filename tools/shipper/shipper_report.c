/* SPDX-License-Identifier: BSD-2-Clause */
/* What shipper reports to capmetrics. */
#include "shipper_private.h"

/* Rows of `table`, in its order. */
enum row {
	ASSIGNED_EVENTS,
	SAFE_EVENTS,
	HELD_EVENTS,
	LOST_EVENTS,
	HELD_BATCHES,
	HELD_BYTES,
	DELIVERED_BATCHES,
	DELIVERED_EVENTS,
	DELIVERED_BYTES,
	TRIES,
	RETRIES,
	REFUSED_TRIES,
	FORBIDDEN_TRIES,
	SPLITS,
	SINK_UP,
	SPOOL_UTILIZATION,
	RECEIVED_BATCHES,
	RECEIVED_EVENTS,
	REFUSED_BATCHES,
	MALFORMED_EVENTS,
	DUPLICATE_EVENTS,
	MISSING_EVENTS,
	STREAMS,
	FULL_TIMES,
	SKIPPED_BYTES,
	TRUNCATED_BATCHES,
	REFUSED_PEERS,
	ROWS,
};

static const struct tl_metric table[] = {
	TL_COUNTER("assigned_events", "events", "Events given to a sink, and found in its spool",
		   "sink"),
	TL_COUNTER("safe_events", "events", "Events that a sink has", "sink"),
	TL_GAUGE("held_events", "events", "Events that wait for a sink", "sink"),
	TL_COUNTER("lost_events", "events", "Events declared lost to a sink", "sink", "reason"),
	TL_GAUGE("held_batches", "batches", "Batches that wait for a sink", "sink"),
	TL_GAUGE("held_bytes", "bytes", "Bytes that wait for a sink", "sink"),
	TL_COUNTER("delivered_batches", "batches", "Batches that a sink took, parts too", "sink"),
	TL_COUNTER("delivered_events", "events", "Events that a sink took", "sink"),
	TL_COUNTER("delivered_bytes", "bytes", "Bytes that a sink took", "sink"),
	TL_COUNTER("tried_batches", "batches", "Batches handed to a sink, again included", "sink"),
	TL_COUNTER("retried_batches", "batches", "Batches handed to a sink again", "sink"),
	TL_COUNTER("sink_refusals", "refusals", "Batches that a sink refused", "sink"),
	TL_COUNTER("forbidden_refusals", "refusals", "Refusals of our credentials", "sink"),
	TL_COUNTER("split_batches", "batches", "Batches cut in two, too big for a sink", "sink"),
	TL_GAUGE("sink_up", "", "1 when the sink takes what it is given", "sink"),
	TL_GAUGE("spool_utilization_ratio", "ratio", "Of the quota of a sink, what waits for it",
		 "sink"),
	TL_COUNTER("received_batches", "batches", "Valid batches that came in"),
	TL_COUNTER("received_events", "events", "Events in them"),
	TL_COUNTER("refused_batches", "batches", "Batches that were not taken", "reason"),
	TL_COUNTER("malformed_events", "events", "Events of malformed batches, declared lost"),
	TL_COUNTER("duplicate_events", "events", "Events that came twice, dropped"),
	TL_COUNTER("missing_events", "events", "Events lost on the way here for good"),
	TL_GAUGE("known_streams", "streams", "Streams that are remembered"),
	TL_COUNTER("full_stops", "stops",
		   "Times that there was no room, and producers had to wait"),
	TL_COUNTER("skipped_bytes", "bytes", "Bytes in the input that were no batch"),
	TL_COUNTER("truncated_batches", "batches", "The input ended inside"),
	TL_COUNTER("refused_peers", "peers", "Users turned away, that may not dial"),
};

_Static_assert(sizeof(table) / sizeof(table[0]) == ROWS, "a row for each");

static void gather_store(const struct shipper *s, struct tl_metrics *m, unsigned int index)
{
	struct store_counts c = store_counts(s->store, index);
	const char *const *sink = TL_LABELS(lane_name(s->lanes[index]));

	tl_metrics_add(m, ASSIGNED_EVENTS, c.given_events, sink);
	tl_metrics_add(m, SAFE_EVENTS, c.safe_events, sink);
	tl_metrics_add(m, HELD_EVENTS, c.waiting_events, sink);
	tl_metrics_add(m, LOST_EVENTS, c.dropped_events, TL_LABELS(sink[0], "quota"));
	tl_metrics_add(m, LOST_EVENTS, c.rejected_events, TL_LABELS(sink[0], "rejected"));
	tl_metrics_add(m, LOST_EVENTS, c.bad_events, TL_LABELS(sink[0], "unreadable"));
	tl_metrics_add(m, HELD_BATCHES, c.waiting_batches, sink);
	tl_metrics_add(m, HELD_BYTES, c.waiting_bytes, sink);
	if (s->quota > 0) {
		double share = (double)c.waiting_bytes / (double)s->quota;
		tl_metrics_add_real(m, SPOOL_UTILIZATION, share, sink);
	}
}

static void gather_lane(const struct shipper *s, struct tl_metrics *m, unsigned int index)
{
	struct lane_counts c = lane_counts(s->lanes[index]);
	const char *const *sink = TL_LABELS(lane_name(s->lanes[index]));

	tl_metrics_add(m, DELIVERED_BATCHES, c.batches, sink);
	tl_metrics_add(m, DELIVERED_EVENTS, c.events, sink);
	tl_metrics_add(m, DELIVERED_BYTES, c.bytes, sink);
	tl_metrics_add(m, TRIES, c.sent, sink);
	tl_metrics_add(m, RETRIES, c.retries, sink);
	tl_metrics_add(m, REFUSED_TRIES, c.refused, sink);
	tl_metrics_add(m, FORBIDDEN_TRIES, c.forbidden, sink);
	tl_metrics_add(m, SPLITS, c.splits, sink);
	tl_metrics_add(m, SINK_UP, c.down_since_ns == 0 && !c.gone, sink);
}

static void gather_input(const struct shipper *s, struct tl_metrics *m)
{
	struct inlet_counts c = inlet_counts(s->inlet);
	struct tl_intake_counts i = tl_intake_counts(s->intake);
	struct tl_hop_counts in = tl_hop_in_counts(s->in);

	tl_metrics_add(m, RECEIVED_BATCHES, c.batches, 0);
	tl_metrics_add(m, RECEIVED_EVENTS, c.events, 0);
	tl_metrics_add(m, REFUSED_BATCHES, i.refused_batches, TL_LABELS("gap"));
	tl_metrics_add(m, REFUSED_BATCHES, c.malformed, TL_LABELS("malformed"));
	tl_metrics_add(m, REFUSED_BATCHES, c.unreadable, TL_LABELS("unreadable"));
	tl_metrics_add(m, MALFORMED_EVENTS, c.malformed_events, 0);
	tl_metrics_add(m, DUPLICATE_EVENTS, i.duplicate_events, 0);
	tl_metrics_add(m, MISSING_EVENTS, i.missing_events, 0);
	tl_metrics_add(m, STREAMS, i.streams, 0);
	tl_metrics_add(m, FULL_TIMES, c.full, 0);
	tl_metrics_add(m, SKIPPED_BYTES, in.skipped_bytes, 0);
	tl_metrics_add(m, TRUNCATED_BATCHES, in.truncated_batches, 0);
	tl_metrics_add(m, REFUSED_PEERS, in.refused_peers, 0);
}

static void gather(void *context, struct tl_metrics *m)
{
	const struct shipper *s = context;

	for (unsigned int i = 0; i < s->sink_count; i++) {
		gather_store(s, m, i);
		gather_lane(s, m, i);
	}
	gather_input(s, m);
}

int shipper_open_metrics(struct shipper *s)
{
	const struct tl_metrics_config config = {
		.url = s->options->stats_url,
		.insecure = s->options->insecure,
		.tool = "shipper",
		.place = s->options->input,
		.table = table,
		.table_count = ROWS,
		.gather = gather,
		.context = s,
	};

	return tl_metrics_open(&s->metrics, &config);
}

int shipper_print_metrics(void)
{
	return tl_metrics_print_table(table, ROWS);
}
