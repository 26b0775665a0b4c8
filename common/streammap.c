/* SPDX-License-Identifier: BSD-2-Clause */
#include "streammap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST_BUCKETS = 64 };

int tl_streammap_init(struct tl_streammap *map)
{
	*map = (struct tl_streammap){.bucket_count = FIRST_BUCKETS};
	map->buckets = calloc(FIRST_BUCKETS, sizeof(struct tl_streamnode *));
	if (!map->buckets) {
		return -ENOMEM;
	}
	if (getrandom(&map->secret, sizeof(map->secret), 0) != sizeof(map->secret)) {
		tl_streammap_fini(map);
		return -EIO;
	}
	return 0;
}

void tl_streammap_fini(struct tl_streammap *map)
{
	free(map->buckets);
	*map = (struct tl_streammap){0};
}

static struct tl_streamnode **bucket_of(const struct tl_streammap *map,
					const uint8_t stream[TL_WIRE_STREAM_LEN])
{
	uint64_t hash = XXH3_64bits_withSeed(stream, TL_WIRE_STREAM_LEN, map->secret);

	return &map->buckets[hash & (map->bucket_count - 1)];
}

struct tl_streamnode *tl_streammap_find(const struct tl_streammap *map,
					const uint8_t stream[TL_WIRE_STREAM_LEN])
{
	/* Batches of a stream come in rows. */
	if (map->newest && memcmp(map->newest->stream, stream, TL_WIRE_STREAM_LEN) == 0) {
		return map->newest;
	}
	for (struct tl_streamnode *n = *bucket_of(map, stream); n; n = n->chain) {
		if (memcmp(n->stream, stream, TL_WIRE_STREAM_LEN) == 0) {
			return n;
		}
	}
	return 0;
}

/* Without memory the chains only become longer. */
static void grow(struct tl_streammap *map)
{
	size_t count = 2 * map->bucket_count;
	struct tl_streamnode **buckets = calloc(count, sizeof(struct tl_streamnode *));

	if (!buckets) {
		return;
	}
	free(map->buckets);
	map->buckets = buckets;
	map->bucket_count = count;
	for (struct tl_streamnode *n = map->oldest; n; n = n->newer) {
		struct tl_streamnode **bucket = bucket_of(map, n->stream);
		n->chain = *bucket;
		*bucket = n;
	}
}

static void append(struct tl_streammap *map, struct tl_streamnode *node)
{
	node->newer = 0;
	node->older = map->newest;
	if (map->newest) {
		map->newest->newer = node;
	} else {
		map->oldest = node;
	}
	map->newest = node;
}

static void detach(struct tl_streammap *map, struct tl_streamnode *node)
{
	if (node->older) {
		node->older->newer = node->newer;
	} else {
		map->oldest = node->newer;
	}
	if (node->newer) {
		node->newer->older = node->older;
	} else {
		map->newest = node->older;
	}
}

void tl_streammap_add(struct tl_streammap *map, struct tl_streamnode *node,
		      const uint8_t stream[TL_WIRE_STREAM_LEN])
{
	if (map->count >= 2 * map->bucket_count) {
		grow(map);
	}
	memcpy(node->stream, stream, TL_WIRE_STREAM_LEN);
	struct tl_streamnode **bucket = bucket_of(map, stream);
	node->chain = *bucket;
	*bucket = node;
	append(map, node);
	map->count++;
}

void tl_streammap_remove(struct tl_streammap *map, struct tl_streamnode *node)
{
	struct tl_streamnode **link = bucket_of(map, node->stream);

	while (*link != node) {
		link = &(*link)->chain;
	}
	*link = node->chain;
	detach(map, node);
	map->count--;
}

void tl_streammap_touch(struct tl_streammap *map, struct tl_streamnode *node)
{
	if (map->newest != node) {
		detach(map, node);
		append(map, node);
	}
}
