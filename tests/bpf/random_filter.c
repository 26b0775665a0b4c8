/* SPDX-License-Identifier: BSD-2-Clause */
#include "random_filter.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum {
	DEPTH_MAX = 4, /* below it, only texts that do not nest */
};

uint32_t random_below(uint32_t below)
{
	return (uint32_t)random() % below;
}

/*
 * The grammar: '$' and a letter stand for one of that letter's texts. The
 * first `leaves` of them lead nowhere deeper.
 */
struct rule {
	char letter;
	const char *const *texts;
	uint32_t count;
	uint32_t leaves;
};

static const char *const terms[] = {
	"$dhost $4",
	"$dhost $4",
	"$dnet $n",
	"$dport $p",
	"$t $dport $p",
	"$dportrange $p-$q",
	"$t $dportrange $p-$q",
	"$t",
	"ip proto $b",
	"ip6 proto $b",
	"ip6 $dhost $6",
	"ip6 $dnet $N",
	"ether $mhost $e",
	"ether proto $E",
	"ether multicast",
	"ether broadcast",
	"ip multicast",
	"ip6 multicast",
	"ip",
	"ip6",
	"arp",
	"rarp",
	"icmp",
	"icmp6",
	"igmp",
	"vlan",
	"vlan $i",
	"vlan $i and $t",
	"vlan and vlan and $dport $p",
	"mpls",
	"mpls $i",
	"mpls and $dhost $4",
	"pppoed",
	"pppoes",
	"pppoes and $t",
	"pppoes $i",
	"less $l",
	"greater $l",
	"len $o $l",
	"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
	"icmp[icmptype] = icmp-echo",
	"ip[6:2] & 0x1fff = 0",
	"ip[2:2] & 0xfff > $b",
	"(ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2)) != 0",
	"$x $o $x",
	"$v $o $v",
	"$v $o $v",
	"udp[8 + ip[0] % 4] $o $b",
};
static const char *const filters[] = {
	"$f",
	"$f",
	"$F and $F",
	"$F or $F",
	"not ($F)",
	"not $f",
	"($F or $f) and ($F)",
	"$f or $f or $f or $f",
	"$f and ($F)",
	"not ($F and $F)",
};
static const char *const values[] = {
	"$b",	  "$k",	       "$x",	     "len",	   "($v $a $v)", "($v $a $v)",
	"$P[$v]", "$P[$v:$s]", "($x $a $v)", "($v $a $x)", "-$x",
};
static const char *const bytes[] = {"$P[$b]", "$P[$b:$s]", "ip[$j]", "ip[$j:$s]", "ether[$j:$s]"};
static const char *const protocols[] = {"ip",	"ip",  "ether", "ether", "tcp", "udp",
					"icmp", "arp", "ip6",	"icmp6", "igmp"};
static const char *const hosts[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "192.168.1.1"};
static const char *const nets[] = {"10.0.0.0/8", "10.0.0.0/30", "10.0.0.2/31", "172.16.0.0/12"};
static const char *const hosts6[] = {"2001:db8::1", "2001:db8::2", "2001:db8::3", "fe80::1"};
static const char *const nets6[] = {"2001:db8::/32", "2001:db8::/126", "fe80::/10"};
static const char *const macs[] = {"02:00:00:00:00:01", "02:00:00:00:00:02", "ff:ff:ff:ff:ff:ff"};
static const char *const ethertypes[] = {"0x800", "0x86dd", "0x806", "0x8847", "100"};
static const char *const directions[] = {"", "", "src ", "dst ", "src and dst "};
static const char *const mac_directions[] = {"", "src ", "dst "};
static const char *const transports[] = {"tcp", "udp", "tcp", "udp", "sctp"};
static const char *const ports[] = {"80", "53", "443", "1000", "40000", "2152"};
static const char *const more_ports[] = {"40000", "65535", "50000"};
static const char *const ids[] = {"5", "100", "7", "200", "1", "16"};
static const char *const lens[] = {"60", "64", "100", "1500", "42", "14"};
static const char *const numbers[] = {"0",  "1",  "2",	"4",   "6",   "8",  "12",
				      "17", "20", "40", "132", "255", "300"};
static const char *const offsets[] = {"0", "1", "2", "6", "8", "9", "12", "16", "19"};
static const char *const big[] = {"0xffffffff", "0x80000000", "0x1fff", "0xf0",
				  "65535",	"31",	      "32"};
static const char *const sizes[] = {"1", "2", "4"};
static const char *const operators[] = {"=", "!=", ">", "<", ">=", "<="};
static const char *const arithmetic[] = {"+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"};

#define RULE(letter, texts)                                                                        \
	{                                                                                          \
		letter, texts, COUNT(texts), COUNT(texts)                                          \
	}
static const struct rule rules[] = {
	{'F', filters, COUNT(filters), 2},
	{'v', values, COUNT(values), 4},
	RULE('f', terms),
	RULE('x', bytes),
	RULE('P', protocols),
	RULE('4', hosts),
	RULE('n', nets),
	RULE('6', hosts6),
	RULE('N', nets6),
	RULE('e', macs),
	RULE('E', ethertypes),
	RULE('d', directions),
	RULE('m', mac_directions),
	RULE('t', transports),
	RULE('p', ports),
	RULE('q', more_ports),
	RULE('i', ids),
	RULE('l', lens),
	RULE('b', numbers),
	RULE('j', offsets),
	RULE('k', big),
	RULE('s', sizes),
	RULE('o', operators),
	RULE('a', arithmetic),
};

static const struct rule *rule_of(char letter)
{
	for (size_t i = 0; i < COUNT(rules); i++) {
		if (rules[i].letter == letter) {
			return &rules[i];
		}
	}
	abort();
}

static void expand(char text[RANDOM_TEXT_MAX], char letter, int depth)
{
	const struct rule *rule = rule_of(letter);
	bool deep = depth >= DEPTH_MAX || strlen(text) > RANDOM_TEXT_MAX / 2;
	const char *from = rule->texts[random_below(deep ? rule->leaves : rule->count)];

	for (; *from; from++) {
		size_t len = strlen(text);
		if (*from == '$') {
			expand(text, *++from, depth + 1);
		} else if (len + 1 < RANDOM_TEXT_MAX) {
			text[len] = *from;
			text[len + 1] = '\0';
		}
	}
}

void random_filter_text(char text[RANDOM_TEXT_MAX])
{
	text[0] = '\0';
	expand(text, 'F', 0);
}

/* --- classic programs ----------------------------------------------------- */

/* What an instruction's k may be. */
enum operand {
	K_ANY,
	K_OFFSET,
	K_CELL,
	K_SHIFT,
	K_DIVISOR,
	K_NONE,
};

static const struct opcode {
	uint16_t code;
	enum operand operand;
} straight[] = {
	{BPF_LD | BPF_W | BPF_ABS, K_OFFSET},
	{BPF_LD | BPF_H | BPF_ABS, K_OFFSET},
	{BPF_LD | BPF_B | BPF_ABS, K_OFFSET},
	{BPF_LD | BPF_W | BPF_IND, K_OFFSET},
	{BPF_LD | BPF_H | BPF_IND, K_OFFSET},
	{BPF_LD | BPF_B | BPF_IND, K_OFFSET},
	{BPF_LDX | BPF_B | BPF_MSH, K_OFFSET},
	{BPF_LD | BPF_W | BPF_LEN, K_NONE},
	{BPF_LDX | BPF_W | BPF_LEN, K_NONE},
	{BPF_LD | BPF_IMM, K_ANY},
	{BPF_LDX | BPF_IMM, K_ANY},
	{BPF_LDX | BPF_IMM, K_SHIFT},
	{BPF_LD | BPF_MEM, K_CELL},
	{BPF_LDX | BPF_MEM, K_CELL},
	{BPF_ST, K_CELL},
	{BPF_STX, K_CELL},
	{BPF_ALU | BPF_ADD | BPF_K, K_ANY},
	{BPF_ALU | BPF_ADD | BPF_X, K_NONE},
	{BPF_ALU | BPF_SUB | BPF_K, K_ANY},
	{BPF_ALU | BPF_SUB | BPF_X, K_NONE},
	{BPF_ALU | BPF_MUL | BPF_K, K_ANY},
	{BPF_ALU | BPF_MUL | BPF_X, K_NONE},
	{BPF_ALU | BPF_DIV | BPF_K, K_DIVISOR},
	{BPF_ALU | BPF_DIV | BPF_X, K_NONE},
	{BPF_ALU | BPF_MOD | BPF_K, K_DIVISOR},
	{BPF_ALU | BPF_MOD | BPF_X, K_NONE},
	{BPF_ALU | BPF_AND | BPF_K, K_ANY},
	{BPF_ALU | BPF_AND | BPF_X, K_NONE},
	{BPF_ALU | BPF_OR | BPF_K, K_ANY},
	{BPF_ALU | BPF_OR | BPF_X, K_NONE},
	{BPF_ALU | BPF_XOR | BPF_K, K_ANY},
	{BPF_ALU | BPF_XOR | BPF_X, K_NONE},
	{BPF_ALU | BPF_LSH | BPF_K, K_SHIFT},
	{BPF_ALU | BPF_LSH | BPF_X, K_NONE},
	{BPF_ALU | BPF_RSH | BPF_K, K_SHIFT},
	{BPF_ALU | BPF_RSH | BPF_X, K_NONE},
	{BPF_ALU | BPF_NEG, K_NONE},
	{BPF_MISC | BPF_TAX, K_NONE},
	{BPF_MISC | BPF_TXA, K_NONE},
};

static const uint16_t branches[] = {
	BPF_JMP | BPF_JEQ | BPF_K,  BPF_JMP | BPF_JEQ | BPF_X,	BPF_JMP | BPF_JGT | BPF_K,
	BPF_JMP | BPF_JGT | BPF_X,  BPF_JMP | BPF_JGE | BPF_K,	BPF_JMP | BPF_JGE | BPF_X,
	BPF_JMP | BPF_JSET | BPF_K, BPF_JMP | BPF_JSET | BPF_X, BPF_JMP | BPF_JA,
};

/* Small ones, edges, and any; those below SKF_LL_OFF mean bytes of the packet. */
static uint32_t any_number(void)
{
	static const uint32_t edges[] = {0,	     1,		 31,	     32,	0xffff,
					 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

	switch (random_below(3)) {
	case 0:
		return random_below(64);
	case 1:
		return edges[random_below(COUNT(edges))];
	default:
		return (uint32_t)random() * 2 + 1;
	}
}

static uint32_t any_offset(uint32_t span)
{
	uint32_t offset = random_below(16) ? random_below(span) : any_number();

	return offset < (uint32_t)SKF_LL_OFF ? offset : random_below(span);
}

static uint32_t operand(enum operand kind, uint32_t span)
{
	switch (kind) {
	case K_ANY:
		return any_number();
	case K_OFFSET:
		return any_offset(span);
	case K_CELL:
		return random_below(BPF_MEMWORDS);
	case K_SHIFT:
		return random_below(32);
	case K_DIVISOR:
		return 1 + any_number() / 2;
	case K_NONE:
		break;
	}
	return 0;
}

static struct sock_filter any_branch(uint32_t left)
{
	uint32_t far = left < 5 ? left : 5;
	uint16_t code = branches[random_below(COUNT(branches))];
	uint8_t jt = (uint8_t)random_below(far);
	uint8_t jf = (uint8_t)random_below(far);

	if (code == (BPF_JMP | BPF_JA)) {
		return (struct sock_filter){.code = code, .k = jt};
	}
	return (struct sock_filter)BPF_JUMP(code, any_number(), jt, jf);
}

static struct sock_filter any_return(void)
{
	if (random_below(4) == 0) {
		return (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	}
	return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, random_below(2) ? any_number() : 0);
}

static struct sock_filter any_insn(uint32_t left, uint32_t span)
{
	uint32_t dice = random_below(64);

	if (dice == 0) {
		return any_return();
	}
	if (dice < 12) {
		return any_branch(left);
	}
	const struct opcode *opcode = &straight[random_below(COUNT(straight))];
	return (struct sock_filter){.code = opcode->code, .k = operand(opcode->operand, span)};
}

/* The verdict is a bit of A: any wrong value shows sooner or later. */
uint32_t random_filter_classic(struct sock_filter insns[RANDOM_CLASSIC_MAX], uint32_t span)
{
	const struct sock_filter end[] = {
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1u << random_below(32), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	uint32_t body = 1 + random_below(RANDOM_CLASSIC_MAX - COUNT(end));

	for (uint32_t i = 0; i < body; i++) {
		insns[i] = any_insn(body - i, span);
	}
	memcpy(insns + body, end, sizeof(end));
	return body + COUNT(end);
}
