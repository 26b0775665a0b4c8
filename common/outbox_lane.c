/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "outbox_private.h"
#include "run.h"
#include "service.h"

#define SEND_SLICE_NS (100 * TL_MS_NS) /* between looks at whether to give up */

/* --- what is sent --------------------------------------------------------- */

static struct tl_held *next_unsent(struct tl_lane *lane)
{
	while (lane->next && (lane->next->sent | lane->next->done) & lane->bit) {
		lane->next = lane->next->next;
	}
	return lane->next;
}

/*
 * True when this lane is the last that needs the batch, and does not need it again: no copy
 * then. A gate may change what it is given, and a URL may not take it now.
 */
static bool is_last_use(const struct tl_lane *lane, const struct tl_held *h)
{
	const struct tl_outbox *o = lane->outbox;

	return (h->done | lane->bit) == o->all_lanes && h->busy == lane->bit &&
	       !tl_lane_waits_for_acks(lane) && !(lane->is_url && tl_gate_is_here(lane));
}

struct stamp {
	bool given; /* the batch itself goes, not a copy */
	bool gate;  /* it is judged here */
	bool set_base;
	uint64_t base;
	uint64_t after;
};

/*
 * What the batch has to say today. Only what was heard is claimed to be safe: what
 * was let go without an ack may be missing. In a file nothing is acknowledged.
 */
static uint64_t base_of(const struct tl_lane *lane, const struct tl_outbox_stream *s)
{
	uint64_t safe = s->heard[lane->index].safe;

	if (!tl_hop_out_has_acks(lane->hop)) {
		return TL_WIRE_NO_BASE;
	}
	return safe > s->floor ? safe : s->floor;
}

static struct stamp stamp_of(const struct tl_lane *lane, const struct tl_held *h)
{
	return (struct stamp){
		.given = is_last_use(lane, h),
		.gate = tl_gate_is_here(lane),
		.set_base = lane->is_url && h->stream,
		.base = h->stream ? base_of(lane, h->stream) : 0,
		.after = h->item.head.after,
	};
}

static struct tl_msg *stamped(const struct tl_held *h, const struct stamp *stamp)
{
	struct tl_msg *msg = stamp->given ? h->item.msg : tl_msg_copy(h->item.msg);

	if (msg && h->ours && h->stream) {
		tl_wire_set_after(msg->data, stamp->after);
		if (stamp->set_base) {
			tl_wire_set_base(msg->data, stamp->base);
		}
	}
	return msg;
}

/* --- sending -------------------------------------------------------------- */

static bool is_over(const struct tl_lane *lane)
{
	const struct tl_outbox *o = lane->outbox;

	return lane->error != 0 || (o->closing && (lane->pending == 0 || tl_outbox_too_late(o)));
}

/* A message that was begun is gone on with: a pipe may hold a part of it. Without the lock. */
static int send_message(struct tl_lane *lane, struct tl_msg *msg)
{
	for (;;) {
		int err = tl_hop_send(lane->hop, msg, SEND_SLICE_NS);
		if (err != -ETIMEDOUT) {
			return err;
		}
		pthread_mutex_lock(&lane->outbox->lock);
		bool over = is_over(lane);
		pthread_mutex_unlock(&lane->outbox->lock);
		if (over) {
			return err;
		}
		if (lane->is_url) {
			return -EAGAIN;
		}
	}
}

/* Sends what is to be sent of it; *len is what that was. Without the lock. */
static int send_stamped(struct tl_lane *lane, struct tl_held *h, const struct stamp *stamp,
			bool idle, size_t *len)
{
	struct tl_msg *msg = stamped(h, stamp);

	if (stamp->given) {
		h->item.msg = 0;
	}
	if (msg && stamp->gate) {
		msg = tl_gate_admit(lane, msg);
		if (!msg) {
			return tl_gate_tell(lane, idle);
		}
	}
	if (!msg) {
		return -EAGAIN;
	}
	*len = msg->len;
	int err = send_message(lane, msg);
	if (err == 0 && stamp->gate) {
		err = tl_gate_passed(lane, &h->item.head, h->next_number, idle);
	} else if (err < 0 && stamp->given && !stamp->gate) {
		h->item.msg = msg;
	} else if (err < 0) {
		tl_msg_free(msg);
	}
	return err;
}

/* As its user knows it: a file that was opened before privileges went is a descriptor now. */
static const char *name_of(const char *place, char path[PATH_MAX])
{
	ssize_t len = strncmp(place, "/dev/fd/", 8) == 0 ? readlink(place, path, PATH_MAX - 1) : -1;

	if (len > 0) {
		path[len] = '\0';
		return path;
	}
	return strcmp(place, "-") == 0 ? "stdout" : place;
}

static void break_lane(struct tl_lane *lane, int err)
{
	char path[PATH_MAX];
	struct tl_outbox *o = lane->outbox;

	lane->error = err;
	if (o->config.ended) {
		o->config.ended(o->config.context, lane->index);
	}
	if (err != -EPIPE) {
		o->counts.broken = true;
		tl_log_err("cannot write %s: %s", name_of(lane->place, path), strerror(-err));
	}
	for (struct tl_held *h = o->head, *next; h; h = next) {
		next = h->next;
		if (!(h->done & lane->bit)) {
			h->lost = true;
			tl_window_done(o, h, lane->bit);
		}
	}
	pthread_cond_broadcast(&o->changed);
}

/* The ack may be heard before the send returns; whoever told it may be gone by now. */
static bool was_told_safe(const struct tl_lane *lane, const struct tl_held *h)
{
	return h->stream && h->next_number <= h->stream->heard[lane->index].safe;
}

static void note_sent(struct tl_lane *lane, struct tl_held *h, size_t len)
{
	struct tl_outbox *o = lane->outbox;

	/* A gate may have let nothing through. */
	o->counts.sent_batches += len > 0 ? 1 : 0;
	o->counts.sent_events += len > 0 ? h->item.events : 0;
	o->counts.sent_bytes += len;
	o->counts.resent_batches += h->tried & lane->bit ? 1 : 0;
	h->tried |= lane->bit;
	/* Asked to go back meanwhile, the lane sends this once more too, in its place. */
	h->sent |= h->again & lane->bit ? 0 : lane->bit;
	h->again &= (uint8_t)~lane->bit;
	if (!tl_lane_waits_for_acks(lane) || was_told_safe(lane, h)) {
		tl_window_done(o, h, lane->bit);
	}
}

/* Called and returns with the lock held. */
static void send_one(struct tl_lane *lane, struct tl_held *h)
{
	struct tl_outbox *o = lane->outbox;
	struct stamp stamp;
	bool idle = !h->next;
	size_t len = 0;

	h->busy |= lane->bit;
	h->again &= (uint8_t)~lane->bit;
	stamp = stamp_of(lane, h);
	pthread_mutex_unlock(&o->lock);
	int err = send_stamped(lane, h, &stamp, idle, &len);
	pthread_mutex_lock(&o->lock);
	if (err == 0) {
		struct tl_outbox_heard *heard = h->stream ? &h->stream->heard[lane->index] : 0;
		if (heard && heard->moved_ns == 0) {
			heard->moved_ns = tl_clock_mono_ns();
		}
		note_sent(lane, h, len);
	} else if (err != -EAGAIN && err != -ETIMEDOUT) {
		break_lane(lane, err);
	}
	h->busy &= (uint8_t)~lane->bit;
	tl_window_release(o, h);
	pthread_cond_broadcast(&o->changed);
}

static void wait_for_work(struct tl_lane *lane)
{
	struct tl_outbox *o = lane->outbox;

	if (tl_gate_is_here(lane)) {
		pthread_mutex_unlock(&o->lock);
		int err = tl_gate_tell(lane, true);
		pthread_mutex_lock(&o->lock);
		if (err < 0) {
			break_lane(lane, err);
		}
	}
	if (next_unsent(lane) || is_over(lane)) {
		return;
	}
	if (lane->is_url || tl_outbox_forwards(o) || o->closing) {
		tl_outbox_wait(o);
	} else {
		pthread_cond_wait(&o->changed, &o->lock);
	}
}

static void *run(void *arg)
{
	struct tl_lane *lane = arg;
	struct tl_outbox *o = lane->outbox;

	pthread_mutex_lock(&o->lock);
	while (!is_over(lane)) {
		tl_lane_look(lane, tl_clock_mono_ns());
		struct tl_held *h = next_unsent(lane);
		if (h) {
			send_one(lane, h);
		} else if (!is_over(lane)) {
			wait_for_work(lane);
		}
	}
	pthread_mutex_unlock(&o->lock);
	return 0;
}

/* --- open and close ------------------------------------------------------- */

int tl_lane_open(struct tl_lane *lane, struct tl_outbox *o, unsigned int index)
{
	*lane = (struct tl_lane){
		.outbox = o,
		.place = o->config.places[index],
		.index = index,
		.bit = (uint8_t)(1u << index),
		.is_url = tl_hop_is_url(o->config.places[index]),
	};
	int err = tl_hop_open_out(&lane->hop, lane->place, &o->config.hop);
	if (err == 0 && tl_outbox_forwards(o)) {
		err = tl_intake_create(&lane->intake);
		if (err == 0) {
			err = tl_wire_reader_create(&lane->reader);
		}
		if (err < 0) {
			tl_lane_close(lane);
		}
	}
	return err;
}

int tl_lane_start(struct tl_lane *lane)
{
	int err = 0;

	if (tl_hop_out_has_acks(lane->hop)) {
		err = -pthread_create(&lane->acks_thread, 0, tl_lane_hear, lane);
		lane->acks_started = err == 0;
	}
	if (err == 0) {
		err = -pthread_create(&lane->thread, 0, run, lane);
		lane->started = err == 0;
	}
	return err;
}

void tl_lane_join(struct tl_lane *lane)
{
	if (lane->started) {
		pthread_join(lane->thread, 0);
		while (lane->error == 0 && !tl_hop_drain(lane->hop, SEND_SLICE_NS) &&
		       !tl_outbox_too_late(lane->outbox)) {
		}
	}
	if (lane->acks_started) {
		tl_hop_end_acks(lane->hop);
		pthread_join(lane->acks_thread, 0);
	}
}

void tl_lane_close(struct tl_lane *lane)
{
	tl_hop_close_out(lane->hop);
	tl_intake_destroy(lane->intake);
	tl_wire_reader_destroy(lane->reader);
	*lane = (struct tl_lane){0};
}
