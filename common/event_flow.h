/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private to the flow events: their fields in order, and the templates that
 * follow from them.
 */
#ifndef TL_EVENT_FLOW_H
#define TL_EVENT_FLOW_H

#include "event_private.h"

enum width {
	ADDR, /* bin4 or bin16 */
	FIX,  /* positive fixint: below 128 */
	U8,
	U16,
	U64,
	TIME,
	ID, /* str of TL_COMMUNITY_ID_LEN bytes */
};

enum when {
	ALWAYS,
	ICMP_ONLY,
	END_ONLY,
	ID_ONLY,
};

enum field {
	F_SRC_IP,
	F_DST_IP,
	F_SRC_PORT,
	F_DST_PORT,
	F_PROTO,
	F_VLAN,
	F_VLAN_INNER,
	F_DIRECTION,
	F_ICMP_TYPE,
	F_ICMP_CODE,
	F_ICMP_ID,
	F_TCP_FLAGS,
	F_PACKETS,
	F_BYTES,
	F_IP_BYTES,
	F_SKBS,
	F_MIN_LEN,
	F_MAX_LEN,
	F_TTL,
	F_TOS,
	F_START,
	F_END,
	F_END_REASON,
	F_FLOW_ID,
	F_FLAGS,
	F_COMMUNITY_ID,
	F_COUNT,
};

struct tl_flow_field {
	struct tl_str name;
	enum width width;
	enum when when;
	uint64_t max; /* of the number, all bits set; 0 = 64 bits */
};

extern const struct tl_flow_field tl_flow_fields[F_COUNT];
extern const struct tl_str tl_flow_types[TL_FLOW_END + 1];

struct tl_flow_layout {
	uint32_t len;
	uint32_t times[3]; /* where the timestamps' 8 bytes are */
	uint8_t bytes[TL_FLOW_EVENT_MAX];
	uint8_t mask[TL_FLOW_EVENT_MAX];
};

struct tl_flow_shape {
	enum tl_flow_kind kind;
	bool icmp;
	bool with_id;		  /* community_id, the last one */
	struct tl_str definition; /* as on the wire */
	struct tl_flow_layout v4;
	struct tl_flow_layout v6;
};

/* tl_flow_events_walk as it is on a CPU without AVX2. */
uint32_t tl_flow_events_walk_plain(const struct tl_flow_shape *const *by_id, const uint8_t *bytes,
				   size_t len, uint32_t max, uint32_t *count);

#endif
