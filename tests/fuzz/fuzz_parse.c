/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/parse.h over any bytes: first byte what link header, second how much longer the wire frame
 * was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../bpf/parse.h"

static void require(int holds)
{
	if (!holds) {
		abort();
	}
}

static void parse(const uint8_t *data, size_t len, uint8_t link, uint32_t wire_len,
		  struct tl_packet *pkt)
{
	static const uint16_t types[] = {TL_ETH_IPV4, TL_ETH_IPV6, TL_ETH_MPLS, TL_ETH_PPPOE};
	uint32_t offset = len < 16 ? 0 : link % 17;

	tl_parse_begin(pkt);
	if (link & 0x80) {
		tl_parse_tag(pkt, (uint16_t)(link << 4));
	}
	if (link & 0x40) {
		tl_parse_payload(data, data + len, wire_len, types[link % 4], offset, pkt);
	} else {
		tl_parse_ethernet(data, data + len, wire_len, pkt);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tl_packet a;
	struct tl_packet b;

	if (size < 2) {
		return 0;
	}
	uint32_t wire_len = (uint32_t)(size - 2) + data[1] * 257u;
	parse(data + 2, size - 2, data[0], wire_len, &a);
	parse(data + 2, size - 2, data[0], wire_len, &b);
	require(memcmp(&a, &b, sizeof(a)) == 0);
	require(a.class < TL_CLASS_COUNT && a.class != TL_CLASS_COARSE);
	require(a.key.flags == 0 && a.key.pad == 0 && a.key.ifindex == 0);
	if (a.class == TL_CLASS_FLOW) {
		require(a.payload_offset >= a.l3_offset + 20u);
		require(a.ip_bytes >= 20 && a.frag <= TL_FRAG_LATER);
	}
	return 0;
}
