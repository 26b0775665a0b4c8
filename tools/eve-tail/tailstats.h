/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What eve-tail says of itself: tail_stats events in a stream of this run's own
 * (the entities are in tapline-wire(5)), one line on stderr, and reports to capmetrics.
 */
#ifndef EVE_TAIL_TAILSTATS_H
#define EVE_TAIL_TAILSTATS_H

#include <stdbool.h>

#include "eve.h"
#include "outbox.h"
#include "tail.h"

struct tailstats;

/* All borrowed; `places` is what the stream says as iface. Destroy it after the outbox is
   closed. 0 or -errno. */
int tailstats_create(struct tailstats **out, struct tail *tail, const struct eve *eve,
		     struct tl_outbox *outbox, const char *places);
void tailstats_destroy(struct tailstats *stats);

/* Sends an event; `closing`: the last of the stream. 0 or -errno, as tl_stream_push. */
int tailstats_send(struct tailstats *stats, bool closing);

/* Reports to capmetrics at `url` (0: to nobody) from now on, by tailstats_tick. 0 or -errno. */
int tailstats_report(struct tailstats *stats, const char *url, bool insecure, const char *place);
void tailstats_tick(struct tailstats *stats);
/* The last report. The outbox is closed, and that was left in its counts. */
void tailstats_close(struct tailstats *stats, const struct tl_outbox_counts *counts);

/* For --list-metrics. 0 or -EIO. */
int tailstats_print_table(void);

void tailstats_print(const struct tailstats *stats);

#endif
