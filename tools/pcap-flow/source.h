/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of a capture file, whatever they are wrapped in: a file or stdin,
 * plain, gzip or zstd, told by the first bytes. Logs what cannot be opened.
 */
#ifndef TL_SOURCE_H
#define TL_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tl_source;

/*
 * Called while a pipe has nothing to read, and at least each 10 ms; for live
 * input such as `tcpdump -w -`.
 */
typedef void tl_source_idle(void *ctx);

/* "-" is stdin. 0 or -errno after one logged line. `idle` may be 0. */
int tl_source_open(struct tl_source **out, const char *path, tl_source_idle *idle, void *ctx);
void tl_source_close(struct tl_source *source);

/* Up to `len` bytes; 0 at the end; -EINTR when the service is stopping; -EBADMSG damaged; other
 * -errno. */
ssize_t tl_source_read(struct tl_source *source, uint8_t *to, size_t len);

/* True for input that is still being written: a pipe. */
int tl_source_is_live(const struct tl_source *source);

#endif
