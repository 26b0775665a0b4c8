/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes of one delivery, within a limit. Nothing logs. */
#ifndef RECEIVER_BODY_H
#define RECEIVER_BODY_H

#include <stddef.h>
#include <stdint.h>

/* Zero-initialised is empty. */
struct body {
	uint8_t *bytes;
	size_t len;
	size_t room;
};

void body_fini(struct body *body);

/* Appends; 0, -E2BIG when it would be more than `max` bytes, -ENOMEM. */
int body_add(struct body *body, const void *bytes, size_t len, size_t max);

struct ZSTD_DCtx_s;

/*
 * Decompresses zstd frames, of a window of up to 8 MiB, to `out`, which never
 * gets more than `max` bytes. 0; -EBADMSG not zstd, or cut short; -E2BIG;
 * -ENOMEM.
 */
int body_inflate(struct ZSTD_DCtx_s *zstd, const struct body *packed, size_t max, struct body *out);

#endif
