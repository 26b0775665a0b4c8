/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench_xdp_subject.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "bench_xdp.skel.h"
#include "log.h"
#include "wiregen/plan.h"

enum {
	IP4 = GEN_ETH,
	L4 = GEN_ETH + GEN_IP4,
	MORE_FRAGMENTS = 0x20,
};

/* --- what takes part ----------------------------------------------------------------------- */

static int ignore_record(void *ctx, void *data, size_t len)
{
	(void)ctx;
	(void)data;
	(void)len;
	return 0;
}

static void ignore_hint(void *ctx, const struct tl_hint *hint)
{
	(void)ctx;
	(void)hint;
}

static int load_kernels(struct bench *b)
{
	static const enum tl_clock clocks[] = {TL_CLOCK_ADAPTIVE, TL_CLOCK_PRECISE,
					       TL_CLOCK_COARSE};
	int err = 0;

	for (unsigned int i = 0; i < 3 && err == 0; i++) {
		struct kernel_options options = {
			.config = {.ifindex = 1, .clock = (__u8)clocks[i]},
			.flow_entries = TL_KERNEL_FLOWS,
			.coarse_entries = TL_KERNEL_COARSE,
			.hooks = {[KERNEL_XDP] = true},
			.filtered = true,
		};
		err = kernel_load(&b->kernels[i], &options);
	}
	if (err < 0) {
		tl_log_err("load the programs of xdp-flowd: %s", strerror(-err));
	}
	return err;
}

static int open_filters(struct bench *b)
{
	struct gate_options options = {.iface = "lo", .filter = "udp and dst port 443"};
	int err = gate_open(&b->match, b->kernels[0], KERNEL_XDP, &options);

	options.filter = "tcp";
	return err < 0 ? err : gate_open(&b->refuse, b->kernels[0], KERNEL_XDP, &options);
}

static void name_subjects(struct bench *b)
{
	struct kernel *const *k = b->kernels;
	const struct subject subjects[SUBJECTS] = {
		[EMPTY] = {"empty", bpf_program__fd(b->skel->progs.bench_empty), 0},
		[ADAPTIVE] = {"xdp-flowd", kernel_program(k[0], KERNEL_XDP), k[0]},
		[PRECISE] = {"--clock precise", kernel_program(k[1], KERNEL_XDP), k[1]},
		[COARSE] = {"--clock coarse", kernel_program(k[2], KERNEL_XDP), k[2]},
		[MATCHED] = {"-f, matched", b->match.program, k[0]},
		[REFUSED] = {"-f, refused", b->refuse.program, k[0]},
		[SIMPLE] = {"simple design", bpf_program__fd(b->skel->progs.bench_simple), 0},
	};

	memcpy(b->subjects, subjects, sizeof(subjects));
}

int bench_load(struct bench *b)
{
	b->skel = bench_xdp_bpf__open_and_load();
	if (!b->skel) {
		tl_log_err("load the BPF programs: %s (run as root)", strerror(errno));
		return -errno;
	}
	b->simple_ring =
		ring_buffer__new(bpf_map__fd(b->skel->maps.simple_ring), ignore_record, 0, 0);
	int err = b->simple_ring ? load_kernels(b) : -errno;
	if (err == 0) {
		err = open_filters(b);
	}
	if (err == 0) {
		name_subjects(b);
	}
	return err;
}

void bench_close(struct bench *b)
{
	gate_close(&b->match);
	gate_close(&b->refuse);
	for (unsigned int i = 0; i < 3; i++) {
		kernel_close(b->kernels[i]);
	}
	ring_buffer__free(b->simple_ring);
	bench_xdp_bpf__destroy(b->skel);
}

static void empty_map(struct kernel *kernel, enum kernel_map map)
{
	struct kernel_cursor cursor = {0};
	const struct tl_flow_key *keys;
	const struct tl_flow_value *values;

	while (!cursor.done) {
		if (kernel_drain(kernel, 0, map, &cursor, &keys, &values) < 0) {
			tl_log_err("drain: %s", strerror(errno));
			return;
		}
	}
}

static void take_records(struct bench *b, const struct subject *subject)
{
	if (subject->kernel) {
		kernel_take_hints(subject->kernel, ignore_hint, 0);
	}
	ring_buffer__consume(b->simple_ring);
}

void bench_empty_maps(struct bench *b, const struct subject *subject)
{
	if (subject->kernel) {
		empty_map(subject->kernel, KERNEL_FLOWS);
		empty_map(subject->kernel, KERNEL_COARSE);
	}
	take_records(b, subject);
}

/* --- what they are fed with ----------------------------------------------------------------- */

/* A datagram of two: the second has no ports. */
static void make_fragments(struct bench_control *control, uint8_t *frames)
{
	uint8_t *later = frames;
	uint8_t *first = frames + BENCH_SLOT;

	control->same = 1;
	control->id_at[0] = control->id_at[1] = IP4 + 4;
	first[IP4 + 6] = MORE_FRAGMENTS;
	later[IP4 + 6] = 0;
	later[IP4 + 7] = 1;
	memset(later + L4, 0, GEN_UDP);
	control->port_at[1] = BENCH_SLOT - 4; /* in the payload */
}

int bench_feed(struct bench *b, const struct row *row, uint8_t frames[BENCH_FRAMES])
{
	struct bench_control *control = &b->skel->bss->control;
	struct plan_options options = plan_defaults();
	uint32_t size;

	options.flows = row->flows;
	options.mix = row->mix;
	options.order = row->random;
	options.size = BENCH_SLOT;
	memset(control, 0, sizeof(*control));
	if (plan_make(&options, &control->plan, &size) < 0) {
		return -EINVAL;
	}
	for (unsigned int i = 0; i < 2; i++) {
		enum gen_family family =
			plan_frame(&control->plan, 0, size, frames + (size_t)i * BENCH_SLOT);
		uint32_t l3 = GEN_ETH + (family == GEN_VLAN ? GEN_TAG : 0);
		control->src_at[i] = l3 + (family == GEN_IPV6 ? 20 : 12);
		control->port_at[i] = l3 + (family == GEN_IPV6 ? GEN_IP6 : GEN_IP4);
		control->id_at[i] = BENCH_SLOT - 2; /* in the payload */
	}
	if (row->fragments) {
		make_fragments(control, frames);
	}
	return 0;
}

double bench_run(struct bench *b, const struct subject *subject, uint8_t *frames, int packets)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frames, .data_size_in = BENCH_FRAMES,
		    .repeat = packets);
	uint32_t slot = 0;

	if (bpf_map_update_elem(bpf_map__fd(b->skel->maps.subject), &slot, &subject->program,
				BPF_ANY) < 0 ||
	    bpf_prog_test_run_opts(bpf_program__fd(b->skel->progs.bench_feed), &opts) < 0) {
		tl_log_err("%s: %s", subject->name, strerror(errno));
		return -1;
	}
	if (opts.retval == 0 /* XDP_ABORTED */) {
		tl_log_err("%s was not reached", subject->name);
		return -1;
	}
	take_records(b, subject);
	return opts.duration;
}
