/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections, and how long a request on them may take to come in. */
#ifndef RECEIVER_PEER_H
#define RECEIVER_PEER_H

#include "server.h"

struct peer {
	struct peer *next;
	struct peer **link; /* what points to it */
	int fd;
	uint64_t since_ns; /* monotonic: when it began to owe us a request */
	bool is_served;	   /* the request is here, or answered: it owes us nothing */
};

/* For MHD_OPTION_NOTIFY_CONNECTION; `context` is the server. */
void peer_notify(void *context, struct MHD_Connection *connection, void **socket_context,
		 enum MHD_ConnectionNotificationCode code);

/* The peer of a connection; 0 when there was no memory for one. */
struct peer *peer_of(struct MHD_Connection *connection);

/* Its address, for people. */
void peer_describe(struct MHD_Connection *connection, char *text, size_t room);

/* Once a second: cuts off those that are over the deadline, or have gone without a word. */
void peer_tend(struct server *server, uint64_t now_ns);

#endif
