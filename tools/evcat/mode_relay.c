/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "clock.h"
#include "modes.h"
#include "pace.h"
#include "relay.h"
#include "select.h"
#include "service.h"

enum {
	EARLY_NS = 500000
}; /* an event may go out so much before it is due: fewer, fuller batches */

struct relayer {
	struct relay *relay;
	struct select *select;
	struct pace pace;
	bool timed;
	bool whole; /* batches go out as they are */
	uint64_t left;
};

/* Sleeps until the event is due, with nothing held back meanwhile. */
static int wait_until_due(struct relayer *r, uint64_t event_ns)
{
	int step = EVCAT_MORE;

	while (step == EVCAT_MORE && !tl_service_stopping()) {
		uint64_t wait = pace_wait(&r->pace, event_ns, tl_clock_mono_ns());
		if (wait <= EARLY_NS) {
			return EVCAT_MORE;
		}
		step = relay_flush(r->relay);
		if (step == EVCAT_MORE) {
			tl_service_wait(wait < TL_SECOND_NS ? wait : TL_SECOND_NS);
		}
	}
	return step == EVCAT_MORE ? EVCAT_DONE : step;
}

/* Statistics go with what they come after: of a capture file they tell the time of its reading. */
static bool has_time(const struct tl_event *event)
{
	return !tl_str_eq(event->type, TL_STR("capture_stats"));
}

static int relay_selected(struct relayer *r, const struct tl_wire_reader *reader,
			  const struct tl_batch *batch)
{
	struct tl_event_iter iter = tl_wire_events(reader, batch);
	struct tl_event event;
	int step = relay_begin(r->relay, &batch->head);

	while (step == EVCAT_MORE && tl_event_next(&iter, &event)) {
		if (!select_match(r->select, &batch->head, &event)) {
			continue;
		}
		step = r->timed && has_time(&event) ? wait_until_due(r, event.ts_ns) : EVCAT_MORE;
		if (step == EVCAT_MORE) {
			step = relay_event(r->relay, &event);
		}
		if (step == EVCAT_MORE && --r->left == 0) {
			step = EVCAT_DONE;
		}
	}
	return step == EVCAT_MORE && batch->head.end ? relay_end(r->relay) : step;
}

static int relay_whole(struct relayer *r, const struct tl_wire_reader *reader,
		       const struct tl_batch *batch, struct tl_msg **msg)
{
	struct tl_event_iter iter = tl_wire_events(reader, batch);
	struct tl_event first;
	int step = EVCAT_MORE;

	if (r->timed && tl_event_next(&iter, &first) && has_time(&first)) {
		step = wait_until_due(r, first.ts_ns);
	}
	return step == EVCAT_MORE ? relay_pass(r->relay, msg, batch->event_count) : step;
}

static int relay_batch(void *ctx, const struct tl_wire_reader *reader, const struct tl_batch *batch,
		       struct tl_msg **msg)
{
	struct relayer *r = ctx;

	return r->whole ? relay_whole(r, reader, batch, msg) : relay_selected(r, reader, batch);
}

static int relay_idle(void *ctx)
{
	struct relayer *r = ctx;

	return relay_flush(r->relay);
}

static uint64_t mark(void *ctx)
{
	struct relayer *r = ctx;

	return relay_mark(r->relay);
}

static bool is_settled(void *ctx, uint64_t mark)
{
	struct relayer *r = ctx;

	return relay_is_settled(r->relay, mark);
}

enum tl_exit mode_relay(const struct evcat_config *config, const struct input_config *input)
{
	struct relayer r = {
		.left = config->count ? config->count : UINT64_MAX,
		.timed = config->replay && !config->fast,
		.pace.speed = config->speed,
	};
	struct input_counts counts = {0};
	const struct sink sink = {.ctx = &r,
				  .batch = relay_batch,
				  .idle = relay_idle,
				  .mark = mark,
				  .settled = is_settled};
	enum tl_exit code;
	int err = select_create(&r.select, &config->types, &config->wheres);

	if (err == 0) {
		bool selects = config->count > 0 || !select_is_all(r.select);
		r.whole = config->same_stream || (!config->replay && !selects);
		err = relay_open(&r.relay, config->out, &input->out_hop);
	}
	if (err < 0) {
		code = mode_unopened(err);
	} else {
		err = input_run(input, &sink, &counts);
		int closed = relay_close(r.relay);
		code = mode_exit(err == 0 ? closed : err, &counts);
	}
	select_destroy(r.select);
	return code;
}
