/* SPDX-License-Identifier: BSD-2-Clause */
/* A set of numbers as ranges [from, to): in order, apart, at most TL_RANGES_MAX. Nothing logs. */
#ifndef TL_RANGES_H
#define TL_RANGES_H

#include <stdbool.h>
#include <stdint.h>

enum { TL_RANGES_MAX = 1024 };

struct tl_range {
	uint64_t from;
	uint64_t to;
};

/* Zero-initialised is empty. */
struct tl_ranges {
	struct tl_range *items;
	uint32_t count;
	uint32_t capacity;
	uint64_t closed; /* numbers between ranges that were joined at the limit: gaps for good */
};

void tl_ranges_fini(struct tl_ranges *set);

/* How many of [from, to) are in the set. */
uint64_t tl_ranges_covered(const struct tl_ranges *set, uint64_t from, uint64_t to);

bool tl_ranges_has(const struct tl_ranges *set, uint64_t number);

/* Adds; 0 or -ENOMEM. At the limit the two lowest ranges become one. */
int tl_ranges_add(struct tl_ranges *set, uint64_t from, uint64_t to);

/* Removes; more than that, the rest of a range, when there is no room for the two it becomes. */
void tl_ranges_remove(struct tl_ranges *set, uint64_t from, uint64_t to);

/* Finds the first numbers of [from, to) that are not in the set: true and *gap. */
bool tl_ranges_gap(const struct tl_ranges *set, uint64_t from, uint64_t to, struct tl_range *gap);

#endif
