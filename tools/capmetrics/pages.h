/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is to be seen where:
 *
 *   /capture/metrics   JSON (report.h)
 *   /metrics	        Prometheus text or OpenMetrics, by Accept (prometheus.h)
 *   /healthz, /readyz  200 or 503 and why (health.h); without a token too
 *   /ladder	        ladder.json as capladder wrote it last; 404 when there is none
 *   /capabilities      of all engines (capabilities.h)
 *   /flows/top         JSON: ?by=bytes|packets|rate, ?limit=1..128 (100)
 *   /events            server-sent events (news.h): each is an event as JSON in `data`;
 *                      ?types=NAME,... , ?after=ID or Last-Event-ID
 *   /events/recent     JSON: {last_id, left_out, events [...]}, oldest first; ?types=, ?limit=
 *
 * The last three are 404 without an event stream, 400 for a bad argument.
 *
 * One thread, that of the ledger. Nothing logs.
 */
#ifndef CAPMETRICS_PAGES_H
#define CAPMETRICS_PAGES_H

#include "feed.h"
#include "health.h"
#include "web.h"

enum { PAGES_LADDER_MAX = 256 << 10 }; /* bytes of ladder.json that are shown */

struct pages {
	struct ledger *ledger;	 /* borrowed */
	const char *ladder_path; /* 0 = the newest of those that capladder keeps by itself */
	struct news *news;
	const struct feed *feed;  /* 0 = no event stream */
	const char *capabilities; /* JSON; 0 = none */
	size_t capabilities_len;
	struct health health; /* of the page at hand */
};

/* For web_config; the context is the pages. */
extern const struct web_page pages_table[];

#endif
