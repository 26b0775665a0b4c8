/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One interface of a capture daemon: its sockets and rings, the threads that
 * read them, and the stream they feed.
 *
 * Life: open (privileged: sockets, rings, filter), begin (stream and flow
 * tables), start (packets and threads), stop, close. A port belongs to the
 * main thread; its workers share only what tl_capd_port_read locks.
 */
#ifndef TL_CAPD_PORT_H
#define TL_CAPD_PORT_H

#include <stdatomic.h>

#include "capd_options.h"
#include "capd_own.h"
#include "outbox.h"

/* What all workers of the program share. */
struct tl_capd_shared {
	const struct tl_capd_engine *engine;
	const struct tl_capd_options *options;
	struct tl_outbox *outbox;
	struct tl_capd_own own;
	atomic_uint_least64_t taken; /* packets of -c */
	atomic_bool failed;	     /* a worker met what a restart may cure */
};

/* Running totals of one ring or, added up, of a port. */
struct tl_capd_counts {
	struct tl_meter_counts meter;
	uint64_t read;	    /* packets taken out of the ring, also those beyond -c */
	uint64_t lost;	    /* stored, but not handed over */
	double utilization; /* highest since it was last taken */
};

struct tl_capd_worker {
	struct tl_capd_shared *shared;
	struct tl_afp *afp;
	void *ring;
	struct tl_meter *meter;
	pthread_t thread;
	bool started;
	uint64_t read; /* the thread's own, as in tl_capd_counts */
	uint64_t lost;
	uint64_t tick_due_ns; /* monotonic: when silence is next told to the flow table */
	pthread_mutex_t lock;
	struct tl_capd_counts published; /* under the lock */
};

struct tl_capd_port {
	struct tl_capd_shared *shared;
	const char *iface;
	unsigned int count; /* sockets, rings, workers */
	struct tl_afp *sockets;
	struct tl_capd_worker *workers;
	struct bpf_program filter;
	struct tl_stream *stream;
	struct tl_batch_writer stats_batch;
};

/* 0; -EPERM, -ENODEV, -EINVAL (filter), other -errno; logged. tl_capd_port_close accepts a failed
 * one. */
int tl_capd_port_open(struct tl_capd_port *port, struct tl_capd_shared *shared, const char *iface);
int tl_capd_port_begin(struct tl_capd_port *port);
int tl_capd_port_start(struct tl_capd_port *port);

/* Waits for the workers: they take what is left and end their flows once the service stops. */
void tl_capd_port_join(struct tl_capd_port *port);
void tl_capd_port_close(struct tl_capd_port *port);

/* What the workers published; `take`: the highest utilization begins anew. */
struct tl_capd_counts tl_capd_port_read(struct tl_capd_port *port, bool take);
/* What the kernel says, over all sockets. */
struct tl_afp_counts tl_capd_port_kernel(struct tl_capd_port *port);

/* The worker's thread. */
void *tl_capd_worker_run(void *worker);

#endif
