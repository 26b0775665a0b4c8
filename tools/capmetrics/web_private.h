/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the web server share. */
#ifndef CAPMETRICS_WEB_PRIVATE_H
#define CAPMETRICS_WEB_PRIVATE_H

#include "log.h"
#include "web.h"

struct web_flow;

struct web {
	struct web_config config;
	struct web_counts counts;
	struct tl_log_limit unauthorized_limit;
	struct web_flow *flows; /* streams under way */
	bool closing;
};

/* --- web_stream.c ------------------------------------------------------------ */

/* A response whose body is the stream; 0 on no memory, and the stream is closed. */
struct MHD_Response *web_stream_response(struct web *web, struct MHD_Connection *connection,
					 const struct web_stream *stream, void *state);

/* --- web_asset.c ------------------------------------------------------------- */

const struct web_asset *web_asset_find(const struct web_asset *assets, const char *path);

/* Its response, with what it needs of headers, and the status; 0 on no memory. */
struct MHD_Response *web_asset_response(const struct web_asset *asset,
					const struct web_request *request, unsigned int *status);

/* Whether an Accept-Encoding header (0 = none) takes that coding by name. Pure. */
bool web_accepts_encoding(const char *header, const char *coding);

#endif
