/* SPDX-License-Identifier: BSD-2-Clause */
/* Where in the flow table a flow is. */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "flowtab_private.h"

/* By whole words: a field cleared in a copy would stall the loads that hash it. */
uint64_t tl_flow_id(const struct tl_flow_key *key)
{
	static const struct tl_flow_key not_hashed = {
		.ifindex = UINT32_MAX, .direction = UINT8_MAX, .pad = UINT8_MAX};
	uint64_t words[sizeof(*key) / 8];
	uint64_t masks[2];

	memcpy(words, key, sizeof(*key));
	memcpy(masks, &not_hashed.src_port, sizeof(masks));
	words[4] &= ~masks[0];
	words[5] &= ~masks[1];
	return XXH3_64bits(words, sizeof(words));
}

void tl_flowtab_index(struct tl_flowtab *tab, uint32_t entry)
{
	uint32_t tag = flowtab_tag(tab, tab->hot[entry].flow.id);
	uint32_t at = tag & tab->bucket_mask;

	while (tab->buckets[at].entry != FLOWTAB_NONE) {
		at = (at + 1) & tab->bucket_mask;
	}
	tab->buckets[at] = (struct bucket){tag, entry};
}

/* Closes the gap behind it, so that no tombstones gather. */
void tl_flowtab_unindex(struct tl_flowtab *tab, uint32_t entry)
{
	const uint32_t mask = tab->bucket_mask;
	uint32_t at = flowtab_tag(tab, tab->hot[entry].flow.id) & mask;

	while (tab->buckets[at].entry != entry) {
		at = (at + 1) & mask;
	}
	for (uint32_t next = (at + 1) & mask; tab->buckets[next].entry != FLOWTAB_NONE;
	     next = (next + 1) & mask) {
		uint32_t home = tab->buckets[next].tag & mask;
		if (((next - home) & mask) >= ((next - at) & mask)) {
			tab->buckets[at] = tab->buckets[next];
			at = next;
		}
	}
	tab->buckets[at].entry = FLOWTAB_NONE;
}

uint32_t tl_flowtab_find(const struct tl_flowtab *tab, const struct tl_flow_key *key, uint64_t id)
{
	return flowtab_find(tab, key, id);
}

const struct tl_flow *tl_flowtab_flow(const struct tl_flowtab *tab, uint32_t entry)
{
	return &tab->hot[entry].flow;
}

/* The flow is the first member. */
uint32_t tl_flowtab_entry(const struct tl_flowtab *tab, const struct tl_flow *flow)
{
	return (uint32_t)((const struct hot *)flow - tab->hot);
}

void tl_flowtab_prefetch_index(const struct tl_flowtab *tab, uint64_t id)
{
	__builtin_prefetch(&tab->buckets[flowtab_tag(tab, id) & tab->bucket_mask]);
}

void tl_flowtab_prefetch_flow(const struct tl_flowtab *tab, uint64_t id)
{
	uint32_t entry = tab->buckets[flowtab_tag(tab, id) & tab->bucket_mask].entry;
	const char *hot = (const char *)&tab->hot[entry];

	__builtin_prefetch(hot, 1);
	__builtin_prefetch(hot + 64, 1);
}
