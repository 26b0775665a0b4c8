/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_features events: names, units and edges of features, from one table
 * (feature_columns.c); docs/man/tapline-wire.5 is to say the same. Pure.
 */
#ifndef TL_FEATURE_EVENT_H
#define TL_FEATURE_EVENT_H

#include "batch.h"
#include "feature.h"

enum {
	TL_FEATURE_EVENT_MAX = 4096, /* bytes an encoded event never exceeds */
	TL_FEATURE_SHAPES = 81,	     /* ids that are used, one after the other */
};

/* Interns the shapes; returns the first id, or -errno. The set must be new to them. */
int tl_feature_shapes_add(struct tl_shapes *shapes);

/*
 * Encodes a closed state at `p`; returns the length, *shape the id.
 * `first_shape` as above.
 */
uint32_t tl_feature_encode(uint8_t *p, const struct tl_feature *f,
			   const struct tl_feature_pool *pool, const struct tl_flow_key *key,
			   uint64_t flow_id, uint64_t ts_ns, int first_shape, unsigned int *shape);

/* One row of the table, for documents and tests; 0 behind the last. */
struct tl_feature_column {
	const char *name;
	const char *unit; /* "" where there is none */
};

const struct tl_feature_column *tl_feature_column(unsigned int at);

#endif
