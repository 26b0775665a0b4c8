/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a flow is: its key, and the class every frame is counted under.
 * Shared by the kernel programs and user space; the layout is ABI between
 * them, hence the assertions. Design: docs/design.md, "Flows".
 */
#ifndef TL_FLOW_H
#define TL_FLOW_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

enum tl_direction {
	TL_DIR_IN = 0,
	TL_DIR_OUT = 1,
};

/* Bits of tl_flow_key.flags and of the event entity "flags". */
enum tl_key_flag {
	TL_KEY_FRAGMENT = 1, /* later fragment whose first fragment was not seen: ports unknown */
	TL_KEY_COARSE = 2,   /* source cleared, destination masked: a flow map was full */
	TL_KEY_TUNNEL = 4,   /* key is of an inner header */
};

/*
 * Key of a unidirectional flow as seen on the wire. Everything but ifindex is
 * in network order. IPv4 addresses are v4-mapped (::ffff:a.b.c.d). ICMP and
 * ICMPv6: src_port is the echo id (0 for other messages), dst_port is
 * type << 8 | code.
 */
struct tl_flow_key {
	__u8 src[16];
	__u8 dst[16];
	__be16 src_port;
	__be16 dst_port;
	__u32 ifindex;
	__be16 vlan;	   /* id of the outer tag, 0 = none */
	__be16 vlan_inner; /* id of the inner tag, 0 = none */
	__u8 proto;	   /* IANA number, after IPv6 extension headers */
	__u8 direction;	   /* enum tl_direction */
	__u8 flags;	   /* enum tl_key_flag */
	__u8 pad;	   /* 0 */
};

_Static_assert(sizeof(struct tl_flow_key) == 48, "struct tl_flow_key is ABI");

/* Every frame is counted in exactly one class. */
enum tl_class {
	TL_CLASS_FLOW,
	TL_CLASS_COARSE,
	TL_CLASS_UNATTRIBUTED, /* no room for a flow or a coarse flow */
	TL_CLASS_ARP,
	TL_CLASS_OTHER_L3,     /* no IP: other ethertypes, more than two tags, PPP control */
	TL_CLASS_MALFORMED_L2, /* link header, tag, PPPoE or MPLS header cut short or invalid */
	TL_CLASS_MALFORMED_L3, /* IP header or extension header cut short or invalid */
	TL_CLASS_FILTERED,     /* refused by -f, where the engine can count it */
	TL_CLASS_COUNT,
};

#endif
