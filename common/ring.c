/* SPDX-License-Identifier: BSD-2-Clause */
/* The AF_PACKET daemons as an engine of common/capd.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring_port.h"

static struct tl_ring_shared *shared_of(const struct tl_capd_shared *capd)
{
	return capd->engine->context;
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
	int err = tl_ring_port_open(port);

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
		.open = tl_ring_port_open,
		.prepare = prepare,
		.begin = tl_ring_port_begin,
		.start = tl_ring_port_start,
		.follow = tl_ring_port_follow,
		.join = tl_ring_port_join,
		.read = tl_ring_port_read,
		.close = tl_ring_port_close,
		.probe = probe,
	};

	return tl_capd_main(&engine, argc, argv);
}
