/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/pkt_cls.h>
#include <string.h>
#include <unistd.h>

#include "filter.h"
#include "gate_load.h"
#include "log.h"

enum { WHOLE = 262144 }; /* any value but 0 accepts */

static int compile(struct bpf_program *out, enum kernel_hook hook,
		   const struct gate_options *options)
{
	/* XDP sees the frame as it was on the wire, tc without its outer tag. */
	return hook == KERNEL_XDP
		       ? tl_filter_compile(out, DLT_EN10MB, options->filter, WHOLE)
		       : tl_filter_compile_live(out, options->iface, options->filter, WHOLE);
}

int gate_open(struct gate *out, const struct kernel *kernel, enum kernel_hook hook,
	      const struct gate_options *options)
{
	*out = (struct gate){.program = kernel_program(kernel, hook), .filter = -1};
	if (!options->filter || options->filter[0] == '\0') {
		return 0;
	}
	struct bpf_program classic;
	int err = compile(&classic, hook, options);
	if (err < 0) {
		return err;
	}
	/* The same eight bytes under two names. */
	_Static_assert(sizeof(struct sock_filter) == sizeof(struct bpf_insn), "same instruction");
	err = gate_load(kernel, hook, (const struct sock_filter *)(const void *)classic.bf_insns,
			classic.bf_len, options);
	tl_filter_free(&classic);
	if (err < 0) {
		return err;
	}
	out->program = out->filter = err;
	return 0;
}

void gate_close(struct gate *gate)
{
	if (gate->filter >= 0) {
		close(gate->filter);
	}
	*gate = (struct gate){.program = -1, .filter = -1};
}
