/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * common/fanout: the program, run by a small interpreter that knows what the
 * kernel tells a classic program beside the packet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fanout.h"

/* A packet as the kernel holds it when the fanout program runs. */
struct skb {
	uint8_t bytes[256];
	uint32_t len;
	uint32_t network; /* offset of the network header */
	uint16_t protocol;
	uint16_t hatype;
	uint8_t pkttype;
};

struct machine {
	const struct skb *skb;
	uint32_t a, x, memory[16];
	bool failed; /* a load outside the packet: the kernel returns 0 */
};

static uint32_t ancillary(const struct skb *skb, uint32_t field)
{
	switch (field) {
	case SKF_AD_PROTOCOL:
		return skb->protocol;
	case SKF_AD_PKTTYPE:
		return skb->pkttype;
	case SKF_AD_HATYPE:
		return skb->hatype;
	default:
		fail_msg("the program asks for field %u", field);
		return 0;
	}
}

static uint32_t load(struct machine *m, uint32_t at, unsigned int size)
{
	uint32_t value = 0;

	if (at >= (uint32_t)SKF_AD_OFF) {
		return ancillary(m->skb, at - (uint32_t)SKF_AD_OFF);
	}
	if (at >= (uint32_t)SKF_NET_OFF) {
		at = at - (uint32_t)SKF_NET_OFF + m->skb->network;
	}
	if (at + size > m->skb->len) {
		m->failed = true;
		return 0;
	}
	for (unsigned int i = 0; i < size; i++) {
		value = value << 8 | m->skb->bytes[at + i];
	}
	return value;
}

static uint32_t calculate(const struct machine *m, const struct sock_filter *insn)
{
	uint32_t operand = BPF_SRC(insn->code) == BPF_X ? m->x : insn->k;

	switch (BPF_OP(insn->code)) {
	case BPF_ADD:
		return m->a + operand;
	case BPF_MUL:
		return m->a * operand;
	case BPF_RSH:
		return m->a >> operand;
	case BPF_XOR:
		return m->a ^ operand;
	default:
		fail_msg("unknown operation %#x", insn->code);
		return 0;
	}
}

static void load_a(struct machine *m, const struct sock_filter *insn)
{
	unsigned int size = BPF_SIZE(insn->code) == BPF_W ? 4 : 2;

	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		m->a = insn->k;
		break;
	case BPF_MEM:
		m->a = m->memory[insn->k];
		break;
	case BPF_IND:
		m->a = load(m, m->x + insn->k, size);
		break;
	default:
		m->a = load(m, insn->k, size);
	}
}

static uint32_t run(const struct skb *skb)
{
	struct sock_filter insns[TL_FANOUT_PROGRAM_MAX];
	unsigned short count = tl_fanout_program(insns);
	struct machine m = {.skb = skb};

	for (unsigned int at = 0; at < count && !m.failed; at++) {
		const struct sock_filter *insn = &insns[at];
		switch (BPF_CLASS(insn->code)) {
		case BPF_LD:
			load_a(&m, insn);
			break;
		case BPF_LDX:
			m.x = BPF_MODE(insn->code) == BPF_IMM ? insn->k : m.memory[insn->k];
			break;
		case BPF_ST:
			m.memory[insn->k] = m.a;
			break;
		case BPF_STX:
			m.memory[insn->k] = m.x;
			break;
		case BPF_ALU:
			m.a = calculate(&m, insn);
			break;
		case BPF_MISC:
			*(BPF_MISCOP(insn->code) == BPF_TAX ? &m.x : &m.a) =
				BPF_MISCOP(insn->code) == BPF_TAX ? m.a : m.x;
			break;
		case BPF_JMP:
			at += BPF_OP(insn->code) == BPF_JA ? insn->k
			      : m.a == insn->k		   ? insn->jt
							   : insn->jf;
			break;
		default:
			return BPF_RVAL(insn->code) == BPF_A ? m.a : insn->k;
		}
	}
	return 0;
}

/* --- packets -------------------------------------------------------------------- */

static uint32_t put16(struct skb *skb, uint32_t at, uint16_t value)
{
	skb->bytes[at] = (uint8_t)(value >> 8);
	skb->bytes[at + 1] = (uint8_t)value;
	return at + 2;
}

enum way { INCOMING, OUTGOING };

/* What is below IP: tags in the frame, none of which the kernel took out. */
struct below {
	enum way way;
	uint16_t hatype;
	unsigned int tags;
};

static struct skb begin(const struct below *below, uint16_t ethertype)
{
	static const uint16_t tpids[] = {0x88a8, 0x8100};
	struct skb skb = {
		.hatype = below->hatype,
		.pkttype = below->way == OUTGOING ? PACKET_OUTGOING : PACKET_HOST,
		.protocol = below->tags ? tpids[2 - below->tags] : ethertype,
	};
	uint32_t at = 0;

	/* Incoming packets begin with what follows the link header. */
	if (below->way == OUTGOING && below->hatype != ARPHRD_PPP) {
		at = put16(&skb, 12, skb.protocol);
	} else if (below->way == OUTGOING) {
		at = 4;
	}
	for (unsigned int i = 0; i < below->tags; i++) {
		at = put16(&skb, at, (uint16_t)(100 + i));
		at = put16(&skb, at, i + 1 < below->tags ? tpids[1] : ethertype);
	}
	skb.network = at;
	skb.len = at;
	return skb;
}

static struct skb make_ipv4(const struct below *below, uint32_t src, uint32_t dst, uint16_t port)
{
	struct skb skb = begin(below, 0x0800);
	uint8_t *ip = skb.bytes + skb.len;

	ip[0] = 0x45;
	for (int i = 0; i < 4; i++) {
		ip[12 + i] = (uint8_t)(src >> (24 - 8 * i));
		ip[16 + i] = (uint8_t)(dst >> (24 - 8 * i));
	}
	put16(&skb, skb.len + 20, port);
	skb.len += 40;
	return skb;
}

static struct skb make_ipv6(const struct below *below, uint8_t src, uint8_t dst)
{
	struct skb skb = begin(below, 0x86dd);
	uint8_t *ip = skb.bytes + skb.len;

	ip[0] = 0x60;
	memset(ip + 8, 0x20, 32);
	ip[8 + 15] = src;
	ip[24 + 15] = dst;
	skb.len += 60;
	return skb;
}

static const struct below belows[] = {
	{INCOMING, ARPHRD_ETHER, 0},	{INCOMING, ARPHRD_ETHER, 1}, {INCOMING, ARPHRD_ETHER, 2},
	{INCOMING, ARPHRD_LOOPBACK, 0}, {OUTGOING, ARPHRD_ETHER, 0}, {OUTGOING, ARPHRD_ETHER, 1},
	{OUTGOING, ARPHRD_ETHER, 2},	{OUTGOING, ARPHRD_PPP, 0},   {INCOMING, ARPHRD_PPP, 0},
	{OUTGOING, ARPHRD_LOOPBACK, 0},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- tests ------------------------------------------------------------------------ */

static void program_passes_the_kernels_check(void **state)
{
	struct sock_filter insns[TL_FANOUT_PROGRAM_MAX];
	struct sock_fprog program = {.len = tl_fanout_program(insns), .filter = insns};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
			 0);
	close(fd);
}

static void both_directions_have_one_hash(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < COUNT(belows); i++) {
		struct skb there = make_ipv4(&belows[i], 0x0a000001, 0xc0a80105, 1000);
		struct skb back = make_ipv4(&belows[i], 0xc0a80105, 0x0a000001, 53);
		assert_int_not_equal(run(&there), 0);
		assert_int_equal(run(&there), run(&back));
		there = make_ipv6(&belows[i], 1, 2);
		back = make_ipv6(&belows[i], 2, 1);
		assert_int_not_equal(run(&there), 0);
		assert_int_equal(run(&there), run(&back));
	}
}

static void what_is_below_and_above_ip_does_not_matter(void **state)
{
	struct skb plain4 = make_ipv4(&belows[0], 0x0a000001, 0xc0a80105, 1000);
	struct skb plain6 = make_ipv6(&belows[0], 1, 2);

	(void)state;
	for (unsigned int i = 0; i < COUNT(belows); i++) {
		struct skb other = make_ipv4(&belows[i], 0x0a000001, 0xc0a80105, 2000);
		assert_int_equal(run(&other), run(&plain4));
		other = make_ipv6(&belows[i], 1, 2);
		assert_int_equal(run(&other), run(&plain6));
	}
}

static void addresses_spread_evenly(void **state)
{
	unsigned int load4[4] = {0};
	unsigned int load6[4] = {0};

	(void)state;
	for (unsigned int i = 0; i < 4096; i++) {
		struct skb skb = make_ipv4(&belows[0], 0x0a000000 + i, 0xc6120001, 1);
		load4[run(&skb) % 4]++;
	}
	for (unsigned int i = 0; i < 4096; i++) {
		struct skb skb = make_ipv6(&belows[0], (uint8_t)i, (uint8_t)(i >> 8));
		load6[run(&skb) % 4]++;
	}
	for (unsigned int i = 0; i < 4; i++) {
		assert_in_range(load4[i], 800, 1250);
		assert_in_range(load6[i], 800, 1250);
	}
}

static void what_is_no_ip_goes_to_the_first(void **state)
{
	struct skb arp = begin(&belows[0], 0x0806);
	struct skb tagged_arp = begin(&belows[1], 0x0806);
	struct skb three_tags = begin(&belows[2], 0x8100);

	(void)state;
	assert_int_equal(run(&arp), 0);
	assert_int_equal(run(&tagged_arp), 0);
	assert_int_equal(run(&three_tags), 0);
}

static void packet_cut_short_anywhere_goes_to_the_first(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < COUNT(belows); i++) {
		struct skb skb = make_ipv4(&belows[i], 0x0a000001, 0xc0a80105, 1000);
		uint32_t needed = skb.network + 20;
		for (skb.len = 0; skb.len < needed; skb.len++) {
			assert_int_equal(run(&skb), 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(program_passes_the_kernels_check),
		cmocka_unit_test(both_directions_have_one_hash),
		cmocka_unit_test(what_is_below_and_above_ip_does_not_matter),
		cmocka_unit_test(addresses_spread_evenly),
		cmocka_unit_test(what_is_no_ip_goes_to_the_first),
		cmocka_unit_test(packet_cut_short_anywhere_goes_to_the_first),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
