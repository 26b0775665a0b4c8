/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "clock.h"

static void add(struct server *server, struct MHD_Connection *connection, void **socket_context)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer) {
		return; /* MHD's own time-out remains */
	}
	peer->fd = info->connect_fd;
	peer->since_ns = tl_clock_mono_ns();
	peer->next = server->peers;
	peer->link = &server->peers;
	if (peer->next) {
		peer->next->link = &peer->next;
	}
	server->peers = peer;
	*socket_context = peer;
}

static void drop(struct peer *peer)
{
	if (!peer) {
		return;
	}
	*peer->link = peer->next;
	if (peer->next) {
		peer->next->link = peer->link;
	}
	free(peer);
}

void peer_notify(void *context, struct MHD_Connection *connection, void **socket_context,
		 enum MHD_ConnectionNotificationCode code)
{
	struct server *server = context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		drop(*socket_context);
		*socket_context = 0;
		return;
	}
	add(server, connection, socket_context);
	if (server->config.tls) {
		tls_prepare(server->config.tls,
			    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)
				    ->tls_session);
	}
}

struct peer *peer_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

void peer_describe(struct MHD_Connection *connection, char *text, size_t room)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *addr = info ? info->client_addr : 0;
	socklen_t len = addr && addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
							    : sizeof(struct sockaddr_in);

	if (!addr || getnameinfo(addr, len, text, (socklen_t)room, 0, 0, NI_NUMERICHOST) != 0) {
		snprintf(text, room, "?");
	}
}

/* MHD finds the socket at its end, and closes it. */
static void cut_off(struct server *server, const struct peer *peer)
{
	static const char answer[] = "HTTP/1.1 408 Request Timeout\r\n"
				     "Content-Length: 0\r\nConnection: close\r\n\r\n";
	uint64_t held_back;

	if (!server->config.tls) {
		send(peer->fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	shutdown(peer->fd, SHUT_RDWR);
	server->counts.too_slow++;
	if (tl_log_allowed(&server->slow_limit, &held_back)) {
		tl_log_warn("a request took too long to come in and was cut off (%llu more since)",
			    (unsigned long long)held_back);
	}
}

/*
 * libmicrohttpd 0.9.75 with epoll misses an end that comes together with the
 * last bytes of a request that is cut short, and would keep the connection for the
 * whole time-out.
 */
static bool has_gone(const struct peer *peer)
{
	uint8_t byte;

	return recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void peer_tend(struct server *server, uint64_t now_ns)
{
	if (now_ns < server->tended_ns + TL_SECOND_NS) {
		return;
	}
	server->tended_ns = now_ns;
	for (struct peer *peer = server->peers; peer; peer = peer->next) {
		if (peer->is_served) {
			continue;
		}
		if (now_ns > peer->since_ns + server->config.deadline_ns) {
			cut_off(server, peer);
			peer->is_served = true;
		} else if (has_gone(peer)) {
			shutdown(peer->fd, SHUT_RDWR);
		}
	}
}
