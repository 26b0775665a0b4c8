/* SPDX-License-Identifier: BSD-2-Clause */
/* What the encoders of our own events share. */
#ifndef TL_EVENT_PRIVATE_H
#define TL_EVENT_PRIVATE_H

#include "event.h"

/* The one edge of flows and packets: src_ip to dst_ip. */
extern const struct tl_edge tl_event_ip_edge;
extern const struct tl_str tl_event_id_name; /* community_id */

/* Each interns its shapes, in the order of enum tl_event_shape; 0 or -errno. */
int tl_event_add_flow_shapes(struct tl_shapes *shapes, bool with_id);
int tl_event_add_packet_shapes(struct tl_shapes *shapes, bool with_id);
int tl_event_add_stats_shape(struct tl_shapes *shapes);

static inline uint8_t *put_u8(uint8_t *p, uint8_t v)
{
	p[0] = TL_MP_U8;
	p[1] = v;
	return p + 2;
}

static inline uint8_t *put_u16(uint8_t *p, uint16_t v)
{
	return tl_mp_put_be16(tl_mp_put_byte(p, TL_MP_U16), v);
}

/* A value that is in network order already. */
static inline uint8_t *put_be16(uint8_t *p, uint16_t v)
{
	p[0] = TL_MP_U16;
	memcpy(p + 1, &v, 2);
	return p + 3;
}

static inline uint8_t *put_address(uint8_t *p, const uint8_t address[16], bool v6)
{
	uint8_t len = v6 ? 16 : 4;

	p[0] = TL_MP_BIN8;
	p[1] = len;
	memcpy(p + 2, address + 16 - len, len);
	return p + 2 + len;
}

static inline bool is_icmp(const struct tl_flow_key *key)
{
	return key->proto == 1 || key->proto == 58;
}

static inline bool is_v6(const struct tl_flow_key *key)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(key->src, mapped, 12) != 0 || memcmp(key->dst, mapped, 12) != 0;
}

static inline uint8_t *put_key(uint8_t *p, const struct tl_flow_key *key, bool v6, bool icmp)
{
	p = put_address(p, key->src, v6);
	p = put_address(p, key->dst, v6);
	p = put_be16(p, icmp ? 0 : key->src_port);
	p = put_be16(p, icmp ? 0 : key->dst_port);
	p = put_u8(p, key->proto);
	p = put_be16(p, key->vlan);
	p = put_be16(p, key->vlan_inner);
	return tl_mp_put_byte(p, key->direction & 1);
}

/* ICMP: dst_port holds type << 8 | code, src_port the echo id. */
static inline uint8_t *put_icmp(uint8_t *p, const struct tl_flow_key *key)
{
	const uint8_t *type_code = (const uint8_t *)&key->dst_port;

	p = put_u8(p, type_code[0]);
	p = put_u8(p, type_code[1]);
	return put_be16(p, key->src_port);
}

#endif
