/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An HTTP server for what is read: GET and HEAD of a table of paths and of
 * embedded files, on libmicrohttpd, by one thread that also does other things.
 * Bounds the number of connections, their silence and the time a request takes;
 * checks the Host header on loopback, the client's certificate and a token. Logs.
 */
#ifndef CAPMETRICS_WEB_H
#define CAPMETRICS_WEB_H

#include <sys/types.h>

#include "http.h"
#include "text.h"

struct web_request {
	struct MHD_Connection *connection;
};

/* 0 = not there; an argument of the query without a value is "". */
const char *web_header(const struct web_request *request, const char *name);
const char *web_query(const struct web_request *request, const char *name);

/* An answer that goes on until the client goes, or we do. */
struct web_stream {
	/* What is new, at most `room` bytes; 0 = nothing, and it is asked again by web_wake. */
	size_t (*read)(void *state, char *to, size_t room);
	void (*close)(void *state);
};

struct web_answer {
	unsigned int status; /* 200 when the page is called */
	const char *type;    /* of the content; "text/plain; charset=utf-8" */
	const char *vary;    /* the request header that the answer depends on; 0 = none */
	const char *name;    /* one header more; 0 = none */
	const char *value;
	struct tl_textbuf body;
	const struct web_stream *stream; /* in place of a body; 0 = none */
	void *state;			 /* of the stream, which closes it */
};

struct web_page {
	const char *path; /* 0 ends the table */
	bool is_open;	  /* without a token too */
	/* Fills the answer: 0, or -errno for 500. */
	int (*write)(void *context, const struct web_request *request, struct web_answer *answer);
};

/* A file that is part of the program. */
struct web_asset {
	const char *path; /* 0 ends the table */
	const char *type;
	const char *etag; /* without quotes */
	const uint8_t *plain;
	size_t plain_len;
	const uint8_t *gzip; /* 0 = not worth it */
	size_t gzip_len;
};

struct web_config {
	struct tl_http *http; /* open; started and stopped here, its steps are the caller's */
	const struct web_page *pages;
	void *context;			/* of the pages */
	const struct web_asset *assets; /* 0 = none */
};

struct web_counts {
	uint64_t requests;
	uint64_t unauthorized; /* 401, 403 */
	uint64_t refused;      /* 400, 404, 405, 421 */
	uint64_t busy;	       /* 429 */
	uint64_t failed;       /* 500 */
	uint64_t too_slow;     /* cut off: a request that did not come in */
	uint64_t stalled;      /* cut off: an answer that was not taken */
	uint64_t connections;  /* now */
	uint64_t streams;      /* of them, those with an answer that goes on */
};

struct web;

/* 0 or -errno. `config` is copied. */
int web_open(struct web **out, const struct web_config *config);
void web_close(struct web *web);

/* Asks all streams again, in the next step. */
void web_wake(struct web *web);

struct web_counts web_counts(const struct web *web);

#endif
