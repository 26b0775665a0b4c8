/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A limit of bytes a second. What goes out may be bigger than what is there: the
 * debt is waited for by what follows, so that any size passes and the mean holds.
 * Pure.
 */
#ifndef SHIPPER_BUCKET_H
#define SHIPPER_BUCKET_H

#include <stdint.h>

struct bucket {
	uint64_t rate; /* bytes a second; 0 = no limit */
	int64_t level; /* bytes that may go now; below 0 = debt */
	uint64_t filled_ns;
};

/* Starts with a tenth of a second's worth. */
void bucket_init(struct bucket *b, uint64_t rate, uint64_t now_ns);

/* When something may go: 0 = now, else how long to wait. */
uint64_t bucket_wait_ns(struct bucket *b, uint64_t now_ns);

/* So much went. */
void bucket_take(struct bucket *b, uint64_t bytes);

#endif
