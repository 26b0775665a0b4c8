/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files that know nng. */
#ifndef TL_HOP_NNG_H
#define TL_HOP_NNG_H

#include <nng/nng.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "hop.h"
#include "log.h"

enum { TL_PEERS_MAX = TL_OPT_LIST_MAX + 3 };

/* Which users may dial a listener of ours. */
struct tl_nng_peers {
	uid_t uids[TL_PEERS_MAX];
	unsigned int count;
	atomic_uint_fast64_t refused;
	struct tl_log_limit limit; /* nng's callbacks of a socket come one at a time */
	const char *url;
};

/* 0; -EINVAL: a user that does not exist, logged. */
int tl_nng_peers_init(struct tl_nng_peers *peers, const char *url, const struct tl_opt_list *allow);

/* Turns away whoever is not among them. Before the listener starts. */
void tl_nng_peers_guard(struct tl_nng_peers *peers, nng_socket socket);

/* Listens with a socket file of mode 0660; an nng error. */
int tl_nng_listen(nng_socket socket, const char *url);

/* Dials, now and whenever the connection is lost; an nng error. */
int tl_nng_dial(nng_socket socket, const char *url, int reconnect_max_ms);

/* Monotonic, UINT64_MAX = never. */
uint64_t tl_nng_deadline(uint64_t timeout_ns);

/*
 * nng_close, which in 1.5.2 may wait for ever when a peer comes back at that
 * moment. False: it still waits, in a thread of its own, and what the callbacks
 * of the socket use must stay.
 */
bool tl_nng_close(nng_socket socket);

int tl_nng_error(int nng_error);
int tl_nng_explain(const char *what, const char *url, int nng_error);

/* --- acks: common/hop_nng_acks.c ------------------------------------------ */

/* 0 or -errno, logged. */
int tl_nng_acks_listen(nng_socket *out, const char *url, struct tl_nng_peers *peers);
void tl_nng_acks_publish(nng_socket socket, const struct tl_ack *acks, size_t count);

int tl_nng_acks_dial(nng_socket *out, const char *url, atomic_int *up);
int tl_nng_acks_recv(nng_socket socket, struct tl_ack *acks, size_t max);

#endif
