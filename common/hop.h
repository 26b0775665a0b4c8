/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moving batches between processes: nng pipelines, files and pipes behind one
 * interface. One message is one batch.
 *
 * A place is named as on the command line: "-" is stdin or stdout, a text with
 * "://" is an nng URL (ipc:///path, tcp://host:port), anything else a file.
 * Consumers listen, producers dial. Logs what could not be opened.
 */
#ifndef TL_HOP_H
#define TL_HOP_H

#include <stdbool.h>
#include <stdint.h>

#include "msg.h"

/* tcp:// off loopback has no authentication and is refused unless asked for. */
struct tl_hop_config {
	bool insecure;
};

struct tl_hop_in;
struct tl_hop_out;

/* What went wrong on the way in: bytes that were no batch. */
struct tl_hop_counts {
	uint64_t messages;
	uint64_t bytes;
	uint64_t skipped_bytes;	    /* between batches, or in messages that are none */
	uint64_t truncated_batches; /* the file or pipe ended inside */
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

struct tl_hop_counts tl_hop_in_counts(const struct tl_hop_in *in);

/* True for a place that is an nng URL. */
bool tl_hop_is_url(const char *place);

/* True where nobody will ever close the far end: a listening URL. */
bool tl_hop_in_is_url(const struct tl_hop_in *in);

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
 * Waits until all that was sent has left this process, at most that long:
 * nng queues nothing (SENDBUF 0), so this covers the message in flight.
 * False when the time was not enough.
 */
bool tl_hop_drain(struct tl_hop_out *out, uint64_t timeout_ns);

/* True and one hint on stderr when the place is "-" and stdout is a terminal. */
bool tl_hop_refuse_terminal(const char *place);

#endif
