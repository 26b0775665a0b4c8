/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connections of an HTTP server, and how long a request on them may take
 * to come in: libmicrohttpd ends a silent one, not one that sends a byte now and
 * then. Knows nothing of what is served. One thread. Logs, rate-limited.
 */
#ifndef TL_VISITORS_H
#define TL_VISITORS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "tls.h"

struct tl_visitor {
	struct tl_visitor *next;
	struct tl_visitor **link; /* what points to it */
	int fd;
	uint64_t since_ns; /* monotonic: when it began to owe us a request */
	bool is_served;	   /* the request is here, or answered: it owes us nothing */
};

/* Zero-initialised but for the first two. */
struct tl_visitors {
	uint64_t deadline_ns; /* of a request, from its first byte to its last */
	struct tl_tls *tls;   /* 0 = plain */
	struct tl_visitor *first;
	uint64_t tended_ns;
	uint64_t count;
	uint64_t cut_off; /* for being too slow */
	struct tl_log_limit limit;
};

/* For MHD_OPTION_NOTIFY_CONNECTION; `context` is the visitors. */
void tl_visitors_notify(void *context, struct MHD_Connection *connection, void **socket_context,
			enum MHD_ConnectionNotificationCode code);

/* The request is here; it is answered, and the connection may bring another. */
void tl_visitors_served(struct MHD_Connection *connection);
void tl_visitors_again(struct MHD_Connection *connection);

/* The client's address, for people. */
void tl_visitors_describe(struct MHD_Connection *connection, char *text, size_t room);

/* Once a second: cuts off those that are over the deadline, or have gone without a word. */
void tl_visitors_tend(struct tl_visitors *visitors, uint64_t now_ns);

#endif
