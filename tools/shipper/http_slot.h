/* SPDX-License-Identifier: BSD-2-Clause */
/* One request of the HTTP sink: a curl handle that is used again and again, and its buffers. */
#ifndef SHIPPER_HTTP_SLOT_H
#define SHIPPER_HTTP_SLOT_H

#include <curl/curl.h>

#include "http_url.h"
#include "packer.h"
#include "sink.h"

enum {
	HTTP_BODY_KEPT = 4096,	    /* of an answer, for its reason */
	HTTP_BODY_MAX = 256 * 1024, /* of an answer; what is longer is cut off */
};

struct http_slot {
	CURL *easy;
	struct parcel *parcel; /* 0 = free */
	struct curl_slist *headers;
	struct curl_slist *connect_to;
	struct packed packed; /* the compressed body */
	size_t reply_len;     /* of all that came, also what was not kept */
	char reply[HTTP_BODY_KEPT];
	char error[CURL_ERROR_SIZE];
	bool failed; /* it could not even be begun: `error` says why */
};

/* A handle with all that is the same for each request. 0; -EINVAL, logged: curl refuses an option;
 * -ENOMEM. */
int http_slot_init(struct http_slot *slot, const struct http_url *url,
		   const struct sink_config *config);
void http_slot_fini(struct http_slot *slot);

/*
 * Makes the next request: `body` (which may be the slot's `packed`) for `parcel`.
 * `token` may be 0. 0 or -ENOMEM.
 */
int http_slot_prepare(struct http_slot *slot, struct parcel *parcel, const void *body, size_t len,
		      bool zstd, const char *token);

/* What came of it; frees the slot. */
void http_slot_answer(struct http_slot *slot, CURLcode result, struct sink_answer *answer);

#endif
