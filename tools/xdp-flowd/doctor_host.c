/* SPDX-License-Identifier: BSD-2-Clause */
#include <bpf/bpf.h>
#include <cap-ng.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bpf/flow.h"
#include "doctor_private.h"

enum {
	RING_BYTES = 1 << 16,
	REPEATS = 100000,
	ROUNDS = 3,
	CLOCK_SLOW_NS = 200, /* tsc takes 15 to 40; hpet and acpi_pm take a microsecond */
	HASH_ELEMENT = 48,   /* struct htab_elem of kernel/bpf/hashtab.c */
	HASH_BUCKET = 16,
};

/* --- trying --------------------------------------------------------------- */

static const struct bpf_insn do_nothing[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
	{.code = BPF_JMP | BPF_EXIT},
};

static const struct bpf_insn read_clock[] = {
	{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns},
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
	{.code = BPF_JMP | BPF_EXIT},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int load(enum bpf_prog_type type, const struct bpf_insn *insns, size_t count, uint32_t flags)
{
	struct bpf_prog_load_opts opts = {.sz = sizeof(opts), .prog_flags = flags};

	if (type == BPF_PROG_TYPE_XDP) {
		opts.expected_attach_type = BPF_XDP;
	}
	return bpf_prog_load(type, "doctor", "Dual BSD/GPL", insns, count, &opts);
}

static bool loads(enum bpf_prog_type type, uint32_t flags)
{
	int fd = load(type, do_nothing, COUNT(do_nothing), flags);

	if (fd >= 0) {
		close(fd);
	}
	return fd >= 0;
}

static bool makes_ring_buffer(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "doctor", 0, 0, RING_BYTES, 0);

	if (fd >= 0) {
		close(fd);
	}
	return fd >= 0;
}

static bool is_jited(int fd)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.jited_prog_len > 0;
}

/* The least of some runs, each an average over many calls. */
static bool measure(int fd, uint32_t *ns)
{
	uint8_t frame[64] = {0};
	bool known = false;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct bpf_test_run_opts opts = {
			.sz = sizeof(opts),
			.data_in = frame,
			.data_size_in = sizeof(frame),
			.repeat = REPEATS,
		};
		if (bpf_prog_test_run_opts(fd, &opts) == 0 && (!known || opts.duration < *ns)) {
			*ns = opts.duration;
			known = true;
		}
	}
	return known;
}

static void try_programs(struct doctor_host *host)
{
	int empty = load(BPF_PROG_TYPE_XDP, do_nothing, COUNT(do_nothing), 0);
	int clock = load(BPF_PROG_TYPE_XDP, read_clock, COUNT(read_clock), 0);
	uint32_t with_clock = 0;

	host->xdp = empty >= 0;
	if (empty >= 0 && clock >= 0) {
		host->jit = is_jited(empty);
		host->timed = measure(empty, &host->empty_ns) && measure(clock, &with_clock);
		host->clock_ns = with_clock > host->empty_ns ? with_clock - host->empty_ns : 0;
	}
	if (empty >= 0) {
		close(empty);
	}
	if (clock >= 0) {
		close(clock);
	}
}

void doctor_host_try(struct doctor_host *host)
{
	*host = (struct doctor_host){
		.ring_buffer = makes_ring_buffer(),
		.xdp_frags = loads(BPF_PROG_TYPE_XDP, BPF_F_XDP_HAS_FRAGS),
		.tc = loads(BPF_PROG_TYPE_SCHED_CLS, 0),
	};
	try_programs(host);
}

/* --- telling -------------------------------------------------------------- */

static const struct {
	unsigned int number;
	const char *name;
	enum doctor_grade without;
	const char *effect;
} capabilities[] = {
	{CAP_BPF, "CAP_BPF", DOCTOR_FAIL, "no program can be loaded"},
	{CAP_NET_ADMIN, "CAP_NET_ADMIN", DOCTOR_FAIL, "no program can be attached"},
	{CAP_PERFMON, "CAP_PERFMON", DOCTOR_WARN, "the kernel may refuse the programs"},
	{CAP_NET_RAW, "CAP_NET_RAW", DOCTOR_NOTE,
	 "no promiscuous mode: only what is sent to this host is seen"},
};

/* CAP_SYS_ADMIN stands for those that were split off it in Linux 5.8. */
static bool has_capability(unsigned int number)
{
	bool split_off = number == CAP_BPF || number == CAP_PERFMON;

	return capng_have_capability(CAPNG_EFFECTIVE, number) > 0 ||
	       (split_off && capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN) > 0);
}

static bool report_capabilities(void)
{
	bool usable = true;

	capng_get_caps_process();
	for (unsigned int i = 0; i < COUNT(capabilities); i++) {
		bool held = has_capability(capabilities[i].number);
		doctor_tell("host", (struct doctor_finding){
					    .grade = held ? DOCTOR_OK : capabilities[i].without,
					    .item = capabilities[i].name,
					    .state = held ? "held" : "missing: run as root",
					    .effect = held ? 0 : capabilities[i].effect,
				    });
		usable = usable && (held || capabilities[i].without != DOCTOR_FAIL);
	}
	return usable;
}

static void report_tried(const char *item, bool works, enum doctor_grade without,
			 const char *effect)
{
	doctor_tell("host", (struct doctor_finding){
				    .grade = works ? DOCTOR_OK : without,
				    .item = item,
				    .state = works ? "works" : "refused by the kernel",
				    .effect = works ? 0 : effect,
			    });
}

static void report_kernel(void)
{
	struct utsname name = {0};
	char state[DOCTOR_TEXT_MAX];

	uname(&name);
	snprintf(state, sizeof(state), "Linux %.64s, %.32s", name.release, name.machine);
	doctor_tell("host", (struct doctor_finding){.item = "kernel", .state = state});
}

static void report_jit(const struct doctor_host *host)
{
	bool off = host->xdp && !host->jit;

	doctor_tell("host",
		    (struct doctor_finding){
			    .grade = off ? DOCTOR_WARN : DOCTOR_OK,
			    .item = "BPF JIT",
			    .state = off	 ? "off: programs are interpreted"
				     : host->xdp ? "on"
						 : "unknown",
			    .effect = off ? "none on the counts, but several times the cost" : 0,
			    .mend = off ? "sysctl -w net.core.bpf_jit_enable=1" : 0,
		    });
}

static void read_clocksource(char name[32])
{
	FILE *file =
		fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");

	if (!file || fscanf(file, "%31[a-z0-9_-]", name) != 1) {
		strcpy(name, "unknown");
	}
	if (file) {
		fclose(file);
	}
}

static void report_clock(const struct doctor_host *host)
{
	char source[32];
	char state[DOCTOR_TEXT_MAX] = "not measured";
	bool slow = host->timed && host->clock_ns > CLOCK_SLOW_NS;

	read_clocksource(source);
	if (host->timed) {
		snprintf(state, sizeof(state),
			 "%" PRIu32 " ns a packet, clock source %s (an empty program: %" PRIu32
			 " ns)",
			 host->clock_ns, source, host->empty_ns);
	}
	doctor_tell("host",
		    (struct doctor_finding){
			    .grade = slow ? DOCTOR_WARN : DOCTOR_OK,
			    .item = "clock",
			    .state = state,
			    .effect = slow ? "none on the counts, but a low packet rate" : 0,
			    .mend = slow ? "echo tsc > /sys/devices/system/clocksource/"
					   "clocksource0/current_clocksource"
					 : 0,
		    });
}

/* As kernel/bpf/hashtab.c allocates it: all elements in advance, buckets a power of two. */
static uint64_t map_bytes(uint64_t entries)
{
	uint64_t buckets = 1;

	while (buckets < entries) {
		buckets *= 2;
	}
	return entries *
		       (HASH_ELEMENT + sizeof(struct tl_flow_key) + sizeof(struct tl_flow_value)) +
	       buckets * HASH_BUCKET;
}

static void report_memory(uint64_t entries)
{
	char state[DOCTOR_TEXT_MAX];

	snprintf(state, sizeof(state),
		 "%" PRIu64 " MiB for two flow maps of %" PRIu64 " entries (computed)",
		 2 * map_bytes(entries) >> 20, entries);
	doctor_tell("host", (struct doctor_finding){.item = "map memory", .state = state});
}

bool doctor_host_report(const struct doctor_host *host, uint64_t entries)
{
	report_kernel();
	bool usable = report_capabilities();
	report_tried("BPF ring buffer", host->ring_buffer, DOCTOR_FAIL, "xdp-flowd cannot run");
	report_tried("XDP program", host->xdp, DOCTOR_WARN, "XDP modes cannot be used");
	report_tried("XDP frags", host->xdp_frags, DOCTOR_NOTE,
		     "none; jumbo frames need tcx instead of XDP");
	report_tried("tc program", host->tc, DOCTOR_WARN, "tc modes cannot be used");
	report_jit(host);
	report_clock(host);
	report_memory(entries);
	return usable && host->ring_buffer && (host->xdp || host->tc);
}
