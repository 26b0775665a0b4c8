/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Acks on their way through, from the places batches went to back to the
 * producers. Of several places a producer hears the minimum: it keeps what one
 * of them still lacks. Thread-safe. Nothing logs.
 */
#ifndef BATCHER_PASSBACK_H
#define BATCHER_PASSBACK_H

#include "hop.h"
#include "wire.h"

struct passback;

/* `in` is borrowed; `places` is how many there are. 0 or -errno. */
int passback_create(struct passback **out, struct tl_hop_in *in, unsigned int places);
void passback_destroy(struct passback *passback);

/* For tl_outbox_config: the context is the passback. */
void passback_acked(void *passback, unsigned int place, const struct tl_ack *acks, size_t count);

/* That place failed for good: the others go on, and producers hear of them alone. */
void passback_ended(void *passback, unsigned int place);

/* A batch of that stream passes: it is remembered before any ack of it comes. */
void passback_seen(struct passback *passback, const uint8_t stream[TL_WIRE_STREAM_LEN]);

/*
 * What was on its way to that place may be gone: producers are asked to go back
 * to what is known to be safe there.
 */
void passback_lost(void *passback, unsigned int place);

#endif
