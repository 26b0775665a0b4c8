/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way in: places in order, their batches validated and handed to a sink.
 * What is damaged is refused, counted and told of once a second. Logs.
 */
#ifndef EVCAT_INPUT_H
#define EVCAT_INPUT_H

#include "evcat.h"
#include "hop.h"
#include "msg.h"
#include "wire.h"

/* Who takes the batches. Functions but `batch` may be 0. Return enum evcat_step or -errno. */
struct sink {
	void *ctx;
	/* May take the message over by setting *msg to 0. */
	int (*batch)(void *ctx, const struct tl_wire_reader *reader, const struct tl_batch *batch,
		     struct tl_msg **msg);
	/* A refused batch whose head could be read: `count` events from head->first on. */
	void (*refused)(void *ctx, const struct tl_batch_head *head, uint32_t count);
	/* Nothing waits: time to write what is buffered. */
	int (*idle)(void *ctx);
	/* Called at least every tick_ns while that is not 0. */
	int (*tick)(void *ctx, uint64_t now_ns);
	uint64_t tick_ns;
	/*
	 * True when all that was taken before `mark` is written, or safe further on; 0 = once it
	 * was idle. Asked after that.
	 */
	bool (*settled)(void *ctx, uint64_t mark);
	uint64_t (*mark)(void *ctx);
	/* True when no more is to come as far as the sink knows: asked once stopping. */
	bool (*complete)(void *ctx);
};

struct input_config {
	const char *const *places;
	unsigned int place_count;
	struct tl_hop_config hop;     /* of the places */
	struct tl_hop_config out_hop; /* of where a relay sends to */
	const char *stats_url;	      /* 0 = nobody is told of the counts */
	int ready_fd;		      /* told once the first place is open; 0 = none */
};

struct input_counts {
	uint64_t batches;
	uint64_t events;
	uint64_t refused_batches;
	uint64_t skipped_bytes;
	uint64_t truncated;
	uint64_t missing_events; /* lost on the way, and not coming again */
	uint64_t unopened_places;
};

/*
 * Places that cannot be opened are told of, counted and passed over. 0, or the
 * -errno of reading or of the sink.
 */
int input_run(const struct input_config *config, const struct sink *sink,
	      struct input_counts *counts);

/* One line when something was refused or skipped; true when the input was damaged. */
bool input_report(const struct input_counts *counts);

#endif
