/* SPDX-License-Identifier: BSD-2-Clause */
#include "visitors.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "clock.h"

static void add(struct tl_visitors *v, struct MHD_Connection *connection, void **socket_context)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct tl_visitor *one = calloc(1, sizeof(*one));

	if (!one) {
		return; /* MHD's own time-out remains */
	}
	one->fd = info->connect_fd;
	one->since_ns = tl_clock_mono_ns();
	one->next = v->first;
	one->link = &v->first;
	if (one->next) {
		one->next->link = &one->next;
	}
	v->first = one;
	v->count++;
	*socket_context = one;
}

static void drop(struct tl_visitors *v, struct tl_visitor *one)
{
	if (!one) {
		return;
	}
	*one->link = one->next;
	if (one->next) {
		one->next->link = one->link;
	}
	v->count--;
	free(one);
}

void tl_visitors_notify(void *context, struct MHD_Connection *connection, void **socket_context,
			enum MHD_ConnectionNotificationCode code)
{
	struct tl_visitors *v = context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		drop(v, *socket_context);
		*socket_context = 0;
		return;
	}
	add(v, connection, socket_context);
	if (v->tls) {
		tl_tls_prepare(v->tls, MHD_get_connection_info(connection,
							       MHD_CONNECTION_INFO_GNUTLS_SESSION)
					       ->tls_session);
	}
}

static struct tl_visitor *visitor_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

void tl_visitors_served(struct MHD_Connection *connection)
{
	struct tl_visitor *one = visitor_of(connection);

	if (one) {
		one->is_served = true;
	}
}

void tl_visitors_again(struct MHD_Connection *connection)
{
	struct tl_visitor *one = visitor_of(connection);

	if (one) {
		one->since_ns = tl_clock_mono_ns();
		one->is_served = false;
	}
}

void tl_visitors_describe(struct MHD_Connection *connection, char *text, size_t room)
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
static void cut_off(struct tl_visitors *v, const struct tl_visitor *one)
{
	static const char answer[] = "HTTP/1.1 408 Request Timeout\r\n"
				     "Content-Length: 0\r\nConnection: close\r\n\r\n";
	uint64_t held_back;

	if (!v->tls) {
		send(one->fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	shutdown(one->fd, SHUT_RDWR);
	v->cut_off++;
	if (tl_log_allowed(&v->limit, &held_back)) {
		tl_log_warn("a request took too long to come in and was cut off (%llu more since)",
			    (unsigned long long)held_back);
	}
}

/*
 * libmicrohttpd 0.9.75 with epoll misses an end that comes together with the
 * last bytes of a request that is cut short, and would keep the connection for the
 * whole time-out.
 */
static bool has_gone(const struct tl_visitor *one)
{
	uint8_t byte;

	return recv(one->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void tl_visitors_tend(struct tl_visitors *v, uint64_t now_ns)
{
	if (now_ns < v->tended_ns + TL_SECOND_NS) {
		return;
	}
	v->tended_ns = now_ns;
	for (struct tl_visitor *one = v->first; one; one = one->next) {
		if (one->is_served) {
			continue;
		}
		if (now_ns > one->since_ns + v->deadline_ns) {
			cut_off(v, one);
			one->is_served = true;
		} else if (has_gone(one)) {
			shutdown(one->fd, SHUT_RDWR);
		}
	}
}
