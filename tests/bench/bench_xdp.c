/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ns a packet of the kernel programs of xdp-flowd over an empty one, beside the
 * usual simple design (bench_xdp.bpf.c). One PROG_RUN is many packets, of as
 * many flows as the row says. Programs and rows take turns, so that all see
 * the machine in all its moods.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench_xdp_attach.h"
#include "bench_xdp_subject.h"
#include "exit.h"
#include "log.h"
#include "opt.h"
#include "sample.h"
#include "service.h"

enum {
	ROUNDS = 11,	  /* samples of each */
	CHUNK = 13000,	  /* new flows in one run: their hints fit into the ring buffer */
	NEW_CHUNKS = 5,	  /* and five of them into the flow map */
	HOT = 1000000,	  /* packets of a sample: longer than a few ticks of the kernel's clock */
	WARM = 65536 * 4, /* random ones touch nearly every flow */
};

#define OURS	BIT(ADAPTIVE)
#define CLOCKS	(BIT(ADAPTIVE) | BIT(PRECISE) | BIT(COARSE))
#define FILTERS (BIT(MATCHED) | BIT(REFUSED))
#define PEER	BIT(SIMPLE)

static const struct row rows[] = {
	{"1 flow", "v4=100", 1, CLOCKS | PEER, 60, false, false, false},
	{"4,096 random flows", "v4=100", 4096, OURS | PEER, 0, true, false, false},
	{"65,536 random flows", "v4=100", 65536, OURS | PEER, 200, true, false, false},
	{"new flows", "v4=100", GEN_FLOWS_MAX, OURS | PEER, 0, false, true, false},
	/* The simple design passes these two uncounted. */
	{"IPv6, 1 flow", "v6=100", 1, OURS, 0, false, false, false},
	{"VLAN, 1 flow", "vlan=100", 1, OURS, 0, false, false, false},
	/* And takes what comes after the header of these for ports. */
	{"fragments, 1,000 flows", "v4=100", 1000, OURS | PEER, 0, false, false, true},
	{"filter, 1 flow", "v4=100", 1, OURS | FILTERS, 0, false, false, false},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

struct options {
	const char *iface;
	unsigned int attach; /* index into attach_kinds */
	const char *only;    /* rows whose name holds it; 0 = all */
	uint64_t ready_fd;
	uint64_t cpu;
};

static double run_fresh(struct bench *b, const struct subject *subject, uint8_t *frames)
{
	double sum = 0;

	bench_empty_maps(b, subject);
	for (unsigned int i = 0; i < NEW_CHUNKS; i++) {
		double ns = bench_run(b, subject, frames, CHUNK);
		if (ns < 0) {
			return ns;
		}
		sum += ns;
	}
	return sum / NEW_CHUNKS;
}

/* Until all flows are there; of new flows, until the simple design has to make room. */
static int warm_up(struct bench *b, const struct subject *subject, uint8_t *frames)
{
	double ns = 0;

	bench_empty_maps(b, subject);
	for (unsigned int at = 0; at < WARM && ns >= 0; at += CHUNK) {
		ns = bench_run(b, subject, frames, CHUNK);
	}
	return ns < 0 ? -EIO : 0;
}

/* --- rows --------------------------------------------------------------------------------------
 */

static bool takes_part(const struct row *row, unsigned int id)
{
	return id == EMPTY || row->subjects & BIT(id);
}

static void print_over(const struct row *row, const char *name, struct sample_result over,
		       unsigned int bar)
{
	char text[96];

	snprintf(text, sizeof(text), "%s: %s - empty", row->name, name);
	printf("%-44s min %7.1f ns  median %7.1f ns", text, over.min, over.median);
	if (bar) {
		printf("  bar: <= %u", bar);
	}
	putchar('\n');
}

static void print_row(const struct bench *b, const struct row *row, double ns[SUBJECTS][ROUNDS])
{
	struct sample_result results[SUBJECTS];
	char text[96];

	for (unsigned int id = 0; id < SUBJECTS; id++) {
		if (takes_part(row, id)) {
			snprintf(text, sizeof(text), "%s: %s", row->name, b->subjects[id].name);
			results[id] = sample_print(text, ns[id], ROUNDS);
		}
	}
	for (unsigned int id = ADAPTIVE; id < SUBJECTS; id++) {
		if (takes_part(row, id)) {
			print_over(row, b->subjects[id].name,
				   sample_less(results[id], results[EMPTY]),
				   id == ADAPTIVE ? row->bar : 0);
		}
	}
	if (takes_part(row, SIMPLE)) {
		snprintf(text, sizeof(text), "%s: simple / ours, each - empty", row->name);
		sample_ratio(text, sample_less(results[ADAPTIVE], results[EMPTY]),
			     sample_less(results[SIMPLE], results[EMPTY]));
	}
	putchar('\n');
	fflush(stdout);
}

static uint64_t apart(const struct tl_books *books)
{
	return books->by_class[TL_CLASS_COARSE].packets +
	       books->by_class[TL_CLASS_UNATTRIBUTED].packets;
}

/* Of every packet that ran since `before` the books must know, and its flow found room. */
static int check_books(const struct subject *subject, const struct tl_books *before, int packets)
{
	struct tl_books books;

	if (!subject->kernel || kernel_books(subject->kernel, 0, &books) < 0) {
		return 0;
	}
	uint64_t counted = books.total.packets - before->total.packets;
	if (counted != (uint64_t)packets || apart(&books) != apart(before)) {
		tl_log_err("%s: %d packets ran, %llu were counted, %llu not by flow", subject->name,
			   packets, (unsigned long long)counted,
			   (unsigned long long)(apart(&books) - apart(before)));
		return -EIO;
	}
	return 0;
}

static int take_sample(struct bench *b, const struct row *row, const struct subject *subject,
		       uint8_t *frames, double *ns)
{
	struct tl_books before = {0};
	int err = warm_up(b, subject, frames);

	if (err < 0) {
		return err;
	}
	if (subject->kernel) {
		kernel_books(subject->kernel, 0, &before);
	}
	*ns = row->fresh ? run_fresh(b, subject, frames) : bench_run(b, subject, frames, HOT);
	return *ns < 0 ? -EIO
		       : check_books(subject, &before, row->fresh ? NEW_CHUNKS * CHUNK : HOT);
}

static int measure_row(struct bench *b, const struct row *row, unsigned int round,
		       double ns[SUBJECTS][ROUNDS])
{
	uint8_t frames[BENCH_FRAMES] = {0};
	int err = bench_feed(b, row, frames);

	for (unsigned int id = 0; id < SUBJECTS && err == 0; id++) {
		if (takes_part(row, id)) {
			err = take_sample(b, row, &b->subjects[id], frames, &ns[id][round]);
		}
	}
	return err;
}

static bool is_wanted(const struct row *row, const char *only)
{
	return !only || strstr(row->name, only);
}

static int measure(struct bench *b, const char *only)
{
	static double ns[ROWS][SUBJECTS][ROUNDS];
	int err = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < ROWS && err == 0; i++) {
			err = is_wanted(&rows[i], only) ? measure_row(b, &rows[i], round, ns[i])
							: 0;
		}
	}
	for (unsigned int i = 0; i < ROWS && err == 0; i++) {
		if (is_wanted(&rows[i], only)) {
			print_row(b, &rows[i], ns[i]);
		}
	}
	return err;
}

/* --- main ----------------------------------------------------------------------------------------
 */

static void print_file(const char *what, const char *path)
{
	char line[256];
	FILE *file = fopen(path, "re");

	if (file && fgets(line, sizeof(line), file)) {
		printf("%s: %s", what, line);
	}
	if (file) {
		fclose(file);
	}
}

static int pin_to_cpu(uint64_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0) {
		tl_log_err("--cpu %llu: %s", (unsigned long long)cpu, strerror(errno));
		return -errno;
	}
	return 0;
}

static int measure_all(const char *only)
{
	static struct bench b = {.match = {.filter = -1}, .refuse = {.filter = -1}};
	int err = bench_load(&b);

	if (err == 0) {
		sample_environment("bench_xdp: BPF_PROG_TEST_RUN, per packet");
		print_file("clock", "/sys/devices/system/clocksource/clocksource0/"
				    "current_clocksource");
		print_file("spectre_v2", "/sys/devices/system/cpu/vulnerabilities/spectre_v2");
	}
	if (err == 0) {
		err = measure(&b, only);
	}
	bench_close(&b);
	return err;
}

static const struct tl_opt opts[] = {
	{.short_name = 'i',
	 .long_name = "interface",
	 .kind = TL_OPT_STRING,
	 .offset = offsetof(struct options, iface),
	 .metavar = "IFACE",
	 .help = "of --attach"},
	{.long_name = "only",
	 .kind = TL_OPT_STRING,
	 .offset = offsetof(struct options, only),
	 .metavar = "TEXT",
	 .help = "rows whose name holds that"},
	{.long_name = "attach",
	 .kind = TL_OPT_CHOICE,
	 .offset = offsetof(struct options, attach),
	 .metavar = "WHAT",
	 .choices = attach_kinds,
	 .help = "only count what comes in, and drop or pass it, until a signal"},
	TL_OPT_ROW_READY_FD(offsetof(struct options, ready_fd)),
	{.long_name = "cpu",
	 .kind = TL_OPT_NUMBER,
	 .offset = offsetof(struct options, cpu),
	 .metavar = "N",
	 .max = CPU_SETSIZE - 1,
	 .help = "run on this CPU (the last)"},
	{0},
};

static const struct tl_program program = {
	.name = "bench_xdp",
	.summary = "ns a packet of xdp-flowd's programs, over an empty one",
	.opts = opts,
};

int main(int argc, char **argv)
{
	struct options options = {.cpu = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) - 1};
	int first = tl_opt_parse(&program, argc, argv, &options);

	if (first <= 0) {
		return first == 0 ? TL_EXIT_OK : TL_EXIT_USAGE;
	}
	if (first < argc || !options.iface != !options.attach) {
		tl_log_err("takes no operands; --attach and -i go together");
		return TL_EXIT_USAGE;
	}
	if (tl_service_open() < 0 || pin_to_cpu(options.cpu) < 0) {
		return TL_EXIT_FAILED;
	}
	int err = options.attach
			  ? attach_and_count(options.attach, options.iface, (int)options.ready_fd)
			  : measure_all(options.only);
	return err < 0 ? TL_EXIT_FAILED : TL_EXIT_OK;
}
