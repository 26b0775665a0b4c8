/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages in pieces: buffers of fixed size from a pool of fixed size. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "feature_private.h"

int tl_feature_pool_create(struct tl_feature_pool **out, uint32_t count)
{
	struct tl_feature_pool *pool = calloc(1, sizeof(*pool));

	if (!pool) {
		return -ENOMEM;
	}
	pool->memory = count > 0 ? malloc(count * sizeof(*pool->memory)) : 0;
	if (count > 0 && !pool->memory) {
		free(pool);
		return -ENOMEM;
	}
	for (uint32_t i = count; i > 0; i--) {
		pool->memory[i - 1].next = pool->free;
		pool->free = &pool->memory[i - 1];
	}
	for (unsigned int n = 1; n <= TL_FEATURE_ENTROPY_BYTES; n++) {
		pool->clog[n] = n * log2(n);
	}
	*out = pool;
	return 0;
}

void tl_feature_pool_destroy(struct tl_feature_pool *pool)
{
	if (pool) {
		free(pool->memory);
		free(pool);
	}
}

struct tl_feature_counts tl_feature_pool_counts(const struct tl_feature_pool *pool)
{
	return pool->counts;
}

static void unlink_used(struct tl_feature_pool *pool, struct tl_feature_buffer *b)
{
	*(b->before ? &b->before->next : &pool->first) = b->next;
	*(b->next ? &b->next->before : &pool->last) = b->before;
}

void feature_buffer_release(struct tl_feature *f, struct tl_feature_pool *pool)
{
	struct tl_feature_buffer *b = f->buffer;

	if (b) {
		unlink_used(pool, b);
		b->next = pool->free;
		pool->free = b;
		f->buffer = 0;
	}
}

/* A message that is all there soon needs its buffer for a moment; one that is not, must not keep
 * it. */
static void take_from_oldest(struct tl_feature_pool *pool)
{
	struct tl_feature *victim = pool->first->owner;

	victim->flags |= TL_FEATURE_NO_BUFFER;
	victim->done = true;
	pool->counts.buffers_short++;
	feature_buffer_release(victim, pool);
}

static struct tl_feature_buffer *take(const struct feature_input *in)
{
	struct tl_feature_pool *pool = in->pool;

	if (!pool->free && pool->first) {
		take_from_oldest(pool);
	}
	struct tl_feature_buffer *b = pool->free;
	if (!b) {
		in->f->flags |= TL_FEATURE_NO_BUFFER;
		return 0;
	}
	pool->free = b->next;
	pool->counts.buffers_taken++;
	b->range_count = 0;
	b->owner = in->f;
	b->next = 0;
	b->before = pool->last;
	*(pool->last ? &pool->last->next : &pool->first) = b;
	pool->last = b;
	in->f->buffer = b;
	return b;
}

/* Ranges touched by from..to become one. False when there is no room for one more. */
static bool note_range(struct tl_feature_buffer *b, uint32_t from, uint32_t to)
{
	unsigned int first = 0;

	while (first < b->range_count && b->ranges[first].to < from) {
		first++;
	}
	unsigned int last = first;
	while (last < b->range_count && b->ranges[last].from <= to) {
		from = b->ranges[last].from < from ? b->ranges[last].from : from;
		to = b->ranges[last].to > to ? b->ranges[last].to : to;
		last++;
	}
	if (last == first && b->range_count == TL_FEATURE_RANGES) {
		return false;
	}
	memmove(&b->ranges[first + 1], &b->ranges[last],
		(b->range_count - last) * sizeof(b->ranges[0]));
	b->range_count = (uint16_t)(b->range_count + 1 - (last - first));
	b->ranges[first].from = (uint16_t)from;
	b->ranges[first].to = (uint16_t)to;
	return true;
}

void feature_buffer_put(const struct feature_input *in, uint32_t offset, struct bytes from)
{
	struct tl_feature *f = in->f;
	uint32_t len = bytes_left(&from);

	if (len == 0) {
		return;
	}
	if (offset >= TL_FEATURE_BUFFER_BYTES) {
		f->flags |= TL_FEATURE_LONG;
		return;
	}
	struct tl_feature_buffer *b = f->buffer ? f->buffer : take(in);
	if (!b) {
		return;
	}
	uint32_t room = TL_FEATURE_BUFFER_BYTES - offset;
	len = len < room ? len : room;
	if (!note_range(b, offset, offset + len)) {
		f->flags |= TL_FEATURE_HOLES;
		return;
	}
	memcpy(b->bytes + offset, from.at, len);
}

uint32_t feature_buffer_ready(const struct tl_feature *f)
{
	const struct tl_feature_buffer *b = f->buffer;

	return b && b->range_count > 0 && b->ranges[0].from == 0 ? b->ranges[0].to : 0;
}

void feature_buffer_drop(struct tl_feature *f, struct tl_feature_pool *pool, uint32_t len)
{
	struct tl_feature_buffer *b = f->buffer;
	unsigned int kept = 0;

	if (len == 0) {
		return;
	}
	memmove(b->bytes, b->bytes + len, TL_FEATURE_BUFFER_BYTES - len);
	for (unsigned int i = 0; i < b->range_count; i++) {
		uint32_t from = b->ranges[i].from > len ? b->ranges[i].from - len : 0;
		uint32_t to = b->ranges[i].to > len ? b->ranges[i].to - len : 0;
		if (to > from) {
			b->ranges[kept].from = (uint16_t)from;
			b->ranges[kept].to = (uint16_t)to;
			kept++;
		}
	}
	b->range_count = (uint16_t)kept;
	if (kept == 0) {
		feature_buffer_release(f, pool);
	}
}
