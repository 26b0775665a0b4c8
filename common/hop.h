/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moving batches between processes: nng pipelines, files and pipes behind one
 * interface. One message is one batch.
 *
 * A place is named as on the command line: "-" is stdin or stdout, a text with
 * "://" is an nng URL (ipc:///path, tcp://host:port), anything else a file;
 * /dev/fd/N is that descriptor, as in a shell.
 * Consumers listen, producers dial. Logs what could not be opened.
 */
#ifndef TL_HOP_H
#define TL_HOP_H

#include <stdbool.h>
#include <stdint.h>

#include "ack.h"
#include "msg.h"
#include "opt.h"

struct tl_hop_config {
	bool insecure; /* tcp:// off loopback has no authentication: refused unless asked for */
	bool no_acks;  /* neither tell nor hear what has arrived */
	int queue;     /* out, messages that may wait in this process, and die with it: 0 */
	/*
	 * Where a consumer tells, and its producers hear, what is safe; 0 = at URL.ack, or at the
	 * next port of a tcp URL.
	 */
	const char *ack_url;
	/*
	 * ipc: who may dial besides root, this user and the user tapline; names or numbers. May
	 * be 0.
	 */
	const struct tl_opt_list *allow_uid;
};

struct tl_hop_in;
struct tl_hop_out;

/* What went wrong on the way in: bytes that were no batch. */
struct tl_hop_counts {
	uint64_t messages;
	uint64_t bytes;
	uint64_t skipped_bytes;	    /* between batches, or in messages that are none */
	uint64_t truncated_batches; /* the file or pipe ended inside */
	uint64_t refused_peers;	    /* whose user is not allowed */
};

/* 0; -EINVAL bad place (usage); other -errno. Both after one logged line. */
int tl_hop_open_in(struct tl_hop_in **out, const char *place, const struct tl_hop_config *config);
void tl_hop_close_in(struct tl_hop_in *in);

/*
 * The next batch-sized message: 1 and *msg, which the caller frees; 0 at the
 * end of a file or pipe; -ETIMEDOUT (also early, when a signal such as SIGUSR1
 * wants the caller's attention); -EINTR when the service is stopping and
 * what was on its way has come in (Ctrl-C stops a whole pipeline: the producer's
 * last batches are read, as long as they come within 4 s); other -errno. timeout_ns: UINT64_MAX
 * waits for ever, 0 does not wait. The message begins like a batch and has its stated size; it is
 * not validated (tl_wire_read does that).
 */
int tl_hop_recv(struct tl_hop_in *in, struct tl_msg **msg, uint64_t timeout_ns);

/*
 * A descriptor to wait for with others: readable when tl_hop_recv may have something, which it may
 * also have while this is not. Call that with a timeout of 0 until -ETIMEDOUT before waiting, and
 * each second.
 */
int tl_hop_in_fd(const struct tl_hop_in *in);

struct tl_hop_counts tl_hop_in_counts(const struct tl_hop_in *in);

enum { TL_HOP_URL_MAX = 512 };

/* Where acks of a URL are told, into `ack_url`. 0 or -EINVAL: too long, or no port. Pure. */
int tl_hop_ack_url(char ack_url[TL_HOP_URL_MAX], const char *url,
		   const struct tl_hop_config *config);

/* True for a place that is an nng URL. */
bool tl_hop_is_url(const char *place);

/* True where nobody will ever close the far end: a listening URL. */
bool tl_hop_in_is_url(const struct tl_hop_in *in);

/*
 * Tells the producers; any number of acks. Nothing happens on files and pipes,
 * and with no_acks. An ack that does not get through is lost. Thread-safe.
 */
void tl_hop_publish(struct tl_hop_in *in, const struct tl_ack *acks, size_t count);

/* True when producers can hear what is published. */
bool tl_hop_in_has_acks(const struct tl_hop_in *in);

int tl_hop_open_out(struct tl_hop_out **out, const char *place, const struct tl_hop_config *config);
void tl_hop_close_out(struct tl_hop_out *out);

/*
 * Sends; takes the message over on 0. -ETIMEDOUT (nobody takes it), -EPIPE
 * (the reader has gone: a clean end for pipes), other -errno: the message
 * stays the caller's. After an error on a pipe or file a part of it may have
 * been written.
 */
int tl_hop_send(struct tl_hop_out *out, struct tl_msg *msg, uint64_t timeout_ns);

/*
 * Waits until acks come; fills at most `max` (TL_ACK_MAX is always enough) and
 * returns their number. -ESHUTDOWN after tl_hop_end_acks, -EOPNOTSUPP where none can come. May run
 * beside the thread that sends.
 */
int tl_hop_recv_acks(struct tl_hop_out *out, struct tl_ack *acks, size_t max);
void tl_hop_end_acks(struct tl_hop_out *out);

/* True where acks can come. */
bool tl_hop_out_has_acks(const struct tl_hop_out *out);

/* Whether somebody is there; sees to it that somebody can be. By the thread that sends. */
struct tl_hop_link {
	uint64_t losses;      /* connections that ended: what was on its way may be gone */
	uint64_t up_since_ns; /* monotonic; 0 = not connected */
	bool acks_up;	      /* the consumer's acks can be heard */
};

struct tl_hop_link tl_hop_link(struct tl_hop_out *out);

/* Makes durable what was sent to a file; nothing elsewhere. 0 or -errno. */
int tl_hop_sync(struct tl_hop_out *out);

/*
 * Waits until all that was sent has left this process, at most that long:
 * nng queues nothing (SENDBUF 0), so this covers the message in flight.
 * False when the time was not enough.
 */
bool tl_hop_drain(struct tl_hop_out *out, uint64_t timeout_ns);

/* True and one hint on stderr when one of the places is "-" (or there is none) and stdout is a
 * terminal. */
bool tl_hop_refuse_terminal(const struct tl_opt_list *outputs);

/* True, logged, when a file is read and would be written: opening it would empty it. */
bool tl_hop_refuse_same(const struct tl_opt_list *inputs, const struct tl_opt_list *outputs);

#endif
