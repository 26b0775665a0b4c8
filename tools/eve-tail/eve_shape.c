/* SPDX-License-Identifier: BSD-2-Clause */
#include "eve_shape.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
	SLOTS = 2 * TL_WIRE_MAX_SHAPES,
	SEEN = 16384,
};

int eve_shapes_init(struct eve_shapes *cache, struct tl_shapes *shapes)
{
	*cache = (struct eve_shapes){
		.shapes = shapes,
		.slots = calloc(SLOTS, sizeof(*cache->slots)),
		.seen = calloc(SEEN, sizeof(*cache->seen)),
	};
	if (!cache->slots || !cache->seen) {
		eve_shapes_fini(cache);
		return -ENOMEM;
	}
	return 0;
}

void eve_shapes_forget(struct eve_shapes *cache)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		free(cache->slots[i].ids);
	}
	memset(cache->slots, 0, SLOTS * sizeof(*cache->slots));
	memset(cache->seen, 0, SEEN * sizeof(*cache->seen));
	cache->count = 0;
}

void eve_shapes_fini(struct eve_shapes *cache)
{
	if (cache->slots && cache->seen) {
		eve_shapes_forget(cache);
	}
	free(cache->slots);
	free(cache->seen);
	*cache = (struct eve_shapes){0};
}

static bool is_used(const struct eve_names *names, const char *text)
{
	uint16_t id = eve_names_find(names, tl_str_of(text));

	return id && eve_names_used(names, id);
}

uint32_t eve_shapes_edges(const struct eve_names *names, struct tl_edge *edges)
{
	uint32_t count = 0;

	for (const struct eve_edge *edge = eve_edges; edge->from && count < EVE_EDGES_MAX; edge++) {
		if (is_used(names, edge->from) && is_used(names, edge->to) &&
		    !(edge->unless && is_used(names, edge->unless))) {
			edges[count++] =
				(struct tl_edge){tl_str_of(edge->from), tl_str_of(edge->to)};
		}
	}
	return count;
}

/* Bytes of the definition at most; what tl_batch_finish will put before the events. */
static uint32_t definition_len(struct tl_str type, const struct tl_str *texts, uint32_t count,
			       const struct tl_edge *edges, uint32_t edge_count)
{
	uint32_t len = 20 + type.len;

	for (uint32_t i = 0; i < count; i++) {
		len += 5 + texts[i].len;
	}
	for (uint32_t i = 0; i < edge_count; i++) {
		len += 11 + edges[i].from.len + edges[i].to.len;
	}
	return len;
}

/* The slot was free. */
static int intern(struct eve_shapes *cache, struct eve_names *names, struct eve_shape *shape,
		  const uint16_t *ids, uint32_t count)
{
	struct tl_str *texts = malloc((count + 1) * sizeof(*texts));
	uint16_t *copy = malloc((count + 1) * sizeof(*copy));
	struct tl_edge edges[EVE_EDGES_MAX];
	int id = -ENOMEM;

	if (texts && copy) {
		struct tl_str type = names->names[shape->type].text;
		uint32_t edge_count = eve_shapes_edges(names, edges);
		for (uint32_t i = 0; i < count; i++) {
			texts[i] = names->names[ids[i]].text;
		}
		id = tl_shapes_intern(cache->shapes, type, texts, count, edges, edge_count);
		shape->definition_len = definition_len(type, texts, count, edges, edge_count);
	}
	free(texts);
	if (id < 0) {
		free(copy);
		return id == -ENOMEM ? id : 0;
	}
	memcpy(copy, ids, count * sizeof(*ids));
	shape->ids = copy;
	shape->id = (uint16_t)id;
	shape->count = (uint16_t)count;
	cache->count++;
	return 0;
}

void eve_shapes_saw(struct eve_shapes *cache)
{
	cache->seen[cache->asked % SEEN] = cache->asked;
}

int eve_shapes_find(struct eve_shapes *cache, struct eve_names *names, uint16_t type,
		    const uint16_t *ids, uint32_t count, const struct eve_shape **out)
{
	uint64_t hash = XXH3_64bits_withSeed(ids, count * sizeof(*ids), type);
	uint32_t slot = (uint32_t)(hash >> 32) % SLOTS;
	struct eve_shape *shape;

	*out = 0;
	cache->asked = hash;
	for (; (shape = &cache->slots[slot])->ids; slot = (slot + 1) % SLOTS) {
		if (shape->hash == hash && shape->type == type && shape->count == count &&
		    memcmp(shape->ids, ids, count * sizeof(*ids)) == 0) {
			*out = shape;
			return 0;
		}
	}
	if (cache->seen[hash % SEEN] != hash || cache->count == SLOTS - 1) {
		return 0;
	}
	shape->hash = hash;
	shape->type = type;
	int err = intern(cache, names, shape, ids, count);
	*out = shape->ids ? shape : 0;
	return err;
}
