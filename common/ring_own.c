/* SPDX-License-Identifier: BSD-2-Clause */
#include "ring_own.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../bpf/parse.h"
#include "log.h"

static void map_ipv4(uint8_t address[16], const void *ipv4)
{
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
	memcpy(address + 12, ipv4, 4);
}

static bool parse_end(struct tl_ring_end *end, const char *address, unsigned int port)
{
	uint8_t ipv4[4];

	if (port == 0 || port > 65535) {
		return false;
	}
	if (inet_pton(AF_INET, address, ipv4) == 1) {
		map_ipv4(end->address, ipv4);
	} else if (inet_pton(AF_INET6, address, end->address) != 1) {
		return false;
	}
	end->port = htons((uint16_t)port);
	return true;
}

void tl_ring_own_add_ssh(struct tl_ring_own *own, const char *ssh_connection)
{
	char addresses[2][64];
	unsigned int ports[2];
	struct tl_ring_end ends[2];

	if (!ssh_connection || sscanf(ssh_connection, "%63s %5u %63s %5u", addresses[0], &ports[0],
				      addresses[1], &ports[1]) != 4) {
		return;
	}
	if (parse_end(&ends[0], addresses[0], ports[0]) &&
	    parse_end(&ends[1], addresses[1], ports[1])) {
		memcpy(own->ssh, ends, sizeof(ends));
	}
}

static void add_address(struct tl_ring_own *own, const struct sockaddr *address, unsigned int port)
{
	/* The data, and the acks on the port after it. */
	for (unsigned int i = 0; i < 2 && own->count < TL_RING_OWN_MAX; i++) {
		struct tl_ring_end *end = &own->ends[own->count];
		if (address->sa_family == AF_INET) {
			const struct sockaddr_in *in = (const void *)address;
			map_ipv4(end->address, &in->sin_addr);
		} else if (address->sa_family == AF_INET6) {
			const struct sockaddr_in6 *in6 = (const void *)address;
			memcpy(end->address, &in6->sin6_addr, 16);
		} else {
			return;
		}
		end->port = htons((uint16_t)(port + i));
		own->count++;
	}
}

/* Splits "host:port" or "[host]:port"; the port, 0 when there is none. */
static unsigned int split_host(char *text, char **host)
{
	char *colon = strrchr(text, ':');

	if (!colon) {
		return 0;
	}
	*colon = '\0';
	*host = text;
	if (text[0] == '[' && colon > text && colon[-1] == ']') {
		colon[-1] = '\0';
		*host = text + 1;
	}
	unsigned long port = strtoul(colon + 1, 0, 10);
	return port < 65535 ? (unsigned int)port : 0;
}

void tl_ring_own_add_place(struct tl_ring_own *own, const char *place)
{
	const char *rest = strstr(place, "://");
	char text[256];
	char *host;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list;

	if (strncmp(place, "tcp", 3) != 0 || !rest) {
		return;
	}
	snprintf(text, sizeof(text), "%s", rest + 3);
	unsigned int port = split_host(text, &host);
	if (port == 0) {
		return;
	}
	int err = getaddrinfo(host, 0, &hints, &list);
	if (err != 0) {
		tl_log_warn("--raw cannot leave out the packets to %s: %s", host,
			    gai_strerror(err));
		return;
	}
	for (const struct addrinfo *at = list; at; at = at->ai_next) {
		add_address(own, at->ai_addr, port);
	}
	freeaddrinfo(list);
}

static bool matches(const struct tl_ring_end *end, const uint8_t address[16], uint16_t port)
{
	return end->port != 0 && end->port == port && memcmp(end->address, address, 16) == 0;
}

bool tl_ring_own_has(void *ctx, const struct tl_flow_key *key)
{
	const struct tl_ring_own *own = ctx;

	if (key->proto != TL_PROTO_TCP) {
		return false;
	}
	for (unsigned int i = 0; i < own->count; i++) {
		if (matches(&own->ends[i], key->src, key->src_port) ||
		    matches(&own->ends[i], key->dst, key->dst_port)) {
			return true;
		}
	}
	for (unsigned int i = 0; i < 2; i++) {
		if (matches(&own->ssh[i], key->src, key->src_port) &&
		    matches(&own->ssh[!i], key->dst, key->dst_port)) {
			return true;
		}
	}
	return false;
}
