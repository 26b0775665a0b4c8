/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is stored already, by stream: the numbers of the events, what was
 * declared lost, and the end. A gap is nothing to it, it only knows what it has.
 *
 * What was added since dedup_keep can be taken back, for a write that failed.
 * Bounded: of more than `stream_max` streams, or DEDUP_RANGES ranges over all,
 * the stream seen least recently is forgotten; of more than TL_RANGES_MAX ranges
 * of a stream the lowest is. Both cost duplicates at worst, and are counted.
 * One thread at a time. Nothing logs.
 */
#ifndef RECEIVER_DEDUP_H
#define RECEIVER_DEDUP_H

#include "ranges.h"
#include "streammap.h"
#include "wire.h"

enum {
	DEDUP_STREAMS = 1000000,
	DEDUP_RANGES = 4 << 20,
};

struct dedup;

int dedup_create(struct dedup **out, size_t stream_max);
void dedup_destroy(struct dedup *dedup);

/* What of a batch is not stored yet. */
struct dedup_news {
	uint64_t events; /* how many */
	bool loss;	 /* some of what it declares lost */
	bool end;	 /* that the stream ends there */
};

struct dedup_news dedup_look(struct dedup *dedup, const struct tl_batch_head *head, uint32_t count);

/* The first events within [from, to) that are not stored: true and *gap. */
bool dedup_missing(const struct dedup *dedup, const uint8_t stream[TL_WIRE_STREAM_LEN],
		   uint64_t from, uint64_t to, struct tl_range *gap);

/* All of the batch is stored now. 0 or -ENOMEM: then call dedup_undo. */
int dedup_add(struct dedup *dedup, const struct tl_batch_head *head, uint32_t count);

/* How much was added since dedup_keep; taking back what came after such a mark; keeping all. */
size_t dedup_mark(const struct dedup *dedup);
void dedup_undo(struct dedup *dedup, size_t mark);
void dedup_keep(struct dedup *dedup);

struct dedup_counts {
	uint64_t streams;
	uint64_t ranges;
	uint64_t forgotten_streams;
	uint64_t forgotten_ranges;
};

struct dedup_counts dedup_counts(const struct dedup *dedup);

/* --- for the checkpoint ----------------------------------------------------- */

enum dedup_set {
	DEDUP_SEEN, /* events */
	DEDUP_LOST, /* declared */
	DEDUP_ENDS, /* what follows the last event; of a sane stream there is one */
	DEDUP_SETS,
};

struct dedup_stream {
	struct tl_streamnode node;
	struct tl_ranges sets[DEDUP_SETS];
};

/* The streams from that seen least recently on: 0 begins; 0 after the last. */
const struct dedup_stream *dedup_next(const struct dedup *dedup, const struct dedup_stream *stream);

bool dedup_has(const struct dedup *dedup, const uint8_t stream[TL_WIRE_STREAM_LEN]);

/* Adds a stream that is not there yet; for dedup_restore_range. 0 on no memory. */
struct dedup_stream *dedup_restore(struct dedup *dedup, const uint8_t stream[TL_WIRE_STREAM_LEN]);
int dedup_restore_range(struct dedup *dedup, struct dedup_stream *stream, enum dedup_set set,
			struct tl_range range);

#endif
