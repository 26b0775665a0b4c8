/* SPDX-License-Identifier: BSD-2-Clause */
#include "translate_private.h"

#include <limits.h>

enum {
	/*
	 * Up to here an offset and X each may reach for a direct load: the verifier
	 * follows packet pointers to 65535. What lies behind is the helper's.
	 */
	DIRECT_MAX = 0x7ff0,
};

static void leave(struct translation *t, uint32_t label)
{
	emit_goto(t, label);
	t->ends = true;
}

struct load {
	uint8_t to;
	int size; /* BPF_W, BPF_H, BPF_B */
	uint32_t len;
	uint32_t offset;
};

uint32_t insn_load_len(const struct sock_filter *insn)
{
	static const uint8_t lens[] = {
		[BPF_W >> 3] = 4,
		[BPF_H >> 3] = 2,
		[BPF_B >> 3] = 1,
	};

	return lens[BPF_SIZE(insn->code) >> 3];
}

static struct load load_of(const struct sock_filter *insn, uint8_t to)
{
	return (struct load){
		.to = to,
		.size = BPF_SIZE(insn->code),
		.len = insn_load_len(insn),
		.offset = insn->k,
	};
}

void insn_check_linear(struct translation *t, uint8_t base, uint32_t len)
{
	emit_reg(t, BPF_ALU64 | BPF_MOV, BPF_REG_2, base);
	emit_imm(t, BPF_ALU64 | BPF_ADD, BPF_REG_2, len);
	emit_branch(t,
		    (struct bpf_insn){.code = BPF_JMP | BPF_JGT | BPF_X,
				      .dst_reg = BPF_REG_2,
				      .src_reg = DATA_END},
		    label_slow(t));
}

/* Offset in register 2. */
static void emit_helper_load(struct translation *t, const struct load *load)
{
	emit_reg(t, BPF_ALU64 | BPF_MOV, BPF_REG_1, CTX);
	emit_reg(t, BPF_ALU64 | BPF_MOV, BPF_REG_3, STACK);
	emit_imm(t, BPF_ALU64 | BPF_ADD, BPF_REG_3, (uint32_t)SCRATCH);
	emit_imm(t, BPF_ALU | BPF_MOV, BPF_REG_4, load->len);
	emit_call(t, t->hook->load_bytes);
	emit_branch(t, (struct bpf_insn){.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = RESULT},
		    label_verdict(t, LABEL_REJECT));
	emit_read(t, load->size, load->to, STACK, SCRATCH);
	emit_big_endian(t, load->to, load->len);
}

static void emit_absolute(struct translation *t, const struct load *load)
{
	uint32_t end = load->offset + load->len;

	if (t->slow) {
		emit_imm(t, BPF_ALU | BPF_MOV, BPF_REG_2, load->offset);
		emit_helper_load(t, load);
		return;
	}
	if (load->offset > DIRECT_MAX) {
		leave(t, label_slow(t));
		return;
	}
	if (end > t->proven) {
		insn_check_linear(t, DATA, end);
		t->proven = end;
	}
	emit_read(t, load->size, load->to, DATA, (int)load->offset);
	emit_big_endian(t, load->to, load->len);
}

static void emit_x_above(struct translation *t, uint8_t reg, uint32_t most, uint32_t label)
{
	emit_branch(t,
		    (struct bpf_insn){.code = BPF_JMP | BPF_JGT | BPF_K,
				      .dst_reg = reg,
				      .imm = (int32_t)most},
		    label);
}

/* The sum has 64 bits: libpcap, unlike the kernel, does not let it wrap. */
static void emit_indexed_slow(struct translation *t, const struct load *load)
{
	emit_reg(t, BPF_ALU64 | BPF_MOV, BPF_REG_2, X);
	emit_imm(t, BPF_ALU64 | BPF_ADD, BPF_REG_2, load->offset);
	emit_x_above(t, BPF_REG_2, INT32_MAX, label_verdict(t, LABEL_REJECT));
	emit_helper_load(t, load);
}

static void emit_indexed_fast(struct translation *t, const struct load *load)
{
	emit_x_above(t, X, DIRECT_MAX, label_slow(t));
	emit_reg(t, BPF_ALU64 | BPF_MOV, BPF_REG_1, DATA);
	emit_reg(t, BPF_ALU64 | BPF_ADD, BPF_REG_1, X);
	insn_check_linear(t, BPF_REG_1, load->offset + load->len);
	emit_read(t, load->size, load->to, BPF_REG_1, (int)load->offset);
	emit_big_endian(t, load->to, load->len);
}

static void emit_indexed(struct translation *t, const struct load *load)
{
	if (load->offset > INT32_MAX) {
		leave(t, label_verdict(t, LABEL_REJECT));
	} else if (t->slow) {
		emit_indexed_slow(t, load);
	} else if (load->offset > DIRECT_MAX) {
		leave(t, label_slow(t));
	} else {
		emit_indexed_fast(t, load);
	}
}

static bool is_beside_frame(const struct sock_filter *insn)
{
	return insn->k >= (uint32_t)SKF_LL_OFF;
}

static uint8_t loaded(const struct sock_filter *insn)
{
	return BPF_CLASS(insn->code) == BPF_LDX || BPF_CLASS(insn->code) == BPF_STX ? X : A;
}

/* Two cells never share eight bytes: the verifier then forgets their values, and ways can merge. */
int insn_cell(uint32_t index)
{
	return -4 - 8 * (int)index;
}

static void do_abs(struct translation *t, const struct sock_filter *insn)
{
	struct load load = load_of(insn, A);

	if (is_beside_frame(insn)) {
		t->hook->ancillary(t, insn->k - (uint32_t)SKF_AD_OFF);
		return;
	}
	emit_absolute(t, &load);
}

static void do_ind(struct translation *t, const struct sock_filter *insn)
{
	struct load load = load_of(insn, A);

	if (is_beside_frame(insn)) {
		t->reason = "it counts from the network header or from an interface's fields";
		return;
	}
	emit_indexed(t, &load);
}

static void do_msh(struct translation *t, const struct sock_filter *insn)
{
	struct load load = load_of(insn, X);

	if (is_beside_frame(insn)) {
		t->reason = "it counts from the network header or from an interface's fields";
		return;
	}
	emit_absolute(t, &load);
	if (!t->ends) {
		emit_imm(t, BPF_ALU | BPF_AND, X, 0xf);
		emit_imm(t, BPF_ALU | BPF_LSH, X, 2);
	}
}

static void do_len(struct translation *t, const struct sock_filter *insn)
{
	t->hook->wire_len(t, loaded(insn));
}

static void do_imm(struct translation *t, const struct sock_filter *insn)
{
	emit_imm(t, BPF_ALU | BPF_MOV, loaded(insn), insn->k);
}

static void do_mem(struct translation *t, const struct sock_filter *insn)
{
	emit_read(t, BPF_W, loaded(insn), STACK, insn_cell(insn->k));
}

static void do_store(struct translation *t, const struct sock_filter *insn)
{
	emit_write(t, BPF_W, STACK, insn_cell(insn->k), loaded(insn));
}

/* Arithmetic of 32 bits has the same opcodes in both languages. */
static void do_alu(struct translation *t, const struct sock_filter *insn)
{
	if (BPF_SRC(insn->code) == BPF_X) {
		emit_reg(t, insn->code, A, X);
	} else {
		emit_imm(t, insn->code, A, BPF_OP(insn->code) == BPF_NEG ? 0 : insn->k);
	}
}

static void do_divide(struct translation *t, const struct sock_filter *insn)
{
	if (BPF_SRC(insn->code) == BPF_X) {
		emit_branch(t, (struct bpf_insn){.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = X},
			    label_verdict(t, LABEL_REJECT));
	}
	do_alu(t, insn);
}

/* eBPF takes the count modulo 32; here, as in libpcap, everything is shifted out. */
static void do_shift(struct translation *t, const struct sock_filter *insn)
{
	if (BPF_SRC(insn->code) == BPF_X) {
		emit(t,
		     (struct bpf_insn){
			     .code = BPF_JMP | BPF_JLE | BPF_K, .dst_reg = X, .off = 1, .imm = 31});
		emit_imm(t, BPF_ALU | BPF_MOV, A, 0);
	}
	do_alu(t, insn);
}

static void do_copy(struct translation *t, const struct sock_filter *insn)
{
	bool to_x = BPF_MISCOP(insn->code) == BPF_TAX;

	emit_reg(t, BPF_ALU | BPF_MOV, to_x ? X : A, to_x ? A : X);
}

static void do_jump(struct translation *t, const struct sock_filter *insn)
{
	if (insn->k > 0) {
		leave(t, label_of(t, t->index + 1 + insn->k));
	}
}

/* The condition that is true when `operation` is not; 0 when there is none. */
static int opposite(int operation)
{
	switch (operation) {
	case BPF_JEQ:
		return BPF_JNE;
	case BPF_JGT:
		return BPF_JLE;
	case BPF_JGE:
		return BPF_JLT;
	default:
		return 0;
	}
}

static void emit_condition(struct translation *t, const struct sock_filter *insn, int operation,
			   uint32_t to)
{
	bool with_x = BPF_SRC(insn->code) == BPF_X;

	emit_branch(
		t,
		(struct bpf_insn){.code = (uint8_t)(BPF_JMP32 | operation | BPF_SRC(insn->code)),
				  .dst_reg = A,
				  .src_reg = with_x ? X : 0,
				  .imm = with_x ? 0 : (int32_t)insn->k},
		label_of(t, to));
}

static void do_branch(struct translation *t, const struct sock_filter *insn)
{
	int operation = BPF_OP(insn->code);
	uint32_t next = t->index + 1;

	if (insn->jt == insn->jf) {
		do_jump(t, &(struct sock_filter){.k = insn->jt});
	} else if (insn->jt == 0 && opposite(operation)) {
		emit_condition(t, insn, opposite(operation), next + insn->jf);
	} else {
		emit_condition(t, insn, operation, next + insn->jt);
		do_jump(t, &(struct sock_filter){.k = insn->jf});
	}
}

static void do_return(struct translation *t, const struct sock_filter *insn)
{
	if (insn->code == (BPF_RET | BPF_A)) {
		emit_branch(t, (struct bpf_insn){.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = A},
			    label_verdict(t, LABEL_MATCH));
		leave(t, label_verdict(t, LABEL_REJECT));
		return;
	}
	leave(t, label_verdict(t, insn->k ? LABEL_MATCH : LABEL_REJECT));
}

static void (*const doers[CLASSIC_KINDS])(struct translation *, const struct sock_filter *) = {
	[CLASSIC_ABS] = do_abs,	      [CLASSIC_IND] = do_ind,	    [CLASSIC_MSH] = do_msh,
	[CLASSIC_LEN] = do_len,	      [CLASSIC_IMM] = do_imm,	    [CLASSIC_MEM] = do_mem,
	[CLASSIC_STORE] = do_store,   [CLASSIC_ALU] = do_alu,	    [CLASSIC_DIVIDE] = do_divide,
	[CLASSIC_SHIFT] = do_shift,   [CLASSIC_COPY] = do_copy,	    [CLASSIC_JUMP] = do_jump,
	[CLASSIC_BRANCH] = do_branch, [CLASSIC_RETURN] = do_return,
};

void insn_translate(struct translation *t)
{
	const struct sock_filter *insn = &t->classic[t->index];

	doers[translate_kind(insn->code)](t, insn);
}
