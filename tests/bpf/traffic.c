/* SPDX-License-Identifier: BSD-2-Clause */
#include "traffic.h"

enum {
	HOT_PAIRS = 8,
	PADDING_MAX = 64,
	SCANNED_PORTS = 4,
	KIND_TCP = 0,
};

static const struct layer kinds[TRAFFIC_KINDS][6] = {
	[KIND_TCP] = {{.kind = LAYER_ETH},
		      {.kind = LAYER_IP4},
		      {.kind = LAYER_TCP, .a = 1, .b = 80, .c = 0x12},
		      {.kind = LAYER_PAYLOAD, .a = 300}},
	{{.kind = LAYER_ETH},
	 {.kind = LAYER_IP4},
	 {.kind = LAYER_PORTS, .a = 2, .b = 53, .c = 17, .d = 8},
	 {.kind = LAYER_PAYLOAD, .a = 40}},
	{{.kind = LAYER_ETH},
	 {.kind = LAYER_IP6},
	 {.kind = LAYER_TCP, .a = 3, .b = 443, .c = 0x10},
	 {.kind = LAYER_PAYLOAD, .a = 10}},
	{{.kind = LAYER_ETH},
	 {.kind = LAYER_TAG, .a = 0x8100, .b = 5},
	 {.kind = LAYER_IP4},
	 {.kind = LAYER_PORTS, .a = 4, .b = 53, .c = 17, .d = 8}},
	{{.kind = LAYER_ETH},
	 {.kind = LAYER_TAG, .a = 0x88a8, .b = 6},
	 {.kind = LAYER_TAG, .a = 0x8100, .b = 7},
	 {.kind = LAYER_IP6},
	 {.kind = LAYER_ICMP, .a = 128, .b = 0, .c = 9, .d = 58}},
	/* a datagram's first fragment, and a later one */
	{{.kind = LAYER_ETH},
	 {.kind = LAYER_IP4, .a = 0, .b = 0x2000, .c = 1},
	 {.kind = LAYER_PORTS, .a = 5, .b = 53, .c = 17, .d = 8},
	 {.kind = LAYER_PAYLOAD, .a = 80}},
	{{.kind = LAYER_ETH},
	 {.kind = LAYER_IP4, .a = 0, .b = 11, .c = 1},
	 {.kind = LAYER_NAMED, .a = 17},
	 {.kind = LAYER_PAYLOAD, .a = 24}},
	{{.kind = LAYER_ETH},
	 {.kind = LAYER_IP6},
	 {.kind = LAYER_FRAG6, .a = 8, .b = 1},
	 {.kind = LAYER_NAMED, .a = 6},
	 {.kind = LAYER_PAYLOAD, .a = 16}},
	{{.kind = LAYER_ETH}, {.kind = LAYER_NAMED, .a = 0x0806}, {.kind = LAYER_PAYLOAD, .a = 46}},
	{{.kind = LAYER_ETH}, {.kind = LAYER_NAMED, .a = 0x88cc}, {.kind = LAYER_PAYLOAD, .a = 30}},
	{{.kind = LAYER_ETH},
	 {.kind = LAYER_NAMED, .a = 0x8864},
	 {.kind = LAYER_PAYLOAD, .a = 46}}, /* PPPoE of no version */
	{{.kind = LAYER_ETH},
	 {.kind = LAYER_NAMED, .a = 0x0800},
	 {.kind = LAYER_PAYLOAD, .a = 46}}, /* IPv4 of no version */
};

void traffic_begin(struct traffic *t, uint64_t seed)
{
	t->state = seed * 0x9e3779b97f4a7c15ull + 1;
	for (int kind = 0; kind < TRAFFIC_KINDS; kind++) {
		struct packet *p = &t->packets[kind];
		packet_begin(p);
		for (int i = 0; i < 6 && kinds[kind][i].kind != LAYER_END; i++) {
			packet_push(p, &kinds[kind][i]);
		}
		packet_close(p);
	}
}

/* splitmix64 */
uint64_t traffic_random(struct traffic *t)
{
	uint64_t z = t->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* The source varies, and the networks that coarse flows keep. */
static void set_pair(struct packet *p, uint32_t pair)
{
	uint8_t *h = p->bytes + p->ip[0];
	uint8_t *src = h[0] >> 4 == 4 ? h + 12 : h + 20;
	uint8_t *net = h[0] >> 4 == 4 ? h + 18 : h + 31;

	if (p->ip_count > 0) {
		src[2] = (uint8_t)(pair >> 8);
		src[3] = (uint8_t)pair;
		*net = (uint8_t)(pair >> 5);
	}
}

const struct given *traffic_next(struct traffic *t, enum kernel_hook hook)
{
	uint64_t dice = traffic_random(t);
	uint32_t kind = (uint32_t)(dice >> 8) % TRAFFIC_KINDS;
	uint32_t pairs = dice & 1 ? HOT_PAIRS : TRAFFIC_PAIRS;
	struct packet *p = &t->packets[kind];

	set_pair(p, (uint32_t)(dice >> 32) % pairs);
	t->frame = (struct given){
		.bytes = p->bytes,
		.len = p->len + (uint32_t)(dice >> 1) % PADDING_MAX,
	};
	if (hook != KERNEL_XDP && kind == KIND_TCP && dice >> 60 == 0) {
		t->frame.gso_size = 1 + (uint32_t)(dice >> 52) % 256;
	}
	return &t->frame;
}

const struct given *traffic_scan(struct traffic *t, uint32_t flow)
{
	struct packet *p = &t->packets[KIND_TCP];
	uint32_t host = flow / SCANNED_PORTS;
	uint8_t *h = p->bytes + p->ip[0];

	h[17] = (uint8_t)(host >> 16);
	h[18] = (uint8_t)(host >> 8);
	h[19] = (uint8_t)host;
	h[23] = (uint8_t)(flow % SCANNED_PORTS);
	t->frame = (struct given){.bytes = p->bytes, .len = 60};
	return &t->frame;
}
