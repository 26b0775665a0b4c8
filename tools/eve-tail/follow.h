/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From lines to safe events: what the tail hands out goes into the stream of its
 * file, and what the consumer acknowledged goes back to the tail, file by file in
 * the order of the lines.
 *
 * A batch is sent when it is full, when another file has its turn, when no line
 * follows, but then not within 2 ms of the one before, and 10 ms after its first line.
 *
 * While the window of the outbox is full no line is taken, but files are looked after.
 *
 * One thread, but for what the outbox tells. Logs what made it stop.
 */
#ifndef EVE_TAIL_FOLLOW_H
#define EVE_TAIL_FOLLOW_H

#include <stdint.h>

#include "eve.h"
#include "outbox.h"
#include "tail.h"

struct follow;

/* All borrowed. Destroy it after the outbox is closed, and before the tail is. 0 or -ENOMEM. */
int follow_create(struct follow **out, struct tail *tail, struct eve *eve,
		  struct tl_outbox *outbox);
void follow_destroy(struct follow *follow);

/*
 * Waits for lines, at most so long, and passes on what came: 1 there was a line, 0 none. -ENOENT
 * all is read; -EINTR the service stops; -EPIPE the reader of our pipe has gone; other -errno.
 */
int follow_next(struct follow *follow, uint64_t timeout_ns);

/* Sends what waits. 0 or -errno, as follow_next. */
int follow_flush(struct follow *follow);

#endif
