/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bad/ and rejected/: what was put aside for people to look at, at most so many
 * bytes of it, the oldest removed first. Logs. Thread-safe.
 */
#ifndef SHIPPER_SPOOL_YARD_H
#define SHIPPER_SPOOL_YARD_H

#include <pthread.h>

#include "log.h"
#include "spool_io.h"

#define SPOOL_YARD_BYTES (64ull << 20)

struct spool_yard {
	const struct spool_io *io;
	const char *name; /* of the folder */
	int folder;
	uint64_t quota;
	pthread_mutex_t lock;
	uint64_t bytes; /* whole blocks */
	uint64_t removed_files;
	struct tl_log_limit limit;
};

/* `folder` stays the caller's. */
void spool_yard_open(struct spool_yard *yard, const struct spool_io *io, const char *name,
		     int folder);
void spool_yard_close(struct spool_yard *yard);

/* That many bytes were added: removes the oldest when it is too much. */
void spool_yard_added(struct spool_yard *yard, uint64_t bytes);

#endif
