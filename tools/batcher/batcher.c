/* SPDX-License-Identifier: BSD-2-Clause */
#include "batcher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "join.h"
#include "log.h"

enum {
	STREAMS = 1024, /* that may wait at a time; one more sends the longest waiting on */
	JOIN_LIMIT = TL_BATCH_TARGET,
};

struct waiting {
	struct tl_join *join;
	uint64_t due_ns; /* 0 = nothing waits */
};

struct batcher {
	struct batcher_config config;
	struct batcher_counts counts;
	struct tl_wire_reader *reader;
	struct tl_log_limit refusal_limit;
	unsigned int last; /* the slot used last: batches of a stream come in rows */
	unsigned int used; /* slots ever used */
	struct waiting slots[STREAMS];
};

int batcher_create(struct batcher **out, const struct batcher_config *config)
{
	struct batcher *b = calloc(1, sizeof(*b));
	if (!b) {
		return -ENOMEM;
	}
	b->config = *config;
	int err = tl_wire_reader_create(&b->reader);
	if (err < 0) {
		free(b);
		return err;
	}
	*out = b;
	return 0;
}

void batcher_destroy(struct batcher *b)
{
	if (!b) {
		return;
	}
	for (unsigned int i = 0; i < b->used; i++) {
		tl_join_destroy(b->slots[i].join);
	}
	tl_wire_reader_destroy(b->reader);
	free(b);
}

struct batcher_counts batcher_counts(const struct batcher *b)
{
	struct batcher_counts counts = b->counts;

	for (unsigned int i = 0; i < b->used; i++) {
		counts.waiting_events +=
			b->slots[i].due_ns != 0 ? tl_join_count(b->slots[i].join) : 0;
	}
	return counts;
}

static int pass(struct batcher *b, struct waiting *w)
{
	uint32_t events = tl_join_count(w->join);
	struct tl_msg *msg;

	if (w->due_ns == 0) {
		return 0;
	}
	int err = tl_join_take(w->join, &msg);
	if (err < 0) {
		return err;
	}
	w->due_ns = 0;
	b->counts.batches_out++;
	if (b->config.see) {
		b->config.see(b->config.context, msg, events);
	}
	return tl_outbox_forward(b->config.outbox, msg, events);
}

static bool holds(const struct waiting *w, const uint8_t *stream)
{
	return w->due_ns != 0 && memcmp(tl_join_stream(w->join), stream, TL_WIRE_STREAM_LEN) == 0;
}

/* The slot where the stream waits, a free one, or the one that is due first, emptied. */
static struct waiting *slot_for(struct batcher *b, const uint8_t *stream, int *err)
{
	unsigned int free_slot = STREAMS;
	unsigned int first_due = 0;

	*err = 0;
	if (b->used > 0 && holds(&b->slots[b->last], stream)) {
		return &b->slots[b->last];
	}
	for (unsigned int i = 0; i < b->used; i++) {
		if (holds(&b->slots[i], stream)) {
			b->last = i;
			return &b->slots[i];
		}
		if (b->slots[i].due_ns == 0) {
			free_slot = i;
		} else if (b->slots[i].due_ns < b->slots[first_due].due_ns) {
			first_due = i;
		}
	}
	if (free_slot == STREAMS && b->used < STREAMS) {
		*err = tl_join_create(&b->slots[b->used].join);
		free_slot = *err < 0 ? STREAMS : b->used++;
	}
	if (free_slot == STREAMS) {
		free_slot = first_due;
		*err = *err < 0 ? *err : pass(b, &b->slots[first_due]);
	}
	b->last = free_slot;
	return &b->slots[free_slot];
}

static void refuse(struct batcher *b, struct tl_msg *msg, const struct tl_wire_error *why)
{
	uint64_t held_back;

	b->counts.refused_batches++;
	b->counts.refused_bytes += msg->len;
	if (tl_log_allowed(&b->refusal_limit, &held_back)) {
		tl_log_warn("batch of %zu bytes refused at offset %u: %s (%llu more since the last "
			    "such line)",
			    msg->len, why->offset, why->reason, (unsigned long long)held_back);
	}
	tl_msg_free(msg);
}

static bool is_enough(const struct batcher *b, const struct waiting *w,
		      const struct tl_batch *batch)
{
	return tl_join_count(w->join) >= b->config.batch_size || batch->head.end ||
	       batch->size >= JOIN_LIMIT;
}

/* A valid batch: joins what waits of its stream, or waits in its place. */
static int add(struct batcher *b, struct tl_msg *msg, const struct tl_batch *batch)
{
	int err;
	struct waiting *w = slot_for(b, batch->head.stream, &err);

	if (err == 0 && w->due_ns != 0 &&
	    !tl_join_add(w->join, msg, batch, b->reader, JOIN_LIMIT)) {
		err = pass(b, w);
	} else if (err == 0 && w->due_ns != 0) {
		return is_enough(b, w, batch) ? pass(b, w) : 0;
	}
	if (err == 0 && !tl_join_add(w->join, msg, batch, b->reader, JOIN_LIMIT)) {
		err = -ENOMEM;
	}
	if (err < 0) {
		tl_msg_free(msg);
		return err;
	}
	w->due_ns = tl_clock_mono_ns() + b->config.batch_time_ns;
	return is_enough(b, w, batch) ? pass(b, w) : 0;
}

int batcher_take(struct batcher *b, struct tl_msg *msg)
{
	struct tl_wire_error why;
	struct tl_batch batch;

	if (tl_wire_read(b->reader, msg->data, msg->len, &batch, &why) < 0) {
		refuse(b, msg, &why);
		return 0;
	}
	b->counts.batches_in++;
	b->counts.events_in += batch.event_count;
	return add(b, msg, &batch);
}

int batcher_pass_due(struct batcher *b, uint64_t now_ns)
{
	int err = 0;

	for (unsigned int i = 0; i < b->used && err == 0; i++) {
		if (b->slots[i].due_ns <= now_ns) {
			err = pass(b, &b->slots[i]);
		}
	}
	return err;
}

uint64_t batcher_next_due(const struct batcher *b)
{
	uint64_t next = UINT64_MAX;

	for (unsigned int i = 0; i < b->used; i++) {
		uint64_t due = b->slots[i].due_ns;
		next = due != 0 && due < next ? due : next;
	}
	return next;
}

int batcher_pass_all(struct batcher *b)
{
	return batcher_pass_due(b, UINT64_MAX);
}
