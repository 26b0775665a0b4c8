/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which hooks of an interface to take, in which order of preference, and why
 * not better ones. Pure.
 */
#ifndef XDP_FLOWD_PLAN_H
#define XDP_FLOWD_PLAN_H

#include "attach.h"
#include "nic.h"
#include "options.h"

enum { PLAN_TRIES = 4 };

/* One way to count both directions. */
struct plan_try {
	enum attach_way in; /* ATTACH_NONE: that direction is not wanted */
	enum attach_way out;
	bool frags; /* XDP: programs that take frames of several buffers */
};

struct plan {
	struct plan_try tries[PLAN_TRIES]; /* best first */
	unsigned int count;
	bool link_raw;	 /* frames begin with an IP header */
	const char *why; /* why `auto` does not begin with native XDP; "" */
};

/* Why native XDP cannot be had there, or would count less exactly than tc; "" = it is best. */
const char *plan_against_xdp(const struct nic *nic);

/*
 * 0; -EOPNOTSUPP: *reason says what is in the way and what would mend
 * it. `reason` is of `size` bytes.
 */
int plan_make(struct plan *out, const struct nic *nic, const struct options *options, char *reason,
	      size_t size);

#endif
