/* SPDX-License-Identifier: BSD-2-Clause */
/* Stream ids to small indices, for tables of streams with a fixed limit. */
#ifndef EVCAT_IDS_H
#define EVCAT_IDS_H

#include "wire.h"

enum { IDS_MAX = 1024 };

/* Zero-initialised is empty. */
struct ids {
	unsigned int count;
	unsigned int last; /* found last: streams come in runs */
	uint8_t ids[IDS_MAX][TL_WIRE_STREAM_LEN];
};

/* The index, or -ENOENT. */
int ids_find(struct ids *ids, const uint8_t id[TL_WIRE_STREAM_LEN]);

/* The index of a new id; -ENOSPC at the limit. */
int ids_add(struct ids *ids, const uint8_t id[TL_WIRE_STREAM_LEN]);

/* Gives the index to another id. */
void ids_replace(struct ids *ids, unsigned int index, const uint8_t id[TL_WIRE_STREAM_LEN]);

#endif
