/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The HTTP server: one thread runs all connections, another stores what they
 * bring (writer.h). Logs.
 */
#ifndef RECEIVER_SERVER_H
#define RECEIVER_SERVER_H

#include <time.h>

#include "http.h"
#include "log.h"
#include "tally.h"
#include "writer.h"

enum { SERVER_INFLATE_FACTOR = 4 }; /* a body may be so many times --max-body, decompressed */

struct server_config {
	struct tl_http *http; /* open; started and stopped here */
	struct writer *writer;
	uint64_t max_body; /* bytes, as sent */
	uint64_t backlog;  /* bytes of bodies held, after which others are refused */
};

/* Why requests were not taken. */
struct server_counts {
	uint64_t requests;
	uint64_t unauthorized; /* 401 */
	uint64_t malformed;    /* 400 */
	uint64_t too_big;      /* 413 */
	uint64_t busy;	       /* 429, 503 */
	uint64_t other;	       /* 403, 404, 405, 415, 421 */
};

struct request;

struct server {
	struct server_config config;
	struct tl_wire_reader *reader;
	struct ZSTD_DCtx_s *zstd;
	struct tally *tally;	/* 0 without tokens */
	uint64_t request_count; /* of requests under way */
	uint64_t storing_count; /* of those, with the writer */
	uint64_t held_bytes;	/* of bodies */
	bool stopping;
	unsigned int retry_turn; /* spreads Retry-After */
	struct server_counts counts;
	struct tl_log_limit unauthorized_limit;
	struct tl_log_limit malformed_limit;
};

/* 0 or -errno. `config` is copied. */
int server_open(struct server **out, const struct server_config *config);

/*
 * Waits for something to do, for at most `timeout_ns`, and does it. `fd` (-1 =
 * none) ends the waiting too. 0 or -errno.
 */
int server_step(struct server *server, int fd, uint64_t timeout_ns);

/*
 * Accepts nobody more, and finishes what is under way until `until_ns` (monotonic).
 * 0; -ETIMEDOUT when the writer has not stored all in time.
 */
int server_finish(struct server *server, uint64_t until_ns);

/* After server_finish returned 0. Closes all connections. */
void server_close(struct server *server);

void server_log_counts(const struct server *server);

#endif
