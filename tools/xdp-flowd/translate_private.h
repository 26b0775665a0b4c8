/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the translator share. */
#ifndef XDP_FLOWD_TRANSLATE_PRIVATE_H
#define XDP_FLOWD_TRANSLATE_PRIVATE_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

#include "translate.h"

/* --- translate_check.c: the classic program ------------------------------- */

/* Opcodes that are translated alike. */
enum classic_kind {
	CLASSIC_NONE, /* no opcode */
	CLASSIC_ABS,
	CLASSIC_IND,
	CLASSIC_MSH,
	CLASSIC_LEN,
	CLASSIC_IMM,
	CLASSIC_MEM,
	CLASSIC_STORE,
	CLASSIC_ALU,
	CLASSIC_DIVIDE,
	CLASSIC_SHIFT,
	CLASSIC_COPY,
	CLASSIC_JUMP,
	CLASSIC_BRANCH,
	CLASSIC_RETURN,
	CLASSIC_KINDS,
};

enum classic_kind translate_kind(uint16_t code);

/*
 * 0 when opcodes, jumps, divisors, shifts and M[] are in range and the end is
 * a return; -EINVAL, -E2BIG with *reason.
 */
int translate_check(const struct sock_filter *classic, uint32_t count, const char **reason);

/* --- the program that is made --------------------------------------------- */

/* Registers. A helper call spoils 0 to 5. */
enum {
	RESULT = BPF_REG_0,
	DATA_END = BPF_REG_5,
	CTX = BPF_REG_6,
	A = BPF_REG_7,
	X = BPF_REG_8,
	DATA = BPF_REG_9,
	STACK = BPF_REG_10,
};

enum {
	SCRATCH = -136, /* on the stack, below M[] */
	NOWHERE = UINT32_MAX,
};

/* Labels behind those of the two copies. */
enum {
	LABEL_MATCH,
	LABEL_REJECT,
	LABEL_MISSED,
	LABEL_OUT,
	LABELS_VERDICT,
};

struct label {
	bool reached;
	uint32_t proven; /* bytes that are linear on every way here */
	uint32_t at;
};

/*
 * The program is there twice. The first copy reads the packet directly; where
 * a load does not find its bytes in the linear part, it goes on in the second,
 * which asks a helper each time. So no load carries both ways, what is known
 * of the linear part is not forgotten where ways meet, and few packets pay.
 */
struct translation {
	const struct translate_config *config;
	const struct hook *hook;
	const struct sock_filter *classic;
	uint32_t count;
	bool reads; /* the packet */
	bool slow;  /* in the second copy */
	bool ends;  /* the instruction in hand does not lead to the next one */
	uint32_t index;
	uint32_t proven;
	const char *reason; /* set: refused */

	struct bpf_insn *insns;
	uint32_t *targets; /* label of each jump, or NOWHERE */
	uint32_t used;
	struct label *labels; /* count, count again, LABELS_VERDICT */
};

/* --- translate_emit.c: its instructions and labels ------------------------ */

void emit(struct translation *t, struct bpf_insn insn);
/* `operation` is one of BPF_ALU or BPF_ALU64. */
void emit_imm(struct translation *t, int operation, uint8_t to, uint32_t imm);
void emit_reg(struct translation *t, int operation, uint8_t to, uint8_t from);
/* `size` is BPF_W, BPF_H, BPF_B or BPF_DW. */
void emit_read(struct translation *t, int size, uint8_t to, uint8_t from, int offset);
void emit_write(struct translation *t, int size, uint8_t to, int offset, uint8_t from);
/* 32 bits on the stack. */
void emit_write_imm(struct translation *t, int offset, uint32_t imm);
void emit_map(struct translation *t, uint8_t to, int fd);
void emit_call(struct translation *t, int32_t helper);
/* Nothing for one byte. */
void emit_big_endian(struct translation *t, uint8_t reg, uint32_t len);
void emit_branch(struct translation *t, struct bpf_insn insn, uint32_t label);
void emit_goto(struct translation *t, uint32_t label);

uint32_t label_verdict(const struct translation *t, uint32_t which);
/* Of a classic instruction in the copy in hand. */
uint32_t label_of(const struct translation *t, uint32_t index);
/* Of the instruction in hand in the second copy. */
uint32_t label_slow(const struct translation *t);
void label_reach(struct translation *t, uint32_t label);
void label_place(struct translation *t, uint32_t label);
/* Puts distances into the jumps. 0, -E2BIG. */
int label_resolve(struct translation *t);

/* --- translate_hook.c: what the hooks differ in --------------------------- */

struct hook {
	int16_t data;
	int16_t data_end;
	int32_t load_bytes;
	void (*wire_len)(struct translation *t, uint8_t to);
	/* `offset` counts from SKF_AD_OFF. Sets `reason` for what the hook has not. */
	void (*ancillary)(struct translation *t, uint32_t offset);
};

const struct hook *hook_of(enum translate_hook which);

/* Reads the end of the linear part, if the program looks at the packet at all. */
void hook_read_data_end(struct translation *t);

/* --- translate_insn.c: one classic instruction ---------------------------- */

/* Bytes that a load reads. */
uint32_t insn_load_len(const struct sock_filter *insn);
/* On the stack: where M[index] is. */
int insn_cell(uint32_t index);
void insn_translate(struct translation *t);

/* Goes to the second copy when fewer than `len` bytes are linear behind `base`. */
void insn_check_linear(struct translation *t, uint8_t base, uint32_t len);

#endif
