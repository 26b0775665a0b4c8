/* SPDX-License-Identifier: BSD-2-Clause */
#include "ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void tl_ranges_fini(struct tl_ranges *set)
{
	free(set->items);
	*set = (struct tl_ranges){0};
}

/* The first range that ends at or after `number`. */
static uint32_t find(const struct tl_ranges *set, uint64_t number)
{
	uint32_t low = 0;
	uint32_t high = set->count;

	/* Streams grow at their end. */
	if (high > 0 && set->items[high - 1].from <= number) {
		return set->items[high - 1].to >= number ? high - 1 : high;
	}
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (set->items[middle].to < number) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

uint64_t tl_ranges_covered(const struct tl_ranges *set, uint64_t from, uint64_t to)
{
	uint64_t covered = 0;

	for (uint32_t i = find(set, from); i < set->count && set->items[i].from < to; i++) {
		uint64_t low = set->items[i].from > from ? set->items[i].from : from;
		uint64_t high = set->items[i].to < to ? set->items[i].to : to;
		covered += high > low ? high - low : 0;
	}
	return covered;
}

bool tl_ranges_has(const struct tl_ranges *set, uint64_t number)
{
	return tl_ranges_covered(set, number, number + 1) > 0;
}

static void remove_items(struct tl_ranges *set, uint32_t at, uint32_t count)
{
	memmove(set->items + at, set->items + at + count,
		(set->count - at - count) * sizeof(*set->items));
	set->count -= count;
}

static int grow(struct tl_ranges *set)
{
	uint32_t capacity = set->capacity ? 2 * set->capacity : 4;
	struct tl_range *items = realloc(set->items, capacity * sizeof(*items));

	if (!items) {
		return -ENOMEM;
	}
	set->items = items;
	set->capacity = capacity;
	return 0;
}

static int insert(struct tl_ranges *set, uint32_t at, struct tl_range range)
{
	if (set->count == set->capacity && grow(set) < 0) {
		return -ENOMEM;
	}
	memmove(set->items + at + 1, set->items + at, (set->count - at) * sizeof(*set->items));
	set->items[at] = range;
	set->count++;
	if (set->count > TL_RANGES_MAX) {
		set->closed += set->items[1].from - set->items[0].to;
		set->items[0].to = set->items[1].to;
		remove_items(set, 1, 1);
	}
	return 0;
}

int tl_ranges_add(struct tl_ranges *set, uint64_t from, uint64_t to)
{
	uint32_t at = find(set, from);
	uint32_t last = at;

	if (from >= to) {
		return 0;
	}
	while (last < set->count && set->items[last].from <= to) {
		last++;
	}
	if (last == at) {
		return insert(set, at, (struct tl_range){from, to});
	}
	struct tl_range *first = &set->items[at];
	first->from = first->from < from ? first->from : from;
	first->to = set->items[last - 1].to > to ? set->items[last - 1].to : to;
	remove_items(set, at + 1, last - at - 1);
	return 0;
}

/* The hole [from, to) within the range at `at`. */
static void split(struct tl_ranges *set, uint32_t at, uint64_t from, uint64_t to)
{
	struct tl_range low = {set->items[at].from, from};

	set->items[at].from = to;
	if (set->count < TL_RANGES_MAX) {
		insert(set, at, low);
	}
}

void tl_ranges_remove(struct tl_ranges *set, uint64_t from, uint64_t to)
{
	uint32_t at = find(set, from);

	while (from < to && at < set->count && set->items[at].from < to) {
		struct tl_range *item = &set->items[at];
		if (item->from < from && item->to > to) {
			split(set, at, from, to);
			return;
		}
		if (item->from < from) {
			item->to = item->to < from ? item->to : from;
			at++;
		} else if (item->to > to) {
			item->from = to;
			return;
		} else {
			remove_items(set, at, 1);
		}
	}
}

bool tl_ranges_gap(const struct tl_ranges *set, uint64_t from, uint64_t to, struct tl_range *gap)
{
	uint32_t at = find(set, from);

	/* A range that ends at `from` only touches it. */
	if (at < set->count && set->items[at].to == from) {
		at++;
	}
	if (at < set->count && set->items[at].from <= from) {
		from = set->items[at].to;
		at++;
	}
	if (from >= to) {
		return false;
	}
	bool next = at < set->count && set->items[at].from < to;
	*gap = (struct tl_range){from, next ? set->items[at].from : to};
	return true;
}
