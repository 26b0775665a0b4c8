/* SPDX-License-Identifier: BSD-2-Clause */
#include "packets.h"

#include <assert.h>
#include <string.h>

static const uint8_t v4_src[4] = {10, 0, 0, 1};
static const uint8_t v4_dst[4] = {10, 0, 0, 2};
static const uint8_t v6_src[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
static const uint8_t v6_dst[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 2};

static uint8_t *grow(struct packet *p, uint32_t len)
{
	assert(p->len + len <= PACKET_MAX);
	uint8_t *at = p->bytes + p->len;
	memset(at, 0, len);
	p->len += len;
	return at;
}

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

static void names_next(struct packet *p, const uint8_t *field, enum packet_naming naming)
{
	p->next = (uint32_t)(field - p->bytes);
	p->naming = naming;
}

static uint32_t ethertype_of(const struct layer *layer)
{
	switch (layer->kind) {
	case LAYER_ETH:
		return 0x6558;
	case LAYER_TAG:
		return layer->a;
	case LAYER_PPPOE:
		return 0x8864;
	case LAYER_MPLS:
		return 0x8847;
	case LAYER_IP4:
		return 0x0800;
	case LAYER_IP6:
		return 0x86dd;
	default:
		return 0x88b5; /* local experimental */
	}
}

static uint32_t ppp_of(const struct layer *layer)
{
	return layer->kind == LAYER_IP4	   ? 0x0021
	       : layer->kind == LAYER_IP6  ? 0x0057
	       : layer->kind == LAYER_MPLS ? 0x0281
					   : 0xc021; /* LCP */
}

static uint32_t protocol_of(const struct layer *layer)
{
	switch (layer->kind) {
	case LAYER_IP4:
		return 4;
	case LAYER_IP6:
		return 41;
	case LAYER_EXT:
		return layer->a;
	case LAYER_FRAG6:
		return 44;
	case LAYER_AH:
		return 51;
	case LAYER_TCP:
		return 6;
	case LAYER_PORTS:
		return layer->c;
	case LAYER_ICMP:
		return layer->d;
	case LAYER_GRE:
		return 47;
	default:
		return 253; /* experimental */
	}
}

static void name_layer(struct packet *p, const struct layer *layer)
{
	uint8_t *field = p->bytes + p->next;
	bool named = layer->kind == LAYER_NAMED;

	switch (p->naming) {
	case NAMING_NONE:
		break;
	case NAMING_ETHERTYPE:
		put16(field, named ? layer->a : ethertype_of(layer));
		break;
	case NAMING_PPP:
		put16(field, named ? layer->a : ppp_of(layer));
		break;
	case NAMING_IP:
		*field = (uint8_t)(named ? layer->a : protocol_of(layer));
		break;
	case NAMING_MPLS:
		*field = layer->kind == LAYER_MPLS ? 0 : 1;
		break;
	}
	p->naming = NAMING_NONE;
}

static void push_eth(struct packet *p)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	uint8_t *h = grow(p, 14);
	memcpy(h, macs, sizeof(macs));
	names_next(p, h + 12, NAMING_ETHERTYPE);
}

static void push_tag(struct packet *p, const struct layer *layer)
{
	uint8_t *h = grow(p, 4);
	put16(h, layer->b);
	names_next(p, h + 2, NAMING_ETHERTYPE);
}

static void push_pppoe(struct packet *p)
{
	uint8_t *h = grow(p, 8);
	h[0] = 0x11;
	put16(h + 2, 0x0042);
	names_next(p, h + 6, NAMING_PPP);
}

static void push_mpls(struct packet *p, const struct layer *layer)
{
	uint8_t *h = grow(p, 4);
	put32(h, layer->a << 12 | 64);
	names_next(p, h + 2, NAMING_MPLS);
	h[2] |= 1;
}

static void push_ip4(struct packet *p, const struct layer *layer)
{
	assert(p->ip_count < PACKET_MAX_IP);
	p->ip[p->ip_count++] = p->len;
	uint8_t *h = grow(p, 20 + layer->a);
	h[0] = (uint8_t)(0x45 + layer->a / 4);
	h[1] = 0x20;
	put16(h + 4, layer->c);
	put16(h + 6, layer->b);
	h[8] = 61;
	memcpy(h + 12, v4_src, 4);
	memcpy(h + 16, v4_dst, 4);
	memset(h + 20, 1, layer->a); /* no-operation options */
	names_next(p, h + 9, NAMING_IP);
}

static void push_ip6(struct packet *p)
{
	assert(p->ip_count < PACKET_MAX_IP);
	p->ip[p->ip_count++] = p->len;
	uint8_t *h = grow(p, 40);
	h[0] = 0x62; /* traffic class 0x20 */
	h[7] = 61;
	memcpy(h + 8, v6_src, 16);
	memcpy(h + 24, v6_dst, 16);
	names_next(p, h + 6, NAMING_IP);
}

static void push_ext(struct packet *p, const struct layer *layer)
{
	uint8_t *h = grow(p, layer->b);
	h[1] = (uint8_t)(layer->b / 8 - 1);
	if (layer->a != 43 && layer->a != 135) {
		h[2] = 1; /* PadN over the rest of the first 8 bytes */
		h[3] = 4;
	}
	names_next(p, h, NAMING_IP);
}

static void push_frag6(struct packet *p, const struct layer *layer)
{
	uint8_t *h = grow(p, 8);
	put16(h + 2, layer->a);
	put32(h + 4, layer->b);
	names_next(p, h, NAMING_IP);
}

static void push_ah(struct packet *p, const struct layer *layer)
{
	uint8_t *h = grow(p, layer->a);
	h[1] = (uint8_t)(layer->a / 4 - 2);
	put32(h + 4, 0x1234);
	names_next(p, h, NAMING_IP);
}

static void push_tcp(struct packet *p, const struct layer *layer)
{
	uint8_t *h = grow(p, 20);
	put16(h, layer->a);
	put16(h + 2, layer->b);
	put32(h + 4, 1);
	h[12] = 5 << 4;
	h[13] = (uint8_t)layer->c;
	put16(h + 14, 65535);
}

static void push_ports(struct packet *p, const struct layer *layer)
{
	if (layer->c == 17) {
		p->udp = p->len;
	}
	uint8_t *h = grow(p, layer->d);
	put16(h, layer->a);
	put16(h + 2, layer->b);
}

static void push_icmp(struct packet *p, const struct layer *layer)
{
	uint8_t *h = grow(p, 8);
	h[0] = (uint8_t)layer->a;
	h[1] = (uint8_t)layer->b;
	put16(h + 4, layer->c);
}

static void push_gre(struct packet *p)
{
	uint8_t *h = grow(p, 4);
	names_next(p, h + 2, NAMING_ETHERTYPE);
}

static void push_payload(struct packet *p, uint32_t len)
{
	uint8_t *at = grow(p, len);
	for (uint32_t i = 0; i < len; i++) {
		at[i] = (uint8_t)(0xa0 + i % 16);
	}
}

void packet_begin(struct packet *p)
{
	memset(p, 0, sizeof(*p));
}

void packet_push(struct packet *p, const struct layer *layer)
{
	name_layer(p, layer);
	switch (layer->kind) {
	case LAYER_ETH:
		push_eth(p);
		break;
	case LAYER_TAG:
		push_tag(p, layer);
		break;
	case LAYER_PPPOE:
		push_pppoe(p);
		break;
	case LAYER_MPLS:
		push_mpls(p, layer);
		break;
	case LAYER_IP4:
		push_ip4(p, layer);
		break;
	case LAYER_IP6:
		push_ip6(p);
		break;
	case LAYER_EXT:
		push_ext(p, layer);
		break;
	case LAYER_FRAG6:
		push_frag6(p, layer);
		break;
	case LAYER_AH:
		push_ah(p, layer);
		break;
	case LAYER_TCP:
		push_tcp(p, layer);
		break;
	case LAYER_PORTS:
		push_ports(p, layer);
		break;
	case LAYER_ICMP:
		push_icmp(p, layer);
		break;
	case LAYER_GRE:
		push_gre(p);
		break;
	case LAYER_PAYLOAD:
		push_payload(p, layer->a);
		break;
	case LAYER_NAMED:
	case LAYER_END:
		break;
	}
}

void packet_set_addresses(struct packet *p, const uint8_t *src, const uint8_t *dst)
{
	uint8_t *h = p->bytes + p->ip[p->ip_count - 1];
	bool v4 = h[0] >> 4 == 4;
	uint32_t len = v4 ? 4 : 16;
	uint32_t at = v4 ? 12 : 8;
	memcpy(h + at, src, len);
	memcpy(h + at + len, dst, len);
}

static uint16_t ip4_checksum(const uint8_t *h, uint32_t len)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < len; i += 2) {
		sum += (uint32_t)(h[i] << 8 | h[i + 1]);
	}
	while (sum >> 16) {
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)~sum;
}

void packet_close(struct packet *p)
{
	for (unsigned int i = 0; i < p->ip_count; i++) {
		uint8_t *h = p->bytes + p->ip[i];
		uint32_t total = p->len - p->ip[i];
		if (h[0] >> 4 == 4) {
			put16(h + 2, total);
			put16(h + 10, ip4_checksum(h, (uint32_t)(h[0] & 0xf) * 4));
		} else {
			put16(h + 4, total - 40);
		}
	}
	if (p->udp) {
		put16(p->bytes + p->udp + 4, p->len - p->udp);
	}
}

void golden_build(const struct golden_row *row, struct golden_frame *frame)
{
	struct packet *p = &frame->packet;

	packet_begin(p);
	for (unsigned int i = 0; row->layers[i].kind != LAYER_END; i++) {
		packet_push(p, &row->layers[i]);
	}
	packet_close(p);
	for (unsigned int i = 0; i < 8 && row->poke[i].offset != 0; i++) {
		p->bytes[row->poke[i].offset] = row->poke[i].value;
	}
	frame->wire_len = row->wire_len ? row->wire_len : p->len;
	frame->len = row->snap ? row->snap : p->len;
}

void golden_addresses(const struct golden_row *row, uint8_t src[16], uint8_t dst[16])
{
	if (row->ip == 6) {
		memcpy(src, v6_src, 16);
		memcpy(dst, v6_dst, 16);
		return;
	}
	memset(src, 0, 16);
	memset(dst, 0, 16);
	memset(src + 10, 0xff, 2);
	memset(dst + 10, 0xff, 2);
	memcpy(src + 12, v4_src, 4);
	memcpy(dst + 12, v4_dst, 4);
}
