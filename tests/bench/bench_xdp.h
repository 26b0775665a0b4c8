/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What bench_xdp and its kernel programs share. */
#ifndef BENCH_XDP_H
#define BENCH_XDP_H

#include "wiregen/frame.h"

/* Two frames lie side by side, and are the packet in turn. */
enum { BENCH_SLOT = 64 };

struct bench_control {
	struct gen_plan plan; /* which flow comes when; its templates are not used */
	__u64 packet;	      /* number of the next one; even when a run begins */
	__u32 same;	      /* log2 of the packets of a flow in a row */
	/* Offsets within a frame, by the parity of the packet's number. */
	__u32 src_at[2];  /* the last four bytes of the source address */
	__u32 port_at[2]; /* the source port */
	__u32 id_at[2];	  /* of IPv4 */
};

/* The usual simple design: see bench_simple. */
struct simple_key {
	__be32 src;
	__be32 dst;
	__be16 src_port;
	__be16 dst_port;
	__u8 proto;
	__u8 zero[3];
};

struct simple_value {
	__u64 packets;
	__u64 bytes;
	__u64 last_ns;
	__u64 flags;
};

struct simple_record {
	struct simple_key key;
	struct simple_value value;
};

enum {
	SIMPLE_FLOWS = 65536,
	SIMPLE_EVERY = 1024, /* packets between two records of a flow */
	SIMPLE_RING = 1 << 20,
};

#endif
