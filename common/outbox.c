/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "outbox_private.h"
#include "service.h"

#define SEND_SLICE_NS (100 * TL_MS_NS) /* between looks at whether to give up */
#define STOP_WAIT_NS  (5 * TL_SECOND_NS)

struct held {
	struct held *next;
	struct tl_outbox_item item;
};

struct tl_outbox {
	struct tl_outbox_config config;
	struct tl_hop_out *hop;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct tl_stream_loss foreign; /* of forwarded batches: nobody declares it here */
	struct held *head;	       /* the one being sent stays the head */
	struct held **tail;
	uint64_t held_bytes;
	uint64_t give_up_ns; /* monotonic; UINT64_MAX while open */
	bool sending;	     /* the head is with the hop: not to be dropped */
	bool closing;
	int error; /* -errno that broke the hop */
	struct tl_outbox_counts counts;
};

static void count_dropped(struct tl_outbox *o, const struct held *h)
{
	o->counts.dropped_batches++;
	o->counts.dropped_events += h->item.events;
}

static void tell_journal(const struct held *h, bool sent)
{
	const struct tl_journal *journal = h->item.journal;

	if (journal && h->item.ticket != 0) {
		journal->done(journal->context, h->item.ticket, sent);
	}
}

static void forget(struct tl_outbox *o, struct held *h)
{
	o->held_bytes -= h->item.msg->len;
	o->counts.held_batches--;
}

/* Takes the first batch that is not with the hop out of the window, 0 when there is none. */
static struct held *unlink_oldest(struct tl_outbox *o)
{
	struct held **link = o->sending && o->head ? &o->head->next : &o->head;
	struct held *h = *link;

	if (h) {
		*link = h->next;
		if (!*link) {
			o->tail = link;
		}
	}
	return h;
}

/* The run that follows in this stream declares the loss: in the window, or yet to come. */
static void declare_loss(struct tl_outbox *o, const struct held *lost)
{
	for (struct held *h = o->head; h; h = h->next) {
		if (h->item.loss == lost->item.loss && h->item.after > lost->item.after) {
			h->item.after = lost->item.after;
			tl_wire_set_after(h->item.msg->data, lost->item.after);
			return;
		}
	}
	struct tl_stream_loss *loss = lost->item.loss;
	if (!loss->pending || lost->item.after < loss->after) {
		loss->pending = true;
		loss->after = lost->item.after;
	}
}

static void drop_oldest(struct tl_outbox *o)
{
	struct held *h = unlink_oldest(o);

	if (!h) {
		return;
	}
	count_dropped(o, h);
	forget(o, h);
	declare_loss(o, h);
	tell_journal(h, false);
	tl_msg_free(h->item.msg);
	free(h);
}

static bool is_full(const struct tl_outbox *o, size_t len)
{
	return o->held_bytes + len > o->config.window && o->held_bytes > 0;
}

static bool has_more_than_inflight(const struct tl_outbox *o)
{
	return o->head && (!o->sending || o->head->next);
}

/* In slices: a signal does not wake a condition, and a producer must be able to stop. */
static void wait_for_room(struct tl_outbox *o)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += SEND_SLICE_NS;
	if (until.tv_nsec >= (long)TL_SECOND_NS) {
		until.tv_nsec -= (long)TL_SECOND_NS;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&o->changed, &o->lock, &until);
}

/*
 * While stopping nobody waits, but what a producer still has (its flows' ends)
 * is taken: up to three windows more. 0, or -ETIMEDOUT: there is no room.
 */
static int make_room(struct tl_outbox *o, size_t len)
{
	while (is_full(o, len) && o->error == 0) {
		if (o->config.policy == TL_OUTBOX_DROP_OLDEST) {
			if (!has_more_than_inflight(o)) {
				return 0;
			}
			drop_oldest(o);
		} else if (tl_service_stopping()) {
			return o->held_bytes / 4 < o->config.window ? 0 : -ETIMEDOUT;
		} else {
			wait_for_room(o);
		}
	}
	return o->error;
}

/* What could not be declared so far is declared by this batch. */
static void take_loss(struct tl_outbox *o, struct tl_outbox_item *item)
{
	struct tl_stream_loss *loss = item->loss;

	if (loss->pending && loss != &o->foreign) {
		loss->pending = false;
		item->after = loss->after < item->after ? loss->after : item->after;
		tl_wire_set_after(item->msg->data, item->after);
	}
}

static void refuse(struct tl_outbox *o, const struct held *h)
{
	count_dropped(o, h);
	h->item.loss->pending = true;
	h->item.loss->after = h->item.after;
	tell_journal(h, false);
	tl_msg_free(h->item.msg);
}

static void append(struct tl_outbox *o, struct held *h)
{
	*o->tail = h;
	o->tail = &h->next;
	o->held_bytes += h->item.msg->len;
	o->counts.held_batches++;
	pthread_cond_broadcast(&o->changed);
}

int tl_outbox_put(struct tl_outbox *o, const struct tl_outbox_item *item)
{
	struct held *h = calloc(1, sizeof(*h));
	struct held now = {.item = *item};

	pthread_mutex_lock(&o->lock);
	int err = make_room(o, item->msg->len);
	take_loss(o, &now.item);
	if (!h || err < 0) {
		err = h ? err : -ENOMEM;
		refuse(o, &now);
		free(h);
	} else {
		*h = now;
		append(o, h);
	}
	pthread_mutex_unlock(&o->lock);
	return err;
}

int tl_outbox_forward(struct tl_outbox *o, struct tl_msg *msg, uint32_t events)
{
	return tl_outbox_resend(o, msg, events, 0, 0);
}

int tl_outbox_resend(struct tl_outbox *o, struct tl_msg *msg, uint32_t events,
		     const struct tl_journal *journal, uint64_t ticket)
{
	const struct tl_outbox_item item = {
		.msg = msg,
		.loss = &o->foreign,
		.events = events,
		.journal = journal,
		.ticket = ticket,
	};

	return tl_outbox_put(o, &item);
}

/* --- the sending thread --------------------------------------------------- */

static void sent(struct tl_outbox *o, size_t len)
{
	struct held *h = o->head;

	o->head = h->next;
	if (!o->head) {
		o->tail = &o->head;
	}
	o->counts.held_batches--;
	o->held_bytes -= len;
	o->counts.sent_batches++;
	o->counts.sent_events += h->item.events;
	o->counts.sent_bytes += len;
	tell_journal(h, true);
	free(h);
}

static void break_hop(struct tl_outbox *o, int err)
{
	o->error = err;
	if (err != -EPIPE) {
		o->counts.broken = true;
		const char *place = strcmp(o->config.place, "-") == 0 ? "stdout" : o->config.place;
		tl_log_err("cannot write %s: %s", place, strerror(-err));
	}
}

/* Sends the head; called and returns with the lock held. */
static void send_head(struct tl_outbox *o)
{
	struct tl_msg *msg = o->head->item.msg;
	size_t len = msg->len;

	o->sending = true;
	pthread_mutex_unlock(&o->lock);
	int err = tl_hop_send(o->hop, msg, SEND_SLICE_NS);
	pthread_mutex_lock(&o->lock);
	o->sending = false;
	if (err == 0) {
		sent(o, len);
	} else if (err != -ETIMEDOUT) {
		break_hop(o, err);
	}
	pthread_cond_broadcast(&o->changed);
}

/* Also who meant to wait for ever gives up some time after a signal. */
static bool is_too_late(const struct tl_outbox *o)
{
	uint64_t now = tl_clock_mono_ns();
	uint64_t stop_ns = tl_service_stop_ns();

	return now >= o->give_up_ns ||
	       (stop_ns != 0 && now - stop_ns >= STOP_WAIT_NS && o->give_up_ns == UINT64_MAX);
}

static bool is_over(const struct tl_outbox *o)
{
	return o->error != 0 || (o->closing && (!o->head || is_too_late(o)));
}

static void *send_all(void *arg)
{
	struct tl_outbox *o = arg;

	pthread_mutex_lock(&o->lock);
	while (!is_over(o)) {
		if (o->head) {
			send_head(o);
		} else {
			pthread_cond_wait(&o->changed, &o->lock);
		}
	}
	pthread_mutex_unlock(&o->lock);
	return 0;
}

/* --- open and close ------------------------------------------------------- */

int tl_outbox_open(struct tl_outbox **out, const struct tl_outbox_config *config)
{
	struct tl_outbox *o = calloc(1, sizeof(*o));
	if (!o) {
		return -ENOMEM;
	}
	o->config = *config;
	o->tail = &o->head;
	o->give_up_ns = UINT64_MAX;
	pthread_mutex_init(&o->lock, 0);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&o->changed, &attr);
	pthread_condattr_destroy(&attr);
	int err = tl_hop_open_out(&o->hop, config->place, &config->hop);
	if (err < 0) {
		free(o);
		return err;
	}
	err = -pthread_create(&o->thread, 0, send_all, o);
	if (err < 0) {
		tl_hop_close_out(o->hop);
		free(o);
		return err;
	}
	*out = o;
	return 0;
}

/* What the window still holds when nobody waits any longer. */
static void drop_rest(struct tl_outbox *o)
{
	while (o->head) {
		struct held *h = o->head;
		o->head = h->next;
		count_dropped(o, h);
		forget(o, h);
		tl_msg_free(h->item.msg);
		free(h);
	}
}

int tl_outbox_close(struct tl_outbox *o, uint64_t timeout_ns, struct tl_outbox_counts *counts)
{
	if (!o) {
		return 0;
	}
	uint64_t now = tl_clock_mono_ns();
	pthread_mutex_lock(&o->lock);
	o->closing = true;
	o->give_up_ns = timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
	pthread_join(o->thread, 0);
	bool left = o->head != 0;
	drop_rest(o);
	if (o->error == 0) {
		while (!tl_hop_drain(o->hop, SEND_SLICE_NS) && !is_too_late(o)) {
		}
	}
	int err = o->error != 0 ? o->error : left ? -ETIMEDOUT : 0;
	if (counts) {
		*counts = o->counts;
	}
	tl_hop_close_out(o->hop);
	pthread_mutex_destroy(&o->lock);
	pthread_cond_destroy(&o->changed);
	free(o);
	return err;
}

struct tl_outbox_counts tl_outbox_counts(struct tl_outbox *o)
{
	pthread_mutex_lock(&o->lock);
	struct tl_outbox_counts counts = o->counts;
	pthread_mutex_unlock(&o->lock);
	return counts;
}

bool tl_outbox_reader_gone(struct tl_outbox *o)
{
	pthread_mutex_lock(&o->lock);
	bool gone = o->error == -EPIPE;
	pthread_mutex_unlock(&o->lock);
	return gone;
}
