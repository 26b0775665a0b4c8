/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is to be seen where:
 *
 *   /capture/metrics   JSON (report.h)
 *   /metrics	        Prometheus text or OpenMetrics, by Accept (prometheus.h)
 *   /healthz, /readyz  200 or 503 and why (health.h); without a token too
 *   /ladder	        ladder.json as capladder wrote it last; 404 when there is none
 *   /capabilities      of all engines (capabilities.h)
 *
 * One thread, that of the ledger. Nothing logs.
 */
#ifndef CAPMETRICS_PAGES_H
#define CAPMETRICS_PAGES_H

#include "health.h"
#include "web.h"

enum { PAGES_LADDER_MAX = 256 << 10 }; /* bytes of ladder.json that are shown */

struct pages {
	struct ledger *ledger;	  /* borrowed */
	const char *ladder_path;  /* 0 = none */
	const char *capabilities; /* JSON; 0 = none */
	size_t capabilities_len;
	struct health health; /* of the page at hand */
};

/* For web_config; the context is the pages. */
extern const struct web_page pages_table[];

#endif
