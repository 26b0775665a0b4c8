/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters for the kernel's packet hooks: a classic BPF program, as libpcap
 * compiles it, becomes an eBPF program that is loaded as it is, without a
 * compiler, and hands the packet on by a tail call.
 *
 * The verdict is that of libpcap's bpf_filter() on the whole packet, which
 * begins with its link header: a load that ends behind the packet rejects it,
 * LEN is the wire length, M[] and both registers begin as 0. Packets of which
 * only the front is linear (XDP fragments, paged socket buffers) are read
 * with a helper where a load needs it.
 *
 * Nothing is loaded here, nothing logs. What comes out uses nothing newer than
 * Linux 5.18 (bpf_xdp_load_bytes) and is not bound to a licence.
 */
#ifndef XDP_FLOWD_TRANSLATE_H
#define XDP_FLOWD_TRANSLATE_H

#include <linux/filter.h>
#include <stdint.h>

/* linux/bpf.h's: eBPF. It has the name of libpcap's classic instruction. */
struct bpf_insn;

enum translate_hook {
	TRANSLATE_XDP, /* BPF_PROG_TYPE_XDP, with or without BPF_F_XDP_HAS_FRAGS */
	TRANSLATE_TC,  /* BPF_PROG_TYPE_SCHED_CLS */
};

/* Maps are borrowed: the loaded program holds references of its own. */
struct translate_config {
	enum translate_hook hook;
	int jump_fd; /* BPF_MAP_TYPE_PROG_ARRAY: where packets go */
	uint32_t match_slot;
	uint32_t reject_slot;
	/*
	 * BPF_MAP_TYPE_PERCPU_ARRAY of {u64 packets; u64 bytes}: packets whose slot
	 * was empty are added to element `missed_index`, then `retval` is returned.
	 */
	int acct_fd;
	uint32_t missed_index;
	int retval;
};

/*
 * Fills *out, which the caller frees. `classic` may be anything: it is checked
 * as the kernel checks a socket filter. `count` is instructions.
 *
 * Their number; or, with static text in *reason: -EINVAL not a valid program
 * (`ip6 protochain` is none: it loops); -EOPNOTSUPP it looks at what this hook
 * does not have; -E2BIG too long; -ENOMEM.
 *
 * TRANSLATE_TC knows what a program compiled on a live interface asks for: tag
 * and tag protocol that were taken out of the frame, protocol, packet type,
 * interface index, mark, queue, hash, CPU. Offsets from the network header
 * (SKF_NET_OFF) and link types (SKF_AD_HATYPE) are refused, at XDP all of it.
 */
int translate_filter(struct bpf_insn **out, const struct sock_filter *classic, uint32_t count,
		     const struct translate_config *config, const char **reason);

#endif
