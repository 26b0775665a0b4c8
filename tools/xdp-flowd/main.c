/* SPDX-License-Identifier: BSD-2-Clause */
/* xdp-flowd: flows counted in the kernel, by XDP and tc. */
#include <string.h>

#include "doctor.h"
#include "exit.h"
#include "port.h"
#include "privilege.h"
#include "unpin.h"

static struct port *port_of(struct tl_capd_port *port)
{
	return (struct port *)port;
}

static int open_port(struct tl_capd_port *port)
{
	return port_open(port_of(port), 0);
}

static int begin(struct tl_capd_port *port)
{
	return port_begin(port_of(port));
}

static int start(struct tl_capd_port *port)
{
	return port_start(port_of(port));
}

static void follow(struct tl_capd_port *port)
{
	port_follow(port_of(port));
}

static void join(struct tl_capd_port *port)
{
	port_join(port_of(port));
}

static void close_port(struct tl_capd_port *port)
{
	port_close(port_of(port));
}

static int probe(struct tl_capd_port *port, struct tl_answer *answer)
{
	int err = port_open(port_of(port), answer);

	answer->mode = port_of(port)->hooks.mode;
	return err;
}

static void read_port(struct tl_capd_port *capd, bool take, bool closing,
		      struct tl_capture_stats *stats, struct tl_flowtab_counts *flows)
{
	struct port *port = port_of(capd);
	struct port_counts counts = port_read(port, take);
	const struct ledger *l = &counts.ledger;

	(void)closing;
	stats->packets = l->total.packets;
	stats->bytes = l->total.bytes;
	stats->skbs = l->total.skbs;
	for (unsigned int class = 0; class < TL_CLASS_COUNT; class ++) {
		stats->class_packets[class] = l->by_class[class].packets;
		stats->class_bytes[class] = l->by_class[class].bytes;
	}
	stats->ring_drops = l->hints_lost;
	stats->lost_in_crash = l->lost_in_crash;
	stats->ring_utilization = l->fill;
	stats->residual_packets = (int64_t)l->residual_packets;
	stats->residual_bytes = (int64_t)l->residual_bytes;
	stats->mode = tl_str_of(port->hooks.mode);
	*flows = counts.flows;
}

static int unpin_all(const struct options *options)
{
	int code = TL_EXIT_OK;

	for (unsigned int i = 0; i < options->capd.interfaces.count; i++) {
		if (unpin(options, options->capd.interfaces.items[i]) < 0) {
			code = TL_EXIT_UNAVAILABLE;
		}
	}
	return code;
}

static int other_mode(const struct tl_capd_options *capd)
{
	const struct options *options = options_of(capd);

	if (options->doctor) {
		return doctor_run(&capd->interfaces, options->map_flows);
	}
	return options->unpin ? unpin_all(options) : -1;
}

int main(int argc, char **argv)
{
	const struct tl_capd_engine engine = {
		.name = "xdp-flowd",
		.summary = "count the flows of an interface in the kernel, by XDP and tc",
		.abilities =
			{
				.zero_copy = true,
				.kernel_offload = true,
				.emits_raw_packets = false,
				.max_throughput_mpps = 3.6,
			},
		.opts = xdp_opts,
		.options_size = sizeof(struct options),
		.set_defaults = options_set_defaults,
		.check = options_check,
		.other_mode = other_mode,
		.port_size = sizeof(struct port),
		.privilege_flags = TL_PRIVILEGE_KEEP_BPF,
		.open = open_port,
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
