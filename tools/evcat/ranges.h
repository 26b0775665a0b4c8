/* SPDX-License-Identifier: BSD-2-Clause */
/* A set of numbers as ranges [from, to): in order, apart, at most RANGES_MAX. Nothing logs. */
#ifndef EVCAT_RANGES_H
#define EVCAT_RANGES_H

#include <stdbool.h>
#include <stdint.h>

enum { RANGES_MAX = 1024 };

struct range {
	uint64_t from;
	uint64_t to;
};

/* Zero-initialised is empty. */
struct ranges {
	struct range *items;
	uint32_t count;
	uint32_t capacity;
	uint64_t closed; /* numbers between ranges that were joined at the limit: gaps for good */
};

void ranges_fini(struct ranges *set);

/* How many of [from, to) are in the set. */
uint64_t ranges_covered(const struct ranges *set, uint64_t from, uint64_t to);

bool ranges_has(const struct ranges *set, uint64_t number);

/* Adds; 0 or -ENOMEM. At the limit the two lowest ranges become one. */
int ranges_add(struct ranges *set, uint64_t from, uint64_t to);

#endif
