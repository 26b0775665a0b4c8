/* SPDX-License-Identifier: BSD-2-Clause */
/* What deciding about a request and running it share. */
#ifndef RECEIVER_REQUEST_PRIVATE_H
#define RECEIVER_REQUEST_PRIVATE_H

#include "request.h"

enum { REQUEST_TEXT_MAX = 256 };

struct request {
	struct server *server;
	struct MHD_Connection *connection;
	char name[TL_AUTH_NAME_MAX]; /* whose token it was */
	bool is_packed;
	struct body body;
	uint64_t held; /* of server->held_bytes */
	uint64_t drained;
	unsigned int status; /* of the answer; 0 = none yet */
	char text[REQUEST_TEXT_MAX];
	const char *header; /* one more, 0 = none */
	const char *value;
	char retry[4];
};

/* Decides the answer, and counts it; it is sent when the body is over. */
void request_decide(struct request *request, unsigned int status, const char *text);

/* 429, or 503 where trying elsewhere is as good: come again. */
void request_decide_later(struct request *request, unsigned int status, const char *text);

/* Decides what the head alone decides. */
void request_check(struct request *request, const char *url, const char *method);

/* A header, 0 when it is not there; what Content-Length says, 0 when it is not. */
const char *request_header(const struct request *request, const char *name);
uint64_t request_length(const struct request *request);

#endif
