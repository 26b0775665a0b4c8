/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One interface of an AF_PACKET daemon: its sockets and rings, and the threads
 * that read them. The calls are those of struct tl_capd_engine, made with a
 * struct tl_ring_port. A port belongs to the main thread; its workers share only
 * what tl_ring_port_read locks.
 */
#ifndef TL_RING_PORT_H
#define TL_RING_PORT_H

#include <stdatomic.h>

#include "capd.h"
#include "ring_engine.h"
#include "ring_options.h"
#include "ring_own.h"

/* What all workers of the program share beyond tl_capd_shared. */
struct tl_ring_shared {
	const struct tl_ring_engine *engine;
	struct tl_ring_own own;
	atomic_uint_least64_t taken; /* packets of -c */
};

/* Running totals of one ring or, added up, of a port. */
struct tl_ring_counts {
	struct tl_meter_counts meter;
	uint64_t read;	    /* packets taken out of the ring, also those beyond -c or not ours */
	uint64_t lost;	    /* stored, but not handed over */
	double utilization; /* highest since it was last taken */
};

struct tl_ring_worker {
	struct tl_capd_shared *capd;
	struct tl_ring_shared *shared;
	const struct tl_ring_options *options;
	struct tl_afp *afp;
	void *ring;
	struct tl_meter *meter;
	pthread_t thread;
	bool started;
	uint64_t read; /* the thread's own, as in tl_capd_counts */
	uint64_t lost;
	struct tl_counted counted;
	struct tl_handover_part part;
	uint64_t tick_due_ns; /* monotonic: when silence is next told to the flow table */
	pthread_mutex_t lock;
	struct tl_ring_counts published; /* under the lock */
};

/*
 * What the kernel drops carries no time: it is ours when the clock was within
 * our span. Running totals of all drops when that began and ended.
 */
struct tl_ring_drops {
	bool begun, ended;
	uint64_t at_begin, at_end;
};

struct tl_ring_port {
	struct tl_capd_port capd; /* first */
	struct tl_ring_shared *shared;
	const struct tl_ring_options *options;
	unsigned int count; /* sockets, rings, workers */
	struct tl_afp *sockets;
	struct tl_ring_worker *workers;
	struct bpf_program filter;
	struct tl_ring_drops drops;
};

int tl_ring_port_open(struct tl_capd_port *capd);
int tl_ring_port_begin(struct tl_capd_port *capd);
int tl_ring_port_start(struct tl_capd_port *capd);
void tl_ring_port_follow(struct tl_capd_port *capd);
void tl_ring_port_join(struct tl_capd_port *capd);
void tl_ring_port_read(struct tl_capd_port *capd, bool take, bool closing,
		       struct tl_capture_stats *stats, struct tl_flowtab_counts *flows);
void tl_ring_port_close(struct tl_capd_port *capd);

/* The worker's thread. */
void *tl_ring_worker_run(void *worker);

#endif
