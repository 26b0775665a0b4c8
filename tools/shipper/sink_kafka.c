/* SPDX-License-Identifier: BSD-2-Clause */
#include "sinks.h"

#ifdef TL_HAVE_KAFKA
/*
 * Kafka, by librdkafka's idempotent producer. A batch is one message; its key
 * is the stream, so that a stream stays in one partition and in order; the
 * delivery report of all in-sync replicas is the answer. Nothing relies on the
 * library's queue: the batch stays with the store until the report.
 */
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka_conf.h"
#include "log.h"
#include "moncond.h"
#include "peerlist.h"
#include "sink.h"

#define TOPIC_DEFAULT "tapline.batches"

enum {
	MESSAGE_ROOM = 256, /* key, header and the frame around them, of message.max.bytes */
	FULL_RETRY_MS = 100,
	PURGE_MS = 1000,
	REOPEN_MS = 1000, /* between producers */
};

enum slot_state {
	SLOT_FREE,
	SLOT_SENT, /* the library has it */
	SLOT_ANSWERED,
};

struct slot {
	enum slot_state state;
	struct sink_answer answer;
};

struct kafka_sink {
	struct sink sink;
	struct sink_config config;
	struct peerlist peers;
	size_t message_max;
	uint64_t reopen_ns; /* not before */
	bool fatal;	    /* the producer is of no use any more */
	bool down;
	bool forbidden;		       /* that is why */
	char trouble[SINK_REASON_LEN]; /* the last the library told, until something succeeds */
	struct slot slots[SINK_IN_FLIGHT_MAX];

	/* For `wake`, of other threads: */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* monotonic clock */
	bool woken;
	rd_kafka_t *producer; /* 0 between a fatal error and the next one */
	rd_kafka_queue_t *events;
};

/* --- the producer -------------------------------------------------------------------------- */

static int open_producer(struct kafka_sink *sink)
{
	char why[256];
	rd_kafka_conf_t *conf;
	int err = kafka_conf_make(&conf, &sink->message_max, &sink->config, &sink->peers);

	if (err < 0) {
		return err;
	}
	rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!producer) {
		rd_kafka_conf_destroy(conf);
		tl_log_err("%s: %s", sink->config.url, why);
		return -EINVAL;
	}
	sink->fatal = false;
	pthread_mutex_lock(&sink->lock);
	sink->producer = producer;
	sink->events = rd_kafka_queue_get_main(producer);
	pthread_mutex_unlock(&sink->lock);
	return 0;
}

static void answer(struct slot *slot, enum sink_verdict verdict, const char *reason)
{
	slot->state = SLOT_ANSWERED;
	slot->answer.verdict = verdict;
	snprintf(slot->answer.reason, sizeof(slot->answer.reason), "%s", reason);
}

static bool is_forbidden(rd_kafka_resp_err_t err)
{
	switch (err) {
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
		return true;
	default:
		return false;
	}
}

static enum sink_verdict verdict_of(rd_kafka_resp_err_t err)
{
	switch (err) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		return SINK_DONE;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
		return SINK_TOO_BIG;
	case RD_KAFKA_RESP_ERR_INVALID_RECORD: /* the broker's own validation */
		return SINK_REFUSED;
	default:
		return is_forbidden(err) ? SINK_FORBIDDEN : SINK_RETRY;
	}
}

/* These have a cause, which was told before. */
static bool is_consequence(rd_kafka_resp_err_t err)
{
	return err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT || err == RD_KAFKA_RESP_ERR__FATAL ||
	       err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
}

static void answer_failed(const struct kafka_sink *sink, struct slot *slot, rd_kafka_resp_err_t err)
{
	char reason[SINK_REASON_LEN];
	enum sink_verdict verdict = verdict_of(err);

	if (is_consequence(err) && sink->trouble[0]) {
		answer(slot, sink->forbidden ? SINK_FORBIDDEN : SINK_RETRY, sink->trouble);
		return;
	}
	snprintf(reason, sizeof(reason), "topic %.60s: %.120s", sink->peers.name,
		 rd_kafka_err2str(err));
	answer(slot, verdict, reason);
}

static void take_reports(struct kafka_sink *sink, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *message;

	while ((message = rd_kafka_event_message_next(event))) {
		struct slot *slot = message->_private;
		if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
			answer_failed(sink, slot, message->err);
			continue;
		}
		answer(slot, SINK_DONE, "");
		sink->down = false;
		sink->forbidden = false;
		sink->trouble[0] = '\0';
	}
}

static void take_error(struct kafka_sink *sink, rd_kafka_event_t *event)
{
	rd_kafka_resp_err_t err = rd_kafka_event_error(event);
	char why[160];

	snprintf(why, sizeof(why), "%s", rd_kafka_event_error_string(event));
	if (err == RD_KAFKA_RESP_ERR__FATAL) {
		err = rd_kafka_fatal_error(sink->producer, why, sizeof(why));
		sink->fatal = true;
	}
	sink->down = sink->down || err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
	if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && sink->trouble[0]) {
		return; /* why they are was said before */
	}
	sink->forbidden = is_forbidden(err);
	snprintf(sink->trouble, sizeof(sink->trouble), "%s", why);
	for (char *byte = sink->trouble; *byte; byte++) {
		*byte = *byte == '\n' ? ' ' : *byte;
	}
}

/* One event, or none in time. */
static bool take_event(struct kafka_sink *sink, int timeout_ms)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(sink->events, timeout_ms);

	if (!event) {
		return false;
	}
	if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
		take_reports(sink, event);
	} else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
		take_error(sink, event);
	}
	rd_kafka_event_destroy(event);
	return true;
}

static bool has_sent(const struct kafka_sink *sink)
{
	for (unsigned int i = 0; i < sink->config.in_flight; i++) {
		if (sink->slots[i].state == SLOT_SENT) {
			return true;
		}
	}
	return false;
}

/* What it had and did not report is answered: to be sent again, by the next producer. */
static void close_producer(struct kafka_sink *sink)
{
	if (!sink->producer) {
		return;
	}
	uint64_t until = tl_clock_deadline_ns(PURGE_MS * TL_MS_NS);
	rd_kafka_purge(sink->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	while (has_sent(sink) && tl_clock_mono_ns() < until) {
		take_event(sink, 10);
	}
	pthread_mutex_lock(&sink->lock);
	rd_kafka_t *producer = sink->producer;
	rd_kafka_queue_destroy(sink->events);
	sink->producer = 0;
	sink->events = 0;
	pthread_mutex_unlock(&sink->lock);
	rd_kafka_destroy(producer);
	for (unsigned int i = 0; i < sink->config.in_flight; i++) {
		if (sink->slots[i].state == SLOT_SENT) {
			answer_failed(sink, &sink->slots[i], RD_KAFKA_RESP_ERR__FATAL);
		}
	}
}

/* Another producer after a fatal error; its options are read again. */
static void renew_producer(struct kafka_sink *sink)
{
	if (sink->fatal) {
		tl_log_info("%s: %s; making another producer", sink->config.url, sink->trouble);
		close_producer(sink);
		sink->fatal = false;
		sink->reopen_ns = tl_clock_deadline_ns(REOPEN_MS * TL_MS_NS);
	}
	if (!sink->producer && tl_clock_mono_ns() >= sink->reopen_ns && open_producer(sink) < 0) {
		sink->reopen_ns = tl_clock_deadline_ns(REOPEN_MS * TL_MS_NS);
	}
}

/* --- the sink ----------------------------------------------------------------------------------
 */

static struct slot *free_slot(struct kafka_sink *sink)
{
	unsigned int i = 0;

	while (sink->slots[i].state != SLOT_FREE) {
		i++; /* the contract: never more than in_flight at a time */
	}
	return &sink->slots[i];
}

/* The library keeps a copy: what was purged may still be half way in a socket. */
static rd_kafka_resp_err_t produce(struct kafka_sink *sink, const struct parcel *parcel,
				   struct slot *slot)
{
	return rd_kafka_producev(sink->producer, RD_KAFKA_V_TOPIC(sink->peers.name),
				 RD_KAFKA_V_KEY(parcel->stream, sizeof(parcel->stream)),
				 RD_KAFKA_V_VALUE((void *)(uintptr_t)parcel->data, parcel->len),
				 RD_KAFKA_V_HEADER("tl-id", parcel->id, -1),
				 RD_KAFKA_V_OPAQUE(slot), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
				 RD_KAFKA_V_END);
}

static void kafka_send(struct sink *s, struct parcel *parcel)
{
	struct kafka_sink *sink = (struct kafka_sink *)s;
	struct slot *slot = free_slot(sink);

	*slot = (struct slot){.state = SLOT_SENT, .answer = {.parcel = parcel}};
	if (parcel->len + MESSAGE_ROOM > sink->message_max) {
		answer(slot, SINK_TOO_BIG, "over message.max.bytes");
		return;
	}
	if (!sink->producer) {
		answer_failed(sink, slot, RD_KAFKA_RESP_ERR__FATAL);
		return;
	}
	rd_kafka_resp_err_t err = produce(sink, parcel, slot);
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		return;
	}
	sink->fatal = sink->fatal || err == RD_KAFKA_RESP_ERR__FATAL;
	if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
		slot->answer.retry_after_ns = FULL_RETRY_MS * TL_MS_NS;
	}
	answer_failed(sink, slot, err);
}

static size_t collect(struct kafka_sink *sink, struct sink_answer *answers, size_t max)
{
	size_t count = 0;

	for (unsigned int i = 0; i < sink->config.in_flight && count < max; i++) {
		if (sink->slots[i].state == SLOT_ANSWERED) {
			answers[count++] = sink->slots[i].answer;
			sink->slots[i].state = SLOT_FREE;
		}
	}
	return count;
}

static bool take_woken(struct kafka_sink *sink)
{
	pthread_mutex_lock(&sink->lock);
	bool woken = sink->woken;
	sink->woken = false;
	pthread_mutex_unlock(&sink->lock);
	return woken;
}

/* Without a producer there is nothing but `wake` and the time to open one. */
static void wait_without(struct kafka_sink *sink, uint64_t until)
{
	until = sink->reopen_ns < until ? sink->reopen_ns : until;
	pthread_mutex_lock(&sink->lock);
	if (!sink->woken) {
		tl_moncond_wait(&sink->changed, &sink->lock, until);
	}
	pthread_mutex_unlock(&sink->lock);
}

static void wait_event(struct kafka_sink *sink, uint64_t now, uint64_t until)
{
	uint64_t left_ms = (until - now + TL_MS_NS - 1) / TL_MS_NS;

	if (take_event(sink, (int)(left_ms < TL_SECOND_NS / TL_MS_NS ? left_ms : 1000))) {
		while (take_event(sink, 0)) {
		}
	}
}

static size_t kafka_wait(struct sink *s, struct sink_answer *answers, size_t max,
			 uint64_t timeout_ns)
{
	struct kafka_sink *sink = (struct kafka_sink *)s;
	uint64_t now = tl_clock_mono_ns();
	uint64_t until = tl_clock_deadline_ns(timeout_ns);

	for (bool first = true;; first = false) {
		renew_producer(sink);
		if (first && sink->producer) {
			wait_event(sink, now, now);
		}
		size_t count = collect(sink, answers, max);
		now = tl_clock_mono_ns();
		if (count > 0 || take_woken(sink) || now >= until) {
			return count;
		}
		if (sink->producer) {
			wait_event(sink, now, until);
		} else {
			wait_without(sink, until);
		}
	}
}

static void kafka_wake(struct sink *s)
{
	struct kafka_sink *sink = (struct kafka_sink *)s;

	pthread_mutex_lock(&sink->lock);
	sink->woken = true;
	if (sink->events) {
		rd_kafka_queue_yield(sink->events);
	}
	pthread_cond_broadcast(&sink->changed);
	pthread_mutex_unlock(&sink->lock);
}

static bool kafka_connected(struct sink *s)
{
	const struct kafka_sink *sink = (struct kafka_sink *)s;

	return sink->producer && !sink->fatal && !sink->down;
}

static void kafka_close(struct sink *s)
{
	struct kafka_sink *sink = (struct kafka_sink *)s;

	if (!sink) {
		return;
	}
	close_producer(sink);
	pthread_mutex_destroy(&sink->lock);
	pthread_cond_destroy(&sink->changed);
	free(sink);
}

static int kafka_open(struct sink **out, const struct sink_config *config)
{
	struct kafka_sink *sink = calloc(1, sizeof(*sink));

	if (!sink) {
		return -ENOMEM;
	}
	pthread_mutex_init(&sink->lock, 0);
	tl_moncond_init(&sink->changed);
	sink->sink.ops = &sink_kafka_ops;
	sink->config = *config;
	int err = peerlist_parse(&sink->peers, config->url,
				 config->subject ? config->subject : TOPIC_DEFAULT);
	err = err ? err : open_producer(sink);
	if (err < 0) {
		kafka_close(&sink->sink);
		return err;
	}
	*out = &sink->sink;
	return 0;
}

static const char *const schemes[] = {"kafka", 0};

const struct sink_ops sink_kafka_ops = {
	.schemes = schemes,
	.open = kafka_open,
	.send = kafka_send,
	.wait = kafka_wait,
	.wake = kafka_wake,
	.connected = kafka_connected,
	.close = kafka_close,
};

#endif
