/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between store.c, which decides, and the places where batches are kept:
 * memory.c (the lists alone) and spool.c (a file a batch and sink beside them).
 */
#ifndef SHIPPER_STORE_PRIVATE_H
#define SHIPPER_STORE_PRIVATE_H

#include <pthread.h>

#include "backlog.h"
#include "log.h"
#include "store.h"

/* Where what a sink was given has gone. */
enum store_count {
	COUNT_SAFE, /* the sink has it */
	COUNT_DROPPED,
	COUNT_REJECTED,
	COUNT_BAD,
	COUNT_KINDS,
};

struct store_tally {
	uint64_t batches;
	uint64_t events;
};

/* What one sink has. */
struct store_side {
	struct backlog_line line;
	struct store_tally tallies[COUNT_KINDS];
	pthread_cond_t arrived;
	struct tl_log_limit limit;     /* of what its lane logs */
	struct tl_wire_reader *reader; /* made when first needed, by its lane */
};

/*
 * What a backend does; none is called with the lock held. Those that are 0 have
 * nothing to do. `item` is claimed by the caller: nobody else changes it.
 */
struct store_ops {
	/* -ENOSPC when that many bytes more would leave the disk too full. */
	int (*room)(struct store *store, uint64_t bytes);
	/* Keeps the batch for every sink. -ENOSPC, or another -errno, and nothing is kept. */
	int (*write)(struct store *store, const struct backlog_run *run, const struct tl_msg *msg);
	int (*commit)(struct store *store, uint64_t *again_ns);
	/*
	 * 0, -EBADMSG: it is not what it was, other -errno. *reader is made when it is 0, and
	 * has read the batch last; the caller's.
	 */
	int (*load)(struct store *store, unsigned int sink, const struct backlog_run *run,
		    struct tl_wire_reader **reader, struct tl_msg **out);
	void (*forget)(struct store *store, unsigned int sink, const struct backlog_run *run);
	/* Keeps a run of no events for one sink, durable at return. */
	int (*declare)(struct store *store, unsigned int sink, const struct backlog_run *run,
		       const struct tl_msg *msg);
	/* Moves it out of the way, for people to look at. */
	void (*quarantine)(struct store *store, unsigned int sink, const struct backlog_run *run);
	/* Copies it to where people look; `part` may be 0. */
	void (*reject)(struct store *store, unsigned int sink, const struct backlog_run *run,
		       const struct parcel *part, const char *reason);
	int (*note)(struct store *store, unsigned int sink, const char *text);
	void (*close)(struct store *store);
};

/* Embedded first in the backend's own struct. */
struct store {
	const struct store_ops *ops;
	struct store_config config;
	bool on_disk;
	pthread_mutex_t lock; /* over all below */
	pthread_cond_t room;
	bool stopping;
	uint64_t freed; /* times that something was */
	uint64_t freed_seen;
	struct backlog backlog;
	struct store_side sides[STORE_SINKS_MAX];
	/* of the intake's thread alone */
	uint64_t order; /* the next */
	struct tl_log_limit limit;
};

/* What a lane holds. */
struct store_parcel {
	struct parcel parcel; /* first */
	struct backlog_item *item;
	struct backlog_bytes *bytes;
};

int store_init(struct store *store, const struct store_config *config, const struct store_ops *ops);
void store_fini(struct store *store);

int memory_open(struct store **out, const struct store_config *config);
int spool_open(struct store **out, const struct store_config *config);

/*
 * The item, claimed, is declared lost to the sink: `count` says why, and a run of
 * no events takes its place. Without the lock.
 */
void store_lose(struct store *store, unsigned int sink, struct backlog_item *item,
		enum store_count why);

/* The sink has it: takes it out. Without the lock. */
void store_remove(struct store *store, unsigned int sink, struct backlog_item *item);

/* Bytes of declarations a sink may have waiting before the oldest of them go: the quota, or this.
 */
enum { STORE_DECLARATIONS = 16 << 20 };
uint64_t store_declaration_quota(const struct store *store);

/* Makes room by declaring the oldest batch of the fullest sink lost; false when none is left. */
bool store_drop_oldest(struct store *store, bool disk_full);

/* With the lock: tells what every sink is done with. Only where nothing is on disk. */
void store_tell_safe(struct store *store, struct backlog_stream *stream);

#endif
