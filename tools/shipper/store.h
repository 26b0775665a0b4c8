/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What waits for the sinks: batches in the order they came, with a position for
 * each sink. In memory (memory.c), or in a spool on disk (spool.c), which a
 * batch reaches before it is acknowledged.
 *
 * put and commit are called by one thread, the intake's; take, done, back and
 * reject of a sink by one thread, its lane's. Logs what happens to the disk,
 * rate-limited.
 */
#ifndef SHIPPER_STORE_H
#define SHIPPER_STORE_H

#include "msg.h"
#include "sink.h"

enum { STORE_SINKS_MAX = 8 };

enum store_policy {
	STORE_BLOCK,	   /* full: put says -ENOSPC, and upstream waits */
	STORE_DROP_OLDEST, /* full: the oldest batch of the fullest sink is declared lost */
};

enum store_sync {
	STORE_SYNC_BATCH,    /* fsync before each acknowledgement */
	STORE_SYNC_INTERVAL, /* one sync for all that came in 200 ms; acknowledged after it */
	STORE_SYNC_NONE,     /* acknowledged when written: a power failure may lose it */
};

struct store_config {
	const char *folder;		    /* 0 = memory */
	const char *sinks[STORE_SINKS_MAX]; /* names fit for a folder, each its own */
	unsigned int sink_count;
	uint64_t quota;	  /* bytes a sink may have waiting */
	uint64_t reserve; /* bytes to leave free on the file system (spool) */
	enum store_policy policy;
	enum store_sync sync;
	/*
	 * All of the stream below `safe` is durable: called by commit (spool) or by a lane
	 * (memory, when every sink has it), which then holds the store's lock: it must not
	 * call the store.
	 */
	void (*safe)(void *context, const uint8_t stream[TL_WIRE_STREAM_LEN], uint64_t safe);
	/*
	 * At open: an earlier run had accepted all of the stream below `next`. Not called after
	 * the machine was started anew: then the last of it may be missing, and whoever still
	 * has it sends it again.
	 */
	void (*found)(void *context, const uint8_t stream[TL_WIRE_STREAM_LEN], uint64_t next);
	void *context;
};

struct store;

/* 0; -EINVAL, -EBUSY (another shipper has the spool), other -errno; logs. */
int store_open(struct store **out, const struct store_config *config);
void store_close(struct store *store);

/*
 * Keeps a valid batch (`head`, `count` are what it says) for every sink; takes
 * `msg` over on 0. -ENOSPC: full, try again after store_wait_room.
 */
int store_put(struct store *store, struct tl_msg *msg, const struct tl_batch_head *head,
	      uint32_t count);

/*
 * Makes durable, and tells safe, what was put. When it is to be called again: monotonic time,
 * UINT64_MAX = not before the next put; after store_stop no interval is waited for. -errno: the
 * disk did not take it, and nothing can be said of it any more: end, and start again.
 */
int store_commit(struct store *store, uint64_t *again_ns);

/* Waits until there may be room, or the time is over. */
void store_wait_room(struct store *store, uint64_t timeout_ns);

/*
 * The oldest batch of that sink which is not taken: 1; 0 none in time; -errno
 * (it could not be read: it was moved away and declared lost, go on). The
 * parcel is the caller's until store_done, store_back or store_reject.
 */
int store_take(struct store *store, unsigned int sink, struct parcel **out, uint64_t timeout_ns);

/* Ends the waiting of store_take, for good; it still hands out what is there. */
void store_stop(struct store *store);

/* The sink has it: freed. */
void store_done(struct store *store, unsigned int sink, struct parcel *parcel);

/* Not now: it is taken again next, in its old place. Frees the parcel, not the batch. */
void store_back(struct store *store, unsigned int sink, struct parcel *parcel);

/*
 * The sink will never take it (or not this part of it: `part` may be a piece
 * of it, or 0 for all): kept in rejected/ (spool), counted, and declared lost to
 * the sink by a run of no events in its place. The parcel is freed when part is 0.
 */
void store_reject(struct store *store, unsigned int sink, struct parcel *parcel,
		  const struct parcel *part, const char *reason);

/*
 * At any moment given_events = safe + waiting + dropped + rejected + bad. What waited when the
 * spool was opened was given too.
 */
struct store_counts {
	uint64_t given_events;
	uint64_t safe_events; /* the sink has them */
	uint64_t waiting_batches;
	uint64_t waiting_events;
	uint64_t waiting_bytes;
	uint64_t oldest_ns;	  /* realtime of the oldest that waits, 0 = none */
	uint64_t dropped_batches; /* quota */
	uint64_t dropped_events;
	uint64_t rejected_batches;
	uint64_t rejected_events;
	uint64_t bad_files; /* quarantined */
	uint64_t bad_events;
};

struct store_counts store_counts(struct store *store, unsigned int sink);

/*
 * Why that sink does not take more ("ok", or a reason), for --spool-status: rewritten in the
 * spool when it changed. Called by the lane. Memory: nothing. 0 or -errno.
 */
int store_note(struct store *store, unsigned int sink, const char *text);

/* `shipper --spool-status DIR`: what waits, since when, why; on stdout. An exit code. */
int store_status(const char *folder);

#endif
