/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow rows that a written capture must give, from what the builder knows
 * of each packet (not from the parser under test), under the rules of
 * tests/golden/README.md. A later fragment takes the ports of the first
 * fragment if that was added before it.
 */
#ifndef TL_TEST_EXPECTED_H
#define TL_TEST_EXPECTED_H

#include <stdint.h>
#include <stdio.h>

struct expected_packet {
	uint8_t src[16], dst[16]; /* v4-mapped for IPv4 */
	uint16_t sport, dport;	  /* host order; ignored for what has no ports */
	uint16_t vlan, vlan_inner;
	uint8_t proto;
	uint8_t frag; /* enum tl_frag */
	uint32_t frag_id;
	uint32_t bytes;
	uint32_t ip_bytes;
};

struct expected;

struct expected *expected_new(void); /* exits on no memory */
void expected_free(struct expected *e);
void expected_add(struct expected *e, const struct expected_packet *packet);
/* A frame without a (good) IP header. */
void expected_add_other(struct expected *e, uint32_t bytes);
/* Sorted rows, one line each: file, src, dst, sport, dport, proto, vlan, packets, bytes, ip_bytes.
 */
void expected_print(struct expected *e, FILE *to, const char *file);

#endif
