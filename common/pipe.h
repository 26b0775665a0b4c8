/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing to what may have no room for now (a pipe, a socket, a terminal) by who
 * may not be held up by it for longer than it likes.
 */
#ifndef TL_PIPE_H
#define TL_PIPE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes that a pipe which polls writable takes without blocking (pipe(7)). */
enum { TL_PIPE_PORTION = PIPE_BUF };

/* True when writing may block: it is no regular file. A pipe is given more room. */
bool tl_pipe_prepare(int fd);

/*
 * Writes as much as is taken at once, `portion` bytes at most; waits for room until the
 * deadline (monotonic), and a second at most. The bytes written; 0 = none yet;
 * -EPIPE: nobody will read it; other -errno.
 */
ssize_t tl_pipe_write(int fd, const void *bytes, size_t len, size_t portion, uint64_t deadline_ns);

#endif
