/* SPDX-License-Identifier: BSD-2-Clause */
/* The AF_PACKET daemons as an engine of common/capd.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring_port.h"

static struct tl_ring_port *ring_port(struct tl_capd_port *port)
{
	return (struct tl_ring_port *)port;
}

static struct tl_ring_shared *shared_of(const struct tl_capd_shared *capd)
{
	return capd->engine->context;
}

static int open_port(struct tl_capd_port *port)
{
	return tl_ring_port_open(ring_port(port), shared_of(port->shared));
}

/* The events we send, and the acks we hear. */
static void leave_out(struct tl_ring_own *own, const struct tl_capd_options *options,
		      const char *place)
{
	const struct tl_hop_config hop = {.ack_url = options->ack_url};
	char ack_url[TL_HOP_URL_MAX];

	tl_ring_own_add_place(own, place);
	if (tl_hop_is_url(place) && tl_hop_ack_url(ack_url, place, &hop) == 0) {
		tl_ring_own_add_place(own, ack_url);
	}
}

static int prepare(struct tl_capd_shared *capd)
{
	const struct tl_ring_options *options = (const struct tl_ring_options *)capd->options;

	if (options->raw && !options->include_own) {
		struct tl_ring_own *own = &shared_of(capd)->own;
		tl_ring_own_add_ssh(own, getenv("SSH_CONNECTION"));
		for (unsigned int i = 0; i < options->capd.outputs.count; i++) {
			leave_out(own, &options->capd, options->capd.outputs.items[i]);
		}
	}
	return 0;
}

static int begin(struct tl_capd_port *port)
{
	return tl_ring_port_begin(ring_port(port));
}

static int start(struct tl_capd_port *port)
{
	return tl_ring_port_start(ring_port(port));
}

static void follow(struct tl_capd_port *port)
{
	tl_ring_port_follow(ring_port(port));
}

static void join(struct tl_capd_port *port)
{
	tl_ring_port_join(ring_port(port));
}

static void close_port(struct tl_capd_port *port)
{
	tl_ring_port_close(ring_port(port));
}

/*
 * While packets come, those that the kernel has stored and nobody has read
 * yet lie in the ring; only the reverse contradicts. After the end nothing
 * may be left over either way.
 */
static int64_t residual(const struct tl_ring_counts *counts, const struct tl_afp_counts *kernel,
			bool closing)
{
	int64_t left = (int64_t)(kernel->stored - counts->read - counts->lost);

	return left < 0 || closing ? left : 0;
}

static void read_port(struct tl_capd_port *capd, bool take, bool closing,
		      struct tl_capture_stats *stats, struct tl_flowtab_counts *flows)
{
	struct tl_ring_port *port = ring_port(capd);
	/* In this order: what was read was stored before. */
	struct tl_ring_counts counts = tl_ring_port_read(port, take);
	struct tl_afp_counts kernel = tl_ring_port_kernel(port);

	tl_meter_counts_to_stats(&counts.meter, stats);
	stats->kernel_drops = tl_ring_port_own_drops(port, kernel.drops + counts.lost);
	stats->ring_utilization = counts.utilization;
	stats->residual_packets = residual(&counts, &kernel, closing);
	stats->mode = tl_str_of(port->shared->engine->mode);
	*flows = counts.meter.flows;
}

static const char *explain(int err)
{
	switch (err) {
	case -EPERM:
		return "needs CAP_NET_RAW: run as root, or setcap cap_net_raw+ep";
	case -ENODEV:
		return "no such interface: 'ip link' lists them";
	case -ENOMEM:
		return "no memory for the ring: try a smaller --ring";
	case -EINVAL:
		return "the filter does not compile there";
	case -EOPNOTSUPP:
		return "this kernel does not have what it takes";
	default:
		return strerror(-err);
	}
}

static int probe(struct tl_capd_port *port, struct tl_answer *answer)
{
	int err = open_port(port);

	answer->mode = shared_of(port->shared)->engine->mode;
	if (err < 0) {
		snprintf(answer->reason, sizeof(answer->reason), "%s: %s", port->iface,
			 explain(err));
	}
	return err;
}

int tl_ring_main(const struct tl_ring_engine *ring, int argc, char **argv)
{
	struct tl_ring_shared shared = {.engine = ring};
	const struct tl_capd_engine engine = {
		.context = &shared,
		.name = ring->name,
		.summary = ring->summary,
		.abilities =
			{
				.zero_copy = ring->zero_copy,
				.emits_raw_packets = true,
				.max_throughput_mpps = ring->max_throughput_mpps,
			},
		.opts = tl_ring_opts,
		.options_size = sizeof(struct tl_ring_options),
		.set_defaults = tl_ring_options_set_defaults,
		.check = tl_ring_options_check,
		.port_size = sizeof(struct tl_ring_port),
		.open = open_port,
		.prepare = prepare,
		.begin = begin,
		.start = start,
		.follow = follow,
		.join = join,
		.read = read_port,
		.close = close_port,
		.probe = probe,
	};

	return tl_capd_main(&engine, argc, argv);
}
