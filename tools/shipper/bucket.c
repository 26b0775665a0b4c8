/* SPDX-License-Identifier: BSD-2-Clause */
#include "bucket.h"

#include "clock.h"

enum { BURST = 10 }; /* of a second */

static int64_t capacity(const struct bucket *b)
{
	return (int64_t)(b->rate / BURST) + 1;
}

void bucket_init(struct bucket *b, uint64_t rate, uint64_t now_ns)
{
	*b = (struct bucket){.rate = rate, .filled_ns = now_ns};
	b->level = capacity(b);
}

static void fill(struct bucket *b, uint64_t now_ns)
{
	uint64_t passed = now_ns > b->filled_ns ? now_ns - b->filled_ns : 0;
	unsigned __int128 bytes = (unsigned __int128)passed * b->rate / TL_SECOND_NS;

	if (bytes == 0) {
		return; /* and let the time add up */
	}
	b->filled_ns = now_ns;
	unsigned __int128 room = (unsigned __int128)(capacity(b) - b->level);
	b->level = bytes < room ? b->level + (int64_t)bytes : capacity(b);
}

uint64_t bucket_wait_ns(struct bucket *b, uint64_t now_ns)
{
	if (b->rate == 0) {
		return 0;
	}
	fill(b, now_ns);
	if (b->level > 0) {
		return 0;
	}
	unsigned __int128 ns = (unsigned __int128)(1 - b->level) * TL_SECOND_NS / b->rate + 1;
	return (uint64_t)ns;
}

void bucket_take(struct bucket *b, uint64_t bytes)
{
	if (b->rate != 0) {
		b->level -= (int64_t)bytes;
	}
}
