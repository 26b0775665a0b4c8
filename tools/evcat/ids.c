/* SPDX-License-Identifier: BSD-2-Clause */
#include "ids.h"

#include <errno.h>
#include <string.h>

int ids_find(struct ids *ids, const uint8_t id[TL_WIRE_STREAM_LEN])
{
	if (ids->last < ids->count && memcmp(ids->ids[ids->last], id, TL_WIRE_STREAM_LEN) == 0) {
		return (int)ids->last;
	}
	for (unsigned int i = 0; i < ids->count; i++) {
		if (memcmp(ids->ids[i], id, TL_WIRE_STREAM_LEN) == 0) {
			ids->last = i;
			return (int)i;
		}
	}
	return -ENOENT;
}

int ids_add(struct ids *ids, const uint8_t id[TL_WIRE_STREAM_LEN])
{
	if (ids->count == IDS_MAX) {
		return -ENOSPC;
	}
	ids->last = ids->count++;
	memcpy(ids->ids[ids->last], id, TL_WIRE_STREAM_LEN);
	return (int)ids->last;
}

void ids_replace(struct ids *ids, unsigned int index, const uint8_t id[TL_WIRE_STREAM_LEN])
{
	ids->last = index;
	memcpy(ids->ids[index], id, TL_WIRE_STREAM_LEN);
}
