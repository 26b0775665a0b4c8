/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a forwarder's acks begin: its file, its pipe, its consumer that does not
 * acknowledge. What is sent there is accepted by the rules of any consumer
 * (intake.h), since upstream sends again what it does not know to be safe.
 */
#include "clock.h"
#include "outbox_private.h"
#include "run.h"

#define SYNC_NS (100 * TL_MS_NS)

enum { SYNC_BATCHES = 64 };

bool tl_gate_is_here(const struct tl_lane *lane)
{
	return lane->intake && (!tl_hop_out_has_acks(lane->hop) || lane->silent);
}

static struct tl_msg *cut(struct tl_lane *lane, struct tl_msg *msg, uint64_t from, uint64_t next)
{
	struct tl_batch batch;
	struct tl_msg *rest = 0;

	if (tl_wire_read(lane->reader, msg->data, msg->len, &batch, 0) == 0) {
		uint64_t to = next - (batch.head.end ? 1 : 0);
		tl_run_cut(lane->reader, &batch, from < to ? from : to, to, &rest);
	}
	/* What cannot be divided goes whole: duplicates are the reader's to drop. */
	if (!rest) {
		return msg;
	}
	tl_msg_free(msg);
	return rest;
}

static bool read_head(struct tl_lane *lane, const struct tl_msg *msg, struct tl_batch_head *head,
		      uint64_t *next)
{
	struct tl_batch batch;

	if (tl_wire_read(lane->reader, msg->data, msg->len, &batch, 0) < 0) {
		return false;
	}
	*head = batch.head;
	*next = tl_run_next(&batch.head, batch.event_count);
	return true;
}

/* What could not be cut begins before that, and stays as it is. */
static void set_after(struct tl_msg *msg, uint64_t after)
{
	struct tl_batch_head head;

	if (tl_wire_head_is_ours(msg->data, msg->len)) {
		tl_wire_get_head(msg->data, &head);
		if (after <= head.first) {
			tl_wire_set_after(msg->data, after);
		}
	}
}

struct tl_msg *tl_gate_admit(struct tl_lane *lane, struct tl_msg *msg)
{
	struct tl_batch_head head;
	uint64_t next;

	if (!read_head(lane, msg, &head, &next)) {
		tl_msg_free(msg);
		return 0;
	}
	struct tl_intake_verdict v = tl_intake_look(lane->intake, &head, next, tl_clock_mono_ns());
	if (v.kind == TL_INTAKE_GAP || v.kind == TL_INTAKE_DUPLICATE) {
		tl_msg_free(msg);
		return 0;
	}
	/* Another writer's head is rewritten by writing the batch anew. */
	if (v.kind == TL_INTAKE_CUT ||
	    (v.after != head.after && !tl_wire_head_is_ours(msg->data, msg->len))) {
		msg = cut(lane, msg, v.from, next);
	}
	set_after(msg, v.after);
	return msg;
}

static int sync(struct tl_lane *lane, uint64_t now_ns)
{
	int err = tl_hop_sync(lane->hop);

	if (err == 0) {
		tl_intake_all_safe(lane->intake);
		lane->unsynced = 0;
		lane->synced_ns = now_ns;
	}
	return err;
}

/* After a sync that failed nothing is told: the next one succeeds, whatever became of the pages. */
int tl_gate_tell(struct tl_lane *lane, bool idle)
{
	struct tl_ack acks[TL_ACK_MAX];
	uint64_t now = tl_clock_mono_ns();
	size_t count;
	int err = idle && lane->unsynced > 0 ? sync(lane, now) : 0;

	if (err < 0) {
		return err;
	}
	do {
		count = tl_intake_report(lane->intake, now, acks, TL_ACK_MAX);
		if (count > 0) {
			lane->outbox->config.acked(lane->outbox->config.context, lane->index, acks,
						   count);
		}
	} while (count == TL_ACK_MAX);
	return 0;
}

int tl_gate_passed(struct tl_lane *lane, const struct tl_batch_head *head, uint64_t next, bool idle)
{
	uint64_t now = tl_clock_mono_ns();
	int err = 0;

	tl_intake_took(lane->intake, head->stream, next, now);
	lane->unsynced++;
	if (lane->unsynced >= SYNC_BATCHES || now - lane->synced_ns >= SYNC_NS) {
		err = sync(lane, now);
	}
	return err < 0 ? err : tl_gate_tell(lane, idle);
}
