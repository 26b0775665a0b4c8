/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which packets --raw leaves out: an event for a packet that carries events
 * would make another event, and so on; the same for the ssh session in which
 * somebody watches them. Flows need no such rule.
 */
#ifndef TL_RING_OWN_H
#define TL_RING_OWN_H

#include "meter.h"

enum { TL_RING_OWN_MAX = 32 };

/* One end of a TCP connection, network order; port 0 matches nothing. */
struct tl_ring_end {
	uint8_t address[16]; /* IPv4 as v4-mapped */
	uint16_t port;
};

struct tl_ring_own {
	unsigned int count; /* ends of which every packet is left out */
	struct tl_ring_end ends[TL_RING_OWN_MAX];
	struct tl_ring_end ssh[2]; /* one connection: both ends must match */
};

/* Adds SSH_CONNECTION ("client port server port"); a bad or missing value (0) is none. */
void tl_ring_own_add_ssh(struct tl_ring_own *own, const char *ssh_connection);

/*
 * Adds the peer of a tcp:// place and the port beside it, where its acks come
 * from; other places have none. Resolves names. Logs when it cannot.
 */
void tl_ring_own_add_place(struct tl_ring_own *own, const char *place);

/* The test, in the form that tl_meter_config.exclude wants; ctx is a struct tl_ring_own. */
bool tl_ring_own_has(void *ctx, const struct tl_flow_key *key);

#endif
