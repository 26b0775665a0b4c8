/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ipc:// and tcp://: another Tapline consumer. The outbox sends, again where
 * needed; a batch is done when the consumer says that it is safe, or when it was
 * sent to one that does not acknowledge.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "moncond.h"
#include "outbox.h"
#include "sink.h"

/* A parcel on its way; its ticket is the place in the array, from 1. */
struct slot {
	struct parcel *parcel; /* 0 = free */
	bool answered;
	bool sent;
};

struct hop_sink {
	struct sink sink;
	struct tl_outbox *outbox;
	struct tl_journal journal;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool woken;
	unsigned int answered;
	unsigned int slot_count;
	struct slot slots[];
};

/* From a thread of the outbox, or from put when the batch could not be kept. */
static void done(void *context, uint64_t ticket, bool sent)
{
	struct hop_sink *s = context;

	pthread_mutex_lock(&s->lock);
	s->slots[ticket - 1].answered = true;
	s->slots[ticket - 1].sent = sent;
	s->answered++;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void hop_close(struct sink *sink)
{
	struct hop_sink *s = (struct hop_sink *)sink;

	tl_outbox_close(s->outbox, 0, 0);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static int hop_open(struct sink **out, const struct sink_config *config)
{
	/* The lane bounds what is in flight, and must not wait in put. */
	struct tl_outbox_config outbox = {.places = {config->url},
					  .policy = TL_OUTBOX_WAIT,
					  .window = UINT64_MAX / 2,
					  .hop = {.insecure = config->insecure}};
	struct hop_sink *s = calloc(1, sizeof(*s) + config->in_flight * sizeof(s->slots[0]));

	if (!s) {
		return -ENOMEM;
	}
	s->sink.ops = &sink_hop_ops;
	s->slot_count = config->in_flight;
	s->journal = (struct tl_journal){.done = done, .context = s};
	pthread_mutex_init(&s->lock, 0);
	tl_moncond_init(&s->changed);
	int err = tl_outbox_open(&s->outbox, &outbox);
	if (err < 0) {
		hop_close(&s->sink);
		return err;
	}
	*out = &s->sink;
	return 0;
}

static uint64_t take_slot(struct hop_sink *s, struct parcel *parcel)
{
	uint64_t ticket = 0;

	pthread_mutex_lock(&s->lock);
	for (unsigned int i = 0; i < s->slot_count && ticket == 0; i++) {
		if (!s->slots[i].parcel) {
			s->slots[i] = (struct slot){.parcel = parcel};
			ticket = i + 1;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return ticket;
}

static void hop_send(struct sink *sink, struct parcel *parcel)
{
	struct hop_sink *s = (struct hop_sink *)sink;
	uint64_t ticket = take_slot(s, parcel);
	struct tl_msg *msg = tl_msg_new(parcel->len);

	if (!msg) {
		done(s, ticket, false);
		return;
	}
	memcpy(msg->data, parcel->data, parcel->len);
	msg->len = parcel->len;
	tl_outbox_resend(s->outbox, msg, parcel->count, &s->journal, ticket);
}

static size_t collect(struct hop_sink *s, struct sink_answer *answers, size_t max)
{
	size_t count = 0;

	for (unsigned int i = 0; i < s->slot_count && s->answered > 0 && count < max; i++) {
		struct slot *slot = &s->slots[i];
		if (!slot->answered) {
			continue;
		}
		answers[count++] = (struct sink_answer){
			.parcel = slot->parcel,
			.verdict = slot->sent ? SINK_DONE : SINK_RETRY,
		};
		*slot = (struct slot){0};
		s->answered--;
	}
	return count;
}

/* Without the lock: the outbox calls `done` with its own. */
static void explain(struct hop_sink *s, struct sink_answer *answers, size_t count)
{
	int err = tl_outbox_error(s->outbox);

	for (size_t i = 0; i < count; i++) {
		if (answers[i].verdict == SINK_RETRY) {
			snprintf(answers[i].reason, sizeof(answers[i].reason), "cannot send: %s",
				 strerror(err < 0 ? -err : ENOMEM));
		}
	}
}

static size_t hop_wait(struct sink *sink, struct sink_answer *answers, size_t max,
		       uint64_t timeout_ns)
{
	struct hop_sink *s = (struct hop_sink *)sink;
	uint64_t until = tl_clock_deadline_ns(timeout_ns);

	pthread_mutex_lock(&s->lock);
	while (s->answered == 0 && !s->woken && tl_clock_mono_ns() < until) {
		tl_moncond_wait(&s->changed, &s->lock, until);
	}
	s->woken = false;
	size_t count = collect(s, answers, max);
	pthread_mutex_unlock(&s->lock);
	explain(s, answers, count);
	return count;
}

static void hop_wake(struct sink *sink)
{
	struct hop_sink *s = (struct hop_sink *)sink;

	pthread_mutex_lock(&s->lock);
	s->woken = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static const char *const schemes[] = {"ipc", "tcp", 0};

const struct sink_ops sink_hop_ops = {
	.schemes = schemes,
	.open = hop_open,
	.send = hop_send,
	.wait = hop_wait,
	.wake = hop_wake,
	.close = hop_close,
};
