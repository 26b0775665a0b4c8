/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks a capmetrics server for its pages, one at a time, by libcurl: bounded in
 * time and size, no redirects, no proxy, and given up as soon as somebody wants to
 * stop. One thread. Logs what is wrong with its settings; what is wrong with the
 * server is in the reply.
 */
#ifndef CAPMETRICS_CLIENT_HTTP_H
#define CAPMETRICS_CLIENT_HTTP_H

#include "text.h"

enum {
	CLIENT_BODY_MAX = 8 << 20, /* bytes of an answer */
	CLIENT_REASON_LEN = 256,
};

struct client_http_config {
	const char *url;	/* http[s]://HOST[:PORT][/PATH] */
	const char *token_file; /* lines NAME TOKEN, or TOKEN: the first is shown; 0 = none */
	const char *ca_file;	/* PEM; 0 = those of the system */
	const char *cert;	/* PEM, ours; 0 = none */
	const char *key;
	bool insecure; /* http off loopback */
	uint64_t timeout_ns;
	/* Asked ten times a second while an answer is waited for: true gives up. */
	bool (*is_over)(void *context);
	void *context;
};

struct client_reply {
	long status;		/* of HTTP; 0 = no answer */
	struct tl_textbuf body; /* whole when the status is 200, else perhaps only the beginning */
	char reason[CLIENT_REASON_LEN]; /* one line of safe text when it is not 200 */
};

struct client_http;

/*
 * Reads the token. 0; -EINVAL settings that cannot work; other -errno: a file
 * that cannot be read; -ENOMEM. All logged. Strings of the config are kept.
 */
int client_http_open(struct client_http **out, const struct client_http_config *config);
void client_http_close(struct client_http *http);

/*
 * GET of `path`, which begins with a slash. 0 when the status is 200; -EPROTO another status;
 * -EHOSTUNREACH no answer, or none in time, or cut off; -EMSGSIZE too long; -EINTR is_over;
 * -ENOMEM. The reply is emptied first.
 */
int client_http_get(struct client_http *http, const char *path, struct client_reply *reply);

/* The URL without what should not be shown. */
const char *client_http_url(const struct client_http *http);

static inline void client_reply_fini(struct client_reply *reply)
{
	tl_textbuf_fini(&reply->body);
}

#endif
