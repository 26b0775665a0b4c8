/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program on a hook of an interface, held by a link: it is gone when the
 * process is, however that ends. tcx since Linux 6.6; before that clsact,
 * which outlives its process, so leftovers of ours are replaced at the start.
 * Needs CAP_NET_ADMIN. Nothing logs.
 */
#ifndef XDP_FLOWD_ATTACH_H
#define XDP_FLOWD_ATTACH_H

#include <stdbool.h>

#include "kernel.h"

enum attach_way {
	ATTACH_NONE,
	ATTACH_XDP_NATIVE,
	ATTACH_XDP_GENERIC, /* after GRO: merged packets count as one */
	ATTACH_TCX,
	ATTACH_CLSACT,
};

struct attachment {
	enum attach_way way;
	int link; /* a bpf_link; -1 */
	int ifindex;
	enum kernel_hook hook;
};

/* "xdp", "xdp-generic", "tcx", "clsact". */
const char *attach_way_name(enum attach_way way);

/*
 * 0; -EBUSY somebody else's program is there; -EOPNOTSUPP the driver or the
 * kernel has no such hook; -ERANGE the MTU needs a program with frags; -EPERM;
 * other -errno.
 */
int attach(struct attachment *out, enum attach_way way, int ifindex, enum kernel_hook hook,
	   int program);

/* Puts another program in its place; no packet passes between the two. 0 or -errno. */
int attach_replace(const struct attachment *attachment, int program);

/* What is held no longer: its interface was removed, or somebody detached it. */
bool attach_is_gone(const struct attachment *attachment);

/* Detaches. Accepts one that was never attached; clsact needs CAP_NET_ADMIN. */
void attach_end(struct attachment *attachment);

#endif
