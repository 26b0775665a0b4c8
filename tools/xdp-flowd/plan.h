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

enum { PLAN_WAYS = 3 };

struct plan {
	/* Tried in this order; ATTACH_NONE ends them. */
	enum attach_way in[PLAN_WAYS + 1];
	enum attach_way out[PLAN_WAYS + 1];
	bool link_raw;	 /* frames begin with an IP header */
	bool frags;	 /* frames may be longer than a buffer */
	const char *why; /* what `auto` passed over and why; "" */
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
