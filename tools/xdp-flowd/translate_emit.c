/* SPDX-License-Identifier: BSD-2-Clause */
#include "translate_private.h"

#include <errno.h>

void emit(struct translation *t, struct bpf_insn insn)
{
	t->targets[t->used] = NOWHERE;
	t->insns[t->used++] = insn;
}

void emit_imm(struct translation *t, int operation, uint8_t to, uint32_t imm)
{
	emit(t, (struct bpf_insn){
			.code = (uint8_t)(operation | BPF_K), .dst_reg = to, .imm = (int32_t)imm});
}

void emit_reg(struct translation *t, int operation, uint8_t to, uint8_t from)
{
	emit(t, (struct bpf_insn){
			.code = (uint8_t)(operation | BPF_X), .dst_reg = to, .src_reg = from});
}

void emit_read(struct translation *t, int size, uint8_t to, uint8_t from, int offset)
{
	emit(t, (struct bpf_insn){.code = (uint8_t)(BPF_LDX | BPF_MEM | size),
				  .dst_reg = to,
				  .src_reg = from,
				  .off = (int16_t)offset});
}

void emit_write(struct translation *t, int size, uint8_t to, int offset, uint8_t from)
{
	emit(t, (struct bpf_insn){.code = (uint8_t)(BPF_STX | BPF_MEM | size),
				  .dst_reg = to,
				  .src_reg = from,
				  .off = (int16_t)offset});
}

void emit_write_imm(struct translation *t, int offset, uint32_t imm)
{
	emit(t, (struct bpf_insn){.code = BPF_ST | BPF_MEM | BPF_W,
				  .dst_reg = STACK,
				  .off = (int16_t)offset,
				  .imm = (int32_t)imm});
}

void emit_map(struct translation *t, uint8_t to, int fd)
{
	emit(t, (struct bpf_insn){.code = BPF_LD | BPF_IMM | BPF_DW,
				  .dst_reg = to,
				  .src_reg = BPF_PSEUDO_MAP_FD,
				  .imm = fd});
	emit(t, (struct bpf_insn){0});
}

void emit_call(struct translation *t, int32_t helper)
{
	emit(t, (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = helper});
}

void emit_big_endian(struct translation *t, uint8_t reg, uint32_t len)
{
	if (len > 1) {
		emit(t, (struct bpf_insn){.code = BPF_ALU | BPF_END | BPF_TO_BE,
					  .dst_reg = reg,
					  .imm = (int32_t)len * 8});
	}
}

void emit_branch(struct translation *t, struct bpf_insn insn, uint32_t label)
{
	label_reach(t, label);
	emit(t, insn);
	t->targets[t->used - 1] = label;
}

void emit_goto(struct translation *t, uint32_t label)
{
	emit_branch(t, (struct bpf_insn){.code = BPF_JMP | BPF_JA}, label);
}

uint32_t label_verdict(const struct translation *t, uint32_t which)
{
	return 2 * t->count + which;
}

/* A jump to a constant return goes straight to the verdict. */
uint32_t label_of(const struct translation *t, uint32_t index)
{
	const struct sock_filter *insn = &t->classic[index];

	if (insn->code == (BPF_RET | BPF_K)) {
		return label_verdict(t, insn->k ? LABEL_MATCH : LABEL_REJECT);
	}
	return t->slow ? t->count + index : index;
}

uint32_t label_slow(const struct translation *t)
{
	return t->count + t->index;
}

void label_reach(struct translation *t, uint32_t label)
{
	struct label *to = &t->labels[label];

	if (!to->reached || to->proven > t->proven) {
		to->proven = t->proven;
	}
	to->reached = true;
}

void label_place(struct translation *t, uint32_t label)
{
	t->labels[label].at = t->used;
}

int label_resolve(struct translation *t)
{
	for (uint32_t i = 0; i < t->used; i++) {
		if (t->targets[i] == NOWHERE) {
			continue;
		}
		int64_t distance = (int64_t)t->labels[t->targets[i]].at - i - 1;
		if (distance > INT16_MAX) {
			return -E2BIG;
		}
		t->insns[i].off = (int16_t)distance;
	}
	return 0;
}
