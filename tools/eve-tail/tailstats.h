/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What eve-tail says of itself: tail_stats events in a stream of this run's own,
 * and one line on stderr. The entities are in tapline-wire(5).
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

void tailstats_print(const struct tailstats *stats);

#endif
