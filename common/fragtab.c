/* SPDX-License-Identifier: BSD-2-Clause */
#include "fragtab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "clock.h"

enum {
	CHAINS = 2 * TL_FRAGTAB_ENTRIES,
	NONE = 0, /* entries are numbered from 1 */
};

struct entry {
	struct tl_datagram datagram;
	uint64_t seen_ns;
	uint32_t chain;
	uint16_t next; /* in the chain */
	uint16_t src_port;
	uint16_t dst_port;
	uint8_t proto; /* after all extension headers */
	bool live;
};

struct tl_fragtab {
	struct entry entries[TL_FRAGTAB_ENTRIES + 1];
	uint16_t chains[CHAINS];
	uint16_t last; /* entry handed out last: they go round */
	uint64_t seed; /* or 8,192 datagrams picked to share a chain would cost 50 us a fragment */
};

int tl_fragtab_create(struct tl_fragtab **out)
{
	struct tl_fragtab *tab = calloc(1, sizeof(*tab));
	if (!tab) {
		return -ENOMEM;
	}
	if (getrandom(&tab->seed, sizeof(tab->seed), 0) != sizeof(tab->seed)) {
		free(tab);
		return -EIO;
	}
	*out = tab;
	return 0;
}

void tl_fragtab_destroy(struct tl_fragtab *tab)
{
	free(tab);
}

static uint16_t find(const struct tl_fragtab *tab, const struct tl_datagram *d, uint32_t chain)
{
	uint16_t at = tab->chains[chain];

	while (at != NONE && memcmp(&tab->entries[at].datagram, d, sizeof(*d)) != 0) {
		at = tab->entries[at].next;
	}
	return at;
}

static void drop(struct tl_fragtab *tab, uint16_t entry)
{
	uint16_t *link = &tab->chains[tab->entries[entry].chain];

	while (*link != entry) {
		link = &tab->entries[*link].next;
	}
	*link = tab->entries[entry].next;
	tab->entries[entry].live = false;
}

static void remember(struct tl_fragtab *tab, const struct tl_datagram *d, uint32_t chain,
		     const struct tl_packet *pkt, uint64_t now_ns)
{
	uint16_t known = find(tab, d, chain);
	uint16_t at = (uint16_t)(tab->last % TL_FRAGTAB_ENTRIES + 1);

	if (known != NONE) {
		drop(tab, known);
	}
	if (tab->entries[at].live) {
		drop(tab, at);
	}
	tab->entries[at] = (struct entry){
		.datagram = *d,
		.seen_ns = now_ns,
		.chain = chain,
		.next = tab->chains[chain],
		.src_port = pkt->key.src_port,
		.dst_port = pkt->key.dst_port,
		.proto = pkt->key.proto,
		.live = true,
	};
	tab->chains[chain] = at;
	tab->last = at;
}

static bool recall(const struct tl_fragtab *tab, const struct tl_datagram *d, uint32_t chain,
		   struct tl_packet *pkt, uint64_t now_ns)
{
	uint16_t at = find(tab, d, chain);
	const struct entry *e = &tab->entries[at];

	if (at == NONE || now_ns > e->seen_ns + TL_FRAGTAB_SECONDS * TL_SECOND_NS) {
		pkt->key.flags |= TL_KEY_FRAGMENT;
		return false;
	}
	pkt->key.src_port = e->src_port;
	pkt->key.dst_port = e->dst_port;
	pkt->key.proto = e->proto;
	return true;
}

bool tl_fragtab_resolve(struct tl_fragtab *tab, struct tl_packet *pkt, uint64_t now_ns)
{
	struct tl_datagram d;

	tl_parse_datagram(pkt, &d);
	uint32_t chain = (uint32_t)(XXH3_64bits_withSeed(&d, sizeof(d), tab->seed) % CHAINS);

	if (pkt->frag == TL_FRAG_FIRST) {
		remember(tab, &d, chain, pkt, now_ns);
		return true;
	}
	return recall(tab, &d, chain, pkt, now_ns);
}
