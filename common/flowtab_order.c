/* SPDX-License-Identifier: BSD-2-Clause */
/* Which flow of the flow table comes next: to be evicted, to be looked at by a timer. */
#include "clock.h"
#include "flowtab_private.h"

/* --- the order of eviction ------------------------------------------------ */

void tl_flowtab_queue(struct tl_flowtab *tab, uint32_t entry)
{
	struct cold *c = &tab->cold[entry];

	c->queued_s = (uint32_t)(tab->hot[entry].flow.end_ns / TL_SECOND_NS);
	c->newer = FLOWTAB_NONE;
	c->older = tab->newest;
	tab->cold[tab->newest].newer = entry;
	tab->newest = entry;
	if (tab->oldest == FLOWTAB_NONE) {
		tab->oldest = entry;
	}
}

void tl_flowtab_unqueue(struct tl_flowtab *tab, uint32_t entry)
{
	const struct cold *c = &tab->cold[entry];

	if (c->older != FLOWTAB_NONE) {
		tab->cold[c->older].newer = c->newer;
	} else {
		tab->oldest = c->newer;
	}
	if (c->newer != FLOWTAB_NONE) {
		tab->cold[c->newer].older = c->older;
	} else {
		tab->newest = c->older;
	}
}

/* --- the wheel ------------------------------------------------------------ */

void tl_flowtab_schedule(struct tl_flowtab *tab, uint32_t entry)
{
	const struct hot *h = &tab->hot[entry];
	uint64_t due = h->flow.end_ns + flowtab_quiet_limit(tab, &h->flow);
	uint64_t active = tab->config.active_ns;

	if (active != 0 && h->updated_ns + active < due) {
		due = h->updated_ns + active;
	}
	/* The tick after the one it is due in: then it is due for certain. */
	uint64_t tick = (due >> FLOWTAB_TICK_SHIFT) + 1;
	if (tick <= tab->tick) {
		tick = tab->tick + 1;
	} else if (tick >= tab->tick + FLOWTAB_SLOTS) {
		tick = tab->tick + FLOWTAB_SLOTS - 1;
	}
	uint32_t slot = (uint32_t)(tick % FLOWTAB_SLOTS);
	struct cold *c = &tab->cold[entry];
	c->slot = slot;
	c->prev = FLOWTAB_NONE;
	c->next = tab->wheel[slot];
	tab->cold[c->next].prev = entry;
	tab->wheel[slot] = entry;
}

void tl_flowtab_unschedule(struct tl_flowtab *tab, uint32_t entry)
{
	const struct cold *c = &tab->cold[entry];

	if (c->prev != FLOWTAB_NONE) {
		tab->cold[c->prev].next = c->next;
	} else {
		tab->wheel[c->slot] = c->next;
	}
	tab->cold[c->next].prev = c->prev;
}
