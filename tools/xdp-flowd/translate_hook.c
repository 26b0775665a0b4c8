/* SPDX-License-Identifier: BSD-2-Clause */
#include "translate_private.h"

#include <stddef.h>

void hook_read_data_end(struct translation *t)
{
	if (t->reads) {
		emit_read(t, BPF_W, DATA_END, CTX, t->hook->data_end);
	}
}

/* A helper without arguments but the context. */
static void emit_asked(struct translation *t, int32_t helper, uint8_t to)
{
	emit_reg(t, BPF_ALU64 | BPF_MOV, BPF_REG_1, CTX);
	emit_call(t, helper);
	emit_reg(t, BPF_ALU | BPF_MOV, to, RESULT);
	if (!t->slow) {
		hook_read_data_end(t);
	}
}

static void xdp_wire_len(struct translation *t, uint8_t to)
{
	emit_asked(t, BPF_FUNC_xdp_get_buff_len, to);
}

static void xdp_ancillary(struct translation *t, uint32_t offset)
{
	(void)offset;
	t->reason = "it asks for what is not in the frame (a tag taken out, packet type, "
		    "interface), which XDP does not know";
}

static void tc_wire_len(struct translation *t, uint8_t to)
{
	emit_read(t, BPF_W, to, CTX, offsetof(struct __sk_buff, len));
}

/* Fields of struct __sk_buff; 16-bit ones in network order have a length to swap. */
static const struct ancillary {
	uint16_t offset; /* from SKF_AD_OFF */
	int16_t field;
	uint8_t swap_len;
} ancillaries[] = {
	{SKF_AD_PROTOCOL, offsetof(struct __sk_buff, protocol), 2},
	{SKF_AD_PKTTYPE, offsetof(struct __sk_buff, pkt_type), 0},
	{SKF_AD_IFINDEX, offsetof(struct __sk_buff, ifindex), 0},
	{SKF_AD_MARK, offsetof(struct __sk_buff, mark), 0},
	{SKF_AD_QUEUE, offsetof(struct __sk_buff, queue_mapping), 0},
	{SKF_AD_RXHASH, offsetof(struct __sk_buff, hash), 0},
	{SKF_AD_VLAN_TAG, offsetof(struct __sk_buff, vlan_tci), 0},
	{SKF_AD_VLAN_TAG_PRESENT, offsetof(struct __sk_buff, vlan_present), 0},
	{SKF_AD_VLAN_TPID, offsetof(struct __sk_buff, vlan_proto), 2},
};

static void tc_ancillary(struct translation *t, uint32_t offset)
{
	if (offset == SKF_AD_CPU) {
		emit_asked(t, BPF_FUNC_get_smp_processor_id, A);
		return;
	}
	for (size_t i = 0; i < sizeof(ancillaries) / sizeof(ancillaries[0]); i++) {
		if (ancillaries[i].offset == offset) {
			emit_read(t, BPF_W, A, CTX, ancillaries[i].field);
			emit_big_endian(t, A, ancillaries[i].swap_len);
			return;
		}
	}
	t->reason = "it asks for what a TC program is not told (such as the link type), or counts "
		    "from the network header";
}

static const struct hook hooks[] = {
	[TRANSLATE_XDP] = {.data = offsetof(struct xdp_md, data),
			   .data_end = offsetof(struct xdp_md, data_end),
			   .load_bytes = BPF_FUNC_xdp_load_bytes,
			   .wire_len = xdp_wire_len,
			   .ancillary = xdp_ancillary},
	[TRANSLATE_TC] = {.data = offsetof(struct __sk_buff, data),
			  .data_end = offsetof(struct __sk_buff, data_end),
			  .load_bytes = BPF_FUNC_skb_load_bytes,
			  .wire_len = tc_wire_len,
			  .ancillary = tc_ancillary},
};

const struct hook *hook_of(enum translate_hook which)
{
	return &hooks[which];
}
