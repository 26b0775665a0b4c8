/* SPDX-License-Identifier: BSD-2-Clause */
#include "self.h"

#include <assert.h>
#include <stdio.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "prometheus.h"

static const struct tl_metric table[] = {
	{"malformed_reports", "reports", TL_METRIC_COUNTER, "Reports of tools that are none", {0}},
	{"requests", "", TL_METRIC_COUNTER, "HTTP requests", {0}},
	{"refused_requests",
	 "requests",
	 TL_METRIC_COUNTER,
	 "HTTP requests that were not answered with "
	 "what they asked for",
	 {"reason"}},
	{"open_connections", "connections", TL_METRIC_GAUGE, "HTTP connections", {0}},
	{"event_clients", "clients", TL_METRIC_GAUGE, "Clients of /events", {0}},
	{"missed_events",
	 "events",
	 TL_METRIC_COUNTER,
	 "Events that slow clients of /events did not get",
	 {0}},
	{"oversize_events",
	 "events",
	 TL_METRIC_COUNTER,
	 "Events that were too long to be shown",
	 {0}},
	{"received_events", "events", TL_METRIC_COUNTER, "Events that came in at -I", {0}},
	{"duplicate_events", "events", TL_METRIC_COUNTER, "Events of them that came again", {0}},
	{"refused_batches", "batches", TL_METRIC_COUNTER, "Malformed or over a limit", {0}},
	{"skipped_bytes",
	 "bytes",
	 TL_METRIC_COUNTER,
	 "Bytes that were no report and no batch",
	 {0}},
	{"refused_peers", "peers", TL_METRIC_COUNTER, "Connections of users who may not dial", {0}},
	{"known_flows", "flows", TL_METRIC_GAUGE, "Flows that /flows/top chooses from", {0}},
	{"unseen_flow_events",
	 "events",
	 TL_METRIC_COUNTER,
	 "Flow events of flows that found no room there",
	 {0}},
};

enum {
	MALFORMED_REPORTS,
	REQUESTS,
	REFUSED_REQUESTS,
	OPEN_CONNECTIONS,
	EVENT_CLIENTS,
	MISSED_EVENTS,
	OVERSIZE_EVENTS,
	RECEIVED_EVENTS,
	DUPLICATE_EVENTS,
	REFUSED_BATCHES,
	SKIPPED_BYTES,
	REFUSED_PEERS,
	KNOWN_FLOWS,
	UNSEEN_FLOW_EVENTS,
	ROWS,
};

static_assert(sizeof(table) / sizeof(table[0]) == ROWS, "one index for each row");

static void add_web(const struct self *s, struct tl_metrics *m)
{
	struct web_counts c = web_counts(s->web);

	tl_metrics_add(m, REQUESTS, c.requests, 0);
	tl_metrics_add(m, REFUSED_REQUESTS, c.unauthorized, TL_LABELS("unauthorized"));
	tl_metrics_add(m, REFUSED_REQUESTS, c.refused, TL_LABELS("bad"));
	tl_metrics_add(m, REFUSED_REQUESTS, c.busy, TL_LABELS("busy"));
	tl_metrics_add(m, REFUSED_REQUESTS, c.failed, TL_LABELS("failed"));
	tl_metrics_add(m, REFUSED_REQUESTS, c.too_slow, TL_LABELS("slow"));
	tl_metrics_add(m, REFUSED_REQUESTS, c.stalled, TL_LABELS("stalled"));
	tl_metrics_add(m, OPEN_CONNECTIONS, c.connections, 0);
}

static void add_events(const struct self *s, struct tl_metrics *m)
{
	struct news_counts n = news_counts(s->news);
	struct feed_counts f = s->feed ? feed_counts(s->feed) : (struct feed_counts){0};
	struct inbox_counts in = inbox_counts(s->inbox);

	tl_metrics_add(m, MALFORMED_REPORTS, in.malformed, 0);
	tl_metrics_add(m, EVENT_CLIENTS, n.readers, 0);
	tl_metrics_add(m, MISSED_EVENTS, n.missed, 0);
	tl_metrics_add(m, OVERSIZE_EVENTS, n.too_long, 0);
	tl_metrics_add(m, RECEIVED_EVENTS, f.events, 0);
	tl_metrics_add(m, DUPLICATE_EVENTS, f.duplicate_events, 0);
	tl_metrics_add(m, REFUSED_BATCHES, f.refused_batches, 0);
	tl_metrics_add(m, SKIPPED_BYTES, in.skipped_bytes + f.skipped_bytes, 0);
	tl_metrics_add(m, REFUSED_PEERS, in.refused_peers + f.refused_peers, 0);
	tl_metrics_add(m, KNOWN_FLOWS, s->feed ? tl_flows_known(feed_flows(s->feed)) : 0, 0);
	tl_metrics_add(m, UNSEEN_FLOW_EVENTS, s->feed ? tl_flows_unseen(feed_flows(s->feed)) : 0,
		       0);
}

static void gather(void *context, struct tl_metrics *m)
{
	add_web(context, m);
	add_events(context, m);
}

static void deliver(void *context, const uint8_t *report, size_t len)
{
	const struct self *s = context;

	inbox_take(s->inbox, report, len, tl_clock_mono_ns());
}

int self_open(struct self *s)
{
	const struct tl_metrics_config config = {
		.deliver = deliver,
		.tool = "capmetrics",
		.place = s->place,
		.table = table,
		.table_count = ROWS,
		.gather = gather,
		.context = s,
	};

	return tl_metrics_open(&s->metrics, &config);
}

void self_close(struct self *s)
{
	tl_metrics_close(s->metrics);
	s->metrics = 0;
}

int self_print_table(void)
{
	int err = tl_metrics_print_table(table, ROWS);

	printf("\nOf each tool, and of what was not taken, in `/metrics` alone:\n\n");
	return err == 0 ? prometheus_print_table() : err;
}

void self_log(const struct self *s)
{
	struct inbox_counts in = inbox_counts(s->inbox);
	struct web_counts w = web_counts(s->web);
	struct news_counts n = news_counts(s->news);

	tl_log_note("%llu reports of %u tools, %llu malformed; %llu requests, refused: %llu "
		    "unauthorized, %llu bad, %llu busy, %llu failed; cut off: %llu slow, %llu "
		    "stalled",
		    (unsigned long long)in.reports, s->ledger->instance_count,
		    (unsigned long long)in.malformed, (unsigned long long)w.requests,
		    (unsigned long long)w.unauthorized, (unsigned long long)w.refused,
		    (unsigned long long)w.busy, (unsigned long long)w.failed,
		    (unsigned long long)w.too_slow, (unsigned long long)w.stalled);
	if (s->feed) {
		struct feed_counts f = feed_counts(s->feed);
		tl_log_note("%llu batches and %llu events in, refused %llu batches, skipped %llu "
			    "bytes; clients of /events: %u, missed %llu events",
			    (unsigned long long)f.batches, (unsigned long long)f.events,
			    (unsigned long long)f.refused_batches,
			    (unsigned long long)f.skipped_bytes, n.readers,
			    (unsigned long long)n.missed);
	}
}
