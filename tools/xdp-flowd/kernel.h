/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The programs and maps of one interface (bpf/flow.bpf.c), loaded: turning the
 * epoch, waiting out the programs that began before, and taking what a frozen
 * epoch holds. Logs where the kernel refuses. Loading needs CAP_BPF,
 * CAP_NET_ADMIN and CAP_PERFMON; all else works by descriptor.
 */
#ifndef XDP_FLOWD_KERNEL_H
#define XDP_FLOWD_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "../../bpf/flow.h"

struct kernel;

enum kernel_hook {
	KERNEL_XDP,
	KERNEL_TC_IN,
	KERNEL_TC_OUT,
	KERNEL_HOOKS,
};

struct kernel_options {
	struct tl_kernel_config config;
	uint32_t flow_entries; /* of each of the two maps */
	uint32_t coarse_entries;
	const char *pin;	  /* folder of maps to take, where they are there; 0 = none */
	bool hooks[KERNEL_HOOKS]; /* whose programs are needed: each takes 0.1 s to verify */
	bool shut;		  /* count nothing yet */
	bool filtered;		  /* also those that count what a filter refuses */
};

/* What user space and the kernel share, mapped. */
typedef void kernel_hint(void *context, const struct tl_hint *hint);

/* 0; -EPERM, -ENOMEM, other -errno. Does not log. */
int kernel_load(struct kernel **out, const struct kernel_options *options);
/* Accepts 0. Attached programs and pinned maps live on. */
void kernel_close(struct kernel *kernel);

/* Descriptors, the kernel's own: do not close. */
int kernel_program(const struct kernel *kernel, enum kernel_hook hook);
/* The one that counts what a filter refused. */
int kernel_filtered(const struct kernel *kernel, enum kernel_hook hook);
int kernel_jump_map(const struct kernel *kernel, enum kernel_hook hook);
int kernel_missed_map(const struct kernel *kernel);

/* Entries of a flow map: as asked for or, of a pinned one, as it was made. */
uint32_t kernel_flow_entries(const struct kernel *kernel);

/* Pins every map there, or -errno. */
int kernel_pin_maps(const struct kernel *kernel, const char *folder);

/* Shared memory; see struct tl_control for who writes what. */
struct tl_control *kernel_control(const struct kernel *kernel);

/*
 * The same; see struct tl_gate. Open when loaded, or for no packet at all with
 * kernel_options.shut.
 */
struct tl_gate *kernel_gate(const struct kernel *kernel);

/* Has the kernel count under the other parity from now on; returns the one it counted under. */
uint32_t kernel_turn(struct kernel *kernel);

/*
 * Returns when every program that began before the call has ended: nothing
 * writes to the epoch turned away from any more. Sleeps, 10 to 100 ms under
 * load. Safe beside all other calls. 0 or -errno.
 */
int kernel_wait(const struct kernel *kernel);

/* One CPU's sums, added up over all. 0 or -errno. */
int kernel_books(const struct kernel *kernel, uint32_t parity, struct tl_books *sum);
int kernel_missed(const struct kernel *kernel, struct tl_missed *sum);

enum kernel_map {
	KERNEL_FLOWS,
	KERNEL_COARSE,
};

enum { KERNEL_DRAIN_MAX = 1024 }; /* flows taken at a time: 0.4 ms */

/* Where draining a map has come to; zero before the first call. */
struct kernel_cursor {
	bool begun;
	bool done;
	uint32_t position; /* the kernel's own */
};

/*
 * Takes at most KERNEL_DRAIN_MAX flows out of a frozen map: their number.
 * cursor->done: that was all. -errno: what is left stays in the map.
 */
int kernel_drain(struct kernel *kernel, uint32_t parity, enum kernel_map map,
		 struct kernel_cursor *cursor, const struct tl_flow_key **keys,
		 const struct tl_flow_value **values);

/* Readable while there are hints whose writer woke us. */
int kernel_hints_fd(const struct kernel *kernel);
/* Calls `hint` for each that is there, 64 Ki at most: how many. */
int kernel_take_hints(struct kernel *kernel, kernel_hint *hint, void *context);

#endif
