/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The books of a recording: per stream, which numbers are there, and whether
 * its flow_end events (or packet events, of --raw) add up to what the closing
 * capture_stats says. Memory is bounded: 1,024 streams, 1,024 ranges each;
 * what goes beyond is counted and spoils the verdict. Nothing logs.
 */
#ifndef EVCAT_CHECK_H
#define EVCAT_CHECK_H

#include "event.h"
#include "evcat.h"
#include "text.h"
#include "wire.h"

struct check;

int check_create(struct check **out);
void check_destroy(struct check *check);

/* 0 or -ENOMEM. */
int check_batch(struct check *check, const struct tl_wire_reader *reader,
		const struct tl_batch *batch);
void check_refused(struct check *check, const struct tl_batch_head *head, uint32_t count);

/* True when every stream seen has ended. */
bool check_complete(const struct check *check);

/*
 * Appends one line a stream. TL_EXIT_OK when all books hold; TL_EXIT_FAILED
 * on a difference, gap or refusal; else EVCAT_EXIT_NO_CLOSE when one was not
 * closed, or there was none.
 */
enum tl_exit check_report(const struct check *check, struct tl_textbuf *out);

/* Sums over all streams. */
struct check_totals {
	uint64_t streams;
	uint64_t events;
	uint64_t flows;
	uint64_t packets; /* of the capture_stats seen last, else of the flow_end events */
	uint64_t bytes;
	uint64_t kernel_drops;
	uint64_t ring_drops;
	uint64_t declared_lost;
	uint64_t overlaps;
};

struct check_totals check_totals(const struct check *check);

#endif
