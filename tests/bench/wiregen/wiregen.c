/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wiregen: sends frames of many flows into a veth at millions a second, and
 * says exactly how many there were. For benchmarks and end-to-end tests.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "exit.h"
#include "log.h"
#include "opt.h"
#include "plan.h"
#include "port.h"
#include "service.h"
#include "wiregen.h"
#include "wiregen.skel.h"

enum {
	CPU_ANY = UINT32_MAX,
	FRAME_MAX = 1514,
	LAG_MS = 10, /* a generator stopped for longer does not catch up: readers see no flood */
};

struct options {
	struct plan_options plan;
	const char *iface;
	const char *netns;
	const char *peer_netns;
	uint64_t count;
	uint64_t rate;
	uint64_t duration_ns;
	uint64_t batch;
	uint64_t cpu;
	bool plain;
};

static const struct tl_opt opts[] = {
	{.short_name = 'i',
	 .long_name = "interface",
	 .kind = TL_OPT_STRING,
	 .offset = offsetof(struct options, iface),
	 .metavar = "IFACE",
	 .help = "veth to transmit on; the other end receives"},
	{.long_name = "netns",
	 .kind = TL_OPT_STRING,
	 .offset = offsetof(struct options, netns),
	 .metavar = "NAME",
	 .help = "network namespace of the interface (this one)"},
	{.long_name = "peer-netns",
	 .kind = TL_OPT_STRING,
	 .offset = offsetof(struct options, peer_netns),
	 .metavar = "NAME",
	 .help = "network namespace of its other end (the same)"},
	PLAN_OPTS(struct options, plan),
	{.long_name = "count",
	 .kind = TL_OPT_NUMBER,
	 .offset = offsetof(struct options, count),
	 .metavar = "N",
	 .min = 1,
	 .help = "stop after so many frames (no limit)"},
	{.long_name = "rate",
	 .kind = TL_OPT_NUMBER,
	 .offset = offsetof(struct options, rate),
	 .metavar = "PPS",
	 .max = 100000000,
	 .help = "frames a second, 0 as fast as possible (0)"},
	{.long_name = "duration",
	 .kind = TL_OPT_DURATION,
	 .offset = offsetof(struct options, duration_ns),
	 .metavar = "TIME",
	 .min = TL_MS_NS,
	 .help = "stop after so long (no limit)"},
	{.long_name = "batch",
	 .kind = TL_OPT_NUMBER,
	 .offset = offsetof(struct options, batch),
	 .metavar = "N",
	 .min = 1,
	 .max = 256,
	 .help = "frames handed to the device at once (64)"},
	{.long_name = "cpu",
	 .kind = TL_OPT_NUMBER,
	 .offset = offsetof(struct options, cpu),
	 .metavar = "N",
	 .max = CPU_SETSIZE - 1,
	 .help = "run on this CPU (any)"},
	{.long_name = "plain",
	 .kind = TL_OPT_FLAG,
	 .offset = offsetof(struct options, plain),
	 .help = "print key=value lines"},
	{0},
};

static const struct tl_program program = {
	.name = "wiregen",
	.summary = "send generated frames into a veth and count them exactly",
	.opts = opts,
};

struct generator {
	struct options options;
	struct gen_plan plan;
	uint32_t size;
	struct port port;
	struct wiregen_bpf *skel;
	int result;		/* of the sending thread */
	volatile bool finished; /* that has ended */
};

/* What came of a run. */
struct outcome {
	struct port_counts device;
	uint64_t made;
	uint64_t family[GEN_FAMILIES]; /* of those made */
	uint64_t not_accepted;	       /* refused before the driver counted them */
	uint64_t duration_ns;
};

static int pin_to_cpu(uint64_t cpu)
{
	if (cpu == CPU_ANY) {
		return 0;
	}
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0) {
		tl_log_err("--cpu %" PRIu64 ": %s", cpu, strerror(errno));
		return -errno;
	}
	return 0;
}

static int load(struct generator *g)
{
	const struct options *o = &g->options;

	g->skel = wiregen_bpf__open_and_load();
	if (!g->skel) {
		tl_log_err("load the BPF programs: %s (needs CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON "
			   "and Linux 5.18)",
			   strerror(errno));
		return -errno;
	}
	struct gen_control *control = &g->skel->bss->control;
	control->plan = g->plan;
	control->limit = o->count ? o->count : UINT64_MAX;
	control->gap_fp = o->rate ? (TL_SECOND_NS << 16) / o->rate : 0;
	control->lag_fp = LAG_MS * TL_MS_NS << 16;
	control->ifindex = (uint32_t)g->port.ifindex;
	return 0;
}

/* One slot more than frames: in it the program notes the time of the end. */
static uint32_t repeat_for(const struct generator *g)
{
	uint64_t left = g->skel->bss->control.limit - g->skel->bss->progress.frames;
	return g->options.rate || left >= UINT32_MAX ? UINT32_MAX : (uint32_t)left + 1;
}

static void *send_frames(void *arg)
{
	struct generator *g = arg;
	uint8_t frame[FRAME_MAX] = {0};
	int fd = bpf_program__fd(g->skel->progs.wiregen_make);

	while (g->skel->bss->progress.end_ns == 0 && g->result == 0) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = g->size,
			    .repeat = (int)repeat_for(g), .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
			    .batch_size = (uint32_t)g->options.batch);
		int err = bpf_prog_test_run_opts(fd, &run) < 0 ? -errno : 0;
		g->result = err == -EINTR ? 0 : err;
	}
	g->finished = true;
	return 0;
}

static bool time_is_up(const struct generator *g)
{
	uint64_t start = g->skel->bss->progress.start_ns;
	return g->options.duration_ns && start &&
	       tl_clock_mono_ns() - start >= g->options.duration_ns;
}

static void ignore(int number)
{
	(void)number;
}

/*
 * The sending thread sits in one system call to the end, which only a signal
 * cuts short; a signal that comes before the call is lost, hence again and again.
 */
static int run(struct generator *g)
{
	pthread_t thread;
	struct sigaction action = {.sa_handler = ignore};

	sigaction(SIGUSR2, &action, 0);
	int err = -pthread_create(&thread, 0, send_frames, g);
	if (err < 0) {
		return err;
	}
	while (!g->finished) {
		tl_service_wait(TL_MS_NS);
		if (tl_service_stopping() || time_is_up(g)) {
			g->skel->bss->control.stop = 1;
		}
		if (g->skel->bss->control.stop || g->skel->bss->progress.end_ns) {
			pthread_kill(thread, SIGUSR2);
		}
	}
	pthread_join(thread, 0);
	if (g->result < 0) {
		tl_log_err("BPF_PROG_TEST_RUN of live frames: %s", strerror(-g->result));
	}
	return g->result;
}

static void print_plain(const struct generator *g, const struct outcome *o)
{
	printf("sent=%" PRIu64 "\nsent_bytes=%" PRIu64 "\n", o->device.sent,
	       o->device.sent * g->size);
	printf("made=%" PRIu64 "\ntx_errors=%" PRIu64 "\nnot_accepted=%" PRIu64 "\n", o->made,
	       o->device.errors, o->not_accepted);
	for (unsigned int f = 0; f < GEN_FAMILIES; f++) {
		printf("made_%s=%" PRIu64 "\nmade_%s_bytes=%" PRIu64 "\n", plan_families[f],
		       o->family[f], plan_families[f], o->family[f] * g->size);
	}
	printf("size=%u\nflows=%u\nduration_s=%.6f\npps=%.0f\n", g->size, g->plan.flows,
	       (double)o->duration_ns / TL_SECOND_NS,
	       (double)o->device.sent * TL_SECOND_NS / (double)o->duration_ns);
}

static void print_text(const struct generator *g, const struct outcome *o)
{
	double seconds = (double)o->duration_ns / TL_SECOND_NS;

	printf("sent %" PRIu64 " frames of %u bytes, %u flows, in %.3f s: %.3f Mpps\n",
	       o->device.sent, g->size, g->plan.flows, seconds,
	       (double)o->device.sent / seconds / 1e6);
	printf("made v4 %" PRIu64 ", v6 %" PRIu64 ", vlan %" PRIu64 "; lost: %" PRIu64
	       " ring full, %" PRIu64 " not accepted\n",
	       o->family[GEN_IPV4], o->family[GEN_IPV6], o->family[GEN_VLAN], o->device.errors,
	       o->not_accepted);
}

static int outcome_read(const struct generator *g, const struct port_counts *before,
			struct outcome *o)
{
	const struct gen_progress *progress = &g->skel->bss->progress;

	*o = (struct outcome){.made = progress->frames,
			      .duration_ns = progress->end_ns - progress->start_ns};
	int err = port_counts(&g->port, &o->device);
	o->device.sent -= before->sent;
	o->device.errors -= before->errors;
	if (err == 0 && o->device.sent + o->device.errors > o->made) {
		tl_log_err(
			"somebody else redirects frames to %s: what was sent cannot be told apart",
			g->port.iface);
		return -EBUSY;
	}
	o->not_accepted = o->made - o->device.sent - o->device.errors;
	for (unsigned int f = 0; f < GEN_FAMILIES; f++) {
		o->family[f] = progress->family[f];
	}
	return err;
}

static int report(const struct generator *g, const struct port_counts *before)
{
	struct outcome outcome;

	int err = outcome_read(g, before, &outcome);
	if (err < 0) {
		return err;
	}
	if (g->options.plain) {
		print_plain(g, &outcome);
	} else {
		print_text(g, &outcome);
	}
	if (outcome.made > 0 && outcome.device.sent == 0) {
		tl_log_err("%s took no frame: it must be up, and its other end must be up and have "
			   "GRO on or a native XDP program (--peer-netns lets wiregen attach one)",
			   g->port.iface);
		return -EOPNOTSUPP;
	}
	return fflush(stdout) == 0 ? 0 : -errno;
}

static int generate(struct generator *g)
{
	struct port_counts before;
	const struct options *o = &g->options;

	int err = port_prepare_peer(&g->port, o->peer_netns, g->skel->progs.wiregen_pass);
	if (err == 0) {
		err = port_counts(&g->port, &before);
	}
	if (err == 0) {
		err = run(g);
	}
	return err == 0 ? report(g, &before) : err;
}

static int wiregen(struct generator *g)
{
	const struct options *o = &g->options;

	libbpf_set_print(0);
	if (plan_make(&o->plan, &g->plan, &g->size) < 0 || pin_to_cpu(o->cpu) < 0) {
		return TL_EXIT_USAGE;
	}
	int err = o->netns ? port_enter_netns(o->netns) : 0;
	if (err == 0) {
		err = port_open(&g->port, o->iface);
	}
	if (err < 0 || load(g) < 0) {
		return TL_EXIT_UNAVAILABLE;
	}
	return generate(g) < 0 ? TL_EXIT_FAILED : TL_EXIT_OK;
}

int main(int argc, char **argv)
{
	static struct generator g = {.options = {.batch = 64, .cpu = CPU_ANY}};

	g.options.plan = plan_defaults();
	int first = tl_opt_parse(&program, argc, argv, &g.options);
	if (first <= 0) {
		return first == 0 ? TL_EXIT_OK : TL_EXIT_USAGE;
	}
	if (first < argc || !g.options.iface) {
		tl_log_err("%s", first < argc ? "takes no operands" : "-i IFACE is needed");
		return TL_EXIT_USAGE;
	}
	if (tl_service_open() < 0) {
		return TL_EXIT_FAILED;
	}
	int code = wiregen(&g);
	port_close(&g.port);
	wiregen_bpf__destroy(g.skel);
	return code;
}
