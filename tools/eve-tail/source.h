/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the bytes of a file come from: a regular file, the inside of a
 * compressed one, or a flow (pipe, socket, terminal), which cannot be read
 * twice. Nothing logs.
 */
#ifndef EVE_TAIL_SOURCE_H
#define EVE_TAIL_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "lines.h"

struct inflate;

struct source {
	int fd;			 /* -1 = closed */
	struct inflate *inflate; /* 0 = as it is */
	uint64_t at;		 /* of inflate, in what it puts out */
	bool flow;
	bool borrowed; /* standard input: not ours to close */
};

/* A closed one. */
void source_init(struct source *source);

/*
 * A regular file, compressed or not; `st` is what fstat says of it. 0, -EINVAL it is
 * not a regular file, -errno.
 */
int source_open(struct source *source, const char *path, struct stat *st);
void source_close(struct source *source);

/*
 * Up to `len` bytes from a position; less only at the end. Not for flows. In a compressed file a
 * position before the last costs inflating it again. -EBADMSG: it is damaged.
 */
ssize_t source_read_at(struct source *source, void *bytes, size_t len, uint64_t offset);

/* The next position from `offset` on that may hold something: behind a hole, if it is in one. */
uint64_t source_skip_hole(const struct source *source, uint64_t offset);

/* Lets `lines` go on at `offset`. 0, -ENODATA when it is shorter, -errno. */
int source_start(struct source *source, struct lines *lines, uint64_t offset);

/*
 * Reads more into `lines`, `most` bytes at most: the bytes it got; 0 at the end, which for a
 * growing file is the end for now; -ESTALE: the file is shorter than what was read of it, or the
 * bytes before the position are others now; -EAGAIN a flow has nothing yet; -EBADMSG; -errno.
 */
ssize_t source_fill(struct source *source, struct lines *lines, uint64_t most);

#endif
