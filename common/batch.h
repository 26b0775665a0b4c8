/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The writer of the wire format. Events are encoded straight into the message
 * that will be sent; the header and the shapes in use are put before them when
 * the batch is finished, so nothing is copied.
 *
 * One writer belongs to one thread. A set of shapes may be shared once filled.
 */
#ifndef TL_BATCH_H
#define TL_BATCH_H

#include "msg.h"
#include "wire.h"

struct tl_shapes;

/* Ids are given in order, from 1. */
int tl_shapes_create(struct tl_shapes **out);
void tl_shapes_destroy(struct tl_shapes *shapes);

struct tl_edge {
	struct tl_str from;
	struct tl_str to;
};

/*
 * The id of the shape, new or known; -ENOSPC when 4,095 ids are in use (the
 * event then goes out under the open shape), -EINVAL when it is over a limit.
 */
int tl_shapes_intern(struct tl_shapes *shapes, struct tl_str type, const struct tl_str *names,
		     uint32_t name_count, const struct tl_edge *edges, uint32_t edge_count);

/* The same from the bytes of a definition (tl_shape.definition). */
int tl_shapes_intern_definition(struct tl_shapes *shapes, struct tl_str definition);

enum {
	TL_BATCH_TARGET = 256 << 10, /* bytes of events after which a batch is sent */
	TL_BATCH_HEADROOM = 16 << 10,
};

struct tl_batch_writer {
	const struct tl_shapes *shapes;
	struct tl_msg *msg;
	uint8_t *at;  /* where the next event goes */
	uint8_t *end; /* of the room */
	uint32_t count;
	uint64_t used[TL_WIRE_MAX_SHAPES / 64]; /* shapes the batch needs */
};

/* `shapes` is borrowed. Allocates nothing until the first event. */
void tl_batch_init(struct tl_batch_writer *w, const struct tl_shapes *shapes);
void tl_batch_fini(struct tl_batch_writer *w);

/* The slow path of tl_batch_reserve. */
uint8_t *tl_batch_make_room(struct tl_batch_writer *w, uint32_t len);

/*
 * Room for one event of up to `len` bytes. 0 when the batch is full (finish
 * it and ask again) or, on an empty batch, when there is no memory or `len`
 * can never fit.
 */
static inline uint8_t *tl_batch_reserve(struct tl_batch_writer *w, uint32_t len)
{
	if (w->at && (size_t)(w->end - w->at) >= len && w->count < TL_WIRE_MAX_EVENTS) {
		return w->at;
	}
	return tl_batch_make_room(w, len);
}

/* The event that was encoded there is `len` bytes and of that shape (0 = open). */
static inline void tl_batch_commit(struct tl_batch_writer *w, unsigned int shape, uint32_t len)
{
	w->used[shape / 64] |= 1ull << (shape % 64);
	w->at += len;
	w->count++;
}

/* Bytes of events so far. */
uint32_t tl_batch_len(const struct tl_batch_writer *w);

/*
 * Puts the header and the shapes before the events and hands the message over
 * to the caller; the writer is empty again. Without events it makes a batch
 * of none (to say `end`). 0, -ENOMEM, -E2BIG.
 */
int tl_batch_finish(struct tl_batch_writer *w, const struct tl_batch_head *head,
		    struct tl_msg **out);

/*
 * The keys up to iface, in at most 256 bytes and the three texts; `size` is 0
 * until tl_wire_set_size. For who puts a batch together by hand (join.c, run.c).
 */
uint8_t *tl_batch_put_head(uint8_t *p, const struct tl_batch_head *head);

/* The key of the events and their count, 12 bytes; the events follow. */
uint8_t *tl_batch_put_events(uint8_t *p, uint32_t count);

#endif
