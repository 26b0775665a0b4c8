/* SPDX-License-Identifier: BSD-2-Clause */
#include "sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "clock.h"

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;
	return x < y ? -1 : x > y;
}

struct sample_result sample_print(const char *name, double *ns, unsigned int count)
{
	printf("%-44s", name);
	char raw[64 * 12] = "";
	for (unsigned int i = 0; i < count; i++) {
		snprintf(raw + strlen(raw), sizeof(raw) - strlen(raw), " %.1f", ns[i]);
	}
	qsort(ns, count, sizeof(ns[0]), by_value);
	printf(" min %7.1f ns  median %7.1f ns  [%s ]\n", ns[0], ns[count / 2], raw);
	fflush(stdout);
	return (struct sample_result){.min = ns[0], .median = ns[count / 2]};
}

struct sample_result sample_time(const char *name, uint64_t items, void (*run)(void *ctx),
				 void *ctx)
{
	double ns[SAMPLES];

	run(ctx);
	for (unsigned int i = 0; i < SAMPLES; i++) {
		uint64_t start = tl_clock_ns(CLOCK_THREAD_CPUTIME_ID);
		run(ctx);
		ns[i] = (double)(tl_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start) / (double)items;
	}
	return sample_print(name, ns, SAMPLES);
}

struct sample_result sample_less(struct sample_result all, struct sample_result part)
{
	return (struct sample_result){.min = all.min - part.min,
				      .median = all.median - part.median};
}

void sample_ratio(const char *what, struct sample_result ours, struct sample_result peer)
{
	printf("%-44s %.1fx (median), %.1fx (min)\n", what, peer.median / ours.median,
	       peer.min / ours.min);
}

static void print_cpu(void)
{
	char line[256];
	FILE *file = fopen("/proc/cpuinfo", "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "model name", 10) == 0) {
			printf("cpu:%s", strchr(line, ':') + 1);
			break;
		}
	}
	if (file) {
		fclose(file);
	}
}

void sample_environment(const char *title)
{
	struct utsname name;

	printf("# %s\n", title);
	print_cpu();
	uname(&name);
	printf("cores: %ld  kernel: %s  compiler: %s\n", sysconf(_SC_NPROCESSORS_ONLN),
	       name.release, __VERSION__);
}
