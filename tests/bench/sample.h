/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Samples of a micro-benchmark: one untimed run to warm up, then several timed
 * ones; the line shows them all, in ns of this thread's CPU time for each item,
 * so that other processes disturb by the caches they share only. Noise only
 * ever adds: the smallest is what the code costs, the median what it cost on
 * this machine in this minute.
 */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stdint.h>

enum { SAMPLES = 7 };

struct sample_result {
	double min;
	double median;
};

/* `run` handles `items` items a call. Prints "name  min  median  [samples]". */
struct sample_result sample_time(const char *name, uint64_t items, void (*run)(void *ctx),
				 void *ctx);

/* The line alone, of `count` samples taken otherwise (64 at most); leaves them sorted. */
struct sample_result sample_print(const char *name, double *ns, unsigned int count);

/* What is left of `all` without `part`: minimum and median each by itself. */
struct sample_result sample_less(struct sample_result all, struct sample_result part);

/* Prints the CPU, the kernel and the compiler. */
void sample_environment(const char *title);

/* Prints how many times dearer `peer` is than `ours`, by the medians. */
void sample_ratio(const char *what, struct sample_result ours, struct sample_result peer);

/* Keeps the compiler from dropping what nobody reads. */
static inline void sample_keep(const void *p)
{
	__asm__ volatile("" : : "g"(p) : "memory");
}

#endif
