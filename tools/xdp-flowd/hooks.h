/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is loaded and attached for one interface. The ways of a plan are tried
 * until one can be had as a whole; what a predecessor pinned is taken over, by
 * programs of ours. Logs.
 */
#ifndef XDP_FLOWD_HOOKS_H
#define XDP_FLOWD_HOOKS_H

#include "gate.h"
#include "options.h"
#include "pin.h"
#include "plan.h"
#include "refusal.h"

enum { HOOKS_MAX = 2 }; /* incoming, outgoing */

struct hooks {
	struct kernel *kernel;
	unsigned int count;
	struct gate gates[HOOKS_MAX];
	struct attachment attached[HOOKS_MAX];
	char mode[32]; /* "xdp", "xdp+tcx", ... */
	char why[240]; /* what a better way was refused for; "" */
};

struct hooks_options {
	const struct nic *nic;
	const struct options *options;
	const struct plan *plan;
	const struct pin *pin; /* lock -1: nothing is pinned */
	const struct refusal *refusal;
};

/* 0; -EPERM, -EINVAL (filter), -EBUSY (somebody else's program), -EOPNOTSUPP, ...; logs. */
int hooks_open(struct hooks *hooks, const struct hooks_options *options);

/* Detaches what is not pinned. Zero, or what open failed on, is accepted. */
void hooks_detach(struct hooks *hooks);
void hooks_close(struct hooks *hooks);

/* Pins maps and links, once they are there. 0 or -errno; logs. */
int hooks_pin(const struct hooks *hooks, const struct pin *pin);

/* One of them is held no longer. */
bool hooks_are_gone(const struct hooks *hooks);

#endif
