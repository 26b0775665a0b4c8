/* SPDX-License-Identifier: BSD-2-Clause */
#include "accept.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "intake.h"
#include "run.h"

#define TELL_NS (50 * TL_MS_NS) /* while busy; acks come in groups, and each flushes the output */

struct accept {
	struct tl_hop_in *hop;
	struct tl_intake *intake;
	uint64_t told_ns;
};

int accept_create(struct accept **out, struct tl_hop_in *hop)
{
	struct accept *a = calloc(1, sizeof(*a));
	if (!a) {
		return -ENOMEM;
	}
	a->hop = hop;
	int err = tl_hop_in_has_acks(hop) ? tl_intake_create(&a->intake) : 0;
	if (err < 0) {
		free(a);
		return err;
	}
	*out = a;
	return 0;
}

void accept_destroy(struct accept *a)
{
	if (a) {
		tl_intake_destroy(a->intake);
		free(a);
	}
}

/* What cannot be divided is taken whole. */
static void keep_rest(struct tl_wire_reader *reader, struct tl_msg **msg, struct tl_batch *batch,
		      uint64_t from)
{
	uint64_t to = batch->head.first + batch->event_count;
	struct tl_msg *rest;

	if (tl_run_cut(reader, batch, from < to ? from : to, to, &rest) == 0) {
		tl_msg_free(*msg);
		*msg = rest;
		tl_wire_read(reader, rest->data, rest->len, batch, 0);
	}
}

bool accept_batch(struct accept *a, struct tl_wire_reader *reader, struct tl_msg **msg,
		  struct tl_batch *batch)
{
	if (!a->intake) {
		return true;
	}
	uint64_t next = tl_run_next(&batch->head, batch->event_count);
	struct tl_intake_verdict v =
		tl_intake_look(a->intake, &batch->head, next, tl_clock_mono_ns());
	if (v.kind == TL_INTAKE_GAP || v.kind == TL_INTAKE_DUPLICATE) {
		return false;
	}
	/* Another writer's head is rewritten by writing the batch anew. */
	if (v.kind == TL_INTAKE_CUT ||
	    (v.after != batch->head.after && !tl_wire_head_is_ours((*msg)->data, (*msg)->len))) {
		keep_rest(reader, msg, batch, v.from);
	}
	/* What could not be cut begins before that, and stays as it is. */
	if (v.after <= batch->head.first && tl_wire_head_is_ours((*msg)->data, (*msg)->len)) {
		tl_wire_set_after((*msg)->data, v.after);
		batch->head.after = v.after;
	}
	return true;
}

void accept_took(struct accept *a, const struct tl_batch_head *head, uint32_t count)
{
	if (a->intake) {
		tl_intake_took(a->intake, head->stream, tl_run_next(head, count),
			       tl_clock_mono_ns());
	}
}

void accept_mark(struct accept *a)
{
	if (a->intake) {
		tl_intake_mark(a->intake);
	}
}

void accept_refused(struct accept *a, const struct tl_batch_head *head, uint32_t count)
{
	/* A refused head was not checked for sense. */
	if (!a->intake || head->first >> 62 || head->base >> 62 || head->after > head->first) {
		return;
	}
	struct tl_intake_verdict v =
		tl_intake_look(a->intake, head, tl_run_next(head, count), tl_clock_mono_ns());
	if (v.kind == TL_INTAKE_TAKE || v.kind == TL_INTAKE_CUT) {
		accept_took(a, head, count);
	}
}

bool accept_is_due(const struct accept *a)
{
	return a->intake && tl_clock_mono_ns() - a->told_ns >= TELL_NS;
}

void accept_tell(struct accept *a, bool settled)
{
	struct tl_ack acks[TL_ACK_MAX];
	size_t count = TL_ACK_MAX;

	if (!a->intake) {
		return;
	}
	a->told_ns = tl_clock_mono_ns();
	if (settled) {
		tl_intake_marked_safe(a->intake);
	}
	while (count == TL_ACK_MAX) {
		count = tl_intake_report(a->intake, a->told_ns, acks, TL_ACK_MAX);
		tl_hop_publish(a->hop, acks, count);
	}
}

uint64_t accept_missing(const struct accept *a)
{
	return a->intake ? tl_intake_counts(a->intake).missing_events : 0;
}
