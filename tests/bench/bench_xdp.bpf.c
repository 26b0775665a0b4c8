// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * What bench_xdp measures xdp-flowd against: nothing, the least that counts,
 * and the usual simple design; and what feeds them all from one PROG_RUN.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_helpers.h>

#include "bench_xdp.h"

struct bench_control control;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} subject SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} counted SEC(".maps");

/* --- in front of what is measured ------------------------------------------------------ */

static __always_inline __u8 *field(__u8 *data, __u8 *end, __u32 offset, __u32 len)
{
	offset &= BENCH_SLOT - 1;
	__asm__ volatile("" : "+r"(offset));
	__u8 *at = data + offset;
	return at + len > end ? 0 : at;
}

static __always_inline int write_frame(__u8 *data, __u8 *end, __u64 n)
{
	__u32 parity = n & 1;
	__u32 flow = gen_flow(&control.plan, n >> (control.same & 1));
	__u8 *src = field(data, end, control.src_at[parity], 4);
	__u8 *port = field(data, end, control.port_at[parity], 2);
	__u8 *id = field(data, end, control.id_at[parity], 2);

	if (!src || !port || !id)
		return -1;
	*(__be16 *)id = bpf_htons((__u16)(n >> 1));
	*(__be32 *)src = bpf_htonl(0x0a000000 + flow);
	*(__be16 *)port = bpf_htons((__u16)(GEN_PORT_FIRST + flow % GEN_PORT_COUNT));
	return 0;
}

/*
 * Writes the next frame where the last one was and hands on the one between:
 * loads from what was stored a moment ago in other widths wait for the stores,
 * which no frame from a device makes them do.
 */
SEC("xdp")
int bench_feed(struct xdp_md *ctx)
{
	__u64 n = control.packet++;

	if (write_frame((__u8 *)(long)ctx->data, (__u8 *)(long)ctx->data_end, n + 1) < 0)
		return XDP_ABORTED;
	if (bpf_xdp_adjust_head(ctx, n & 1 ? -BENCH_SLOT : BENCH_SLOT) < 0)
		return XDP_ABORTED;
	bpf_tail_call(ctx, &subject, 0);
	return XDP_ABORTED;
}

/* --- the least ----------------------------------------------------------------------------- */

SEC("xdp")
int bench_empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

static __always_inline void count(void)
{
	__u32 zero = 0;
	__u64 *packets = bpf_map_lookup_elem(&counted, &zero);

	if (packets)
		++*packets;
}

SEC("xdp")
int bench_drop(struct xdp_md *ctx)
{
	(void)ctx;
	count();
	return XDP_DROP;
}

SEC("xdp")
int bench_pass(struct xdp_md *ctx)
{
	(void)ctx;
	count();
	return XDP_PASS;
}

/* --- the usual simple design ------------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SIMPLE_FLOWS);
	__type(key, struct simple_key);
	__type(value, struct simple_value);
} simple_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SIMPLE_RING);
} simple_ring SEC(".maps");

static __always_inline void simple_tell(const struct simple_key *key,
					const struct simple_value *value)
{
	struct simple_record *r = bpf_ringbuf_reserve(&simple_ring, sizeof(*r), 0);

	if (!r)
		return;
	r->key = *key;
	r->value = *value;
	bpf_ringbuf_submit(r, 0);
}

static __always_inline void simple_begin(const struct simple_key *key, __u64 bytes, __u8 flags)
{
	struct simple_value fresh = {
		.packets = 1, .bytes = bytes, .last_ns = bpf_ktime_get_ns(), .flags = flags};

	bpf_map_update_elem(&simple_flows, key, &fresh, BPF_ANY);
	simple_tell(key, &fresh);
}

static __always_inline void simple_add(const struct simple_key *key, struct simple_value *v,
				       __u64 bytes, __u8 flags)
{
	__u64 before = __sync_fetch_and_add(&v->packets, 1);

	__sync_fetch_and_add(&v->bytes, bytes);
	v->last_ns = bpf_ktime_get_ns();
	v->flags |= flags;
	if (flags & 0x05 /* FIN, RST */) {
		simple_tell(key, v);
		bpf_map_delete_elem(&simple_flows, key);
	} else if ((before + 1) % SIMPLE_EVERY == 0) {
		simple_tell(key, v);
	}
}

static __always_inline __u8 tcp_flags(const __u8 *l4, const __u8 *end)
{
	return l4 + sizeof(struct tcphdr) <= end ? l4[13] : 0;
}

/* An Ethernet and a 20-byte IPv4 header are taken for granted; all else passes uncounted. */
SEC("xdp")
int bench_simple(struct xdp_md *ctx)
{
	const __u8 *data = (void *)(long)ctx->data;
	const __u8 *end = (void *)(long)ctx->data_end;
	const struct ethhdr *eth = (const void *)data;
	const struct iphdr *ip = (const void *)(eth + 1);
	const __u8 *l4 = (const void *)(ip + 1);

	if (l4 + 4 > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	struct simple_key key = {
		.src = ip->saddr,
		.dst = ip->daddr,
		.src_port = *(const __be16 *)l4,
		.dst_port = *(const __be16 *)(l4 + 2),
		.proto = ip->protocol,
	};
	__u8 flags = ip->protocol == IPPROTO_TCP ? tcp_flags(l4, end) : 0;
	struct simple_value *v = bpf_map_lookup_elem(&simple_flows, &key);
	if (v)
		simple_add(&key, v, end - data, flags);
	else
		simple_begin(&key, end - data, flags);
	return XDP_PASS;
}

char bench_license[] SEC("license") = "Dual BSD/GPL";
