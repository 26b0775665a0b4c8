/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connections of an HTTP server, and how long a request on them may take
 * to come in: libmicrohttpd ends a silent one, not one that sends a byte now and
 * then. Knows nothing of what is served. One thread. Logs, rate-limited.
 */
#ifndef CAPMETRICS_VISITORS_H
#define CAPMETRICS_VISITORS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "log.h"
#include "tools/receiver/tls.h"

struct visitor {
	struct visitor *next;
	struct visitor **link; /* what points to it */
	int fd;
	uint64_t since_ns; /* monotonic: when it began to owe us a request */
	bool is_served;	   /* the request is here, or answered: it owes us nothing */
};

/* Zero-initialised but for the first two. */
struct visitors {
	uint64_t deadline_ns; /* of a request, from its first byte to its last */
	struct tls *tls;      /* 0 = plain */
	struct visitor *first;
	uint64_t tended_ns;
	uint64_t count;
	uint64_t cut_off; /* for being too slow */
	struct tl_log_limit limit;
};

/* For MHD_OPTION_NOTIFY_CONNECTION; `context` is the visitors. */
void visitors_notify(void *context, struct MHD_Connection *connection, void **socket_context,
		     enum MHD_ConnectionNotificationCode code);

/* The request is here; it is answered, and the connection may bring another. */
void visitors_served(struct MHD_Connection *connection);
void visitors_again(struct MHD_Connection *connection);

/* Once a second: cuts off those that are over the deadline, or have gone without a word. */
void visitors_tend(struct visitors *visitors, uint64_t now_ns);

#endif
