/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "outbox_private.h"

/* --- streams -------------------------------------------------------------- */

enum {
	IDLE_STREAMS = 1024, /* kept for what they have heard */
	FORGET_TRIES = 4,
};

/*
 * Before a stream is added, and only then: whoever holds the lock may rely on the
 * streams it found. One with something to remember is looked at again later.
 */
static void forget_idle(struct tl_outbox *o)
{
	for (unsigned int i = 0; i < FORGET_TRIES && o->streams.count >= IDLE_STREAMS; i++) {
		struct tl_outbox_stream *s = (struct tl_outbox_stream *)o->streams.oldest;
		if (s->head || s->loss_pending || s->released) {
			tl_streammap_touch(&o->streams, &s->node);
			continue;
		}
		tl_streammap_remove(&o->streams, &s->node);
		free(s);
	}
}

struct tl_outbox_stream *tl_window_stream(struct tl_outbox *o, const struct tl_batch_head *head)
{
	struct tl_streamnode *node = tl_streammap_find(&o->streams, head->stream);

	if (node) {
		tl_streammap_touch(&o->streams, node);
		return (struct tl_outbox_stream *)node;
	}
	forget_idle(o);
	struct tl_outbox_stream *s = calloc(1, sizeof(*s));
	if (s) {
		s->tail = &s->head;
		s->floor = head->after;
		tl_streammap_add(&o->streams, &s->node, head->stream);
	}
	return s;
}

/* --- leaving the window --------------------------------------------------- */

static void tell_journal(const struct tl_held *h, bool sent)
{
	const struct tl_journal *journal = h->item.journal;

	if (journal && h->item.ticket != 0) {
		journal->done(journal->context, h->item.ticket, sent);
	}
}

static void unlink_from_stream(struct tl_held *h)
{
	struct tl_outbox_stream *s = h->stream;
	struct tl_held **link = s ? &s->head : 0;

	if (!s) {
		return;
	}
	while (*link != h) {
		link = &(*link)->stream_next;
	}
	*link = h->stream_next;
	if (!*link) {
		s->tail = link;
	}
}

static void unlink_held(struct tl_outbox *o, struct tl_held *h)
{
	for (unsigned int i = 0; i < o->lane_count; i++) {
		struct tl_lane *lane = &o->lanes[i];
		lane->next = lane->next == h ? h->next : lane->next;
		lane->pending -= h->done & lane->bit ? 0 : 1;
	}
	*(h->prev ? &h->prev->next : &o->head) = h->next;
	*(h->next ? &h->next->prev : &o->tail) = h->prev;
	unlink_from_stream(h);
	o->held_bytes -= h->len;
	o->counts.held_batches--;
	o->counts.held_events -= h->item.events;
}

static void free_held(struct tl_held *h)
{
	tl_msg_free(h->item.msg);
	free(h);
}

static void count_dropped(struct tl_outbox *o, uint32_t events)
{
	o->counts.dropped_batches++;
	o->counts.dropped_events += events;
}

void tl_window_release(struct tl_outbox *o, struct tl_held *h)
{
	if (h->done != o->all_lanes || h->busy) {
		return;
	}
	unlink_held(o, h);
	tell_journal(h, !h->lost);
	if (h->lost) {
		count_dropped(o, h->item.events);
	} else {
		o->counts.safe_events += h->item.events;
	}
	free_held(h);
	pthread_cond_broadcast(&o->changed);
}

void tl_window_done(struct tl_outbox *o, struct tl_held *h, uint8_t lane_bit)
{
	if (h->done & lane_bit) {
		return;
	}
	h->done |= lane_bit;
	for (unsigned int i = 0; i < o->lane_count; i++) {
		o->lanes[i].pending -= o->lanes[i].bit == lane_bit ? 1 : 0;
	}
	tl_window_release(o, h);
}

/* --- dropping ------------------------------------------------------------- */

/* The run that follows in this stream declares the loss: in the window, or yet to come. */
static void declare_loss(struct tl_outbox_stream *s, const struct tl_held *next, uint64_t after)
{
	uint64_t *declared = next ? (uint64_t *)&next->item.head.after : &s->loss_after;

	if (!next && !s->loss_pending) {
		s->loss_pending = true;
		s->loss_after = after;
	}
	*declared = after < *declared ? after : *declared;
}

/* Nothing follows the end of a stream that could declare its loss. */
static bool may_be_dropped(const struct tl_held *h)
{
	return !h->busy && !h->item.head.end;
}

/* No lane has looked at it yet. */
static struct tl_held *first_unsent(const struct tl_outbox *o)
{
	struct tl_held *unsent = o->lanes[0].next;

	for (unsigned int i = 1; i < o->lane_count && unsent; i++) {
		struct tl_held *next = o->lanes[i].next;
		unsent = !next || next->order > unsent->order ? next : unsent;
	}
	while (unsent && (unsent->tried || !may_be_dropped(unsent))) {
		unsent = unsent->next;
	}
	return unsent;
}

/*
 * What was never sent is certain not to have arrived: its loss is counted to
 * the event. Else the oldest goes; also with a journal, which is a ring: what stays at its tail
 * would fill it.
 */
static struct tl_held *choose_victim(const struct tl_outbox *o)
{
	bool is_ring = o->head && o->head->item.journal;
	struct tl_held *unsent = is_ring ? 0 : first_unsent(o);
	struct tl_held *h = unsent ? unsent : o->head;

	while (h && !may_be_dropped(h)) {
		h = h->next;
	}
	return h;
}

/* Sent everywhere, and as far as is known nobody will ever say more. */
static bool is_as_good_as_done(const struct tl_outbox *o, const struct tl_held *h)
{
	for (unsigned int i = 0; i < o->lane_count; i++) {
		const struct tl_lane *lane = &o->lanes[i];
		if (!((h->sent | h->done) & lane->bit) || !tl_lane_is_unheard(lane)) {
			return false;
		}
	}
	return true;
}

bool tl_window_drop_one(struct tl_outbox *o)
{
	struct tl_held *h = choose_victim(o);

	if (!h) {
		return false;
	}
	if (is_as_good_as_done(o, h)) {
		o->counts.unheard_events += h->item.events;
		if (h->stream) {
			h->stream->released = true;
		}
		unlink_held(o, h);
		tell_journal(h, true);
		free_held(h);
		return true;
	}
	if (h->stream) {
		declare_loss(h->stream, h->stream_next, h->item.head.after);
	}
	count_dropped(o, h->item.events);
	unlink_held(o, h);
	tell_journal(h, false);
	free_held(h);
	return true;
}

/* --- entering it ---------------------------------------------------------- */

/* What could not be declared so far is declared by this batch. */
void tl_window_take_loss(struct tl_outbox_stream *s, struct tl_held *h)
{
	uint64_t *after = &h->item.head.after;

	if (s->loss_pending && h->ours) {
		s->loss_pending = false;
		*after = s->loss_after < *after ? s->loss_after : *after;
	}
}

void tl_window_append(struct tl_outbox *o, struct tl_held *h)
{
	h->order = o->next_order++;
	h->prev = o->tail;
	*(o->tail ? &o->tail->next : &o->head) = h;
	o->tail = h;
	if (h->stream) {
		*h->stream->tail = h;
		h->stream->tail = &h->stream_next;
	}
	o->held_bytes += h->len;
	o->counts.held_batches++;
	o->counts.held_events += h->item.events;
	for (unsigned int i = 0; i < o->lane_count; i++) {
		struct tl_lane *lane = &o->lanes[i];
		lane->next = lane->next ? lane->next : h;
		lane->pending++;
		if (lane->error != 0) {
			h->lost = true;
			h->done |= lane->bit;
			lane->pending--;
		}
	}
	pthread_cond_broadcast(&o->changed);
}

void tl_window_refuse(struct tl_outbox *o, struct tl_outbox_stream *s,
		      const struct tl_outbox_item *item)
{
	struct tl_held h = {.item = *item};

	count_dropped(o, item->events);
	if (s) {
		declare_loss(s, 0, item->head.after);
	}
	tell_journal(&h, false);
	tl_msg_free(item->msg);
}

/* What the window still holds when nobody waits any longer. */
void tl_window_drop_rest(struct tl_outbox *o)
{
	while (o->head) {
		struct tl_held *h = o->head;
		o->counts.unconfirmed_events += h->tried ? h->item.events : 0;
		count_dropped(o, h->item.events);
		unlink_held(o, h);
		free_held(h);
	}
}
