/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole reads and writes of files: whatever the kernel does in parts, and through signals. */
#ifndef TL_FILE_H
#define TL_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What there is, `max` bytes at most: how many, or -errno. */
ssize_t tl_file_read(int fd, void *bytes, size_t max);

/* All of it: 0; -EBADMSG when there is less; other -errno. */
int tl_file_read_exactly(int fd, void *bytes, size_t len);

/* All of it, from *at on, which moves by what was written. 0 or -errno. */
int tl_file_write(int fd, const void *bytes, size_t len, uint64_t *at);

#endif
