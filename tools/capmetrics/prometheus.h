/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /metrics: what the ledger holds, as Prometheus text 0.0.4 and as OpenMetrics
 * 1.0 (prometheus.io/docs/instrumenting/exposition_formats,
 * github.com/OpenObservability/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md).
 *
 * Each metric of a tool is a family tapline_NAME, a counter's samples end in
 * _total. Labels: tool, instance (host:place; a scrape needs honor_labels),
 * engine and mode of capture tools, then the metric's own. Beside them are
 * families of capmetrics: tapline_up, _process_*, _restarts, _book_*, ... . Pure.
 */
#ifndef CAPMETRICS_PROMETHEUS_H
#define CAPMETRICS_PROMETHEUS_H

#include "ledger.h"
#include "text.h"

enum prometheus_format { PROMETHEUS_TEXT, PROMETHEUS_OPENMETRICS };

/* What the Content-Type header says. */
const char *prometheus_content_type(enum prometheus_format format);

/* By an Accept header (0 = none): OpenMetrics when it is asked for at least as much as text. */
enum prometheus_format prometheus_choose(const char *accept);

/* Appends all. 0 or -ENOMEM. */
int prometheus_write(struct tl_textbuf *out, const struct ledger *ledger,
		     enum prometheus_format format);

/* The families of capmetrics itself, as tl_metrics_print_table. 0 or -errno. */
int prometheus_print_table(void);

#endif
