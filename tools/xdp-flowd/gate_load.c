/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate_load.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "translate.h"

static int set_slot(int map, uint32_t slot, int program)
{
	return bpf_map_update_elem(map, &slot, &program, BPF_ANY) < 0 ? -errno : 0;
}

/* Before the filter runs: it finds its targets from the first packet on. */
static int set_targets(const struct kernel *kernel, enum kernel_hook hook)
{
	int map = kernel_jump_map(kernel, hook);
	int err = set_slot(map, TL_JUMP_MATCH, kernel_program(kernel, hook));

	return err < 0 ? err : set_slot(map, TL_JUMP_REJECT, kernel_filtered(kernel, hook));
}

static struct translate_config config_of(const struct kernel *kernel, enum kernel_hook hook,
					 bool drop)
{
	bool xdp = hook == KERNEL_XDP;
	int pass = xdp ? XDP_PASS : TC_ACT_UNSPEC;
	int stop = xdp ? XDP_DROP : hook == KERNEL_TC_IN ? TC_ACT_SHOT : TC_ACT_UNSPEC;

	return (struct translate_config){
		.hook = xdp ? TRANSLATE_XDP : TRANSLATE_TC,
		.jump_fd = kernel_jump_map(kernel, hook),
		.match_slot = TL_JUMP_MATCH,
		.reject_slot = TL_JUMP_REJECT,
		.acct_fd = kernel_missed_map(kernel),
		.missed_index = 0,
		.retval = drop ? stop : pass,
	};
}

static int load(enum kernel_hook hook, const struct bpf_insn *insns, uint32_t count, bool frags)
{
	bool xdp = hook == KERNEL_XDP;
	/* As libbpf loads the targets: the kernel compares these before it lets one call the other.
	 */
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = xdp && frags ? BPF_F_XDP_HAS_FRAGS : 0,
		    .expected_attach_type = xdp ? BPF_XDP : 0);
	int fd = bpf_prog_load(xdp ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS, "tl_filter",
			       "Dual BSD/GPL", insns, count, &opts);

	return fd < 0 ? -errno : fd;
}

int gate_load(const struct kernel *kernel, enum kernel_hook hook, const struct sock_filter *classic,
	      uint32_t count, const struct gate_options *options)
{
	struct translate_config config = config_of(kernel, hook, options->drop);
	struct bpf_insn *insns = 0;
	const char *reason = "";
	int len = translate_filter(&insns, classic, count, &config, &reason);

	if (len < 0) {
		tl_log_err("filter '%s': not in the kernel: %s", options->filter, reason);
		return -EINVAL;
	}
	int fd = set_targets(kernel, hook);
	if (fd == 0) {
		fd = load(hook, insns, (uint32_t)len, options->frags);
	}
	free(insns);
	if (fd < 0) {
		tl_log_err("filter '%s': the kernel does not load it: %s", options->filter,
			   strerror(-fd));
	}
	return fd;
}
