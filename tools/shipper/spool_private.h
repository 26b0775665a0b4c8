/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The spool, between its files: spool.c keeps, spool_lost.c puts aside, spool_open.c
 * and spool_scan.c find what an earlier run left.
 *
 * SPOOL/lock          held while a shipper runs
 * SPOOL/boot          the machine's start and the sync mode, to know a power failure by
 * SPOOL/SINK/         what waits for that sink: a file (spool_file.h) a batch
 * SPOOL/SINK.state    one line: since when, why (store_note)
 * SPOOL/tmp/          what is being written; a batch stays there until it is durable
 * SPOOL/bad/          NAME.SINK: not what was written
 * SPOOL/rejected/     NAME.SINK, NAME.SINK.reason: what the sink refused
 */
#ifndef SHIPPER_SPOOL_PRIVATE_H
#define SHIPPER_SPOOL_PRIVATE_H

#include "spool_file.h"
#include "spool_io.h"
#include "spool_yard.h"
#include "store_private.h"

enum { SPOOL_SINK_NAME_MAX = 64 };

/* What was written since the last commit. */
struct spool_fresh {
	struct backlog_run run;
	uint8_t stream[TL_WIRE_STREAM_LEN];
};

struct spool {
	struct store store; /* first */
	const struct spool_io *io;
	int lock;
	int root;
	int tmp;
	int bad;
	int rejected;
	int folders[STORE_SINKS_MAX];
	bool same_boot; /* nothing that an earlier run wrote can be missing */
	bool unsure;	/* what it wrote last may be cut short, and was then never acknowledged */
	struct spool_yard bad_yard;
	struct spool_yard rejected_yard;
	char *notes[STORE_SINKS_MAX]; /* each its lane's */
	/* of the intake's thread */
	struct spool_fresh *fresh;
	size_t fresh_count;
	size_t fresh_capacity;
	uint64_t fresh_bytes;
	uint64_t fresh_since_ns;
	int broken; /* -errno: a sync failed, so nothing more can be promised */
};

static inline struct spool *spool_of(struct store *store)
{
	return (struct spool *)store;
}

static inline const char *spool_path(const struct spool *spool)
{
	return spool->store.config.folder;
}

/* The store over a table of one's own; `io` is borrowed. */
int spool_open_with(struct store **out, const struct store_config *config,
		    const struct spool_io *io);

extern const struct store_ops spool_ops;

/* Full is one error, whoever says it. */
int spool_error(int err);

/* A new file in `folder` with these parts; `sync` makes its bytes durable. */
int spool_create(const struct spool *spool, int folder, const char *name, struct iovec *parts,
		 int count, bool sync);
/* The same for a batch, with its footer. */
int spool_create_batch(const struct spool *spool, int folder, const char *name,
		       const uint8_t *bytes, size_t len, bool sync);

/* Fills the folders, the lock and the lists; half done on failure. Logs. */
int spool_find_folders(struct spool *spool);
int spool_find_boot(struct spool *spool);
int spool_scan(struct spool *spool);

int spool_declare(struct store *store, unsigned int sink, const struct backlog_run *run,
		  const struct tl_msg *msg);
void spool_quarantine(struct store *store, unsigned int sink, const struct backlog_run *run);
void spool_reject(struct store *store, unsigned int sink, const struct backlog_run *run,
		  const struct parcel *part, const char *reason);
int spool_note(struct store *store, unsigned int sink, const char *text);

#endif
