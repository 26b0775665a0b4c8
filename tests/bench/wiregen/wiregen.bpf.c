// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Makes frames out of what BPF_PROG_TEST_RUN hands it and redirects them to an
 * interface (Documentation/bpf/bpf_prog_run.rst, "live packet mode"). Frames
 * that come back from the page pool hold what was written last, so all headers
 * are written each time.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "wiregen.h"

struct gen_control control;
struct gen_progress progress;

/* True when it is time for a frame. The clock is read only when nothing is due by the last reading.
 */
static __always_inline bool due(void)
{
	if (control.gap_fp == 0)
		return true;
	if (progress.next_fp > progress.now_fp) {
		progress.now_fp = (bpf_ktime_get_ns() - progress.start_ns) << 16;
		if (progress.next_fp > progress.now_fp)
			return false;
		if (progress.now_fp - progress.next_fp > control.lag_fp)
			progress.next_fp = progress.now_fp;
	}
	progress.next_fp += control.gap_fp;
	return true;
}

static __always_inline bool finished(void)
{
	if (progress.frames < control.limit && !control.stop)
		return false;
	if (progress.end_ns == 0)
		progress.end_ns = bpf_ktime_get_ns();
	return true;
}

static __always_inline int emit(struct xdp_md *ctx, enum gen_family family, int tcp, __u32 flow)
{
	__u8 *data = (__u8 *)(long)ctx->data;
	__u8 *end = (__u8 *)(long)ctx->data_end;

	if (data + gen_headers(family, tcp) > end)
		return XDP_ABORTED;
	gen_write(data, &control.plan.templates[family], family, tcp, flow);
	progress.frames++;
	progress.family[family]++;
	return (int)bpf_redirect(control.ifindex, 0);
}

static __always_inline int emit_any(struct xdp_md *ctx, int tcp, __u32 flow)
{
	switch (gen_family(&control.plan, flow)) {
	case GEN_IPV4:
		return emit(ctx, GEN_IPV4, tcp, flow);
	case GEN_IPV6:
		return emit(ctx, GEN_IPV6, tcp, flow);
	default:
		return emit(ctx, GEN_VLAN, tcp, flow);
	}
}

SEC("xdp")
int wiregen_make(struct xdp_md *ctx)
{
	if (progress.start_ns == 0)
		progress.start_ns = bpf_ktime_get_ns();
	if (finished() || !due()) {
		progress.idle_slots++;
		return XDP_DROP;
	}
	__u32 flow = gen_flow(&control.plan, progress.frames);
	return control.plan.tcp ? emit_any(ctx, 1, flow) : emit_any(ctx, 0, flow);
}

/* On the other end of the veth: there redirected frames are taken only by a device with XDP. */
SEC("xdp")
int wiregen_pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char wiregen_license[] SEC("license") = "Dual BSD/GPL";
