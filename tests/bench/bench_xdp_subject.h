/* SPDX-License-Identifier: BSD-2-Clause */
/* What bench_xdp measures, loaded, and one run of it. Logs. */
#ifndef BENCH_XDP_SUBJECT_H
#define BENCH_XDP_SUBJECT_H

#include "bench_xdp.h"
#include "tools/xdp-flowd/gate.h"

struct bench_xdp_bpf;
struct ring_buffer;

#define BIT(id) (1u << (id))

enum subject_id {
	EMPTY,
	ADAPTIVE,
	PRECISE,
	COARSE,
	MATCHED,
	REFUSED,
	SIMPLE,
	SUBJECTS,
};

struct subject {
	const char *name;
	int program;
	struct kernel *kernel; /* whose maps it writes; 0 = none of ours */
};

struct bench {
	struct bench_xdp_bpf *skel;
	struct ring_buffer *simple_ring;
	struct kernel *kernels[3]; /* one for each way of telling the time */
	struct gate match;
	struct gate refuse;
	struct subject subjects[SUBJECTS];
};

struct row {
	const char *name;
	const char *mix;
	uint32_t flows;
	unsigned int subjects; /* BIT(enum subject_id) */
	unsigned int bar;      /* of the first of ours, ns over empty; 0 = none */
	bool random;
	bool fresh;	/* each packet begins a flow */
	bool fragments; /* first and later ones in turn */
};

/* 0 or -errno. */
int bench_load(struct bench *b);
void bench_close(struct bench *b);

/* Leaves the maps of the subject as they are when an epoch begins. */
void bench_empty_maps(struct bench *b, const struct subject *subject);

enum { BENCH_FRAMES = 2 * BENCH_SLOT };

/* Sets what the next runs are fed with, and the frames for them. 0 or -EINVAL. */
int bench_feed(struct bench *b, const struct row *row, uint8_t frames[BENCH_FRAMES]);

/* One PROG_RUN of an even number of packets: ns a packet, or < 0. */
double bench_run(struct bench *b, const struct subject *subject, uint8_t *frames, int packets);

#endif
