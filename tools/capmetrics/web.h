/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An HTTP server for pages that are read: GET and HEAD of a table of paths, on
 * libmicrohttpd, by one thread that also does other things. Bounds the number of
 * connections, their silence and the time a request takes; checks the Host header
 * on loopback, the client's certificate and a bearer token. Logs.
 */
#ifndef CAPMETRICS_WEB_H
#define CAPMETRICS_WEB_H

#include "text.h"
#include "tools/receiver/auth.h"
#include "tools/receiver/listen.h"
#include "visitors.h"

struct web_request {
	const char *accept; /* header, 0 = none */
};

struct web_answer {
	unsigned int status; /* 200 when the page is called */
	const char *type;    /* of the content; "text/plain; charset=utf-8" */
	const char *vary;    /* the request header that the answer depends on; 0 = none */
	struct tl_textbuf body;
};

struct web_page {
	const char *path; /* 0 ends the table */
	bool is_open;	  /* without a token too */
	/* Fills the answer: 0, or -errno for 500. */
	int (*write)(void *context, const struct web_request *request, struct web_answer *answer);
};

struct web_config {
	struct listen_address address;
	int listen_fd;			 /* the server's from then on */
	const struct tl_opt_list *hosts; /* further names we are spoken to by */
	struct auth *auth;		 /* 0 = anyone */
	struct tls *tls;		 /* 0 = plain */
	const struct web_page *pages;
	void *context;	      /* of the pages */
	uint64_t timeout_ns;  /* of silence */
	uint64_t deadline_ns; /* of a request, from its first byte to its last */
	unsigned int max_connections;
	unsigned int max_per_address; /* 0 = no limit of its own */
};

struct web_counts {
	uint64_t requests;
	uint64_t unauthorized; /* 401, 403 */
	uint64_t refused;      /* 404, 405, 421 */
	uint64_t failed;       /* 500 */
	uint64_t too_slow;     /* cut off */
	uint64_t connections;  /* now */
};

struct web;

/* 0 or -errno. `config` is copied; the listening socket is closed on failure too. */
int web_open(struct web **out, const struct web_config *config);
void web_close(struct web *web);

/* Readable when web_step has something to do; it also has by web_wait_ms. */
int web_fd(const struct web *web);
/* At most `most_ms`. */
int web_wait_ms(struct web *web, int most_ms);
/* Does what there is to do, without waiting. 0 or -EIO. */
int web_step(struct web *web);

struct web_counts web_counts(const struct web *web);

#endif
