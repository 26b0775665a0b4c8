/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SCHEME://HOST[:PORT][,HOST[:PORT]...][/NAME]: the servers of a cluster, and
 * the subject or topic there. Logs what is wrong with a URL, once.
 */
#ifndef SHIPPER_PEERLIST_H
#define SHIPPER_PEERLIST_H

#include <stdbool.h>

enum {
	PEERLIST_MAX = 32,
	PEERLIST_HOST_LEN = 272, /* a DNS name, a port; with its NUL */
	PEERLIST_NAME_LEN = 250, /* Kafka's limit is 249 */
};

struct peerlist {
	char hosts[PEERLIST_MAX][PEERLIST_HOST_LEN]; /* "host:port", "[v6]:port", "host" */
	unsigned int count;
	char name[PEERLIST_NAME_LEN];
	bool loopback; /* all of them are */
};

/* `name` is for a URL that has none. 0; -EINVAL after one logged line. */
int peerlist_parse(struct peerlist *list, const char *url, const char *name);

/* Adds "host:port" unless it is known, malformed or one too many. True when added. */
bool peerlist_add(struct peerlist *list, const char *host, unsigned int len);

/* The host of a "host:port" is on this machine's loopback. */
bool peerlist_is_loopback(const char *host);

#endif
