/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way out as msgpack: batches passed on as they are, or single events,
 * which become new streams: random ids, numbered from 0, one for each stream
 * they come from, with its source, host and iface. Logs.
 */
#ifndef EVCAT_RELAY_H
#define EVCAT_RELAY_H

#include "evcat.h"
#include "hop.h"
#include "wire.h"

struct relay;

/* 0; -EINVAL bad place; other -errno. After one line. */
int relay_open(struct relay **out, const char *place, const struct tl_hop_config *hop);

/* All return enum evcat_step or -errno. */

/* Sends a batch of that many events as it is; *msg is taken over and set to 0. */
int relay_pass(struct relay *relay, struct tl_msg **msg, uint32_t events);

/* The next events are of this batch (or, from JSON, of a stream of that id). */
int relay_begin(struct relay *relay, const struct tl_batch_head *head);
int relay_event(struct relay *relay, const struct tl_event *event);

/* The stream of relay_begin ends here. */
int relay_end(struct relay *relay);

/* Sends what is held. */
int relay_flush(struct relay *relay);

/* True when all that was flushed before `mark`, an earlier relay_mark, has arrived. */
bool relay_is_settled(struct relay *relay, uint64_t mark);
uint64_t relay_mark(struct relay *relay);

/* Ends all streams, waits for the last message to leave. 0, or -errno when events were lost. */
int relay_close(struct relay *relay);

#endif
