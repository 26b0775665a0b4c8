/* SPDX-License-Identifier: BSD-2-Clause */
#include "sinks.h"

#ifdef TL_HAVE_NATS
#include <stdio.h>
#include <string.h>

#include "nats_private.h"

/* JetStream's number for it (nats-server, server/errors.json). */
#define ERR_MESSAGE_TOO_BIG 10054

void nats_slot_answer(struct nats_slot *slot, enum sink_verdict verdict, const char *reason)
{
	slot->state = NATS_SLOT_ANSWERED;
	slot->answer.verdict = verdict;
	snprintf(slot->answer.reason, sizeof(slot->answer.reason), "%s", reason);
}

bool nats_slot_is_waiting(const struct nats_slot *slot)
{
	return slot->state == NATS_SLOT_HELD || slot->state == NATS_SLOT_SENT;
}

void nats_sink_answer_all(struct nats_sink *sink, enum sink_verdict verdict, const char *reason)
{
	for (unsigned int i = 0; i < sink->config.in_flight; i++) {
		if (nats_slot_is_waiting(&sink->slots[i])) {
			nats_slot_answer(&sink->slots[i], verdict, reason);
		}
	}
}

/* Most of JetStream's errors pass by when somebody acts: no room, no leader, sealed, not enabled.
 */
static void answer_error(struct nats_slot *slot, const struct puback *ack)
{
	char reason[SINK_REASON_LEN];
	enum sink_verdict verdict = SINK_RETRY;

	if (ack->error_code == ERR_MESSAGE_TOO_BIG) {
		verdict = SINK_TOO_BIG;
	} else if (ack->code == 401 || ack->code == 403) {
		verdict = SINK_FORBIDDEN;
	}
	snprintf(reason, sizeof(reason), "JetStream: %s (%u)", ack->text,
		 (unsigned int)ack->error_code);
	nats_slot_answer(slot, verdict, reason);
}

static void answer_no_stream(const struct nats_sink *sink, struct nats_slot *slot)
{
	char reason[SINK_REASON_LEN];

	snprintf(reason, sizeof(reason),
		 "no stream takes subject %.60s now: it has no leader, or make one with "
		 "`nats stream add` or examples/nats.py",
		 sink->peers.name);
	nats_slot_answer(slot, SINK_RETRY, reason);
}

/* The slot that a reply subject names: what follows the inbox is ".SLOT.GENERATION". */
static struct nats_slot *slot_of(struct nats_link *link, const char *subject)
{
	size_t len = strlen(link->inbox);
	unsigned int slot;
	unsigned int generation;
	char rest;

	if (strncmp(subject, link->inbox, len) != 0 ||
	    sscanf(subject + len, ".%u.%u%c", &slot, &generation, &rest) != 2 ||
	    slot >= link->sink->config.in_flight) {
		return 0;
	}
	struct nats_slot *found = &link->sink->slots[slot];
	return found->state == NATS_SLOT_SENT && found->generation == generation ? found : 0;
}

static void take_reply(struct nats_link *link, struct nats_slot *slot, natsMsg *msg)
{
	struct puback ack;
	int len = natsMsg_GetDataLength(msg);

	if (natsMsg_IsNoResponders(msg)) {
		answer_no_stream(link->sink, slot);
	} else if (puback_read(&ack, natsMsg_GetData(msg), len > 0 ? (size_t)len : 0) < 0) {
		slot->strange = true; /* the stream's own may still come */
		return;
	} else if (!ack.stored) {
		answer_error(slot, &ack);
	} else {
		link->proven = true;
		nats_slot_answer(slot, SINK_DONE, "");
	}
	pthread_cond_broadcast(&link->sink->changed);
}

void nats_sink_reply(struct nats_link *link, natsMsg *msg)
{
	pthread_mutex_lock(&link->sink->lock);
	struct nats_slot *slot = slot_of(link, natsMsg_GetSubject(msg));
	if (slot) {
		take_reply(link, slot, msg);
	}
	pthread_mutex_unlock(&link->sink->lock);
	natsMsg_Destroy(msg);
}

void nats_sink_expire(struct nats_sink *sink, uint64_t now)
{
	char reason[SINK_REASON_LEN];

	for (unsigned int i = 0; i < sink->config.in_flight; i++) {
		struct nats_slot *slot = &sink->slots[i];
		if (!nats_slot_is_waiting(slot) || now < slot->deadline_ns) {
			continue;
		}
		const char *why = slot->state == NATS_SLOT_HELD ? "not connected yet"
				  : slot->strange ? "something answers that is no stream"
						  : "no leader, or no stream but a subscriber";
		snprintf(reason, sizeof(reason), "no acknowledgement within %.3g s: %s",
			 (double)sink->config.timeout_ns / (double)TL_SECOND_NS, why);
		nats_slot_answer(slot, SINK_RETRY, reason);
	}
}

#endif
