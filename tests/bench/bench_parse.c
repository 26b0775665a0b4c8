/* SPDX-License-Identifier: BSD-2-Clause */
/* ns a packet of the parser alone, on packets of the golden table that are in the cache. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/parse.h"
#include "sample.h"
#include "tests/golden/packets.h"

enum {
	COPIES = 16,
	ROUNDS = 50000,
};

static const char *const rows[] = {
	"v4 tcp syn",
	"v4 udp",
	"v4 options 40",
	"icmp echo request",
	"v6 tcp fin",
	"v6 udp",
	"v6 hop-by-hop",
	"v6 all six",
	"vlan 8100",
	"qinq 88a8 8100",
	"pppoe v4",
	"mpls 1 v4",
	"mpls 8",
	"v4 first fragment udp",
	"v4 later fragment",
	"v6 first fragment udp",
	"v6 later fragment",
	"vlan arp",
	"cut after tcp ports",
};

static struct golden_frame frames[COPIES];

static void parse_all(void *ctx)
{
	(void)ctx;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < COPIES; i++) {
			const struct golden_frame *f = &frames[i];
			const uint8_t *bytes = f->packet.bytes;
			struct tl_packet pkt;
			tl_parse_begin(&pkt);
			tl_parse_ethernet(bytes, bytes + f->len, f->wire_len, &pkt);
			sample_keep(&pkt);
		}
	}
}

static const struct golden_row *find_row(const char *name)
{
	for (unsigned int i = 0; i < golden_row_count; i++) {
		if (strcmp(golden_rows[i].name, name) == 0) {
			return &golden_rows[i];
		}
	}
	fprintf(stderr, "bench_parse: tests/golden/rows.c has no row '%s'\n", name);
	exit(1);
}

int main(void)
{
	sample_environment("bench_parse: tl_parse_ethernet, per packet");
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct golden_row *row = find_row(rows[i]);
		for (unsigned int copy = 0; copy < COPIES; copy++) {
			golden_build(row, &frames[copy]);
		}
		sample_time(row->name, (uint64_t)ROUNDS * COPIES, parse_all, 0);
	}
	return 0;
}
