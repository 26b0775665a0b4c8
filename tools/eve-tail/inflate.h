/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A compressed file (gzip or zstd, told by its first bytes) as a stream of what
 * is in it. Members and frames end to end are one stream. Memory is bounded: 32
 * KiB of window for gzip; a zstd frame that wants more than 128 MiB is refused.
 * Nothing logs.
 */
#ifndef EVE_TAIL_INFLATE_H
#define EVE_TAIL_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct inflate;

/* True when `fd` begins as such a file does. */
bool inflate_knows(int fd);

/* `fd` is borrowed; reads are by position. 0, -EBADMSG no such file, -ENOMEM. */
int inflate_create(struct inflate **out, int fd);
void inflate_destroy(struct inflate *inflate);

/* Up to `len` bytes; less only at the end, then 0. -EBADMSG: damaged or cut off; -errno. */
ssize_t inflate_read(struct inflate *inflate, void *bytes, size_t len);

/* Back to the first byte. */
void inflate_rewind(struct inflate *inflate);

/*
 * True when the file says that it holds `len` bytes: at the end of gzip (modulo
 * 2^32), in the head of zstd. That is true of one member or frame only; false
 * says nothing.
 */
bool inflate_claims(int fd, uint64_t len);

#endif
