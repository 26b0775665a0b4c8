/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs of a stream made from other runs: a part of a batch, and a run of no
 * events that only declares a loss. Numbers never change. Nothing logs.
 */
#ifndef TL_RUN_H
#define TL_RUN_H

#include "batch.h"

/*
 * The number that follows a run, as acknowledgements count: the end of a
 * stream counts as one more event, so that its arrival can be told.
 */
static inline uint64_t tl_run_next(const struct tl_batch_head *head, uint32_t event_count)
{
	return head->first + event_count + (head->end ? 1 : 0);
}

/*
 * The events with numbers [from, to) of a batch that `reader` read just now, as
 * a batch of their own, with all its shapes. `from` and `to` are within the
 * batch. What the batch declares lost stays with its first event, `end` with
 * its last: a cut of no events has the loss when `from` is `first`, and `end`
 * when `to` is what follows the last. The result is laid out as
 * tl_batch_put_head does, so tl_wire_set_* work on it. 0, -ENOMEM, -EOPNOTSUPP
 * (keys we do not know cannot be divided, nor can what would grow beyond the
 * limit of a batch: that of a foreign writer with shorter numbers).
 */
int tl_run_cut(const struct tl_wire_reader *reader, const struct tl_batch *batch, uint64_t from,
	       uint64_t to, struct tl_msg **out);

/*
 * A run of no events that declares [after, first) of the stream lost. Stream,
 * base and texts are those of `like`, `end` is not. 0 or -ENOMEM.
 */
int tl_run_declare(const struct tl_batch_head *like, uint64_t after, uint64_t first,
		   struct tl_msg **out);

#endif
