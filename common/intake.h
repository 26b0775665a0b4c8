/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a consumer that acknowledges knows of each stream, and what it does
 * with a batch: take it, take a part of it, drop it as a duplicate, or refuse it
 * because something before it is missing. tapline(7) has the rules.
 *
 * Memory is bounded: of more than TL_INTAKE_STREAMS streams the one idle
 * longest is forgotten, which costs duplicates at worst. Thread-safe. Nothing
 * logs.
 */
#ifndef TL_INTAKE_H
#define TL_INTAKE_H

#include "ack.h"
#include "wire.h"

enum { TL_INTAKE_STREAMS = 65536 };

struct tl_intake;

/* A random instance. 0 or -errno. */
int tl_intake_create(struct tl_intake **out);
void tl_intake_destroy(struct tl_intake *intake);

enum tl_intake_kind {
	TL_INTAKE_TAKE,	     /* all of it */
	TL_INTAKE_CUT,	     /* what lies from `from` on */
	TL_INTAKE_DUPLICATE, /* all of it is here already */
	TL_INTAKE_GAP,	     /* refused: the producer goes back to what it lacks */
};

struct tl_intake_verdict {
	enum tl_intake_kind kind;
	uint64_t from; /* the first number to take */
	/*
	 * What that has to say in `after`: with it the batch declares what is lost, no more and
	 * no less. It differs from the batch's own when something of that had arrived, or was
	 * lost on the way.
	 */
	uint64_t after;
};

/* Only looks: tl_intake_took follows when the batch was kept. `next` is tl_run_next of it. */
struct tl_intake_verdict tl_intake_look(struct tl_intake *intake, const struct tl_batch_head *head,
					uint64_t next, uint64_t now_ns);

/* All below `next` has arrived. */
void tl_intake_took(struct tl_intake *intake, const uint8_t stream[TL_WIRE_STREAM_LEN],
		    uint64_t next, uint64_t now_ns);

/* At start: an earlier run had all below `next`, and it is durable. */
void tl_intake_found(struct tl_intake *intake, const uint8_t stream[TL_WIRE_STREAM_LEN],
		     uint64_t next);

/* All below `safe` is durable. */
void tl_intake_safe(struct tl_intake *intake, const uint8_t stream[TL_WIRE_STREAM_LEN],
		    uint64_t safe);

/* All that has arrived is durable. */
void tl_intake_all_safe(struct tl_intake *intake);

/* The same in two steps: all that had arrived at the last mark is durable. */
void tl_intake_mark(struct tl_intake *intake);
void tl_intake_marked_safe(struct tl_intake *intake);

/*
 * What is to be told now: streams that changed, refusals, and each 100 ms
 * those seen in the last 10 s or not yet safe. Returns how many of `acks` were filled; call
 * again while it is `max`.
 */
size_t tl_intake_report(struct tl_intake *intake, uint64_t now_ns, struct tl_ack *acks, size_t max);

struct tl_intake_counts {
	uint64_t streams;
	uint64_t duplicate_events;
	uint64_t refused_batches; /* for a gap: they come again */
	uint64_t missing_events;  /* lost on the way for good: their producer does not wait */
	uint64_t forgotten_streams;
};

struct tl_intake_counts tl_intake_counts(struct tl_intake *intake);

#endif
