/* SPDX-License-Identifier: BSD-2-Clause */
#include "inlet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "fault.h"
#include "log.h"
#include "run.h"
#include "service.h"

/* Of one round, which ends with a commit. */
enum { ROUND_MESSAGES = 64, ROUND_BYTES = 16 << 20 };

#define ROOM_SLICE_NS (100 * TL_MS_NS)

/* A valid batch on its way into the store. */
struct held {
	struct tl_msg *msg; /* 0 = none */
	struct tl_batch batch;
	uint64_t next; /* all below has arrived with it */
};

struct inlet {
	struct inlet_config config;
	struct tl_wire_reader *reader;
	struct held held;
	int ended;	     /* what recv said last: <= 0 */
	bool dirty;	     /* something was put since the last commit */
	uint64_t commit_due; /* monotonic */
	struct tl_log_limit malformed_limit;
	struct inlet_counts counts;
};

int inlet_create(struct inlet **out, const struct inlet_config *config)
{
	struct inlet *i = calloc(1, sizeof(*i));
	if (!i) {
		return -ENOMEM;
	}
	i->config = *config;
	i->ended = 1;
	i->commit_due = UINT64_MAX;
	int err = tl_wire_reader_create(&i->reader);
	if (err < 0) {
		free(i);
		return err;
	}
	*out = i;
	return 0;
}

void inlet_destroy(struct inlet *i)
{
	if (i) {
		tl_msg_free(i->held.msg);
		tl_wire_reader_destroy(i->reader);
		free(i);
	}
}

/* --- into the store ------------------------------------------------------- */

/* Puts what is held: 0; -ENOSPC and the like: it is still held. */
static int put_held(struct inlet *i)
{
	struct held *h = &i->held;
	uint8_t stream[TL_WIRE_STREAM_LEN];

	memcpy(stream, h->batch.head.stream, sizeof(stream));
	int err = store_put(i->config.store, h->msg, &h->batch.head, h->batch.event_count);
	if (err < 0) {
		return err;
	}
	i->counts.batches++;
	i->counts.events += h->batch.event_count;
	i->dirty = true;
	tl_intake_took(i->config.intake, stream, h->next, tl_clock_mono_ns());
	h->msg = 0;
	return 0;
}

static void put(struct inlet *i)
{
	if (put_held(i) < 0) {
		i->counts.full++;
	}
}

/* Reads what we made ourselves: the head of what is held is that of its own bytes. */
static int hold(struct inlet *i, struct tl_msg *msg, uint64_t next)
{
	i->held = (struct held){.msg = msg, .next = next};
	int err = tl_wire_read(i->reader, msg->data, msg->len, &i->held.batch, 0);
	if (err < 0) {
		tl_msg_free(msg);
		i->held.msg = 0;
	}
	return err;
}

/* The part of a batch from `from` on, in a message of our own layout. Frees `msg` on 0. */
static int hold_part(struct inlet *i, struct tl_msg *msg, const struct tl_batch *batch,
		     uint64_t from, uint64_t next)
{
	uint64_t last = batch->head.first + batch->event_count;
	struct tl_msg *part;
	/* `end` counts as a number, so all that is new may be that. */
	int err = tl_run_cut(i->reader, batch, from < last ? from : last, last, &part);

	if (err < 0) {
		return err;
	}
	err = hold(i, part, next);
	if (err == 0) {
		tl_msg_free(msg);
	}
	return err;
}

static void set_after(struct inlet *i, uint64_t after)
{
	struct held *h = &i->held;

	if (after != h->batch.head.after && tl_wire_head_is_ours(h->msg->data, h->msg->len)) {
		tl_wire_set_after(h->msg->data, after);
		h->batch.head.after = after;
	}
}

/* The message is the inlet's from here on. */
static void take_new(struct inlet *i, struct tl_msg *msg, const struct tl_batch *batch,
		     const struct tl_intake_verdict *v, uint64_t next)
{
	bool rewrite = v->after != batch->head.after && !tl_wire_head_is_ours(msg->data, msg->len);
	int err = -EOPNOTSUPP;

	if (v->kind == TL_INTAKE_CUT || rewrite) {
		err = hold_part(i, msg, batch, v->from, next);
	}
	if (err == -EOPNOTSUPP) {
		/* What cannot be cut is taken whole: twice is better than never. */
		i->held = (struct held){.msg = msg, .batch = *batch, .next = next};
	} else if (err < 0) {
		tl_msg_free(msg); /* no memory: it comes again */
		return;
	}
	set_after(i, v->after);
	put(i);
}

/* Where nobody hears what is missing, it will not come. */
static struct tl_intake_verdict look(struct inlet *i, const struct tl_batch_head *head,
				     uint64_t next)
{
	struct tl_batch_head asked = *head;

	if (!i->config.acks) {
		asked.base = TL_WIRE_NO_BASE;
	}
	return tl_intake_look(i->config.intake, &asked, next, tl_clock_mono_ns());
}

/* --- malformed batches ---------------------------------------------------- */

static void say_malformed(struct inlet *i, size_t len, const struct tl_wire_error *error)
{
	uint64_t held_back;

	if (tl_log_allowed(&i->malformed_limit, &held_back)) {
		tl_log_warn("batch of %zu bytes refused at offset %u: %s%s", len, error->offset,
			    error->reason,
			    tl_wire_head_readable(i->reader) ? "; its events are declared lost"
							     : "");
	}
}

/* A run of no events in its place, with its `end`. */
static int declare(const struct tl_batch_head *head, uint64_t after, uint64_t first,
		   struct tl_msg **out)
{
	struct tl_batch_head lost = *head;
	struct tl_batch_writer w;

	if (!head->end) {
		return tl_run_declare(head, after, first, out);
	}
	lost.after = after;
	lost.first = first;
	tl_batch_init(&w, 0);
	return tl_batch_finish(&w, &lost, out);
}

/* Its numbers are used up: the stream goes on behind them. */
static void lose_malformed(struct inlet *i, const struct tl_batch *batch)
{
	const struct tl_batch_head *head = &batch->head;
	uint64_t last = head->first + batch->event_count;
	uint64_t next = tl_run_next(head, batch->event_count);
	struct tl_intake_verdict v = look(i, head, next);
	struct tl_msg *msg;

	if (v.kind != TL_INTAKE_TAKE && v.kind != TL_INTAKE_CUT) {
		return;
	}
	uint64_t from = v.from < last ? v.from : last;
	i->counts.malformed_events += last - from;
	if (declare(head, v.after, last, &msg) == 0 && hold(i, msg, next) == 0) {
		put(i);
	}
}

static void refuse(struct inlet *i, struct tl_msg *msg, const struct tl_batch *batch,
		   const struct tl_wire_error *error)
{
	say_malformed(i, msg->len, error);
	i->counts.malformed++;
	if (tl_wire_head_readable(i->reader)) {
		lose_malformed(i, batch);
	} else {
		i->counts.unreadable++;
	}
	tl_msg_free(msg);
}

/* --- a round -------------------------------------------------------------- */

static void receive(struct inlet *i, struct tl_msg *msg)
{
	struct tl_wire_error error;
	struct tl_batch batch;

	tl_fault(TL_FAULT_AFTER_RECEIVE);
	if (tl_wire_read(i->reader, msg->data, msg->len, &batch, &error) < 0) {
		refuse(i, msg, &batch, &error);
		return;
	}
	uint64_t next = tl_run_next(&batch.head, batch.event_count);
	struct tl_intake_verdict v = look(i, &batch.head, next);
	if (v.kind == TL_INTAKE_TAKE || v.kind == TL_INTAKE_CUT) {
		take_new(i, msg, &batch, &v, next);
	} else {
		tl_msg_free(msg);
	}
}

/* All that is there, up to the bounds of a round; waits for the first only. */
static void gather(struct inlet *i, uint64_t timeout_ns)
{
	size_t bytes = 0;
	int n;

	for (n = 0; n < ROUND_MESSAGES && bytes < ROUND_BYTES && !i->held.msg; n++) {
		struct tl_msg *msg;
		int got = tl_hop_recv(i->config.in, &msg, n == 0 ? timeout_ns : 0);
		if (got <= 0) {
			i->ended = got == -ETIMEDOUT ? 1 : got;
			break;
		}
		bytes += msg->len;
		receive(i, msg);
	}
	if (n > 0) {
		acks_notify(i->config.acks); /* also of what was refused, or was there already */
	}
}

static int commit(struct inlet *i)
{
	uint64_t again = UINT64_MAX;
	bool news = i->dirty;

	if (!news && tl_clock_mono_ns() < i->commit_due) {
		return 0;
	}
	if (news) {
		tl_fault(TL_FAULT_BEFORE_COMMIT);
	}
	int err = store_commit(i->config.store, &again);
	if (err < 0) {
		return err;
	}
	i->dirty = false;
	i->commit_due = again;
	if (news) {
		tl_fault(TL_FAULT_AFTER_COMMIT);
	}
	acks_notify(i->config.acks); /* what is safe now */
	for (unsigned int k = 0; news && k < i->config.lane_count; k++) {
		lane_wake(i->config.lanes[k]);
	}
	return 0;
}

static uint64_t until_commit(const struct inlet *i, uint64_t timeout_ns)
{
	uint64_t now = tl_clock_mono_ns();
	uint64_t left = i->commit_due > now ? i->commit_due - now : 0;

	return left < timeout_ns ? left : timeout_ns;
}

static void wait_for_room(struct inlet *i, uint64_t timeout_ns)
{
	uint64_t slice = timeout_ns < ROOM_SLICE_NS ? timeout_ns : ROOM_SLICE_NS;

	store_wait_room(i->config.store, until_commit(i, slice));
	put_held(i);
}

int inlet_step(struct inlet *i, uint64_t timeout_ns)
{
	if (i->held.msg) {
		wait_for_room(i, timeout_ns);
	} else if (i->ended > 0) {
		gather(i, until_commit(i, timeout_ns));
	}
	int err = commit(i);
	if (err < 0) {
		return err;
	}
	if (i->held.msg) {
		/* The end waits for it, but not when a signal came. */
		return tl_service_stopping() ? 0 : 1;
	}
	return i->ended == -EINTR ? 0 : i->ended;
}

int inlet_finish(struct inlet *i)
{
	if (i->held.msg) {
		put_held(i);
	}
	i->commit_due = 0;
	return commit(i);
}

struct inlet_counts inlet_counts(const struct inlet *i)
{
	struct inlet_counts counts = i->counts;

	counts.held_events = i->held.msg ? i->held.batch.event_count : 0;
	return counts;
}
