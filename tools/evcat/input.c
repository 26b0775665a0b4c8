/* SPDX-License-Identifier: BSD-2-Clause */
#include "input.h"

#include <errno.h>
#include <string.h>

#include "accept.h"
#include "clock.h"
#include "hop.h"
#include "log.h"
#include "service.h"
#include "tell.h"

#define TELL_NS	     (100 * TL_MS_NS) /* producers hear at least so often */
#define UNSETTLED_NS (2 * TL_MS_NS)

struct input {
	const struct sink *sink;
	struct input_counts *counts;
	struct tl_wire_reader *reader;
	struct tl_log_limit refused_limit;
	struct tl_log_limit skipped_limit;
	uint64_t next_tick_ns;
	struct tl_metrics *metrics;
	const char *place;
	struct tl_hop_in *hop;
	struct accept *accept;
	bool unsettled; /* what was taken is not all written: there is something to tell soon */
	uint64_t mark;	/* while unsettled: what is waited for */
	struct tl_hop_counts seen; /* of this place, told so far */
};

static int refuse(struct input *in, const struct tl_batch *batch, const struct tl_wire_error *error)
{
	struct tl_hop_counts c = tl_hop_in_counts(in->hop);
	uint64_t held_back;

	in->counts->refused_batches++;
	if (tl_log_allowed(&in->refused_limit, &held_back)) {
		tl_log_warn("%s: batch at byte %llu refused: %s (%u bytes into it; %llu more since "
			    "the last line)",
			    in->place,
			    (unsigned long long)(c.bytes + c.skipped_bytes - batch->size),
			    error->reason, error->offset, (unsigned long long)held_back);
	}
	if (tl_wire_head_readable(in->reader)) {
		accept_refused(in->accept, &batch->head, batch->event_count);
		if (in->sink->refused) {
			in->sink->refused(in->sink->ctx, &batch->head, batch->event_count);
		}
	}
	return EVCAT_MORE;
}

static int take(struct input *in, struct tl_msg *msg)
{
	struct tl_wire_error error;
	struct tl_batch batch;
	int step = EVCAT_MORE;

	if (tl_wire_read(in->reader, msg->data, msg->len, &batch, &error) < 0) {
		step = refuse(in, &batch, &error);
	} else if (accept_batch(in->accept, in->reader, &msg, &batch)) {
		struct tl_batch_head head = batch.head;
		in->counts->batches++;
		in->counts->events += batch.event_count;
		step = in->sink->batch(in->sink->ctx, in->reader, &batch, &msg);
		/* One that was left in the middle is not told to be here. */
		if (step == EVCAT_MORE) {
			accept_took(in->accept, &head, batch.event_count);
		}
	}
	tl_msg_free(msg);
	return step;
}

/* Tells of bytes that were no batch, with where they are. */
static void watch_skipped(struct input *in)
{
	struct tl_hop_counts c = tl_hop_in_counts(in->hop);
	uint64_t skipped = c.skipped_bytes - in->seen.skipped_bytes;
	uint64_t held_back;

	if (skipped == 0) {
		return;
	}
	in->counts->skipped_bytes += skipped;
	in->counts->truncated += c.truncated_batches - in->seen.truncated_batches;
	if (tl_log_allowed(&in->skipped_limit, &held_back)) {
		tl_log_warn("%s: %llu bytes up to byte %llu skipped: %s", in->place,
			    (unsigned long long)skipped,
			    (unsigned long long)(c.bytes + c.skipped_bytes),
			    c.truncated_batches ? "the last batch is cut short" : "no batch");
	}
	in->seen = c;
}

static int tick(struct input *in)
{
	uint64_t now = in->sink->tick_ns ? tl_clock_mono_ns() : 0;

	if (in->sink->tick_ns == 0 || now < in->next_tick_ns) {
		return EVCAT_MORE;
	}
	in->next_tick_ns = now + in->sink->tick_ns;
	return in->sink->tick(in->sink->ctx, now);
}

static uint64_t patience(const struct input *in)
{
	if (in->unsettled) {
		return UNSETTLED_NS;
	}
	uint64_t most = in->sink->tick_ns ? in->sink->tick_ns : TL_SECOND_NS;

	return tl_hop_in_has_acks(in->hop) && most > TELL_NS ? TELL_NS : most;
}

static void set_mark(struct input *in)
{
	in->mark = in->sink->mark(in->sink->ctx);
	accept_mark(in->accept);
}

/* More may come without a pause: what was there at a mark is waited for, not for all. */
static void tell_marked(struct input *in)
{
	const struct sink *sink = in->sink;

	if (!in->unsettled) {
		set_mark(in);
	}
	bool settled = sink->settled(sink->ctx, in->mark);
	accept_tell(in->accept, settled);
	if (settled) {
		set_mark(in);
	}
	in->unsettled = !settled || !sink->settled(sink->ctx, in->mark);
}

/* The sink writes what it holds, and what is written is acknowledged. */
static int settle(struct input *in)
{
	const struct sink *sink = in->sink;
	int step = sink->idle ? sink->idle(sink->ctx) : EVCAT_MORE;

	if (step == EVCAT_MORE && tl_hop_in_has_acks(in->hop)) {
		if (sink->settled) {
			tell_marked(in);
		} else {
			accept_mark(in->accept);
			accept_tell(in->accept, true);
		}
	}
	return step;
}

/* What is there now, else, after the sink has written what it holds, what comes. */
static int receive(struct input *in, struct tl_msg **msg)
{
	int got = tl_hop_recv(in->hop, msg, 0);

	if (got != -ETIMEDOUT && !accept_is_due(in->accept)) {
		return got;
	}
	int step = settle(in);
	if (step != EVCAT_MORE && got <= 0) {
		return step < 0 ? step : -EINTR;
	}
	return got == -ETIMEDOUT ? tl_hop_recv(in->hop, msg, patience(in)) : got;
}

/* Stopping, the hop reads on while something is on its way; a sink may know that nothing is. */
static bool is_complete(const struct input *in)
{
	return tl_service_stopping() && in->sink->complete && in->sink->complete(in->sink->ctx);
}

static void tell_counts(const struct input *in)
{
	if (tl_service_take_stats()) {
		tl_log_note("%llu batches, %llu refused, %llu bytes skipped",
			    (unsigned long long)in->counts->batches,
			    (unsigned long long)in->counts->refused_batches,
			    (unsigned long long)in->counts->skipped_bytes);
	}
}

/* Reads one place to its end. */
static int pump(struct input *in)
{
	while (!is_complete(in)) {
		struct tl_msg *msg = 0;
		int got = receive(in, &msg);
		watch_skipped(in);
		tell_counts(in);
		tl_metrics_tick(in->metrics);
		if (got == 0) {
			return EVCAT_MORE;
		}
		if (got == -EINTR) {
			return EVCAT_DONE;
		}
		if (got < 0 && got != -ETIMEDOUT) {
			tl_log_err("cannot read %s: %s", in->place, strerror(-got));
			return got;
		}
		int step = got > 0 ? take(in, msg) : EVCAT_MORE;
		if (step == EVCAT_MORE) {
			step = tick(in);
		}
		if (step != EVCAT_MORE) {
			return step;
		}
	}
	return EVCAT_DONE;
}

static int run_place(struct input *in, const struct input_config *config, unsigned int index)
{
	in->place = config->places[index];
	in->seen = (struct tl_hop_counts){0};
	int err = tl_hop_open_in(&in->hop, in->place, &config->hop);
	if (err < 0) {
		in->counts->unopened_places++;
		return EVCAT_MORE;
	}
	err = accept_create(&in->accept, in->hop);
	if (err < 0) {
		tl_hop_close_in(in->hop);
		return err;
	}
	if (index == 0) {
		tl_service_ready(config->ready_fd);
	}
	int step = pump(in);
	if (step >= 0 && tl_hop_in_has_acks(in->hop)) {
		settle(in);
	}
	in->counts->missing_events += accept_missing(in->accept);
	accept_destroy(in->accept);
	tl_hop_close_in(in->hop);
	return step;
}

int input_run(const struct input_config *config, const struct sink *sink,
	      struct input_counts *counts)
{
	struct input in = {.sink = sink, .counts = counts};
	int step = tl_wire_reader_create(&in.reader);

	if (step == 0) {
		step = tell_open(&in.metrics, counts, config->stats_url, config->places[0],
				 config->hop.insecure);
	}
	for (unsigned int i = 0; i < config->place_count && step == EVCAT_MORE; i++) {
		step = run_place(&in, config, i);
	}
	tl_metrics_close(in.metrics);
	tl_wire_reader_destroy(in.reader);
	return step < 0 ? step : 0;
}

bool input_report(const struct input_counts *counts)
{
	if (counts->missing_events > 0) {
		tl_log_warn("%llu events were lost on the way: their producer does not wait for "
			    "acknowledgements",
			    (unsigned long long)counts->missing_events);
	}
	if (counts->refused_batches > 0 || counts->skipped_bytes > 0) {
		tl_log_warn("input damaged: %llu batches refused, %llu bytes skipped, %llu batches "
			    "cut short; %llu batches read",
			    (unsigned long long)counts->refused_batches,
			    (unsigned long long)counts->skipped_bytes,
			    (unsigned long long)counts->truncated,
			    (unsigned long long)counts->batches);
		return true;
	}
	return false;
}
