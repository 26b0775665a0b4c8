/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "../../bpf/flow.h"
#include "clock.h"
#include "log.h"

enum {
	MAP_MIN = 64,
	MAP_MAX = 1 << 24,
};

#define EPOCH_MIN_NS (20 * TL_MS_NS)

static const char *const attaches[] = {"auto", "xdp", "tcx", "generic", 0};
static const char *const taps[] = {"no", "yes", "force", 0};
static const char *const clocks[] = {"adaptive", "precise", "coarse", 0};

#define FIELD(name) offsetof(struct options, name)

const struct tl_opt xdp_opts[] = {
	{.long_name = "attach",
	 .kind = TL_OPT_CHOICE,
	 .metavar = "WAY",
	 .offset = FIELD(attach),
	 .help = "auto (the default), xdp, tcx or generic",
	 .choices = attaches},
	{.long_name = "tap",
	 .kind = TL_OPT_CHOICE,
	 .metavar = "HOW",
	 .offset = FIELD(tap),
	 .help = "drop what was counted: for mirror ports; force: though it has an address",
	 .choices = taps,
	 .implied = "yes"},
	{.long_name = "pin",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(pin),
	 .help = "the kernel goes on counting while no xdp-flowd runs"},
	{.long_name = "unpin",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(unpin),
	 .help = "end that, and exit; what was counted since is told, not kept"},
	{.long_name = "pin-folder",
	 .kind = TL_OPT_STRING,
	 .metavar = "DIR",
	 .offset = FIELD(pin_folder),
	 .help = "where in the BPF file system (/sys/fs/bpf/xdp-flowd)"},
	{.long_name = "epoch",
	 .kind = TL_OPT_DURATION,
	 .metavar = "TIME",
	 .offset = FIELD(epoch_ns),
	 .help = "how often counts are taken from the kernel (1s)",
	 .min = EPOCH_MIN_NS,
	 .max = 60 * TL_SECOND_NS},
	{.long_name = "map-flows",
	 .kind = TL_OPT_NUMBER,
	 .metavar = "N",
	 .offset = FIELD(map_flows),
	 .help = "flows the kernel tells apart in an epoch (65536)",
	 .min = MAP_MIN,
	 .max = MAP_MAX},
	{.long_name = "clock",
	 .kind = TL_OPT_CHOICE,
	 .metavar = "KIND",
	 .offset = FIELD(clock),
	 .help = "adaptive (the default), precise or coarse",
	 .choices = clocks},
	{.long_name = "fix-offloads",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(fix_offloads),
	 .help = "turn rx-vlan-offload off while running, so that XDP sees tags"},
	{.long_name = "doctor",
	 .kind = TL_OPT_FLAG,
	 .offset = FIELD(doctor),
	 .help = "say what this machine gives on -i and what would mend it, and exit"},
	{.kind = TL_OPT_FLAG},
};

void options_set_defaults(struct tl_capd_options *capd)
{
	struct options *options = (struct options *)capd;

	options->epoch_ns = TL_SECOND_NS;
	options->map_flows = TL_KERNEL_FLOWS;
	options->pin_folder = "/sys/fs/bpf/xdp-flowd";
}

/* A flow that was silent for longer than these must have come and gone between two epochs. */
static int check_times(struct options *options)
{
	uint64_t shortest = options->capd.idle_ns < options->capd.linger_ns
				    ? options->capd.idle_ns
				    : options->capd.linger_ns;

	if (shortest < 2 * EPOCH_MIN_NS) {
		tl_log_err("--idle and --linger: %llums is too short for counts that the kernel "
			   "keeps: at least %llums",
			   (unsigned long long)(shortest / TL_MS_NS),
			   (unsigned long long)(2 * EPOCH_MIN_NS / TL_MS_NS));
		return -EINVAL;
	}
	if (options->epoch_ns > shortest / 2) {
		options->epoch_ns = shortest / 2;
	}
	return 0;
}

static int check_any(const struct options *options)
{
	for (unsigned int i = 0; i < options->capd.interfaces.count; i++) {
		if (strcmp(options->capd.interfaces.items[i], "any") == 0) {
			tl_log_err("-i any: programs are attached to one interface: name each by "
				   "-i");
			return -EINVAL;
		}
	}
	return 0;
}

int options_check(struct tl_capd_options *capd)
{
	struct options *options = (struct options *)capd;

	if (options->tap != OPTION_TAP_NO && options->capd.direction != 0) {
		tl_log_err("--tap: only what comes in can be dropped: --direction in");
		return -EINVAL;
	}
	int err = check_any(options);
	return err < 0 ? err : check_times(options);
}
