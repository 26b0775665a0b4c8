/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Community ID, version 1, seed 0: one text for both directions of a flow that every tool computes
 * the same. Spec: github.com/corelight/community-id-spec: SHA-1 over seed, the lower endpoint, the
 * higher one, protocol and ports, in base64. Pure.
 */
#ifndef TL_COMMUNITY_ID_H
#define TL_COMMUNITY_ID_H

#include <stdbool.h>
#include <stdint.h>

enum { TL_COMMUNITY_ID_LEN = 30 };

struct tl_community_id {
	const uint8_t *src;
	const uint8_t *dst;
	uint32_t address_len; /* 4 or 16 */
	uint8_t proto;
	uint16_t src_port; /* host order; of ICMP and ICMPv6 the type */
	uint16_t dst_port; /* and the code */
	bool no_ports;	   /* unknown, as of a fragment: the id is of addresses and protocol */
};

/* TCP, UDP, SCTP, ICMP, ICMPv6: of others the ports are not looked at. */
bool tl_community_id_has_ports(uint8_t proto);

/* Not NUL-terminated. */
void tl_community_id(char text[TL_COMMUNITY_ID_LEN], const struct tl_community_id *flow);

#endif
