/* SPDX-License-Identifier: BSD-2-Clause */
#include "sinks.h"

#ifdef TL_HAVE_NATS
/*
 * NATS JetStream. A batch is one message with its parcel id as Nats-Msg-Id, so
 * that what is sent twice within the stream's duplicate window is stored once;
 * it is delivered when the stream's PubAck came. Answers come to an inbox, in
 * a thread of the library.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "nats_private.h"

#define SUBJECT_DEFAULT "tapline.batches"

enum {
	HEADER_ROOM = 256, /* what our headers may take of the server's max_payload */
	REPLY_LEN = 96,
};

/* --- sending: in the lane's thread ----------------------------------------------------- */

static natsStatus make_message(natsMsg **out, struct nats_sink *sink, const struct parcel *parcel,
			       const char *reply, const uint8_t *body, size_t len)
{
	natsMsg *msg = 0;
	natsStatus s = natsMsg_Create(&msg, sink->peers.name, reply, (const char *)body, (int)len);

	s = s ? s : natsMsgHeader_Set(msg, "Nats-Msg-Id", parcel->id);
	if (s == NATS_OK && body != parcel->data) {
		s = natsMsgHeader_Set(msg, "Content-Encoding", "zstd");
	}
	if (s != NATS_OK) {
		natsMsg_Destroy(msg);
		return s;
	}
	*out = msg;
	return NATS_OK;
}

/* Without the lock. */
static natsStatus publish(struct nats_link *link, const struct parcel *parcel, const char *reply)
{
	struct nats_sink *sink = link->sink;
	size_t packed = packer_pack(sink->packer, &sink->packed, parcel->data, parcel->len);
	const uint8_t *body = packed ? sink->packed.bytes : parcel->data;
	size_t len = packed ? packed : parcel->len;
	natsMsg *msg = 0;

	int64_t max = natsConnection_GetMaxPayload(link->connection);
	if (max > 0 && len + HEADER_ROOM > (uint64_t)max) {
		return NATS_MAX_PAYLOAD;
	}
	natsStatus s = make_message(&msg, sink, parcel, reply, body, len);
	s = s ? s : natsConnection_PublishMsg(link->connection, msg);
	natsMsg_Destroy(msg);
	return s;
}

static void publish_failed(struct nats_link *link, struct nats_slot *slot, natsStatus status)
{
	char reason[SINK_REASON_LEN];
	bool written = status != NATS_MAX_PAYLOAD && status != NATS_NO_MEMORY;

	snprintf(reason, sizeof(reason), "publishing: %s", natsStatus_GetText(status));
	if (written) {
		/* Maybe half of it: what follows on this connection would be read as its rest. */
		nats_link_break(link, SINK_RETRY, reason);
	} else if (slot->state == NATS_SLOT_SENT && status == NATS_MAX_PAYLOAD) {
		nats_slot_answer(slot, SINK_TOO_BIG, "over the server's max_payload");
	} else if (slot->state == NATS_SLOT_SENT) {
		nats_slot_answer(slot, SINK_RETRY, reason);
	}
}

/* With the lock, which it leaves while it sends. */
static void send_slot(struct nats_sink *sink, struct nats_slot *slot)
{
	struct nats_link *link = sink->link;
	char reply[REPLY_LEN];

	slot->state = NATS_SLOT_SENT;
	slot->generation = ++sink->generation;
	snprintf(reply, sizeof(reply), "%s.%u.%u", link->inbox, (unsigned int)(slot - sink->slots),
		 slot->generation);
	sink->publishing++;
	pthread_mutex_unlock(&sink->lock);
	natsStatus s = publish(link, slot->answer.parcel, reply);
	pthread_mutex_lock(&sink->lock);
	sink->publishing--;
	if (s != NATS_OK) {
		publish_failed(link, slot, s);
	}
	pthread_cond_broadcast(&sink->changed);
}

static struct nats_slot *free_slot(struct nats_sink *sink)
{
	unsigned int i = 0;

	while (sink->slots[i].state != NATS_SLOT_FREE) {
		i++; /* the contract: never more than in_flight at a time */
	}
	return &sink->slots[i];
}

static struct nats_slot *oldest_held(struct nats_sink *sink)
{
	struct nats_slot *oldest = 0;

	for (unsigned int i = 0; i < sink->config.in_flight; i++) {
		struct nats_slot *slot = &sink->slots[i];
		if (slot->state == NATS_SLOT_HELD && (!oldest || slot->order < oldest->order)) {
			oldest = slot;
		}
	}
	return oldest;
}

/* What is held goes in the order it came, as soon as there is a connection. */
static void send_held(struct nats_sink *sink)
{
	struct nats_slot *slot;

	while (sink->link && (slot = oldest_held(sink))) {
		send_slot(sink, slot);
	}
}

static void nats_send(struct sink *s, struct parcel *parcel)
{
	struct nats_sink *sink = (struct nats_sink *)s;

	pthread_mutex_lock(&sink->lock);
	*free_slot(sink) = (struct nats_slot){
		.state = NATS_SLOT_HELD,
		.order = ++sink->order,
		.deadline_ns = tl_clock_deadline_ns(sink->config.timeout_ns),
		.answer = {.parcel = parcel},
	};
	send_held(sink);
	if (!sink->link) {
		sink->wanted = true;
		pthread_cond_broadcast(&sink->changed);
	}
	pthread_mutex_unlock(&sink->lock);
}

/* --- waiting ----------------------------------------------------------------------------- */

static size_t collect(struct nats_sink *sink, struct sink_answer *answers, size_t max)
{
	size_t count = 0;

	for (unsigned int i = 0; i < sink->config.in_flight && count < max; i++) {
		if (sink->slots[i].state == NATS_SLOT_ANSWERED) {
			answers[count++] = sink->slots[i].answer;
			sink->slots[i].state = NATS_SLOT_FREE;
		}
	}
	return count;
}

static uint64_t next_deadline(const struct nats_sink *sink, uint64_t until)
{
	for (unsigned int i = 0; i < sink->config.in_flight; i++) {
		const struct nats_slot *slot = &sink->slots[i];
		if (nats_slot_is_waiting(slot) && slot->deadline_ns < until) {
			until = slot->deadline_ns;
		}
	}
	return until;
}

static size_t nats_wait(struct sink *s, struct sink_answer *answers, size_t max,
			uint64_t timeout_ns)
{
	struct nats_sink *sink = (struct nats_sink *)s;
	uint64_t until = tl_clock_deadline_ns(timeout_ns);
	size_t count = 0;

	pthread_mutex_lock(&sink->lock);
	for (;;) {
		send_held(sink);
		uint64_t now = tl_clock_mono_ns();
		nats_sink_expire(sink, now);
		count = collect(sink, answers, max);
		if (count > 0 || sink->woken || now >= until) {
			break;
		}
		tl_moncond_wait(&sink->changed, &sink->lock, next_deadline(sink, until));
	}
	sink->woken = false;
	pthread_mutex_unlock(&sink->lock);
	return count;
}

static void nats_wake(struct sink *s)
{
	struct nats_sink *sink = (struct nats_sink *)s;

	pthread_mutex_lock(&sink->lock);
	sink->woken = true;
	pthread_cond_broadcast(&sink->changed);
	pthread_mutex_unlock(&sink->lock);
}

static bool nats_connected(struct sink *s)
{
	struct nats_sink *sink = (struct nats_sink *)s;

	pthread_mutex_lock(&sink->lock);
	bool up = sink->link;
	pthread_mutex_unlock(&sink->lock);
	return up;
}

/* --- opening and closing ------------------------------------------------------------------- */

static int check_url(struct nats_sink *sink)
{
	const struct sink_config *config = &sink->config;
	int err = peerlist_parse(&sink->peers, config->url,
				 config->subject ? config->subject : SUBJECT_DEFAULT);

	if (err == 0 && !sink->tls && !sink->peers.loopback && !config->insecure) {
		tl_log_err("%s: nats:// is plain text; use tls://, a loopback address or "
			   "--insecure",
			   config->url);
		err = -EINVAL;
	}
	sink->peers_given = sink->peers.count;
	if (err == 0 && config->token_file && config->credentials_file) {
		tl_log_err("%s: a token or a credentials file, not both", config->url);
		err = -EINVAL;
	}
	return err;
}

/* A file that cannot be used now is a mistake of the command line; later it is a reason to wait. */
static int check_files(struct nats_sink *sink)
{
	natsOptions *options = 0;
	enum sink_verdict verdict;
	char reason[SINK_REASON_LEN];

	int err = sink->config.token_file ? token_open(&sink->token, sink->config.token_file) : 0;
	if (err < 0) {
		return -EINVAL;
	}
	err = nats_dial_options(sink, &options, &verdict, reason);
	if (err < 0) {
		tl_log_err("%s: %s", sink->config.url, reason);
		return err;
	}
	natsOptions_Destroy(options);
	return 0;
}

void nats_sink_release(struct nats_sink *sink)
{
	unsigned int left = --sink->refs;

	pthread_cond_broadcast(&sink->changed);
	pthread_mutex_unlock(&sink->lock);
	if (left > 0) {
		return;
	}
	pthread_mutex_destroy(&sink->lock);
	pthread_cond_destroy(&sink->changed);
	token_fini(&sink->token);
	ZSTD_freeCCtx(sink->packer);
	free(sink->packed.bytes);
	free(sink);
}

/* Connecting cannot be interrupted, so its thread is not joined: it finds out by itself. */
static void nats_close(struct sink *s)
{
	struct nats_sink *sink = (struct nats_sink *)s;

	if (!sink) {
		return;
	}
	pthread_mutex_lock(&sink->lock);
	sink->stopping = true;
	pthread_cond_broadcast(&sink->changed);
	uint64_t until = tl_clock_deadline_ns(TL_SECOND_NS);
	while (sink->refs > 1 && tl_clock_mono_ns() < until) {
		tl_moncond_wait(&sink->changed, &sink->lock, until);
	}
	nats_sink_release(sink);
}

static int nats_open(struct sink **out, const struct sink_config *config)
{
	struct nats_sink *sink = calloc(1, sizeof(*sink));

	if (!sink) {
		return -ENOMEM;
	}
	pthread_mutex_init(&sink->lock, 0);
	tl_moncond_init(&sink->changed);
	sink->sink.ops = &sink_nats_ops;
	sink->refs = 1;
	sink->config = *config;
	sink->tls = strncmp(config->url, "tls://", 6) == 0;
	sink->packer = config->zstd ? packer_create() : 0;
	int err = config->zstd && !sink->packer ? -ENOMEM : check_url(sink);
	err = err ? err : check_files(sink);
	err = err ? err : nats_dial_start(sink);
	if (err < 0) {
		nats_close(&sink->sink);
		return err;
	}
	*out = &sink->sink;
	return 0;
}

static const char *const schemes[] = {"nats", "tls", 0};

const struct sink_ops sink_nats_ops = {
	.schemes = schemes,
	.open = nats_open,
	.send = nats_send,
	.wait = nats_wait,
	.wake = nats_wake,
	.connected = nats_connected,
	.close = nats_close,
};

#endif
