/* SPDX-License-Identifier: BSD-2-Clause */
#include "translate_private.h"

#include <errno.h>
#include <stdlib.h>

enum {
	/* The first check is for so much at once, if so much is read: Ethernet and IPv4. */
	HEADERS_LEN = 34,
	INSNS_PER_CLASSIC = 20, /* in both copies; an indexed load takes 8 and 11 */
	INSNS_AROUND = 64,
};

/* The most that loads at fixed places within HEADERS_LEN read; 0 when there are none. */
static uint32_t headers_len(const struct translation *t)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < t->count; i++) {
		const struct sock_filter *insn = &t->classic[i];
		enum classic_kind kind = translate_kind(insn->code);
		bool fixed = kind == CLASSIC_ABS || kind == CLASSIC_MSH;
		if (fixed && insn->k < HEADERS_LEN) {
			uint32_t end = insn->k + insn_load_len(insn);
			most = end > most && end <= HEADERS_LEN ? end : most;
		}
	}
	return most;
}

static bool reads_packet(const struct translation *t)
{
	for (uint32_t i = 0; i < t->count; i++) {
		enum classic_kind kind = translate_kind(t->classic[i].code);
		if (kind == CLASSIC_ABS || kind == CLASSIC_IND || kind == CLASSIC_MSH) {
			return true;
		}
	}
	return false;
}

static void clear_cells(struct translation *t)
{
	bool cleared[BPF_MEMWORDS] = {false};

	for (uint32_t i = 0; i < t->count; i++) {
		const struct sock_filter *insn = &t->classic[i];
		if (translate_kind(insn->code) == CLASSIC_MEM && !cleared[insn->k]) {
			cleared[insn->k] = true;
			emit_write_imm(t, insn_cell(insn->k), 0);
		}
	}
}

static void put_start(struct translation *t)
{
	uint32_t len = headers_len(t);

	emit_reg(t, BPF_ALU64 | BPF_MOV, CTX, BPF_REG_1);
	emit_imm(t, BPF_ALU | BPF_MOV, A, 0);
	emit_imm(t, BPF_ALU | BPF_MOV, X, 0);
	clear_cells(t);
	if (t->reads) {
		emit_read(t, BPF_W, DATA, CTX, t->hook->data);
		hook_read_data_end(t);
	}
	if (len > 0) {
		insn_check_linear(t, DATA, len);
		t->proven = len;
	}
	label_reach(t, 0);
}

/* What no way leads to is left out: the verifier refuses it. */
static void put_copy(struct translation *t, bool slow)
{
	t->slow = slow;
	for (t->index = 0; t->index < t->count && !t->reason; t->index++) {
		uint32_t label = slow ? label_slow(t) : t->index;
		if (!t->labels[label].reached) {
			continue;
		}
		label_place(t, label);
		t->proven = t->labels[label].proven;
		t->ends = false;
		insn_translate(t);
		if (!t->ends) {
			label_reach(t, label + 1);
		}
	}
}

/*
 * Each verdict has a call of its own: with a constant slot the kernel makes a
 * direct jump of it.
 */
static void put_tail_call(struct translation *t, uint32_t which, uint32_t slot)
{
	uint32_t label = label_verdict(t, which);

	if (!t->labels[label].reached) {
		return;
	}
	label_place(t, label);
	emit_reg(t, BPF_ALU64 | BPF_MOV, BPF_REG_1, CTX);
	emit_map(t, BPF_REG_2, t->config->jump_fd);
	emit_imm(t, BPF_ALU | BPF_MOV, BPF_REG_3, slot);
	emit_call(t, BPF_FUNC_tail_call);
	emit_goto(t, label_verdict(t, LABEL_MISSED));
}

static void put_addition(struct translation *t, uint8_t value, int offset)
{
	emit_read(t, BPF_DW, BPF_REG_1, value, offset);
	if (offset == 0) {
		emit_imm(t, BPF_ALU64 | BPF_ADD, BPF_REG_1, 1);
	} else {
		emit_reg(t, BPF_ALU64 | BPF_ADD, BPF_REG_1, X);
	}
	emit_write(t, BPF_DW, value, offset, BPF_REG_1);
}

/* A and X have served: they hold the counters' address and the length. */
static void put_missed(struct translation *t)
{
	t->slow = true;
	label_place(t, label_verdict(t, LABEL_MISSED));
	emit_write_imm(t, SCRATCH, t->config->missed_index);
	emit_map(t, BPF_REG_1, t->config->acct_fd);
	emit_reg(t, BPF_ALU64 | BPF_MOV, BPF_REG_2, STACK);
	emit_imm(t, BPF_ALU64 | BPF_ADD, BPF_REG_2, (uint32_t)SCRATCH);
	emit_call(t, BPF_FUNC_map_lookup_elem);
	emit_branch(t, (struct bpf_insn){.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = RESULT},
		    label_verdict(t, LABEL_OUT));
	emit_reg(t, BPF_ALU64 | BPF_MOV, A, RESULT);
	t->hook->wire_len(t, X);
	put_addition(t, A, 0);
	put_addition(t, A, 8);
	label_place(t, label_verdict(t, LABEL_OUT));
	emit_imm(t, BPF_ALU | BPF_MOV, RESULT, (uint32_t)t->config->retval);
	emit(t, (struct bpf_insn){.code = BPF_JMP | BPF_EXIT});
}

/* 0; -EOPNOTSUPP, -E2BIG with t->reason. */
static int put_program(struct translation *t)
{
	t->reads = reads_packet(t);
	put_start(t);
	put_copy(t, false);
	put_copy(t, true);
	if (t->reason) {
		return -EOPNOTSUPP;
	}
	put_tail_call(t, LABEL_MATCH, t->config->match_slot);
	put_tail_call(t, LABEL_REJECT, t->config->reject_slot);
	put_missed(t);
	if (label_resolve(t) < 0) {
		t->reason = "it is too long: a jump would span more than 32767 instructions";
		return -E2BIG;
	}
	return 0;
}

int translate_filter(struct bpf_insn **out, const struct sock_filter *classic, uint32_t count,
		     const struct translate_config *config, const char **reason)
{
	int err = translate_check(classic, count, reason);

	if (err < 0) {
		return err;
	}
	uint32_t most = count * INSNS_PER_CLASSIC + INSNS_AROUND;
	struct translation t = {
		.config = config,
		.hook = hook_of(config->hook),
		.classic = classic,
		.count = count,
		.insns = calloc(most, sizeof(*t.insns)),
		.targets = calloc(most, sizeof(*t.targets)),
		.labels = calloc(2 * count + LABELS_VERDICT, sizeof(*t.labels)),
	};

	err = -ENOMEM;
	t.reason = "there is no memory";
	if (t.insns && t.targets && t.labels) {
		t.reason = 0;
		err = put_program(&t);
	}
	free(t.targets);
	free(t.labels);
	if (err < 0) {
		*reason = t.reason;
		free(t.insns);
		return err;
	}
	*out = t.insns;
	return (int)t.used;
}
