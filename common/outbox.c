/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "moncond.h"
#include "outbox_private.h"
#include "run.h"
#include "service.h"

#define SLICE_NS     (100 * TL_MS_NS) /* between looks at whether to give up */
#define STOP_WAIT_NS (5 * TL_SECOND_NS)

bool tl_outbox_forwards(const struct tl_outbox *o)
{
	return o->config.acked != 0;
}

/* --- entering the window -------------------------------------------------- */

static bool is_full(const struct tl_outbox *o, size_t len)
{
	return o->held_bytes + len > o->config.window && o->held_bytes > 0;
}

void tl_outbox_wait(struct tl_outbox *o)
{
	tl_moncond_wait(&o->changed, &o->lock, tl_clock_deadline_ns(SLICE_NS));
}

/* What broke the outbox: nothing while one lane still works. */
static int error_of(const struct tl_outbox *o)
{
	int error = 0;

	for (unsigned int i = 0; i < o->lane_count; i++) {
		if (o->lanes[i].error == 0) {
			return 0;
		}
		error = error == 0 || error == -EPIPE ? o->lanes[i].error : error;
	}
	return error;
}

static void wait_for_room(struct tl_outbox *o)
{
	tl_outbox_wait(o);
	if (o->config.waiting) {
		pthread_mutex_unlock(&o->lock);
		o->config.waiting(o->config.waiting_context);
		pthread_mutex_lock(&o->lock);
	}
}

/*
 * While stopping nobody waits, but what a producer still has (its flows' ends)
 * is taken: up to three windows more. 0, or -ETIMEDOUT: there is no room.
 */
static int make_room(struct tl_outbox *o, size_t len)
{
	while (is_full(o, len) && error_of(o) == 0) {
		if (o->config.policy == TL_OUTBOX_DROP_OLDEST) {
			if (!tl_window_drop_one(o)) {
				return 0;
			}
		} else if (tl_service_stopping()) {
			return o->held_bytes / 4 < o->config.window ? 0 : -ETIMEDOUT;
		} else {
			wait_for_room(o);
		}
	}
	return error_of(o);
}

/* The window counts what is in a batch; a writer's has room for TL_BATCH_TARGET bytes. */
static struct tl_msg *without_spare(struct tl_msg *msg)
{
	struct tl_msg *copy = msg->len < msg->capacity / 2 ? tl_msg_copy(msg) : 0;

	if (!copy) {
		return msg;
	}
	tl_msg_free(msg);
	return copy;
}

int tl_outbox_put(struct tl_outbox *o, const struct tl_outbox_item *given)
{
	struct tl_outbox_item item = *given;
	struct tl_held *h = calloc(1, sizeof(*h));

	item.msg = without_spare(given->msg);
	pthread_mutex_lock(&o->lock);
	int err = make_room(o, item.msg->len);
	o->counts.assigned_events += item.events;
	struct tl_outbox_stream *s = tl_outbox_forwards(o) ? 0 : tl_window_stream(o, &item.head);
	if (!h || (!s && !tl_outbox_forwards(o))) {
		err = -ENOMEM;
	}
	if (err < 0) {
		tl_window_refuse(o, s, &item);
		free(h);
	} else {
		h->item = item;
		h->stream = s;
		h->len = item.msg->len;
		h->ours = tl_wire_head_is_ours(item.msg->data, item.msg->len);
		h->next_number = tl_run_next(&item.head, item.events);
		if (s) {
			tl_window_take_loss(s, h);
			s->end = h->next_number > s->end ? h->next_number : s->end;
		}
		tl_window_append(o, h);
	}
	pthread_mutex_unlock(&o->lock);
	return err;
}

bool tl_outbox_wait_room(struct tl_outbox *o, uint64_t bytes, uint64_t timeout_ns)
{
	uint64_t deadline = tl_clock_deadline_ns(timeout_ns);

	pthread_mutex_lock(&o->lock);
	bool waits = is_full(o, bytes);
	while (waits && error_of(o) == 0 && !tl_service_stopping() &&
	       tl_clock_mono_ns() < deadline) {
		tl_outbox_wait(o);
		waits = is_full(o, bytes);
	}
	waits = waits && error_of(o) == 0 && !tl_service_stopping();
	pthread_mutex_unlock(&o->lock);
	return !waits;
}

void tl_outbox_lose(struct tl_outbox *o, uint64_t events)
{
	pthread_mutex_lock(&o->lock);
	o->counts.assigned_events += events;
	o->counts.unmade_events += events;
	pthread_mutex_unlock(&o->lock);
}

/* Who keeps batches for a consumer says their base and after; nobody else touches them. */
static bool rewrites_heads(const struct tl_outbox *o)
{
	bool urls = false;

	for (unsigned int i = 0; i < o->lane_count; i++) {
		urls = urls || o->lanes[i].is_url;
	}
	return urls && !tl_outbox_forwards(o);
}

/* Another writer's head lies otherwise, and is read the long way; it gets one of ours. */
static int read_foreign(struct tl_outbox *o, struct tl_outbox_item *item)
{
	struct tl_batch batch;
	struct tl_msg *rewritten;
	int err = o->reader ? 0 : tl_wire_reader_create(&o->reader);

	if (err == 0) {
		err = tl_wire_read(o->reader, item->msg->data, item->msg->len, &batch, 0);
	}
	if (err < 0) {
		return err;
	}
	item->head = batch.head;
	uint64_t last = batch.head.first + batch.event_count;
	if (rewrites_heads(o) &&
	    tl_run_cut(o->reader, &batch, batch.head.first, last, &rewritten) == 0) {
		tl_msg_free(item->msg);
		item->msg = rewritten;
	}
	return 0;
}

static int read_head(struct tl_outbox *o, struct tl_outbox_item *item)
{
	if (!tl_wire_head_is_ours(item->msg->data, item->msg->len)) {
		return read_foreign(o, item);
	}
	tl_wire_get_head(item->msg->data, &item->head);
	return 0;
}

int tl_outbox_forward(struct tl_outbox *o, struct tl_msg *msg, uint32_t events)
{
	return tl_outbox_resend(o, msg, events, 0, 0);
}

int tl_outbox_resend(struct tl_outbox *o, struct tl_msg *msg, uint32_t events,
		     const struct tl_journal *journal, uint64_t ticket)
{
	struct tl_outbox_item item = {
		.msg = msg, .events = events, .journal = journal, .ticket = ticket};
	int err = read_head(o, &item);

	if (err < 0) {
		pthread_mutex_lock(&o->lock);
		o->counts.assigned_events += events;
		tl_window_refuse(o, 0, &item);
		pthread_mutex_unlock(&o->lock);
		return err;
	}
	return tl_outbox_put(o, &item);
}

int tl_outbox_set_places(struct tl_outbox_config *config, const struct tl_opt_list *outputs)
{
	if (outputs->count > TL_OUTBOX_LANES) {
		tl_log_err("-o: at most %d places", TL_OUTBOX_LANES);
		return -EINVAL;
	}
	if (outputs->count > 1 && config->hop.ack_url) {
		tl_log_err("--ack-url: for one output only");
		return -EINVAL;
	}
	config->places[0] = "-";
	for (unsigned int i = 0; i < outputs->count; i++) {
		config->places[i] = outputs->items[i];
	}
	return 0;
}

/* --- open and close ------------------------------------------------------- */

static int open_lanes(struct tl_outbox *o)
{
	int err = 0;

	while (err == 0 && o->lane_count < TL_OUTBOX_LANES && o->config.places[o->lane_count]) {
		err = tl_lane_open(&o->lanes[o->lane_count], o, o->lane_count);
		if (err == 0) {
			o->all_lanes |= o->lanes[o->lane_count++].bit;
		}
	}
	for (unsigned int i = 0; i < o->lane_count && err == 0; i++) {
		err = tl_lane_start(&o->lanes[i]);
	}
	return err;
}

static void free_outbox(struct tl_outbox *o)
{
	for (unsigned int i = 0; i < o->lane_count; i++) {
		tl_lane_close(&o->lanes[i]);
	}
	while (o->streams.oldest) {
		struct tl_streamnode *node = o->streams.oldest;
		tl_streammap_remove(&o->streams, node);
		free(node);
	}
	tl_streammap_fini(&o->streams);
	tl_wire_reader_destroy(o->reader);
	pthread_mutex_destroy(&o->lock);
	pthread_cond_destroy(&o->changed);
	free(o);
}

static void stop_lanes(struct tl_outbox *o, uint64_t timeout_ns)
{
	pthread_mutex_lock(&o->lock);
	o->closing = true;
	o->give_up_ns = tl_clock_deadline_ns(timeout_ns);
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
	for (unsigned int i = 0; i < o->lane_count; i++) {
		tl_lane_join(&o->lanes[i]);
	}
}

int tl_outbox_open(struct tl_outbox **out, const struct tl_outbox_config *config)
{
	struct tl_outbox *o = calloc(1, sizeof(*o));
	if (!o) {
		return -ENOMEM;
	}
	o->config = *config;
	o->give_up_ns = UINT64_MAX;
	pthread_mutex_init(&o->lock, 0);
	tl_moncond_init(&o->changed);
	int err = tl_streammap_init(&o->streams);
	if (err == 0) {
		err = open_lanes(o);
	}
	if (err < 0) {
		stop_lanes(o, 0);
		free_outbox(o);
		return err;
	}
	*out = o;
	return 0;
}

int tl_outbox_close(struct tl_outbox *o, uint64_t timeout_ns, struct tl_outbox_counts *counts)
{
	if (!o) {
		return 0;
	}
	stop_lanes(o, timeout_ns);
	bool left = o->head != 0;
	tl_window_drop_rest(o);
	int err = error_of(o);
	err = err != 0 ? err : o->counts.broken ? -EIO : left ? -ETIMEDOUT : 0;
	if (counts) {
		*counts = o->counts;
	}
	free_outbox(o);
	return err;
}

/* Also who meant to wait for ever gives up some time after a signal. */
bool tl_outbox_too_late(const struct tl_outbox *o)
{
	uint64_t now = tl_clock_mono_ns();
	uint64_t stop_ns = tl_service_stop_ns();

	return now >= o->give_up_ns ||
	       (stop_ns != 0 && now - stop_ns >= STOP_WAIT_NS && o->give_up_ns == UINT64_MAX);
}

struct tl_outbox_counts tl_outbox_counts(struct tl_outbox *o)
{
	pthread_mutex_lock(&o->lock);
	struct tl_outbox_counts counts = o->counts;
	pthread_mutex_unlock(&o->lock);
	return counts;
}

uint64_t tl_outbox_mark(struct tl_outbox *o)
{
	pthread_mutex_lock(&o->lock);
	uint64_t mark = o->next_order;
	pthread_mutex_unlock(&o->lock);
	return mark;
}

bool tl_outbox_is_settled(struct tl_outbox *o, uint64_t mark)
{
	pthread_mutex_lock(&o->lock);
	bool settled = !o->head || o->head->order >= mark;
	for (unsigned int i = 0; i < o->lane_count; i++) {
		settled = settled && o->lanes[i].error == 0;
	}
	pthread_mutex_unlock(&o->lock);
	return settled;
}

int tl_outbox_error(struct tl_outbox *o)
{
	pthread_mutex_lock(&o->lock);
	int error = error_of(o);
	pthread_mutex_unlock(&o->lock);
	return error;
}

bool tl_outbox_reader_gone(struct tl_outbox *o)
{
	return tl_outbox_error(o) == -EPIPE;
}
