/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has been told of a pinned interface's counts, in memory that outlives
 * the process: the batches not surely sent yet, and what all batches so far
 * amount to. With the kernel's books, which are never reset, the next process
 * knows to the packet what its predecessor took with it.
 *
 * A batch is told when it is in here: a killed process's batches are sent by
 * the next one, under their own stream and numbers. The last few that were
 * sent are kept and sent again: they may have been on their way. Readers drop
 * what they have.
 *
 * The memory is a mapped BPF array, pinned beside the others. Every change is
 * complete with one store of a word. `put` and `done` may run in two threads.
 */
#ifndef XDP_FLOWD_JOURNAL_H
#define XDP_FLOWD_JOURNAL_H

#include "outbox.h"

#include "../../bpf/flow.h"

/* Sums over all processes since the pin was made. */
struct told {
	/* Flows and coarse flows: those of flow_end, and what was told as lost. */
	struct tl_acct by_class[TL_CLASS_COUNT];
	uint64_t skbs;
};

struct journal;

/*
 * Takes the array at `path`, or makes one for batches of `window` bytes and
 * pins it there. 0; -EINVAL the one that is there is smaller; -EBADMSG it is of
 * another layout; -errno. Logs.
 */
int journal_open(struct journal **out, const char *path, uint64_t window);
/* What is in it stays. Accepts 0. */
void journal_close(struct journal *journal);

/* For the stream of the interface. */
const struct tl_journal *journal_hooks(const struct journal *journal);

struct told journal_told(const struct journal *journal);

/* What recovering found lost: told with the next capture_stats. By class: flow and coarse. */
void journal_set_lost(struct journal *journal, const struct tl_acct lost[2]);

/* Sends what a predecessor left; before the first batch of one's own. How many; -errno. */
int journal_resend(struct journal *journal, struct tl_outbox *outbox);

#endif
