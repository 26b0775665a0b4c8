/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The epochs of one interface: turn, wait, drain, check, merge. What the
 * kernel counted under one parity is taken while it counts under the other;
 * when all of it is in the flow table, the sums of what was taken must equal
 * the kernel's own books, to the packet and the byte.
 *
 * One thread drives it, by short steps, so that hints are read in between. The
 * kernel's times are monotonic, the flow table's since the Unix epoch.
 */
#ifndef XDP_FLOWD_EPOCH_H
#define XDP_FLOWD_EPOCH_H

#include "flowtab.h"
#include "waiter.h"

/* Running totals as of the last epoch that was closed. */
struct ledger {
	struct tl_acct total;
	struct tl_acct by_class[TL_CLASS_COUNT];
	uint64_t residual_packets; /* what did not add up, either way; must be 0 */
	uint64_t residual_bytes;
	uint64_t lost_in_crash; /* packets; of a predecessor, see epochs_recover */
	uint64_t epochs;
	uint64_t hints_lost;
	uint64_t missed;   /* packets that a filter could not hand on */
	double fill;	   /* of the flow map, highest since it was last taken; 0..1 */
	uint64_t first_ns; /* of the packets in flows, since the epoch; 0: none */
	uint64_t last_ns;
};

enum epoch_state {
	EPOCH_COUNTING, /* the kernel counts, nothing to be done */
	EPOCH_WAITING,	/* turned; programs that began before may still write */
	EPOCH_DRAINING,
};

enum { EPOCH_HINTS = 32 }; /* taken together */

struct epochs {
	struct kernel *kernel;
	struct tl_flowtab *flows;
	struct waiter *waiter;
	uint32_t entries; /* of a flow map */
	uint64_t length_ns;
	uint64_t due_ns; /* monotonic: when to turn */
	bool pressure;	 /* the map fills up: turn now */

	enum epoch_state state;
	uint32_t parity;    /* of the epoch that is being taken */
	uint64_t turned_ns; /* monotonic */
	int64_t to_wall_ns; /* from monotonic time */
	enum kernel_map map;
	struct kernel_cursor cursor;
	struct tl_acct taken[2];   /* by enum kernel_map */
	struct tl_books books;	   /* of that parity, now */
	struct tl_books before[2]; /* when it was last taken, by parity */
	struct tl_missed missed;
	/* What was told before this process: the kernel's books go back further. */
	struct tl_acct base[TL_CLASS_COUNT];
	uint64_t base_skbs;
	uint64_t base_hints_lost;

	unsigned int hint_count; /* waiting */
	struct tl_hint hints[EPOCH_HINTS];

	struct ledger ledger;
};

/* Nothing has been counted before. */
void epochs_begin(struct epochs *epochs, uint64_t now_ns);

/*
 * Somebody counted before: takes all there is, of both parities, and works out
 * what of it was neither there any more nor told: lost, by class (flow,
 * coarse). `told` are the sums by class. 0 or -errno.
 */
int epochs_recover(struct epochs *epochs, const struct tl_acct told[TL_CLASS_COUNT],
		   uint64_t told_skbs, struct tl_acct lost[2]);

/*
 * Does what is to be done, at most some 0.5 ms of it. True: there is more, call
 * again soon. *err: 0, or why the kernel does not give its counts (logged).
 */
bool epochs_step(struct epochs *epochs, uint64_t now_ns, int *err);

/*
 * Takes all that was counted so far, in the calling thread; once nothing is
 * attached any more that is all there will be. 0 or -errno.
 */
int epochs_catch_up(struct epochs *epochs);

/* What hints say, for the flow table; epochs_hints_end after the last that is there. */
void epochs_take_hint(struct epochs *epochs, const struct tl_hint *hint);
void epochs_hints_end(struct epochs *epochs);

#endif
