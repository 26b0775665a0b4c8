/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a flow is: its key, and the class every frame is counted under; and
 * what the kernel programs (flow.bpf.c) keep in their maps. Shared by the
 * kernel and user space; the layout is ABI between them, and between a pinned
 * program and the next version of the daemon, hence the assertions.
 * Design: docs/design.md, "Flows" and "The kernel side".
 */
#ifndef TL_FLOW_H
#define TL_FLOW_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif
#include <stddef.h>

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
} __attribute__((aligned(8)));

_Static_assert(sizeof(struct tl_flow_key) == 48, "struct tl_flow_key is ABI");
_Static_assert(offsetof(struct tl_flow_key, dst_port) == offsetof(struct tl_flow_key, src_port) + 2,
	       "the parser copies both ports at once");

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

/* Ports of fragmented datagrams are remembered, on every engine: so many, so long. */
enum {
	TL_FRAGMENT_ENTRIES = 8192,
	TL_FRAGMENT_SECONDS = 30,
};

/* Which datagram a fragment belongs to. */
struct tl_datagram {
	__u8 src[16];
	__u8 dst[16];
	__u32 id;
	__u32 ifindex;
	__be16 vlan;
	__be16 vlan_inner;
	__u8 proto;
	__u8 direction;
	__u16 zero;
};

_Static_assert(sizeof(struct tl_datagram) == 48, "no padding in a hashed key");

/* --- what the kernel counts, and where ------------------------------------ */

enum {
	TL_KERNEL_LAYOUT = 1,	   /* of all that follows; a pin of another one is refused */
	TL_KERNEL_FLOWS = 65536,   /* entries of each flow map, by default */
	TL_KERNEL_COARSE = 4096,   /* of each coarse map */
	TL_KERNEL_HINTS = 1 << 20, /* bytes of the ring buffer */
};

/*
 * What an epoch adds up for one flow. Times are CLOCK_MONOTONIC.
 *
 * The kernel puts 48 bytes before the key, so that with this size an element is
 * three cache lines, and all that a packet usually touches lies in the first
 * two: of 65,536 flows each line is a cache miss. The bytes of IP follow from
 * the others, but for frames with tags, padding or other headers.
 */
struct tl_flow_value {
	__u64 packets;
	__u64 bytes;
	__u64 last_ns;
	__u32 tcp_flags; /* all seen */
	__u16 min_len;	 /* these two are hints: two CPUs may race for them */
	__u16 max_len;
	/* the third line */
	__u64 first_ns;
	__u64 excess; /* bytes that are neither of IP nor 14 a packet; may be below 0 */
	__u64 skbs;   /* 0 where they are the packets (XDP) */
	__u8 ttl;     /* of the first packet */
	__u8 tos;
	__u8 zero[38];
};

_Static_assert(sizeof(struct tl_flow_value) == 96, "struct tl_flow_value is ABI");
_Static_assert(offsetof(struct tl_flow_value, first_ns) == 32, "what is hot comes first");

enum { TL_ETHERNET_LEN = 14 };

static inline __u64 tl_flow_value_ip_bytes(const struct tl_flow_value *v)
{
	return v->bytes - TL_ETHERNET_LEN * v->packets - v->excess;
}

struct tl_acct {
	__u64 packets; /* on the wire */
	__u64 bytes;
	__u64 skbs; /* as the hook got them */
};

/*
 * One CPU's books of the epochs with one parity. Never reset: what an epoch
 * counted is the difference to its predecessor of the same parity, so a killed
 * daemon takes nothing with it.
 */
struct tl_books {
	struct tl_acct total; /* counted apart from the classes: the two must agree */
	struct tl_acct by_class[TL_CLASS_COUNT];
	__u64 hints;
	__u64 hints_lost;    /* the ring buffer was full: costs latency, nothing else */
	__u64 flows_full;    /* inserts refused: no entry was free */
	__u64 flows_refused; /* inserts refused for any other reason */
	__u64 frag_hits;
	__u64 frag_misses;
	/* TL_CLOCK_ADAPTIVE */
	__u64 tick_ns; /* the tick that these are of */
	__u64 now_ns;  /* the last reading */
	__u32 seen;    /* packets in this tick */
	__u16 left;    /* packets that may still take that reading */
	__u16 dense;   /* the tick before had many */
};

_Static_assert(TL_CLASS_COUNT == 8, "the kernel masks the class by 7");

/* Reading the clock is 30 ns, a third to half of what a packet costs. */
enum tl_clock {
	TL_CLOCK_ADAPTIVE, /* for each packet while they are sparse, else once for so many: */
	TL_CLOCK_PRECISE,  /* for each packet */
	TL_CLOCK_COARSE,   /* as of the kernel's last tick (1 to 10 ms) */
	TL_CLOCK_SHARE = 8,
	TL_CLOCK_DENSE = 64, /* packets of one CPU in a tick that make the next tick dense */
};

/* Set before the programs are loaded, and constant for the verifier. */
struct tl_kernel_config {
	__u32 ifindex;
	__u8 link_raw; /* frames begin with an IP header (tc only) */
	__u8 frags;    /* XDP: a frame may lie in several buffers */
	__u8 drop;     /* --tap: what is counted goes no further */
	__u8 clock;    /* enum tl_clock */
};

/* User space writes, the kernel reads, but for `inserted`. */
struct tl_control {
	__u32 layout;	   /* TL_KERNEL_LAYOUT */
	__u32 epoch;	   /* 0 or 1: where to count */
	__u32 sleeping;	   /* a hint has to wake the reader up */
	__u32 pressure_at; /* flows of an epoch at which to tell of pressure */
	__u32 inserted[2]; /* flows of the running epoch, by its parity */
	__u32 frags;	   /* as tl_kernel_config has it: a pinned filter's targets must agree */
	__u32 spare;
};

/*
 * Which packets are counted at all: those whose time (CLOCK_MONOTONIC) is at
 * begin_ns or later and before end_ns. User space writes, the kernel reads. It
 * belongs to the loaded programs and is never pinned: one that was shut stays
 * so until another program takes its place.
 */
struct tl_gate {
	__u32 looked_at; /* 0: open, the times are not compared, and no clock is read for them */
	__u32 zero;
	__u64 begin_ns;
	__u64 end_ns;
};

enum tl_hint_kind {
	TL_HINT_NEW,	  /* first packet of a flow in this epoch */
	TL_HINT_PRESSURE, /* the flow map is filling up: flip early */
	TL_HINT_WAKE,	  /* look into the ring: says nothing itself */
};

/* Hints carry no counts: one that is lost costs latency alone. */
struct tl_hint {
	struct tl_flow_key key;
	__u64 ns; /* CLOCK_MONOTONIC */
	__u16 len;
	__u8 kind; /* enum tl_hint_kind */
	__u8 tcp_flags;
	__u8 ttl;
	__u8 tos;
	__u16 zero;
};

_Static_assert(sizeof(struct tl_hint) == 64, "struct tl_hint is ABI");

/* What the first fragment of a datagram said. */
struct tl_datagram_ports {
	__u64 seen_ns;
	__be16 src_port;
	__be16 dst_port;
	__u8 proto; /* after all extension headers */
	__u8 zero[3];
};

/* What a filter whose tail call found no program could not hand on. */
struct tl_missed {
	__u64 packets;
	__u64 bytes;
};

/* Slots of the tail-call arrays. */
enum tl_jump {
	TL_JUMP_MATCH,
	TL_JUMP_REJECT,
	TL_JUMP_COUNT,
};

#endif
