/* SPDX-License-Identifier: BSD-2-Clause */
/* Where an HTTP server listens, and under which names it is spoken to. */
#ifndef TL_LISTEN_H
#define TL_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "opt.h"

struct tl_listen_address {
	struct sockaddr_storage addr;
	socklen_t len;
	bool is_loopback;
	char text[INET6_ADDRSTRLEN + 10]; /* 127.0.0.1:8480, [::1]:8480 */
};

/* "ADDR:PORT" or "[ADDR]:PORT", numbers only; port 0 takes any. 0 or -EINVAL. Pure. */
int tl_listen_parse(const char *text, struct tl_listen_address *out);

/* A listening socket; fills in the port. 0 or -errno. Logs. */
int tl_listen_open(struct tl_listen_address *address, int *fd);

/*
 * Whether a Host header (0 = none) names us: the address, localhost or one of
 * `names`, whatever the port. Keeps a web page from reaching a server on
 * loopback by a name it makes resolve to it. Pure.
 */
bool tl_listen_host_is_ours(const struct tl_listen_address *address,
			    const struct tl_opt_list *names, const char *host);

#endif
