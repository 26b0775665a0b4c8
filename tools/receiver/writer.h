/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread that stores deliveries: it takes all that wait, writes what of
 * them is new, syncs once for all, and hands them back. It alone touches the
 * output and the set of what is stored. Logs when storing fails, and works
 * again.
 */
#ifndef RECEIVER_WRITER_H
#define RECEIVER_WRITER_H

#include "delivery.h"
#include "output.h"

struct writer;

/* Borrows output and dedup until writer_stop. Starts the thread. 0 or -errno. */
int writer_start(struct writer **out, struct output *output, struct dedup *dedup);

/* The delivery is the writer's until writer_take_done hands it back. */
void writer_put(struct writer *writer, struct delivery *delivery);

/* A list of those that are stored or failed; 0 = none. */
struct delivery *writer_take_done(struct writer *writer);

/* Readable when there are such. */
int writer_fd(const struct writer *writer);

/* Asks for a new segment. */
void writer_rotate(struct writer *writer);

/*
 * Stores what waits, ends the thread and frees the writer: 0, or -ETIMEDOUT when
 * the disk did not let it in time; then everything stays allocated and in use.
 * What was done last is lost if it was not taken.
 */
int writer_stop(struct writer *writer, uint64_t timeout_ns);

/* Why the last write failed, 0 = it did not. */
int writer_error(struct writer *writer);

struct writer_counts {
	uint64_t deliveries;
	uint64_t events;
	uint64_t duplicates;
	uint64_t failed; /* deliveries that could not be stored */
	uint64_t syncs;
	struct dedup_counts dedup;
	struct tl_segment_counts output;
};

struct writer_counts writer_counts(struct writer *writer);

#endif
