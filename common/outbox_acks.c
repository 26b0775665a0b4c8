/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "clock.h"
#include "log.h"
#include "outbox_private.h"

#define REFUSAL_NS (100 * TL_MS_NS) /* one position is gone back to once in this */
#define STUCK_NS   (30 * TL_SECOND_NS)
#define CHECK_NS   TL_SECOND_NS
/*
 * So long without a way for acks: the peer does not speak them. Longer than it usually takes to
 * make a listener or a dialer anew (hop_nng_watch.c), shorter than a stop may take.
 */
#define SILENT_NS	(3 * TL_SECOND_NS)
#define SILENT_OTHER_NS (5 * TL_SECOND_NS) /* the same where somebody did speak them */

bool tl_lane_waits_for_acks(const struct tl_lane *lane)
{
	return !tl_outbox_forwards(lane->outbox) && tl_hop_out_has_acks(lane->hop) && !lane->silent;
}

bool tl_lane_is_unheard(const struct tl_lane *lane)
{
	return !lane->ever_heard && !lane->acks_up;
}

/* --- going back ----------------------------------------------------------- */

/*
 * What is held from `from` on is sent again. What lies there and is not held any
 * more, nor heard to be safe, was let go without an ack: it is declared lost.
 */
static void go_back(struct tl_lane *lane, struct tl_outbox_stream *s, uint64_t from,
		    uint64_t now_ns)
{
	uint64_t safe = s->heard[lane->index].safe;
	uint64_t after = from > safe ? from : safe;

	s->heard[lane->index].moved_ns = now_ns;
	/* The first that this place lacks; others may still lack what lies before it. */
	struct tl_held *first = s->head;
	while (first && first->next_number <= after) {
		first = first->stream_next;
	}
	if (first && after >= s->floor && first->item.head.after > after) {
		first->item.head.after = after;
	}
	for (struct tl_held *h = s->head; h; h = h->stream_next) {
		if (h->next_number <= from || h->done & lane->bit) {
			continue;
		}
		h->again |= h->busy & lane->bit;
		if (!(h->sent & lane->bit)) {
			continue;
		}
		h->sent &= (uint8_t)~lane->bit;
		if (!lane->next || h->order < lane->next->order) {
			lane->next = h;
		}
	}
	pthread_cond_broadcast(&lane->outbox->changed);
}

static struct tl_outbox_stream *older(const struct tl_outbox_stream *s)
{
	return (struct tl_outbox_stream *)s->node.older;
}

static struct tl_outbox_stream *newest(const struct tl_lane *lane)
{
	return (struct tl_outbox_stream *)lane->outbox->streams.newest;
}

static void go_back_all(struct tl_lane *lane, uint64_t now_ns)
{
	for (struct tl_outbox_stream *s = newest(lane); s; s = older(s)) {
		go_back(lane, s, s->heard[lane->index].safe, now_ns);
	}
}

static bool waits_for_acks(const struct tl_lane *lane, const struct tl_outbox_stream *s)
{
	for (const struct tl_held *h = s->head; h; h = h->stream_next) {
		if (h->sent & lane->bit && !(h->done & lane->bit)) {
			return true;
		}
	}
	return false;
}

static void free_the_stuck(struct tl_lane *lane, uint64_t now_ns)
{
	for (struct tl_outbox_stream *s = newest(lane); s; s = older(s)) {
		struct tl_outbox_heard *heard = &s->heard[lane->index];
		if (!waits_for_acks(lane, s)) {
			heard->moved_ns = 0;
		} else if (heard->moved_ns != 0 && now_ns - heard->moved_ns >= STUCK_NS) {
			go_back(lane, s, heard->safe, now_ns);
		}
	}
}

/* --- the connection ------------------------------------------------------- */

/* Nobody will ever tell: what was sent is done. */
static void be_silent(struct tl_lane *lane)
{
	struct tl_outbox *o = lane->outbox;

	lane->silent = true;
	tl_log_note("%s: nobody acknowledges there; what is taken counts as delivered",
		    lane->place);
	for (struct tl_held *h = o->head, *next; h && !tl_outbox_forwards(o); h = next) {
		next = h->next;
		if (h->sent & lane->bit) {
			tl_window_done(o, h, lane->bit);
		}
	}
	pthread_cond_broadcast(&o->changed);
}

static void look_at_loss(struct tl_lane *lane, uint64_t losses, uint64_t now_ns)
{
	struct tl_outbox *o = lane->outbox;

	lane->losses = losses;
	lane->heard = false;
	if (!tl_outbox_forwards(o)) {
		go_back_all(lane, now_ns);
	} else if (!lane->silent && o->config.lost) {
		o->config.lost(o->config.context, lane->index);
	}
}

static bool seems_silent(const struct tl_lane *lane, const struct tl_hop_link *link,
			 uint64_t now_ns)
{
	uint64_t patience = lane->ever_heard ? SILENT_OTHER_NS : SILENT_NS;

	return !lane->silent && !lane->heard && !link->acks_up && link->up_since_ns != 0 &&
	       now_ns > link->up_since_ns && now_ns - link->up_since_ns >= patience;
}

void tl_lane_look(struct tl_lane *lane, uint64_t now_ns)
{
	if (!tl_hop_out_has_acks(lane->hop)) {
		return;
	}
	struct tl_hop_link link = tl_hop_link(lane->hop);
	lane->acks_up = link.acks_up;
	/* Somebody else is there than who was silent: his word is waited for. */
	lane->silent = lane->silent && !link.acks_up;
	if (link.losses != lane->losses) {
		look_at_loss(lane, link.losses, now_ns);
	}
	if (seems_silent(lane, &link, now_ns)) {
		be_silent(lane);
	}
	if (now_ns >= lane->next_check_ns && !tl_outbox_forwards(lane->outbox)) {
		lane->next_check_ns = now_ns + CHECK_NS;
		free_the_stuck(lane, now_ns);
	}
}

/* --- what is heard -------------------------------------------------------- */

static void free_below(struct tl_lane *lane, struct tl_outbox_stream *s, uint64_t safe)
{
	struct tl_held *h = s->head;

	/* What was never sent cannot be safe, whatever they say. */
	while (h && h->next_number <= safe && (h->tried & lane->bit || h->done & lane->bit)) {
		struct tl_held *next = h->stream_next;
		tl_window_done(lane->outbox, h, lane->bit);
		h = next;
	}
}

static bool is_refusal_of_its_own(struct tl_outbox_heard *heard, const struct tl_ack *ack,
				  uint64_t now_ns)
{
	if (!(ack->flags & TL_ACK_REFUSED) ||
	    (heard->refused_ns != 0 && heard->refused_at == ack->got &&
	     now_ns - heard->refused_ns < REFUSAL_NS)) {
		return false;
	}
	heard->refused_at = ack->got;
	heard->refused_ns = now_ns;
	return true;
}

static void hear(struct tl_lane *lane, const struct tl_ack *ack, uint64_t now_ns)
{
	struct tl_outbox_stream *s =
		(struct tl_outbox_stream *)tl_streammap_find(&lane->outbox->streams, ack->stream);
	if (!s) {
		return;
	}
	/*
	 * More may be safe there than was put here: a shipper that was killed sends again what
	 * its consumer has had from the run before.
	 */
	uint64_t safe = ack->safe < s->end ? ack->safe : s->end;
	struct tl_outbox_heard *heard = &s->heard[lane->index];
	/* A forwarder that lost its consumer asks in nobody's name: instance 0. */
	bool other_run = heard->known && ack->instance != 0 && heard->instance != ack->instance;
	bool back = is_refusal_of_its_own(heard, ack, now_ns) || other_run;
	if (ack->instance != 0) {
		heard->known = true;
		heard->instance = ack->instance;
	}
	heard->moved_ns = now_ns;
	heard->safe = safe > heard->safe ? safe : heard->safe;
	free_below(lane, s, safe);
	if (back) {
		go_back(lane, s, ack->got, now_ns);
	}
}

static void hear_all(struct tl_lane *lane, const struct tl_ack *acks, size_t count)
{
	struct tl_outbox *o = lane->outbox;
	uint64_t now = tl_clock_mono_ns();

	pthread_mutex_lock(&o->lock);
	lane->heard = true;
	lane->ever_heard = true;
	lane->silent = false;
	for (size_t i = 0; i < count && !tl_outbox_forwards(o); i++) {
		hear(lane, &acks[i], now);
	}
	pthread_mutex_unlock(&o->lock);
	if (tl_outbox_forwards(o)) {
		o->config.acked(o->config.context, lane->index, acks, count);
	}
}

void *tl_lane_hear(void *arg)
{
	struct tl_lane *lane = arg;
	struct tl_ack acks[TL_ACK_MAX];

	for (;;) {
		int count = tl_hop_recv_acks(lane->hop, acks, TL_ACK_MAX);
		if (count == -ESHUTDOWN) {
			return 0;
		}
		if (count > 0) {
			hear_all(lane, acks, (size_t)count);
		}
	}
}
