/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A capture that looks like an office uplink: web, DNS, QUIC, ping, ssh, IPv4
 * and IPv6, some of it in VLANs, ARP now and then; what hosts say when they meet
 * is real (speech.h), the rest zeros. The same for the same
 * count on every machine. No flow is silent for more than 0.4 s before its
 * end, and no 5-tuple comes back, so every engine ends the same flows.
 */
#ifndef TL_TEST_DEMO_H
#define TL_TEST_DEMO_H

#include <stdint.h>

#include "expected.h"
#include "pcapfile.h"

/* Writes `count` packets over 60 s that begin at `start_ns`. */
void demo_write(const struct pcapfile *to, struct expected *expected, uint64_t start_ns,
		uint32_t count);

#endif
