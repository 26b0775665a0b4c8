/* SPDX-License-Identifier: BSD-2-Clause */
/* What shipper tells about itself: counters, and what stays undelivered. */
#include "exit.h"
#include "log.h"
#include "service.h"
#include "shipper_private.h"

#define LLU(value) ((unsigned long long)(value))

static void say_lane(const struct shipper *s, unsigned int index)
{
	struct lane_counts l = lane_counts(s->lanes[index]);
	struct store_counts w = store_counts(s->store, index);

	tl_log_note("%s: %s; delivered %llu batches, %llu events, %llu bytes; waiting %llu, %llu, "
		    "%llu; %llu tries, %llu retries, %llu refused, %llu forbidden, %llu splits; "
		    "events dropped %llu, rejected %llu, unreadable %llu%s%s",
		    lane_name(s->lanes[index]), l.down_since_ns ? "down" : "up", LLU(l.batches),
		    LLU(l.events), LLU(l.bytes), LLU(w.waiting_batches), LLU(w.waiting_events),
		    LLU(w.waiting_bytes), LLU(l.sent), LLU(l.retries), LLU(l.refused),
		    LLU(l.forbidden), LLU(l.splits), LLU(w.dropped_events), LLU(w.rejected_events),
		    LLU(w.bad_events), l.reason[0] ? "; last reason: " : "", l.reason);
}

void shipper_say_stats(const struct shipper *s)
{
	struct inlet_counts c = inlet_counts(s->inlet);
	struct tl_intake_counts i = tl_intake_counts(s->intake);
	struct tl_hop_counts in = tl_hop_in_counts(s->in);

	tl_log_note(
		"%llu batches and %llu events in, of %llu streams; %llu events came twice, %llu "
		"got lost on the way, %llu batches refused for a gap; malformed %llu batches "
		"of %llu events, %llu without a head; skipped %llu bytes, cut short %llu; full "
		"%llu times; refused %llu peers",
		LLU(c.batches), LLU(c.events), LLU(i.streams), LLU(i.duplicate_events),
		LLU(i.missing_events), LLU(i.refused_batches), LLU(c.malformed),
		LLU(c.malformed_events), LLU(c.unreadable), LLU(in.skipped_bytes),
		LLU(in.truncated_batches), LLU(c.full), LLU(in.refused_peers));
	for (unsigned int k = 0; k < s->sink_count; k++) {
		say_lane(s, k);
	}
}

uint64_t shipper_left(const struct shipper *s, unsigned int index, uint64_t *batches)
{
	struct store_counts counts = store_counts(s->store, index);

	*batches = 0;
	if (lane_counts(s->lanes[index]).gone) {
		return 0;
	}
	*batches = counts.waiting_batches;
	return counts.waiting_events;
}

static uint64_t events_lost(const struct shipper *s, unsigned int index)
{
	struct store_counts counts = store_counts(s->store, index);

	return counts.dropped_events + counts.rejected_events + counts.bad_events;
}

static int say_waiting(const struct shipper *s)
{
	bool signalled = tl_service_stopping();
	int code = TL_EXIT_OK;

	for (unsigned int i = 0; i < s->sink_count; i++) {
		uint64_t batches;
		uint64_t events = shipper_left(s, i, &batches);
		if (batches > 0 && s->options->spool) {
			tl_log_note("%s: %llu batches of %llu events wait in %s",
				    lane_name(s->lanes[i]), LLU(batches), LLU(events),
				    s->options->spool);
			code = signalled ? code : TL_EXIT_FAILED;
		} else if (batches > 0) {
			tl_log_err("%s: %llu events were not delivered", lane_name(s->lanes[i]),
				   LLU(events));
			code = TL_EXIT_FAILED;
		}
		/* Who ships a file wants to know that not all of it arrived. */
		code = !signalled && events_lost(s, i) > 0 ? TL_EXIT_FAILED : code;
	}
	return code;
}

/* What was read and found no room: a producer that hears acks still has it. */
static int say_held(const struct shipper *s)
{
	uint64_t events = inlet_counts(s->inlet).held_events;

	if (events == 0 || s->acks) {
		return TL_EXIT_OK;
	}
	tl_log_err("%llu events found no room and were not delivered", LLU(events));
	return TL_EXIT_FAILED;
}

int shipper_say_left(const struct shipper *s)
{
	int waiting = say_waiting(s);
	int held = say_held(s);

	return waiting ? waiting : held;
}
