/* SPDX-License-Identifier: BSD-2-Clause */
/* The packet events of --raw. */
#include "event_private.h"

static const struct tl_str packet_names[] = {
	TL_STR("src_ip"),    TL_STR("dst_ip"),	  TL_STR("src_port"),	TL_STR("dst_port"),
	TL_STR("proto"),     TL_STR("vlan"),	  TL_STR("vlan_inner"), TL_STR("direction"),
	TL_STR("tcp_flags"), TL_STR("length"),	  TL_STR("ip_bytes"),	TL_STR("segments"),
	TL_STR("ttl"),	     TL_STR("tos"),	  TL_STR("flags"),	TL_STR("payload"),
	TL_STR("icmp_type"), TL_STR("icmp_code"), TL_STR("icmp_id"),
};

enum { PACKET_NAMES = 16, PACKET_NAMES_ICMP = 19 };

static int intern(struct tl_shapes *shapes, unsigned int count, bool with_id)
{
	struct tl_str names[PACKET_NAMES_ICMP + 1];

	memcpy(names, packet_names, count * sizeof(names[0]));
	if (with_id) {
		names[count++] = tl_event_id_name;
	}
	return tl_shapes_intern(shapes, TL_STR("packet"), names, count, &tl_event_ip_edge, 1);
}

int tl_event_add_packet_shapes(struct tl_shapes *shapes, bool with_id)
{
	int id = intern(shapes, PACKET_NAMES, with_id);

	if (id > 0) {
		id = intern(shapes, PACKET_NAMES_ICMP, with_id);
	}
	return id < 0 ? id : 0;
}

uint32_t tl_packet_event_encode(uint8_t *p, const struct tl_packet_event *packet, uint64_t ts_ns,
				unsigned int *shape)
{
	const struct tl_flow_key *key = packet->key;
	const bool icmp = is_icmp(key);
	uint8_t *at = p;

	*shape = icmp ? TL_SHAPE_PACKET_ICMP : TL_SHAPE_PACKET;
	at = tl_mp_put_array(at, 2 + (icmp ? PACKET_NAMES_ICMP : PACKET_NAMES));
	at = tl_mp_put_uint(at, *shape);
	at = tl_mp_put_time(at, ts_ns);
	at = put_key(at, key, is_v6(key), icmp);
	at = put_u8(at, packet->tcp_flags);
	at = tl_mp_put_uint(at, packet->length);
	at = tl_mp_put_uint(at, packet->ip_bytes);
	at = tl_mp_put_uint(at, packet->segments);
	at = put_u8(at, packet->ttl);
	at = put_u8(at, packet->tos);
	at = tl_mp_put_byte(at, key->flags & 0x7f);
	at = tl_mp_put_bin(at, packet->payload, packet->payload_len);
	if (icmp) {
		at = put_icmp(at, key);
	}
	return (uint32_t)(at - p);
}
