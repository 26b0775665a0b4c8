/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame of every live capture daemon: options, interfaces, capture_stats
 * each second, privileges, start and stop without a packet outside the books.
 * What differs, how packets or counts come from the kernel, is the engine.
 *
 * One stream for each interface; one outbox for all. The stream ends with
 * capture_stats after every flow_end.
 */
#ifndef TL_CAPD_H
#define TL_CAPD_H

#include <stdatomic.h>

#include "abilities.h"
#include "capd_options.h"
#include "event.h"
#include "handover.h"
#include "meter.h"
#include "outbox.h"

struct tl_capd_engine;

/* What all interfaces of the program share. */
struct tl_capd_shared {
	const struct tl_capd_engine *engine;
	const struct tl_capd_options *options; /* of engine->options_size bytes */
	struct tl_outbox *outbox;
	struct tl_handover handover; /* which packets are ours to count */
	atomic_bool failed;	     /* a thread met what a restart may cure */
};

/* One interface; the engine's own struct begins with it. */
struct tl_capd_port {
	struct tl_capd_shared *shared;
	const char *iface;
	const struct tl_journal *journal; /* set by open, or 0 */
	struct tl_stream *stream;
	struct tl_batch_writer stats_batch; /* the main thread's */
	double ring_utilization;	    /* of the last capture_stats */
};

/*
 * Calls are made by the main thread in this order: open all, prepare,
 * privileges go, begin all, start all, read each second and follow between,
 * join all, read, close all. A port is zero, but for struct tl_capd_port, before open; close
 * accepts one that open failed on.
 */
struct tl_capd_engine {
	const char *name; /* of the program, and of the engine in events */
	const char *summary;
	struct tl_abilities abilities; /* but name, requires_root, emits_flows */

	const struct tl_opt *opts; /* beyond the common ones */
	size_t options_size;	   /* of a struct that begins with struct tl_capd_options */
	void (*set_defaults)(struct tl_capd_options *options);
	/* 0, or -EINVAL after one logged line. */
	int (*check)(struct tl_capd_options *options);
	/* Something else to do than capturing: its exit code, or -1. May be 0. */
	int (*other_mode)(const struct tl_capd_options *options);

	void *context;	  /* the engine's own */
	size_t port_size; /* of a struct that begins with struct tl_capd_port */
	unsigned int privilege_flags;
	/* Everything that needs a privilege. 0; -EPERM, -ENODEV, -EINVAL (filter), ...; logs. */
	int (*open)(struct tl_capd_port *port);
	/* May be 0. The last chance before privileges go. */
	int (*prepare)(struct tl_capd_shared *shared);
	/* Flow tables; the stream is there. 0 or -errno; logs. */
	int (*begin)(struct tl_capd_port *port);
	/* Packets and threads. 0 or -errno; logs. */
	int (*start)(struct tl_capd_port *port);
	/* The span of the handover is another one, or one of its ends has come. May come again. */
	void (*follow)(struct tl_capd_port *port);
	/* Waits for the threads: they take what is left and end their flows once the service stops.
	 */
	void (*join)(struct tl_capd_port *port);
	/*
	 * The counts so far; `closing`: the last ones, after join. `take`: what is
	 * the highest since the last time begins anew.
	 */
	void (*read)(struct tl_capd_port *port, bool take, bool closing,
		     struct tl_capture_stats *stats, struct tl_flowtab_counts *flows);
	void (*close)(struct tl_capd_port *port);
	/* Tries the real thing on the port's interface, and gives it up again. -errno when not
	 * usable. */
	int (*probe)(struct tl_capd_port *port, struct tl_answer *answer);
};

/* The whole program; returns its exit code (exit.h). */
int tl_capd_main(const struct tl_capd_engine *engine, int argc, char **argv);

/* Of the flow options. */
struct tl_flowtab_config tl_capd_flows(const struct tl_capd_options *options);

#endif
