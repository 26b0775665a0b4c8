/* SPDX-License-Identifier: BSD-2-Clause */
#include "link.h"

#include <pcap/dlt.h>

#include "../bpf/parse.h"

enum {
	LINKTYPE_RAW = 101, /* in files; DLT_RAW is 12 on Linux */
	SLL_LEN = 16,
	SLL2_LEN = 20,
	NULL_LEN = 4,
	SLL_OUTGOING = 4,
};

int tl_link_of_file(uint32_t link_type)
{
	return link_type == LINKTYPE_RAW ? DLT_RAW : (int)link_type;
}

bool tl_link_is_known(int dlt)
{
	switch (dlt) {
	case DLT_EN10MB:
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
	case DLT_LINUX_SLL:
	case DLT_LINUX_SLL2:
	case DLT_NULL:
	case DLT_LOOP:
		return true;
	default:
		return false;
	}
}

static bool has_header(struct tl_frame *f, uint16_t len)
{
	f->link_len = len;
	f->link = f->len < len ? TL_LINK_MALFORMED : TL_LINK_PAYLOAD;
	return f->link == TL_LINK_PAYLOAD;
}

static void describe_sll(struct tl_frame *f)
{
	if (has_header(f, SLL_LEN)) {
		f->protocol = tl_mp_be16(f->data + 14);
		f->direction = tl_mp_be16(f->data) == SLL_OUTGOING ? TL_DIR_OUT : TL_DIR_IN;
	}
}

static void describe_sll2(struct tl_frame *f)
{
	if (has_header(f, SLL2_LEN)) {
		f->protocol = tl_mp_be16(f->data);
		f->ifindex = tl_mp_be32(f->data + 4);
		f->direction = f->data[10] == SLL_OUTGOING ? TL_DIR_OUT : TL_DIR_IN;
	}
}

/*
 * Four bytes of address family, in the byte order of the machine that wrote
 * them (null) or the network's (loop). IPv6 is 24, 28 or 30 on the BSDs, 10 on
 * Linux.
 */
static void describe_null(struct tl_frame *f)
{
	if (!has_header(f, NULL_LEN)) {
		return;
	}
	uint8_t family = f->data[0] ? f->data[0] : f->data[3];
	if (family == 2) {
		f->protocol = TL_ETH_IPV4;
	} else if (family == 10 || family == 24 || family == 28 || family == 30) {
		f->protocol = TL_ETH_IPV6;
	}
}

void tl_link_describe(int dlt, struct tl_frame *f)
{
	switch (dlt) {
	case DLT_EN10MB:
		f->link = TL_LINK_ETHERNET;
		return;
	case DLT_LINUX_SLL:
		describe_sll(f);
		return;
	case DLT_LINUX_SLL2:
		describe_sll2(f);
		return;
	case DLT_NULL:
	case DLT_LOOP:
		describe_null(f);
		return;
	default:
		f->link = f->len == 0 ? TL_LINK_MALFORMED : TL_LINK_RAW;
	}
}
