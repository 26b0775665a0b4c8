/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The packet parser as the kernel runs it: writes what it made of the frame into a map. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "parse.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tl_packet);
} result SEC(".maps");

SEC("xdp")
int parse(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 zero = 0;
	struct tl_packet *out = bpf_map_lookup_elem(&result, &zero);
	struct tl_packet pkt;

	if (!out)
		return XDP_ABORTED;
	tl_parse_begin(&pkt);
	tl_parse_ethernet(data, end, (__u32)(end - data), &pkt);
	*out = pkt;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
