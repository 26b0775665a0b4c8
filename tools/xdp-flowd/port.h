/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One interface: what is loaded and attached for it, the thread that takes its
 * counts, its flow table. The calls are those of struct tl_capd_engine. The
 * main thread reads what the worker published, nothing else of it.
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
 * -EINVAL (filter), -EBUSY (somebody else's program), -EOPNOTSUPP; logs, and
 * says the same in *answer, which may be 0.
 */
int port_open(struct port *port, struct tl_answer *answer);
int port_begin(struct port *port);
int port_start(struct port *port);
/* Opens and shuts the kernel's gate by the span of the handover. */
void port_follow(struct port *port);
void port_join(struct port *port);
struct port_counts port_read(struct port *port, bool take);
void port_close(struct port *port);

/* The worker's thread; `port` is a struct port. */
void *port_run(void *port);

#endif
