/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /capture/metrics: one JSON object.
 *
 *   time, healthy, ready, reasons [{code, text}]
 *   engine, mode, ifaces, running: the capture tool that runs, or ran last (null without any)
 *   packets_processed, events_emitted, bytes_processed, dropped (skbs that it
 *   did not get to see), events_lost, ring_utilization, cpu_percent: of its
 *   instances, added (ring_utilization: the highest)
 *   books {balanced, engines [...], hops [...]}: the equations of books.h
 *   sources {ladder, flows, events, capabilities}: true for what /ladder, /flows/top, /events and
 *   /capabilities have; the others are 404
 *   tools [{tool, instance, host, place, state, run, ..., metrics [{name, unit, type, labels,
 * value}]}] intake: what capmetrics could not take
 *
 * Counters are those of all runs, as in /metrics, books those of the run. Pure.
 */
#ifndef CAPMETRICS_REPORT_H
#define CAPMETRICS_REPORT_H

#include "health.h"

/* What there is beside the counters. */
struct report_sources {
	bool ladder;
	bool flows;
	bool events;
	bool capabilities;
};

/* Appends it. `wall_ns`: since the epoch. After ledger_advance. 0 or -ENOMEM. */
int report_write(struct tl_textbuf *out, const struct ledger *ledger, const struct health *health,
		 struct report_sources sources, uint64_t wall_ns, uint64_t now_ns);

/* The instance of the engine that runs, else ran last; 0 = none. */
const struct ledger_instance *report_engine(const struct ledger *ledger);

#endif
