/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Joining consecutive runs of one stream into one batch, by concatenating
 * their events. Two runs join when the second begins where the first ends
 * (B.after = B.first = A.first + A.count), source, host and iface agree, equal
 * shape ids have byte-equal definitions, and neither has unknown keys. Numbers
 * never change. A single run leaves as the message it came in.
 * A join belongs to one thread. Nothing logs.
 */
#ifndef TL_JOIN_H
#define TL_JOIN_H

#include "batch.h"

struct tl_join;

int tl_join_create(struct tl_join **out);
/* Frees what it still holds. */
void tl_join_destroy(struct tl_join *join);

/*
 * Adds a valid batch: `batch` was read from `msg` by `reader` just now.
 * True: taken over. False: it does not join what is held, would make more
 * than `limit` bytes of it, or there is no memory; `msg` stays the caller's. An
 * empty join takes any batch, of any size.
 */
bool tl_join_add(struct tl_join *join, struct tl_msg *msg, const struct tl_batch *batch,
		 const struct tl_wire_reader *reader, uint32_t limit);

uint32_t tl_join_count(const struct tl_join *join); /* events held */
bool tl_join_is_empty(const struct tl_join *join);
const uint8_t *tl_join_stream(const struct tl_join *join); /* of what is held */

/*
 * What is held as one message; the join is empty again. -ENOMEM: it could not
 * be made, and what was held stays.
 */
int tl_join_take(struct tl_join *join, struct tl_msg **out);

#endif
