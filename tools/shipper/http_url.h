/* SPDX-License-Identifier: BSD-2-Clause */
/* The URL of an HTTP endpoint: checked, and made whole. */
#ifndef SHIPPER_HTTP_URL_H
#define SHIPPER_HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "sink.h"

struct http_url {
	char *url;	  /* what is requested: with the name to verify, and with a path */
	char *connect_to; /* "::HOST:PORT" when the name is not the host, else 0
			     (CURLOPT_CONNECT_TO) */
	bool tls;
	bool loopback;
};

/*
 * 0; -EINVAL after one logged line: no URL, user:password@ in it (argv is not
 * secret), plain http off loopback without `insecure`. -ENOMEM.
 */
int http_url_parse(struct http_url *out, const struct sink_config *config);
void http_url_fini(struct http_url *url);

#endif
