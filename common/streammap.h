/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams by their id, and in the order they were used. Intrusive: what is
 * kept about a stream embeds a node, which the map links but never frees. Ids
 * come from strangers, so the hash is keyed by a secret of the process. One
 * thread at a time. Nothing logs.
 */
#ifndef TL_STREAMMAP_H
#define TL_STREAMMAP_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

struct tl_streamnode {
	uint8_t stream[TL_WIRE_STREAM_LEN];
	struct tl_streamnode *chain;
	struct tl_streamnode *older;
	struct tl_streamnode *newer;
};

struct tl_streammap {
	struct tl_streamnode **buckets;
	size_t bucket_count;
	size_t count;
	uint64_t secret;
	struct tl_streamnode *oldest;
	struct tl_streamnode *newest;
};

/* 0 or -errno. */
int tl_streammap_init(struct tl_streammap *map);
/* Forgets the nodes; they stay the caller's. */
void tl_streammap_fini(struct tl_streammap *map);

struct tl_streamnode *tl_streammap_find(const struct tl_streammap *map,
					const uint8_t stream[TL_WIRE_STREAM_LEN]);

/* Adds a node, as the newest, under an id that is not there yet. */
void tl_streammap_add(struct tl_streammap *map, struct tl_streamnode *node,
		      const uint8_t stream[TL_WIRE_STREAM_LEN]);

void tl_streammap_remove(struct tl_streammap *map, struct tl_streamnode *node);

/* Makes it the newest. */
void tl_streammap_touch(struct tl_streammap *map, struct tl_streamnode *node);

#endif
