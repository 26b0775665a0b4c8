/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The frames that the generators make, the same from wiregen (in the kernel)
 * and pcapgen (into a file). A flow is a number below 2^24: it says the family
 * and is added to the source address and port of that family's template; the
 * checksums are right. Payloads are zeros.
 */
#ifndef WIREGEN_FRAME_H
#define WIREGEN_FRAME_H

#include <linux/types.h>

#ifdef __bpf__
#include <bpf/bpf_endian.h>
#define GEN_HTONS(x) bpf_htons(x)
#else
#include <arpa/inet.h>
#define GEN_HTONS(x) htons(x)
#endif
#define GEN_INLINE static inline __attribute__((always_inline))

enum gen_family {
	GEN_IPV4,
	GEN_IPV6,
	GEN_VLAN, /* IPv4 in one 802.1Q tag */
	GEN_FAMILIES,
};

enum {
	GEN_ETH = 14,
	GEN_TAG = 4,
	GEN_IP4 = 20,
	GEN_IP6 = 40,
	GEN_UDP = 8,
	GEN_TCP = 20,
	GEN_HEADERS_MAX = GEN_ETH + GEN_IP6 + GEN_TCP,
	GEN_FLOWS_MAX = 1 << 24,
	GEN_PORT_FIRST = 1024,
	GEN_PORT_COUNT = 60000,
};

/* Headers with flow 0's source address and source port 0, and the sums over those. */
struct gen_template {
	__u8 bytes[GEN_HEADERS_MAX + 6];
	__u32 ip_sum; /* one's complement, not folded, host order */
	__u32 l4_sum;
};

struct gen_plan {
	struct gen_template templates[GEN_FAMILIES];
	__u64 seed;
	__u32 flows;
	__u32 fresh;	  /* each such packet is of a flow of its own; 0 = none */
	__u8 family[100]; /* of flow number modulo 100 */
	__u8 tcp;
	__u8 random; /* order of the flows */
};

GEN_INLINE __u16 gen_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

GEN_INLINE void gen_store16(__u8 *at, __u16 value)
{
	value = GEN_HTONS(value);
	__builtin_memcpy(at, &value, 2);
}

/* The flow of packet number `n`. */
GEN_INLINE __u32 gen_flow(const struct gen_plan *plan, __u64 n)
{
	if (plan->fresh && n % plan->fresh == 0)
		return (__u32)((plan->flows + n / plan->fresh) % GEN_FLOWS_MAX);
	if (!plan->random)
		return (__u32)(n % plan->flows);
	/* splitmix64 */
	__u64 z = (n + plan->seed) * 0x9e3779b97f4a7c15ull;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (__u32)((z ^ (z >> 31)) % plan->flows);
}

GEN_INLINE __u32 gen_family(const struct gen_plan *plan, __u32 flow)
{
	__u32 slot = flow % 100;
	/* The verifier does not know what a remainder can be; the compiler does, and would drop the
	 * test. */
	__asm__ volatile("" : "+r"(slot));
	return slot < 100 ? plan->family[slot] : GEN_IPV4;
}

GEN_INLINE __u32 gen_headers(enum gen_family family, int tcp)
{
	return GEN_ETH + (family == GEN_VLAN ? GEN_TAG : 0) +
	       (family == GEN_IPV6 ? GEN_IP6 : GEN_IP4) + (tcp ? GEN_TCP : GEN_UDP);
}

/*
 * Writes the headers of `flow` to `p`, which has room for
 * gen_headers(family, tcp) bytes. `family` and `tcp` must be constants to the
 * compiler, or the verifier does not follow.
 */
GEN_INLINE void gen_write(__u8 *p, const struct gen_template *t, enum gen_family family, int tcp,
			  __u32 flow)
{
	const __u32 l3 = GEN_ETH + (family == GEN_VLAN ? GEN_TAG : 0);
	const __u32 l4 = l3 + (family == GEN_IPV6 ? GEN_IP6 : GEN_IP4);
	const __u32 src = l3 + (family == GEN_IPV6 ? 8 + 12 : 12);
	__u16 high = (__u16)(0x0a00 + (flow >> 16));
	__u16 low = (__u16)flow;
	__u16 port = (__u16)(GEN_PORT_FIRST + flow % GEN_PORT_COUNT);
	__u32 varies = (__u32)high + low;

	__builtin_memcpy(p, t->bytes, l4 + (tcp ? GEN_TCP : GEN_UDP));
	gen_store16(p + src, high);
	gen_store16(p + src + 2, low);
	if (family != GEN_IPV6)
		gen_store16(p + l3 + 10, gen_fold(t->ip_sum + varies));
	gen_store16(p + l4, port);
	__u16 check = gen_fold(t->l4_sum + varies + port);
	if (!tcp && check == 0)
		check = 0xffff;
	gen_store16(p + l4 + (tcp ? 16 : 6), check);
}

#endif
