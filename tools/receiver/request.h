/* SPDX-License-Identifier: BSD-2-Clause */
/* One request: whether it is taken, its body, and the answer. */
#ifndef RECEIVER_REQUEST_H
#define RECEIVER_REQUEST_H

#include "server.h"

/* For MHD: the handler, when a request is over, and when its first line was read. */
enum MHD_Result request_handle(void *context, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_len, void **state);
void request_over(void *context, struct MHD_Connection *connection, void **state,
		  enum MHD_RequestTerminationCode code);

/* What the writer handed back: the request goes on to its answer. Frees the delivery. */
void request_stored(struct server *server, struct delivery *delivery);

#endif
