/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Acknowledging what comes over a URL: which batches are new, and what is told
 * to the producers. Files and pipes need none of it: then every batch is taken
 * as it is. Logs what got lost on the way.
 */
#ifndef EVCAT_ACCEPT_H
#define EVCAT_ACCEPT_H

#include "evcat.h"
#include "hop.h"
#include "wire.h"

struct accept;

/* For a place that is open. 0 or -errno. */
int accept_create(struct accept **out, struct tl_hop_in *hop);
void accept_destroy(struct accept *accept);

/*
 * True when there is something new in the batch that `reader` read from *msg:
 * *batch, and *msg with it, is then what is to be taken, the rest of a run that
 * overlaps. False: a duplicate, or it comes again.
 */
bool accept_batch(struct accept *accept, struct tl_wire_reader *reader, struct tl_msg **msg,
		  struct tl_batch *batch);

/*
 * A batch that is not valid, of which the stream and numbers could be read, will not be better
 * when it is sent again: it counts as taken, unless something before it is missing.
 */
void accept_refused(struct accept *accept, const struct tl_batch_head *head, uint32_t count);

/* The batch was taken. */
void accept_took(struct accept *accept, const struct tl_batch_head *head, uint32_t count);

/* What was taken before this is what accept_tell's `settled` is about. */
void accept_mark(struct accept *accept);

/* Tells the producers, when it is time. `settled`: all that was taken before the mark is written.
 */
void accept_tell(struct accept *accept, bool settled);

/* True when accept_tell wants to be called with what is settled by now. */
bool accept_is_due(const struct accept *accept);

/* Numbers that got lost on the way for good. */
uint64_t accept_missing(const struct accept *accept);

#endif
