/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of the NATS sink. nats_dial.c has a thread that connects, and
 * connects again, for as long as the sink is open; nats_answer.c has
 * what became of what is in flight, sink_nats.c the rest. Reconnecting is ours, not the library's:
 * it gives up after two refused passwords, keeps a token and certificates it read once, and holds
 * publishes back that were answered long ago.
 *
 * Three kinds of threads come here: the lane's (sink.h), the dialling one, and
 * the library's, in callbacks. Everything below `lock` is under it.
 */
#ifndef SHIPPER_NATS_PRIVATE_H
#define SHIPPER_NATS_PRIVATE_H

#include <nats/nats.h>
#include <pthread.h>

#include "moncond.h"
#include "packer.h"
#include "peerlist.h"
#include "puback.h"
#include "sink.h"
#include "token.h"

enum nats_slot_state {
	NATS_SLOT_FREE,
	NATS_SLOT_HELD, /* until an attempt to connect has ended */
	NATS_SLOT_SENT,
	NATS_SLOT_ANSWERED,
};

/* One parcel between send and its answer. */
struct nats_slot {
	enum nats_slot_state state;
	uint32_t generation; /* tells this publish from earlier ones in the slot */
	uint64_t order;	     /* of sending */
	uint64_t deadline_ns;
	bool strange; /* something answered that was no stream */
	struct sink_answer answer;
};

struct nats_sink;

/* One connection. Lives until the library's last callback of it. */
struct nats_link {
	struct nats_sink *sink;
	natsConnection *connection;
	natsSubscription *replies;
	char inbox[64];
	unsigned int refs;
	bool broken; /* to be given up */
	bool proven; /* something was acknowledged over it */
};

struct nats_sink {
	struct sink sink;
	struct sink_config config;
	bool tls;
	struct token token; /* the dialling thread's, once open */
	ZSTD_CCtx *packer;  /* 0 = bodies go as they are; this and the next are the lane's */
	struct packed packed;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* monotonic clock */
	unsigned int refs;
	bool stopping;
	bool woken;
	struct peerlist peers;	  /* of the URL, then what the cluster told last about itself */
	unsigned int peers_given; /* by the URL */
	struct nats_link *link;	  /* 0 = not connected */
	bool wanted;		  /* something is held: connect now rather than later */
	unsigned int publishing;  /* the lane uses `link` without the lock */
	uint32_t generation;
	uint64_t order;
	struct nats_slot slots[SINK_IN_FLIGHT_MAX];
};

/* The options of a connection with what the files say now. 0, or -EINVAL and *reason. */
int nats_dial_options(struct nats_sink *sink, natsOptions **out, enum sink_verdict *verdict,
		      char reason[SINK_REASON_LEN]);

/* "WHAT: what the library said last". */
void nats_say(char reason[SINK_REASON_LEN], const char *what, natsStatus status);

/* Starts the thread, which takes a reference. 0 or -errno. */
int nats_dial_start(struct nats_sink *sink);

/* With the lock: the connection is of no use; what is in flight is answered so. */
void nats_link_break(struct nats_link *link, enum sink_verdict verdict, const char *reason);

/* With the lock. */
bool nats_slot_is_waiting(const struct nats_slot *slot);
void nats_slot_answer(struct nats_slot *slot, enum sink_verdict verdict, const char *reason);

/* With the lock: what has waited too long is to be sent again. */
void nats_sink_expire(struct nats_sink *sink, uint64_t now_ns);

/* With the lock: answers everything that is held or sent. */
void nats_sink_answer_all(struct nats_sink *sink, enum sink_verdict verdict, const char *reason);

/* A message to `link->inbox` and what is below it; takes it over. In the library's thread. */
void nats_sink_reply(struct nats_link *link, natsMsg *msg);

/* With the lock, which it releases; frees after the last. */
void nats_sink_release(struct nats_sink *sink);

#endif
