/* SPDX-License-Identifier: BSD-2-Clause */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "log.h"

enum { HOST_MAX = 256, BACKLOG = 512 };

/* Where the port begins, after the last colon that is not within brackets; 0 = no port. */
static const char *find_port(const char *text)
{
	const char *colon = strrchr(text, ':');
	const char *bracket = strrchr(text, ']');

	return colon && (!bracket || bracket < colon) ? colon + 1 : 0;
}

static bool copy_host(char host[HOST_MAX], const char *from, size_t len)
{
	if (len >= 2 && from[0] == '[' && from[len - 1] == ']') {
		from++;
		len -= 2;
	}
	if (len == 0 || len >= HOST_MAX) {
		return false;
	}
	memcpy(host, from, len);
	host[len] = '\0';
	return true;
}

static void set_text(struct tl_listen_address *a)
{
	char host[INET6_ADDRSTRLEN];
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->addr;

	if (a->addr.ss_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(a->text, sizeof(a->text), "%s:%u", host, ntohs(v4->sin_port));
	} else {
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(a->text, sizeof(a->text), "[%s]:%u", host, ntohs(v6->sin6_port));
	}
}

static bool set_v4(struct tl_listen_address *a, const char *host, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a->addr;

	if (inet_pton(AF_INET, host, &v4->sin_addr) != 1) {
		return false;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	a->len = sizeof(*v4);
	a->is_loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return true;
}

static bool set_v6(struct tl_listen_address *a, const char *host, uint16_t port)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a->addr;

	if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1) {
		return false;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	a->len = sizeof(*v6);
	a->is_loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	return true;
}

int tl_listen_parse(const char *text, struct tl_listen_address *out)
{
	const char *port_text = find_port(text);
	char host[HOST_MAX];
	uint64_t port;

	*out = (struct tl_listen_address){0};
	if (!port_text || tl_opt_parse_number(port_text, &port) < 0 || port > 65535 ||
	    !copy_host(host, text, (size_t)(port_text - text) - 1)) {
		return -EINVAL;
	}
	bool ok = text[0] == '[' ? set_v6(out, host, (uint16_t)port)
				 : set_v4(out, host, (uint16_t)port);
	if (!ok) {
		return -EINVAL;
	}
	set_text(out);
	return 0;
}

static int open_socket(struct tl_listen_address *a, int fd)
{
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a->addr, a->len) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a->addr, &a->len) < 0) {
		return -errno;
	}
	set_text(a);
	return 0;
}

int tl_listen_open(struct tl_listen_address *a, int *fd)
{
	int sock = socket(a->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = sock < 0 ? -errno : open_socket(a, sock);

	if (err < 0) {
		tl_log_err("cannot listen at %s: %s", a->text, strerror(-err));
		if (sock >= 0) {
			close(sock);
		}
		return err;
	}
	*fd = sock;
	return 0;
}

static bool is_same_host(const char *host, const char *other)
{
	char plain[HOST_MAX];

	return copy_host(plain, other, strlen(other)) && strcasecmp(host, plain) == 0;
}

bool tl_listen_host_is_ours(const struct tl_listen_address *a, const struct tl_opt_list *names,
			    const char *text)
{
	char host[HOST_MAX];
	char own[HOST_MAX];
	const char *port = text ? find_port(text) : 0;
	const char *own_port = find_port(a->text);

	if (port && port[strspn(port, "0123456789")] != '\0') {
		return false;
	}
	if (!text || !copy_host(host, text, port ? (size_t)(port - text) - 1 : strlen(text))) {
		return false;
	}
	if (text[0] != '[' && strchr(host, ':')) {
		return false; /* an IPv6 address has brackets here */
	}
	copy_host(own, a->text, (size_t)(own_port - a->text) - 1);
	if (strcasecmp(host, own) == 0 || strcasecmp(host, "localhost") == 0) {
		return true;
	}
	for (unsigned int i = 0; i < names->count; i++) {
		if (is_same_host(host, names->items[i])) {
			return true;
		}
	}
	return false;
}
