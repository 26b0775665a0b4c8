/* SPDX-License-Identifier: BSD-2-Clause */
#include "tell.h"

/* Rows of `table`, in its order. */
enum row {
	STORED_DELIVERIES,
	FAILED_DELIVERIES,
	STORED_EVENTS,
	DUPLICATE_EVENTS,
	STORED_BYTES,
	BEGUN_SEGMENTS,
	SYNCS,
	HELD_BYTES,
	REQUESTS,
	REFUSED_REQUESTS,
	OPEN_CONNECTIONS,
	KNOWN_STREAMS,
	KNOWN_RANGES,
	FORGOTTEN_RANGES,
	ROWS,
};

static const struct tl_metric table[] = {
	TL_COUNTER("stored_deliveries", "deliveries", "Requests whose batches were stored"),
	TL_COUNTER("failed_deliveries", "deliveries", "Requests that could not be stored"),
	TL_COUNTER("stored_events", "events", "Events stored, each once"),
	TL_COUNTER("duplicate_events", "events", "Events that were there, dropped"),
	TL_COUNTER("stored_bytes", "bytes", "Bytes of segments, as written"),
	TL_COUNTER("begun_segments", "segments", "Segment files begun"),
	TL_COUNTER("syncs", "", "Times that the output was made durable"),
	TL_GAUGE("held_bytes", "bytes", "Bytes of requests that are not answered yet"),
	TL_COUNTER("requests", "", "HTTP requests"),
	TL_COUNTER("refused_requests", "requests", "Requests that were not taken", "reason"),
	TL_GAUGE("open_connections", "connections", "HTTP connections"),
	TL_GAUGE("known_streams", "streams", "Streams of which is known what was stored"),
	TL_GAUGE("known_ranges", "ranges", "Ranges of numbers that this takes"),
	TL_COUNTER("forgotten_ranges", "ranges", "Ranges that were let go to save memory"),
};

_Static_assert(sizeof(table) / sizeof(table[0]) == ROWS, "a row for each");

static void gather_requests(const struct server *server, struct tl_metrics *m)
{
	const struct server_counts *c = &server->counts;

	tl_metrics_add(m, REQUESTS, c->requests, 0);
	tl_metrics_add(m, REFUSED_REQUESTS, c->unauthorized, TL_LABELS("unauthorized"));
	tl_metrics_add(m, REFUSED_REQUESTS, c->malformed, TL_LABELS("malformed"));
	tl_metrics_add(m, REFUSED_REQUESTS, c->too_big, TL_LABELS("too_big"));
	tl_metrics_add(m, REFUSED_REQUESTS, c->busy, TL_LABELS("busy"));
	tl_metrics_add(m, REFUSED_REQUESTS, c->other, TL_LABELS("other"));
	tl_metrics_add(m, REFUSED_REQUESTS, server->config.http->visitors.cut_off,
		       TL_LABELS("too_slow"));
	tl_metrics_add(m, OPEN_CONNECTIONS, server->config.http->visitors.count, 0);
	tl_metrics_add(m, HELD_BYTES, server->held_bytes, 0);
}

static void gather(void *context, struct tl_metrics *m)
{
	const struct tell *t = context;
	struct writer_counts c = writer_counts(t->writer);

	tl_metrics_add(m, STORED_DELIVERIES, c.deliveries, 0);
	tl_metrics_add(m, FAILED_DELIVERIES, c.failed, 0);
	tl_metrics_add(m, STORED_EVENTS, c.events, 0);
	tl_metrics_add(m, DUPLICATE_EVENTS, c.duplicates, 0);
	tl_metrics_add(m, STORED_BYTES, c.output.bytes, 0);
	tl_metrics_add(m, BEGUN_SEGMENTS, c.output.files, 0);
	tl_metrics_add(m, SYNCS, c.syncs, 0);
	tl_metrics_add(m, KNOWN_STREAMS, c.dedup.streams, 0);
	tl_metrics_add(m, KNOWN_RANGES, c.dedup.ranges, 0);
	tl_metrics_add(m, FORGOTTEN_RANGES, c.dedup.forgotten_ranges, 0);
	gather_requests(t->server, m);
}

int tell_open(struct tl_metrics **out, struct tell *tell, const char *url, const char *place)
{
	const struct tl_metrics_config config = {
		.url = url,
		.tool = "receiver",
		.place = place,
		.table = table,
		.table_count = ROWS,
		.gather = gather,
		.context = tell,
	};

	return tl_metrics_open(out, &config);
}

int tell_print_table(void)
{
	return tl_metrics_print_table(table, ROWS);
}
