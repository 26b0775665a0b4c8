/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --fix-offloads: the offloads by which VLAN tags leave a frame before XDP
 * sees it are switched off while we capture, and on again afterwards.
 *
 * What was changed is written to OFFLOAD_DIR/xdp-flowd-IFINDEX-NETNS.offloads
 * before it is changed (NETNS is the cookie of the network namespace), and the
 * file goes when it was undone: at exit, however the process ends, by a guard;
 * or, should the guard have died as well, at the next start by
 * offload_recover. Whoever is to undo it holds the file locked, so a second
 * instance leaves it alone. The file is read as hostile: it can name nothing
 * but these features.
 *
 * The order: nic_read, offload_recover, offload_fix, offload_guard_start, give
 * up privileges, capture, offload_guard_stop. All need CAP_NET_ADMIN and a
 * writable OFFLOAD_DIR, but for offload_guard_stop. All log.
 */
#ifndef XDP_FLOWD_OFFLOAD_H
#define XDP_FLOWD_OFFLOAD_H

#include <sys/types.h>

#include "nic.h"
#include "privilege.h"

#define OFFLOAD_DIR TL_RUN_FOLDER

/*
 * Undoes what a run that was killed has left, or waits (a second at most) for
 * its guard to do it, and reads `nic` again. 0, also for nothing to undo; or
 * -errno.
 */
int offload_recover(struct nic *nic);

/*
 * Switches off what hides VLAN tags, and keeps nic->features true. 0: done, or
 * nothing was on. -EOPNOTSUPP: one is on that cannot be changed, those that
 * can be are off; other -errno: nothing is changed.
 */
int offload_fix(struct nic *nic);

/* Undoes offload_fix, for as long as no guard was started; a guard's work is left to it. */
void offload_restore(const struct nic *nic);

/* A child process that undoes offload_fix when this process has ended. */
struct offload_guard {
	int fd; /* it waits for this end to close; -1 = there is no guard */
	pid_t pid;
};

/*
 * Forks the guard of one interface; without a change of ours there is nothing
 * to guard, and none is started. It keeps CAP_NET_ADMIN and nothing else,
 * ignores the signals that end a process group, and is in a session of its
 * own. Call it before privileges go and before the first thread. 0 or -errno,
 * and then the caller calls offload_restore.
 */
int offload_guard_start(struct offload_guard *guard, const struct nic *nic);

/* Has the guard undo it, and waits until it has; no-op without a guard. Needs no privilege. */
void offload_guard_stop(struct offload_guard *guard);

#endif
