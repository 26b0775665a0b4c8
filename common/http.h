/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every HTTP server of ours is made of: where it listens, who may come in,
 * how many and for how long, and libmicrohttpd, which one thread runs beside
 * other work. What is served is the caller's. One thread. Logs.
 */
#ifndef TL_HTTP_H
#define TL_HTTP_H

#include <microhttpd.h>

#include "auth.h"
#include "listen.h"
#include "opt.h"
#include "tls.h"
#include "visitors.h"

/* What a server is asked for; part of the options of a tool. */
struct tl_http_options {
	const char *listen;
	const char *token_file; /* 0 = anyone */
	const char *cert;	/* 0 = plain */
	const char *key;
	const char *client_ca;
	struct tl_opt_list hosts; /* further names it is spoken to by */
	uint64_t max_connections;
	uint64_t max_per_address; /* 0 = no limit of its own */
	uint64_t timeout_ns;	  /* of silence */
	uint64_t deadline_ns;	  /* of a request, from its first byte to its last */
};

/* What goes together and what does not; fills in the address. 0 or -EINVAL, logged. */
int tl_http_check(const struct tl_http_options *options, struct tl_listen_address *address);

struct tl_http {
	const struct tl_http_options *options;
	struct tl_listen_address address;
	struct tl_auth *auth; /* 0 = anyone */
	struct tl_tls *tls;   /* 0 = plain */
	struct tl_visitors visitors;
	struct MHD_Daemon *daemon; /* 0 = not started */
	int listen_fd;		   /* -1 once the daemon has it */
	int hangup_fd;		   /* readable after SIGHUP: tl_http_take_hangup */
};

/* Nothing open: tl_http_close does nothing. */
void tl_http_init(struct tl_http *http);

/*
 * What needs the caller's rights: reads tokens and certificate, binds the address,
 * whose port it fills in. From here on no thread is to get SIGHUP: before the first of
 * them. `options` is borrowed. 0 or -errno; tl_http_close either way.
 */
int tl_http_open(struct tl_http *http, const struct tl_http_options *options,
		 const struct tl_listen_address *address);

struct tl_http_handler {
	MHD_AccessHandlerCallback on_request;
	MHD_RequestCompletedCallback on_answered;
	void *context;	   /* of both */
	size_t head_bytes; /* a connection's memory: a request's head is at most this */
};

/* Takes connections from the next step on. 0 or -EIO. */
int tl_http_start(struct tl_http *http, const struct tl_http_handler *handler);

/* Readable when tl_http_step has something to do; it also has by tl_http_wait_ms. */
int tl_http_fd(const struct tl_http *http);
/* At most `most_ms`. */
int tl_http_wait_ms(const struct tl_http *http, int most_ms);
/* Does what there is to do, without waiting. 0 or -EIO. */
int tl_http_step(struct tl_http *http);

/* After SIGHUP reads tokens and certificate again, and says so. Not within tl_http_step. */
bool tl_http_take_hangup(struct tl_http *http);

/* Whether the client has shown the certificate that is asked for. */
bool tl_http_is_certified(const struct tl_http *http, struct MHD_Connection *connection);
/* Whether we are meant: on loopback by the Host header, elsewhere always. */
bool tl_http_is_ours(const struct tl_http *http, struct MHD_Connection *connection);

/* Accepts nobody more. */
void tl_http_quiesce(struct tl_http *http);
/* Ends all connections: the handler is called for the last time. */
void tl_http_stop(struct tl_http *http);
void tl_http_close(struct tl_http *http);

#endif
