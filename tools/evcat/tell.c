/* SPDX-License-Identifier: BSD-2-Clause */
#include "tell.h"

#include "input.h"

enum row {
	RECEIVED_BATCHES,
	RECEIVED_EVENTS,
	REFUSED_BATCHES,
	SKIPPED_BYTES,
	TRUNCATED_BATCHES,
	MISSING_EVENTS,
	ROWS,
};

static const struct tl_metric table[] = {
	TL_COUNTER("received_batches", "batches", "Valid batches that came in"),
	TL_COUNTER("received_events", "events", "Events in them"),
	TL_COUNTER("refused_batches", "batches", "Malformed or over a limit"),
	TL_COUNTER("skipped_bytes", "bytes", "Bytes in the input that were no batch"),
	TL_COUNTER("truncated_batches", "batches", "The input ended inside"),
	TL_COUNTER("missing_events", "events", "Events lost on the way here for good"),
};

_Static_assert(sizeof(table) / sizeof(table[0]) == ROWS, "a row for each");

static void gather(void *context, struct tl_metrics *m)
{
	const struct input_counts *c = context;

	tl_metrics_add(m, RECEIVED_BATCHES, c->batches, 0);
	tl_metrics_add(m, RECEIVED_EVENTS, c->events, 0);
	tl_metrics_add(m, REFUSED_BATCHES, c->refused_batches, 0);
	tl_metrics_add(m, SKIPPED_BYTES, c->skipped_bytes, 0);
	tl_metrics_add(m, TRUNCATED_BATCHES, c->truncated, 0);
	tl_metrics_add(m, MISSING_EVENTS, c->missing_events, 0);
}

int tell_open(struct tl_metrics **out, const struct input_counts *counts, const char *url,
	      const char *place, bool insecure)
{
	const struct tl_metrics_config config = {
		.url = url,
		.insecure = insecure,
		.tool = "evcat",
		.place = place,
		.table = table,
		.table_count = ROWS,
		.gather = gather,
		.context = (void *)counts,
	};

	return tl_metrics_open(out, &config);
}

int tell_print_table(void)
{
	return tl_metrics_print_table(table, ROWS);
}
