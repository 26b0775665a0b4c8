/* SPDX-License-Identifier: BSD-2-Clause */
/* Entities that were written to a batch become an event of it. */
#include "eve_private.h"

#include <stdlib.h>

enum { BATCH_ROOM = TL_WIRE_MAX_BATCH - 2 * TL_BATCH_HEADROOM };

/* Fixed width: the values behind it are there first. */
static void put_head(uint8_t *p, uint32_t values, uint16_t id, uint64_t ts_ns)
{
	p = tl_mp_put_be16(tl_mp_put_byte(p, TL_MP_ARRAY16), (uint16_t)(values + 2));
	p = tl_mp_put_be16(tl_mp_put_byte(p, TL_MP_U16), id);
	tl_mp_put_time(p, ts_ns);
}

/* Whether the batch stays below its limit with all definitions and `len` more bytes. */
static bool fits(const struct eve *eve, const struct tl_batch_writer *w, uint16_t id, uint32_t len)
{
	uint64_t sum = (uint64_t)tl_batch_len(w) + len;

	if (w->used[id / 64] >> (id % 64) & 1) {
		return true;
	}
	sum += eve->definition_len[id];
	for (unsigned int i = 0; i < TL_WIRE_MAX_SHAPES / 64; i++) {
		for (uint64_t bits = w->used[i]; bits; bits &= bits - 1) {
			sum += eve->definition_len[64 * i + (unsigned int)__builtin_ctzll(bits)];
		}
	}
	return sum <= BATCH_ROOM;
}

static int keep_values(struct eve *eve)
{
	size_t len = (size_t)(eve->walk.out.p - eve->walk.start);

	if (len + 1 > eve->scratch_len) {
		uint8_t *scratch = realloc(eve->scratch, 2 * len + 1);
		if (!scratch) {
			return -ENOMEM;
		}
		eve->scratch = scratch;
		eve->scratch_len = 2 * len + 1;
	}
	memcpy(eve->scratch, eve->walk.start, len);
	return 0;
}

static uint8_t *put_entities(const struct eve *eve, uint8_t *p)
{
	const struct eve_walk *walk = &eve->walk;
	uint32_t from = 0;

	p = tl_mp_put_map(p, walk->count);
	for (uint32_t i = 0; i < walk->count; i++) {
		p = tl_mp_put_str(p, eve->names.names[walk->ids[i]].text);
		memcpy(p, eve->scratch + from, walk->ends[i] - from);
		p += walk->ends[i] - from;
		from = walk->ends[i];
	}
	return p;
}

static uint8_t *put_edges(const struct tl_edge *edges, uint32_t count, uint8_t *p)
{
	p = tl_mp_put_array(p, count);
	for (uint32_t i = 0; i < count; i++) {
		p = tl_mp_put_array(p, 2);
		p = tl_mp_put_str(tl_mp_put_str(p, edges[i].from), edges[i].to);
	}
	return p;
}

/* [0, ts, type, {name: value}, [[from, to]...]] */
static int commit_open(struct eve *eve, struct tl_batch_writer *w)
{
	const struct eve_walk *walk = &eve->walk;
	struct tl_edge edges[EVE_EDGES_MAX];
	uint32_t edge_count = eve_shapes_edges(&eve->names, edges);
	struct tl_str type = eve->names.names[walk->type].text;
	size_t room = (size_t)(walk->out.p - walk->start) + walk->name_bytes + 5 * walk->count +
		      EVE_HEAD_LEN + type.len + 20;

	for (uint32_t i = 0; i < edge_count; i++) {
		room += 11 + edges[i].from.len + edges[i].to.len;
	}
	if (keep_values(eve) < 0) {
		return -ENOMEM;
	}
	uint8_t *start = tl_batch_reserve(w, (uint32_t)room);
	if (!start) {
		return w->count ? -ENOSPC : -ENOMEM;
	}
	put_head(start, 3, 0, walk->ts_ns);
	uint8_t *p = tl_mp_put_str(start + EVE_HEAD_LEN, type);
	p = put_edges(edges, edge_count, put_entities(eve, p));
	if (!fits(eve, w, 0, (uint32_t)(p - start)) && w->count) {
		return -ENOSPC;
	}
	tl_batch_commit(w, 0, (uint32_t)(p - start));
	return 1;
}

int eve_event_commit(struct eve *eve, struct tl_batch_writer *w, const struct eve_shape *shape)
{
	const struct eve_walk *walk = &eve->walk;

	if (!shape) {
		return commit_open(eve, w);
	}
	uint32_t len = (uint32_t)(walk->out.p - walk->start) + EVE_HEAD_LEN;
	eve->definition_len[shape->id] = shape->definition_len;
	if (!fits(eve, w, shape->id, len) && w->count) {
		return -ENOSPC;
	}
	put_head(walk->start - EVE_HEAD_LEN, walk->count, shape->id, walk->ts_ns);
	tl_batch_commit(w, shape->id, len);
	return 1;
}
