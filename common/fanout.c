/* SPDX-License-Identifier: BSD-2-Clause */
#include "fanout.h"

#include <errno.h>
#include <net/if_arp.h>
#include <linux/if_packet.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "afpacket.h"
#include "log.h"

#ifndef PACKET_FANOUT_FLAG_UNIQUEID
#define PACKET_FANOUT_FLAG_UNIQUEID 0x2000 /* Linux 4.12 */
#endif

/* Cells of the program's scratch memory. */
enum {
	CELL_L3, /* where the network header is */
	CELL_SRC,
	CELL_DST,
	CELL_TYPE,
};

#define HASH_FACTOR 0x9e3779b1u /* Knuth's multiplicative hash: the prime next to 2^32 / phi */

struct builder {
	struct sock_filter *insns;
	unsigned short count;
};

static void emit(struct builder *b, unsigned int code, uint32_t k)
{
	b->insns[b->count++] = (struct sock_filter){.code = (uint16_t)code, .k = k};
}

static void emit_jump(struct builder *b, uint32_t k, uint8_t jt, uint8_t jf)
{
	b->insns[b->count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, jt, jf);
}

/*
 * A = ethertype, X = offset of what follows it. At this point of the kernel an
 * incoming packet begins with its network header (the outer tag already taken
 * out), an outgoing one with its link header.
 */
static void emit_start(struct builder *b)
{
	emit(b, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE));
	emit_jump(b, PACKET_OUTGOING, 3, 0);
	emit(b, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
	emit(b, BPF_LDX | BPF_IMM, 0);
	emit(b, BPF_JMP | BPF_JA, 8);
	emit(b, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_HATYPE));
	emit_jump(b, ARPHRD_ETHER, 1, 0);
	emit_jump(b, ARPHRD_LOOPBACK, 0, 3);
	emit(b, BPF_LD | BPF_H | BPF_ABS, 12);
	emit(b, BPF_LDX | BPF_IMM, 14);
	emit(b, BPF_JMP | BPF_JA, 2);
	emit(b, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
	emit(b, BPF_LDX | BPF_IMM, (uint32_t)SKF_NET_OFF);
}

/* Steps over one tag if A names one. */
static void emit_tag(struct builder *b)
{
	emit_jump(b, 0x8100, 2, 0);
	emit_jump(b, 0x88a8, 1, 0);
	emit_jump(b, 0x9100, 0, 6);
	emit(b, BPF_LD | BPF_H | BPF_IND, 2);
	emit(b, BPF_ST, CELL_TYPE);
	emit(b, BPF_MISC | BPF_TXA, 0);
	emit(b, BPF_ALU | BPF_ADD | BPF_K, 4);
	emit(b, BPF_MISC | BPF_TAX, 0);
	emit(b, BPF_LD | BPF_MEM, CELL_TYPE);
}

static void emit_address(struct builder *b, uint32_t offset, unsigned int words, uint32_t cell)
{
	emit(b, BPF_LD | BPF_IMM, 0);
	emit(b, BPF_ST, cell);
	for (unsigned int i = 0; i < words; i++) {
		emit(b, BPF_LDX | BPF_MEM, CELL_L3);
		emit(b, BPF_LD | BPF_W | BPF_IND, offset + 4 * i);
		emit(b, BPF_LDX | BPF_MEM, cell);
		emit(b, BPF_ALU | BPF_ADD | BPF_X, 0);
		emit(b, BPF_ALU | BPF_MUL | BPF_K, HASH_FACTOR);
		emit(b, BPF_ST, cell);
		/* The remainder is taken of the low bits: bring the good ones there. */
		emit(b, BPF_ALU | BPF_RSH | BPF_K, 15);
		emit(b, BPF_LDX | BPF_MEM, cell);
		emit(b, BPF_ALU | BPF_XOR | BPF_X, 0);
		emit(b, BPF_ST, cell);
	}
}

/* Returns the sum of both addresses' hashes: the same in both directions. */
static void emit_hash(struct builder *b, uint32_t src, uint32_t dst, unsigned int words)
{
	emit(b, BPF_STX, CELL_L3);
	emit_address(b, src, words, CELL_SRC);
	emit_address(b, dst, words, CELL_DST);
	emit(b, BPF_LDX | BPF_MEM, CELL_SRC);
	emit(b, BPF_ALU | BPF_ADD | BPF_X, 0);
	emit(b, BPF_RET | BPF_A, 0);
}

unsigned short tl_fanout_program(struct sock_filter insns[TL_FANOUT_PROGRAM_MAX])
{
	struct builder b = {.insns = insns};

	emit_start(&b);
	emit_tag(&b);
	emit_tag(&b);
	emit_jump(&b, 0x0800, 2, 0);
	unsigned short to_ipv6 = b.count;
	emit_jump(&b, 0x86dd, 0, 0);
	emit(&b, BPF_RET | BPF_K, 0);
	emit_hash(&b, 12, 16, 1);
	insns[to_ipv6].jt = (uint8_t)(b.count - to_ipv6 - 1);
	emit_hash(&b, 8, 24, 4);
	return b.count;
}

static int fail(const char *iface, const char *what)
{
	int err = tl_afp_errno();
	tl_log_err("%s: %s: %s", iface, what, strerror(-err));
	return err;
}

/* The kernel picks an id that no other group of the namespace has. */
static int create_group(int fd, int *id, const char *iface)
{
	int request = (PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
	struct sock_filter insns[TL_FANOUT_PROGRAM_MAX];
	struct sock_fprog program = {.len = tl_fanout_program(insns), .filter = insns};
	int created;
	socklen_t len = sizeof(created);

	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &request, sizeof(request)) < 0) {
		return fail(iface, "cannot create a fanout group");
	}
	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof(program)) < 0) {
		return fail(iface, "cannot load the fanout program");
	}
	if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &created, &len) < 0) {
		return fail(iface, "cannot read the fanout group");
	}
	*id = created & 0xffff;
	return 0;
}

int tl_fanout_join(int fd, int *id, const char *iface)
{
	if (*id < 0) {
		return create_group(fd, id, iface);
	}
	int request = *id | PACKET_FANOUT_CBPF << 16;
	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &request, sizeof(request)) < 0) {
		return fail(iface, "cannot join the fanout group");
	}
	return 0;
}
