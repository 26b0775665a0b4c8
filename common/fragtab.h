/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports of fragmented datagrams: the first fragment leaves them here, later
 * ones take them. 8,192 datagrams, each for 30 s; the newest wins, the oldest
 * goes when the table is full. The kernel engine keeps the same table.
 * One table belongs to one thread. Nothing logs.
 */
#ifndef TL_FRAGTAB_H
#define TL_FRAGTAB_H

#include <stdbool.h>
#include <stdint.h>

#include "../bpf/parse.h"

enum {
	TL_FRAGTAB_ENTRIES = TL_FRAGMENT_ENTRIES,
	TL_FRAGTAB_SECONDS = TL_FRAGMENT_SECONDS,
};

struct tl_fragtab;

int tl_fragtab_create(struct tl_fragtab **out);
void tl_fragtab_destroy(struct tl_fragtab *tab);

/*
 * A first fragment (pkt->frag): remembers its ports and protocol. A later one:
 * fills pkt->key with them and returns true, or sets TL_KEY_FRAGMENT and
 * returns false. pkt->key must have its ifindex and direction by now.
 */
bool tl_fragtab_resolve(struct tl_fragtab *tab, struct tl_packet *pkt, uint64_t now_ns);

#endif
