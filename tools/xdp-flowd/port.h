/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One interface: what is loaded and attached for it, the thread that takes its
 * counts, its flow table. The calls are those of struct tl_capd_engine, made
 * with a struct port. The main thread reads what the worker published, nothing
 * else of it.
 */
#ifndef XDP_FLOWD_PORT_H
#define XDP_FLOWD_PORT_H

#include <pthread.h>

#include "capd.h"
#include "epoch.h"
#include "flow_writer.h"
#include "hooks.h"
#include "journal.h"
#include "offload.h"

struct port_counts {
	struct ledger ledger;
	struct tl_flowtab_counts flows;
};

struct port {
	struct tl_capd_port capd; /* first */
	const struct options *options;
	struct nic nic;
	struct hooks hooks;
	struct offload_guard guard;
	struct pin pin;		 /* --pin; else its lock is -1 */
	struct journal *journal; /* the same */
	int promiscuous_fd;	 /* a packet socket that keeps the interface so; 0 = none */

	struct tl_flowtab *flows;
	struct tl_flow_writer writer;
	struct epochs epochs;
	struct waiter waiter;
	pthread_t thread;
	bool started;
	struct tl_handover_part part;
	pthread_mutex_t lock;
	struct port_counts published; /* under the lock */
};

/*
 * Loads and attaches: packets are counted from here on, with --standby none. 0; -EPERM, -ENODEV,
 * -EINVAL (filter), -EBUSY (somebody else's program), -EOPNOTSUPP; logs.
 */
int port_open(struct tl_capd_port *capd);
/* The same; *answer says what else would be logged. */
int port_probe(struct tl_capd_port *capd, struct tl_answer *answer);
int port_begin(struct tl_capd_port *capd);
int port_start(struct tl_capd_port *capd);
/* Opens and shuts the kernel's gate by the span of the handover. */
void port_follow(struct tl_capd_port *capd);
void port_join(struct tl_capd_port *capd);
void port_read(struct tl_capd_port *capd, bool take, bool closing, struct tl_capture_stats *stats,
	       struct tl_flowtab_counts *flows);
void port_close(struct tl_capd_port *capd);

/* The worker's thread; `port` is a struct port. */
void *port_run(void *port);

#endif
