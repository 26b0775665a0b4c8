/* SPDX-License-Identifier: BSD-2-Clause */
/* The half of gate.c that speaks eBPF: libpcap and the kernel both have a struct bpf_insn. */
#ifndef XDP_FLOWD_GATE_LOAD_H
#define XDP_FLOWD_GATE_LOAD_H

#include <linux/filter.h>

#include "gate.h"

/* Translates and loads the filter, and puts its targets into the hook's slots: its descriptor, or
 * -errno. Logs. */
int gate_load(const struct kernel *kernel, enum kernel_hook hook, const struct sock_filter *classic,
	      uint32_t count, const struct gate_options *options);

#endif
