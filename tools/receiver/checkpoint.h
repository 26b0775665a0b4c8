/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is stored, beside the segments: so that a start need not read all of
 * them, nor find those that were collected since. The file `checkpoint`
 * (written as checkpoint.tmp, made durable, renamed) says up to which segment
 * it knows all; what is after that is read. Logs.
 *
 * The file: "TLRECV1\n", the name of that segment in 64 bytes, the number of
 * streams u64; of each stream its id, the counts of the ranges in its sets (seen,
 * lost, ends) u32 each, and those ranges, from and to u64; at last XXH3-64 of
 * all before it. Big endian.
 */
#ifndef RECEIVER_CHECKPOINT_H
#define RECEIVER_CHECKPOINT_H

#include "dedup.h"
#include "segment.h"

/* `last` is the newest segment of which all is in `dedup`. 0 or -errno. */
int checkpoint_write(int folder_fd, const struct dedup *dedup, const char *last);

/* Reads the bytes of a checkpoint to `dedup`, which is empty. 0, -EBADMSG or -ENOMEM. Pure. */
int checkpoint_parse(const uint8_t *bytes, size_t len, struct dedup *dedup,
		     char last[TL_SEGMENT_NAME_MAX]);

/*
 * Reads it, then the segments it does not know of. A bad one is set aside as
 * checkpoint.bad, and all segments are read. *dedup is made. 0 or -errno.
 */
int checkpoint_load(int folder_fd, struct dedup **dedup, size_t stream_max);

#endif
