/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where what is new goes: a folder of segments, or standard output, where
 * written counts as durable. One thread at a time. Logs.
 */
#ifndef RECEIVER_OUTPUT_H
#define RECEIVER_OUTPUT_H

#include "dedup.h"
#include "segment.h"

struct output_config {
	const char *place; /* "-" or a folder */
	uint64_t segment_bytes;
	uint64_t segment_age_ns;
	bool zstd;
	size_t stream_max; /* what dedup may know of */
};

struct output;

/* Also finds out what is stored: *dedup is the caller's. 0; -EINVAL; other -errno. Logs. */
int output_open(struct output **out, const struct output_config *config, struct dedup **dedup);

/*
 * Completes the segment, and writes a checkpoint of `dedup`. 0, or the -errno of
 * that or of standard output (not -EPIPE: its reader may go).
 */
int output_close(struct output *output, const struct dedup *dedup);

/*
 * 0 or -errno; on failure nothing of it stays in a folder. What part of it went
 * to standard output cannot be taken back: a failure there stops the service.
 */
int output_write(struct output *output, const uint8_t *bytes, size_t len);

/* Makes durable all that was written. 0, or -errno and nothing of it stays. */
int output_sync(struct output *output);

/* After a sync: new segments when they are due, or now; and a checkpoint for each. */
void output_tend(struct output *output, const struct dedup *dedup, bool rotate);

struct tl_segment_counts output_counts(const struct output *output);

#endif
