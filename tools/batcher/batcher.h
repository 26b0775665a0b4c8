/* SPDX-License-Identifier: BSD-2-Clause */
/* The waiting runs of all streams, and when they go on. */
#ifndef TL_BATCHER_H
#define TL_BATCHER_H

#include <stdint.h>

#include "outbox.h"

struct batcher_config {
	uint64_t batch_size;	  /* events that are enough */
	uint64_t batch_time_ns;	  /* time that is enough */
	struct tl_outbox *outbox; /* borrowed */
	/* Sees each batch before it is passed on, and may copy it; may be 0. */
	void (*see)(void *context, const struct tl_msg *msg, uint32_t events);
	void *context;
};

struct batcher_counts {
	uint64_t batches_in;
	uint64_t events_in;
	uint64_t batches_out;
	uint64_t waiting_events;  /* taken, and not passed on yet */
	uint64_t refused_batches; /* malformed or over a limit */
	uint64_t refused_bytes;
};

struct batcher;

int batcher_create(struct batcher **out, const struct batcher_config *config);
void batcher_destroy(struct batcher *batcher);

/* Takes a message over; logs (rate-limited) when it is refused. 0 or the outbox's -errno. */
int batcher_take(struct batcher *batcher, struct tl_msg *msg);

/* Passes on what has waited long enough; 0 or the outbox's -errno. */
int batcher_pass_due(struct batcher *batcher, uint64_t now_ns);

/* Monotonic time of the next such; UINT64_MAX when nothing waits. */
uint64_t batcher_next_due(const struct batcher *batcher);

/* Passes everything on. */
int batcher_pass_all(struct batcher *batcher);

struct batcher_counts batcher_counts(const struct batcher *batcher);

#endif
