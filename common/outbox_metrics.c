/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbox_metrics.h"

void tl_outbox_metrics_add(struct tl_metrics *m, const struct tl_outbox_counts *c, uint64_t waiting)
{
	tl_metrics_add(m, TL_OUTBOX_ASSIGNED, c->assigned_events + waiting, 0);
	tl_metrics_add(m, TL_OUTBOX_SAFE, c->safe_events + c->unheard_events, 0);
	tl_metrics_add(m, TL_OUTBOX_HELD, c->held_events + waiting, 0);
	tl_metrics_add(m, TL_OUTBOX_LOST, c->dropped_events, TL_LABELS("window"));
	tl_metrics_add(m, TL_OUTBOX_LOST, c->unmade_events, TL_LABELS("memory"));
	tl_metrics_add(m, TL_OUTBOX_SENT_BATCHES, c->sent_batches, 0);
	tl_metrics_add(m, TL_OUTBOX_SENT_EVENTS, c->sent_events, 0);
	tl_metrics_add(m, TL_OUTBOX_SENT_BYTES, c->sent_bytes, 0);
	tl_metrics_add(m, TL_OUTBOX_RESENT_BATCHES, c->resent_batches, 0);
}
