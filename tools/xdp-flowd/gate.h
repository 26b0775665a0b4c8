/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a hook runs: the counting program itself or, with -f, the filter in
 * front of it, which passes packets on by tail calls. Compiling a filter for
 * tc looks at the live interface (CAP_NET_RAW). Logs.
 */
#ifndef XDP_FLOWD_GATE_H
#define XDP_FLOWD_GATE_H

#include "kernel.h"

struct gate {
	int program; /* to be attached */
	int filter;  /* the loaded filter; -1 = none */
};

struct gate_options {
	const char *iface;
	const char *filter; /* 0: everything */
	bool frags;	    /* as the counting programs were loaded */
	bool drop;	    /* --tap: what cannot be handed on is dropped too */
	bool quiet;	    /* of what the kernel says */
};

/* 0; -EINVAL the filter is bad or cannot be had here; other -errno. */
int gate_open(struct gate *out, const struct kernel *kernel, enum kernel_hook hook,
	      const struct gate_options *options);
void gate_close(struct gate *gate);

#endif
