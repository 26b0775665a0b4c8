/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the names of an event, in order, to its shape: a hash of their ids, compared whole where
 * it hits. A shape is given an id when its names come the second time, so that what comes once
 * uses none up; until then, and when all ids are in use, an event goes out under the open shape.
 *
 * Belongs to one thread. Nothing logs.
 */
#ifndef EVE_TAIL_EVE_SHAPE_H
#define EVE_TAIL_EVE_SHAPE_H

#include "batch.h"
#include "eve_names.h"

enum {
	EVE_EDGES_MAX = 128, /* of one event, more than the table has */
};

struct eve_shape {
	uint64_t hash;
	uint16_t *ids; /* of its names, owned; 0: a free slot */
	uint16_t count;
	uint16_t type;
	uint16_t id;
	uint32_t definition_len;
};

struct eve_shapes {
	struct tl_shapes *shapes; /* borrowed */
	struct eve_shape *slots;
	uint64_t *seen; /* hashes that came once */
	uint64_t asked; /* the hash of eve_shapes_find */
	uint32_t count;
};

/* 0 or -ENOMEM. */
int eve_shapes_init(struct eve_shapes *cache, struct tl_shapes *shapes);
void eve_shapes_fini(struct eve_shapes *cache);
/* The ids of names became invalid. */
void eve_shapes_forget(struct eve_shapes *cache);

/* 0 in *out: use the open shape. 0 or -ENOMEM. */
int eve_shapes_find(struct eve_shapes *cache, struct eve_names *names, uint16_t type,
		    const uint16_t *ids, uint32_t count, const struct eve_shape **out);

/* The names asked for last went out under the open shape. */
void eve_shapes_saw(struct eve_shapes *cache);

/* The edges of the table between the names in use by this line; at most EVE_EDGES_MAX. */
uint32_t eve_shapes_edges(const struct eve_names *names, struct tl_edge *edges);

#endif
