/* SPDX-License-Identifier: BSD-2-Clause */
/* The least that an XDP program of a capture can do, on a live interface. Logs. */
#ifndef BENCH_XDP_ATTACH_H
#define BENCH_XDP_ATTACH_H

/* Index 0 is none; ends with 0. */
extern const char *const attach_kinds[];

/*
 * Counts and drops (1) or passes (2) what comes in by native XDP until the
 * process is told to stop, then prints packets=N. Writes a newline to `ready_fd`
 * when attached. 0 or -errno.
 */
int attach_and_count(unsigned int kind, const char *iface, int ready_fd);

#endif
