/* SPDX-License-Identifier: BSD-2-Clause */
/* xdp-flowd: flows counted in the kernel, by XDP and tc. */
#include "doctor.h"
#include "exit.h"
#include "port.h"
#include "privilege.h"
#include "unpin.h"

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
		.open = port_open,
		.begin = port_begin,
		.start = port_start,
		.follow = port_follow,
		.join = port_join,
		.read = port_read,
		.close = port_close,
		.probe = port_probe,
	};

	return tl_capd_main(&engine, argc, argv);
}
