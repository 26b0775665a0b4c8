/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files that know nng. */
#ifndef TL_HOP_NNG_H
#define TL_HOP_NNG_H

#include <nng/nng.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "hop.h"
#include "log.h"

enum { TL_PEERS_MAX = TL_OPT_LIST_MAX + 3 };

/* Which users may dial a listener of ours. */
struct tl_nng_peers {
	uid_t uids[TL_PEERS_MAX];
	unsigned int count;
	bool strangers; /* users of no group of ours: the socket file is for all, who dials is
			   checked */
	atomic_uint_fast64_t refused;
	struct tl_log_limit limit; /* nng's callbacks of a socket come one at a time */
};

/* 0; -EINVAL: a user that does not exist, logged. */
int tl_nng_peers_init(struct tl_nng_peers *peers, const struct tl_opt_list *allow);

/* --- common/hop_nng_watch.c: listeners and dialers that stay at work ------ */

enum { TL_NNG_RECONNECT_MIN_MS = 10 };

enum tl_nng_protocol { TL_NNG_PUSH = 0x50, TL_NNG_SUB = 0x21 };

/* A socket that listens. Its callbacks use it until the socket is closed. */
struct tl_nng_ear {
	nng_socket socket;
	nng_listener listener;
	struct tl_nng_peers *peers;
	atomic_uint pipes; /* made so far */
	char url[TL_HOP_URL_MAX];
	uint16_t protocol; /* of peers */
	int probe_fd;
	bool unreachable; /* the last probe found nobody who could answer */
	bool greeted, waited;
	struct sockaddr_storage address; /* looked up once */
	socklen_t address_len;
	unsigned int pipes_before;
	uint64_t due_ns;
};

/* Listens with a socket file of mode 0660, and turns away whoever may not dial; an nng error. */
int tl_nng_ear_open(struct tl_nng_ear *ear, nng_socket socket, const char *url,
		    enum tl_nng_protocol peer, struct tl_nng_peers *peers);
/* Now and then, by the thread that receives. */
void tl_nng_ear_check(struct tl_nng_ear *ear);
/* True when the socket is closed: nothing uses the ear any more. */
bool tl_nng_ear_close(struct tl_nng_ear *ear);

/* A socket that dials. */
struct tl_nng_caller {
	nng_socket socket;
	nng_dialer dialer;
	char url[TL_HOP_URL_MAX];
	uint64_t down_since_ns;
};

/* Dials, now and whenever the connection is lost; an nng error. */
int tl_nng_caller_open(struct tl_nng_caller *caller, nng_socket socket, const char *url,
		       int reconnect_max_ms);
/* Now and then, by one thread. */
void tl_nng_caller_check(struct tl_nng_caller *caller, bool connected);

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
int tl_nng_acks_listen(struct tl_nng_ear *ear, const char *url, struct tl_nng_peers *peers);
void tl_nng_acks_publish(nng_socket socket, const struct tl_ack *acks, size_t count);

int tl_nng_acks_dial(struct tl_nng_caller *caller, const char *url, atomic_int *up);
int tl_nng_acks_recv(nng_socket socket, nng_aio *aio, struct tl_ack *acks, size_t max);

#endif
