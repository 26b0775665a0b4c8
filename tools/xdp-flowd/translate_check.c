/* SPDX-License-Identifier: BSD-2-Clause */
#include "translate_private.h"

#include <errno.h>
#include <linux/bpf_common.h>
#include <stddef.h>

static const uint8_t kinds[256] = {
	[BPF_LD | BPF_W | BPF_ABS] = CLASSIC_ABS,
	[BPF_LD | BPF_H | BPF_ABS] = CLASSIC_ABS,
	[BPF_LD | BPF_B | BPF_ABS] = CLASSIC_ABS,
	[BPF_LD | BPF_W | BPF_IND] = CLASSIC_IND,
	[BPF_LD | BPF_H | BPF_IND] = CLASSIC_IND,
	[BPF_LD | BPF_B | BPF_IND] = CLASSIC_IND,
	[BPF_LDX | BPF_B | BPF_MSH] = CLASSIC_MSH,
	[BPF_LD | BPF_W | BPF_LEN] = CLASSIC_LEN,
	[BPF_LDX | BPF_W | BPF_LEN] = CLASSIC_LEN,
	[BPF_LD | BPF_IMM] = CLASSIC_IMM,
	[BPF_LDX | BPF_IMM] = CLASSIC_IMM,
	[BPF_LD | BPF_MEM] = CLASSIC_MEM,
	[BPF_LDX | BPF_MEM] = CLASSIC_MEM,
	[BPF_ST] = CLASSIC_STORE,
	[BPF_STX] = CLASSIC_STORE,
	[BPF_ALU | BPF_ADD | BPF_K] = CLASSIC_ALU,
	[BPF_ALU | BPF_ADD | BPF_X] = CLASSIC_ALU,
	[BPF_ALU | BPF_SUB | BPF_K] = CLASSIC_ALU,
	[BPF_ALU | BPF_SUB | BPF_X] = CLASSIC_ALU,
	[BPF_ALU | BPF_MUL | BPF_K] = CLASSIC_ALU,
	[BPF_ALU | BPF_MUL | BPF_X] = CLASSIC_ALU,
	[BPF_ALU | BPF_AND | BPF_K] = CLASSIC_ALU,
	[BPF_ALU | BPF_AND | BPF_X] = CLASSIC_ALU,
	[BPF_ALU | BPF_OR | BPF_K] = CLASSIC_ALU,
	[BPF_ALU | BPF_OR | BPF_X] = CLASSIC_ALU,
	[BPF_ALU | BPF_XOR | BPF_K] = CLASSIC_ALU,
	[BPF_ALU | BPF_XOR | BPF_X] = CLASSIC_ALU,
	[BPF_ALU | BPF_NEG] = CLASSIC_ALU,
	[BPF_ALU | BPF_DIV | BPF_K] = CLASSIC_DIVIDE,
	[BPF_ALU | BPF_DIV | BPF_X] = CLASSIC_DIVIDE,
	[BPF_ALU | BPF_MOD | BPF_K] = CLASSIC_DIVIDE,
	[BPF_ALU | BPF_MOD | BPF_X] = CLASSIC_DIVIDE,
	[BPF_ALU | BPF_LSH | BPF_K] = CLASSIC_SHIFT,
	[BPF_ALU | BPF_LSH | BPF_X] = CLASSIC_SHIFT,
	[BPF_ALU | BPF_RSH | BPF_K] = CLASSIC_SHIFT,
	[BPF_ALU | BPF_RSH | BPF_X] = CLASSIC_SHIFT,
	[BPF_MISC | BPF_TAX] = CLASSIC_COPY,
	[BPF_MISC | BPF_TXA] = CLASSIC_COPY,
	[BPF_JMP | BPF_JA] = CLASSIC_JUMP,
	[BPF_JMP | BPF_JEQ | BPF_K] = CLASSIC_BRANCH,
	[BPF_JMP | BPF_JEQ | BPF_X] = CLASSIC_BRANCH,
	[BPF_JMP | BPF_JGT | BPF_K] = CLASSIC_BRANCH,
	[BPF_JMP | BPF_JGT | BPF_X] = CLASSIC_BRANCH,
	[BPF_JMP | BPF_JGE | BPF_K] = CLASSIC_BRANCH,
	[BPF_JMP | BPF_JGE | BPF_X] = CLASSIC_BRANCH,
	[BPF_JMP | BPF_JSET | BPF_K] = CLASSIC_BRANCH,
	[BPF_JMP | BPF_JSET | BPF_X] = CLASSIC_BRANCH,
	[BPF_RET | BPF_K] = CLASSIC_RETURN,
	[BPF_RET | BPF_A] = CLASSIC_RETURN,
};

enum classic_kind translate_kind(uint16_t code)
{
	return code < sizeof(kinds) ? kinds[code] : CLASSIC_NONE;
}

/* What is wrong with an instruction that has `left` others behind it, or 0. */
typedef const char *check_fn(const struct sock_filter *insn, uint32_t left);

static const char *check_opcode(const struct sock_filter *insn, uint32_t left)
{
	(void)insn;
	(void)left;
	return "it has an unknown instruction";
}

static const char *check_cell(const struct sock_filter *insn, uint32_t left)
{
	(void)left;
	return insn->k < BPF_MEMWORDS ? 0 : "it uses scratch memory that does not exist";
}

static const char *check_divisor(const struct sock_filter *insn, uint32_t left)
{
	(void)left;
	return BPF_SRC(insn->code) == BPF_X || insn->k != 0 ? 0 : "it divides by zero";
}

static const char *check_shift(const struct sock_filter *insn, uint32_t left)
{
	(void)left;
	return BPF_SRC(insn->code) == BPF_X || insn->k < 32 ? 0 : "it shifts by more than 31 bits";
}

static const char *check_jump(const struct sock_filter *insn, uint32_t left)
{
	return insn->k < left ? 0 : "it jumps backwards ('protochain' does) or behind its end";
}

static const char *check_branch(const struct sock_filter *insn, uint32_t left)
{
	return insn->jt < left && insn->jf < left ? 0 : "it jumps behind its end";
}

static check_fn *const checks[CLASSIC_KINDS] = {
	[CLASSIC_NONE] = check_opcode,	 [CLASSIC_MEM] = check_cell,
	[CLASSIC_STORE] = check_cell,	 [CLASSIC_DIVIDE] = check_divisor,
	[CLASSIC_SHIFT] = check_shift,	 [CLASSIC_JUMP] = check_jump,
	[CLASSIC_BRANCH] = check_branch,
};

static int refuse(const char **reason, const char *text, int err)
{
	*reason = text;
	return err;
}

int translate_check(const struct sock_filter *classic, uint32_t count, const char **reason)
{
	if (count == 0) {
		return refuse(reason, "it is empty", -EINVAL);
	}
	if (count > BPF_MAXINSNS) {
		return refuse(reason, "it has more than 4096 instructions", -E2BIG);
	}
	for (uint32_t i = 0; i < count; i++) {
		check_fn *check = checks[translate_kind(classic[i].code)];
		const char *wrong = check ? check(&classic[i], count - i - 1) : 0;
		if (wrong) {
			return refuse(reason, wrong, -EINVAL);
		}
	}
	if (translate_kind(classic[count - 1].code) != CLASSIC_RETURN) {
		return refuse(reason, "it does not end with a return", -EINVAL);
	}
	return 0;
}
