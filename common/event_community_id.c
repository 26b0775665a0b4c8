/* SPDX-License-Identifier: BSD-2-Clause */
/* community_id, the last entity of flow and packet events that have one. */
#include "community_id.h"
#include "event_private.h"

static void compute(char text[TL_COMMUNITY_ID_LEN], const struct tl_flow_key *key)
{
	const uint8_t *src_port = (const uint8_t *)&key->src_port;
	const uint8_t *dst_port = (const uint8_t *)&key->dst_port; /* of ICMP type and code */
	const bool icmp = is_icmp(key);
	const uint32_t address_len = is_v6(key) ? 16 : 4;

	tl_community_id(text, &(struct tl_community_id){
				      .src = key->src + 16 - address_len,
				      .dst = key->dst + 16 - address_len,
				      .address_len = address_len,
				      .proto = key->proto,
				      .src_port = icmp ? dst_port[0] : tl_mp_be16(src_port),
				      .dst_port = icmp ? dst_port[1] : tl_mp_be16(dst_port),
				      .no_ports = (key->flags & TL_KEY_FRAGMENT) != 0,
			      });
}

/* Both encoders write the array as dc and two bytes, and our ids in one. */
uint32_t tl_event_add_community_id(uint8_t *p, uint32_t len, const struct tl_flow_key *key,
				   unsigned int *shape)
{
	char text[TL_COMMUNITY_ID_LEN];

	if (key->flags & TL_KEY_COARSE) {
		return len;
	}
	compute(text, key);
	*shape += TL_SHAPE_WITH_ID;
	p[2]++;
	p[3] = (uint8_t)*shape;
	return (uint32_t)(tl_mp_put_str(p + len, (struct tl_str){text, sizeof(text)}) - p);
}
