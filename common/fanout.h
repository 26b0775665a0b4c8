/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spreading the packets of one interface over several packet sockets, by a
 * symmetric hash of the outermost IP addresses and nothing else.
 * PACKET_FANOUT_HASH is not it: it was seen to put the packets of one GRE
 * flow, and fragments of one datagram, on two sockets. What is no IPv4 or
 * IPv6 below Ethernet and up to two VLAN tags goes to the first socket.
 */
#ifndef TL_FANOUT_H
#define TL_FANOUT_H

#include <linux/filter.h>

/*
 * Joins the bound socket to a group of this process: a new one when *id < 0,
 * whose id is then stored there. Needs no capability. 0 or -errno; logs.
 */
int tl_fanout_join(int fd, int *id, const char *iface);

enum { TL_FANOUT_PROGRAM_MAX = 192 };

/* Writes the program, which returns the hash; its length in instructions. For tests. */
unsigned short tl_fanout_program(struct sock_filter insns[TL_FANOUT_PROGRAM_MAX]);

#endif
