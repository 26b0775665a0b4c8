/* SPDX-License-Identifier: BSD-2-Clause */
/* batcher: collects the batches of many producers into fewer, bigger ones. */
#include <errno.h>

#include "batcher.h"
#include "clock.h"
#include "exit.h"
#include "hop.h"
#include "log.h"
#include "opt.h"
#include "outbox_metrics.h"
#include "passback.h"
#include "privilege.h"
#include "service.h"
#include "views.h"

#define STOP_WAIT_NS (5 * TL_SECOND_NS)

struct config {
	const char *input;
	struct tl_opt_list outputs; /* none = stdout */
	struct tl_opt_list views;
	struct tl_opt_list allow_uid;
	const char *ack_url;
	bool no_acks;
	uint64_t batch_size;
	uint64_t batch_time_ns;
	const char *stats_url;
	bool list_metrics;
	uint64_t ready_fd;
	bool insecure;
};

#define FIELD(name) offsetof(struct config, name)

static const struct tl_opt options[] = {
	{'I', "input", TL_OPT_STRING, FIELD(input), "PLACE",
	 "URL to listen at, file or - (default: -, stdin)", 0, 0, 0, 0},
	{'o', "output", TL_OPT_LIST, FIELD(outputs), "PLACE",
	 "URL to dial, file or - (default: -, stdout); repeatable: each gets all", 0, 0, 0, 0},
	TL_OPT_ROW_WRITE(TL_OPT_LIST, FIELD(outputs)),
	{0, "view", TL_OPT_LIST, FIELD(views), "URL",
	 "copy there what it takes at once, and wait for nothing; repeatable", 0, 0, 0, 0},
	{0, "batch-size", TL_OPT_NUMBER, FIELD(batch_size), "N",
	 "pass on when N events of a stream wait (100)", 1, TL_WIRE_MAX_EVENTS, 0, 0},
	{0, "batch-time", TL_OPT_DURATION, FIELD(batch_time_ns), "TIME",
	 "or when the first has waited so long (5s)", 1, 3600 * TL_SECOND_NS, 0, 0},
	{0, "no-acks", TL_OPT_FLAG, FIELD(no_acks), 0,
	 "pass no acknowledgements back, and wait for none", 0, 0, 0, 0},
	TL_OPT_ROW_ACK_URL_IN(FIELD(ack_url)),
	TL_OPT_ROW_ALLOW_UID(FIELD(allow_uid)),
	TL_OPT_ROW_STATS(FIELD(stats_url)),
	TL_OPT_ROW_LIST_METRICS(FIELD(list_metrics)),
	TL_OPT_ROW_INSECURE(FIELD(insecure)),
	TL_OPT_ROW_READY_FD(FIELD(ready_fd)),
	{0},
};

static const struct tl_program program = {
	.name = "batcher",
	.summary = "Collects the batches of many producers into fewer, bigger ones.",
	.opts = options,
};

struct tool {
	const struct config *config;
	struct tl_hop_in *in;
	struct tl_outbox *outbox;
	struct tl_outbox_counts last; /* when the outbox is closed */
	struct passback *passback;
	struct batcher *batcher;
	struct views views;
	uint64_t looked_ns;
	struct tl_metrics *metrics;
};

/* --- counters --------------------------------------------------------------- */

static const struct tl_metric metrics[] = {
	TL_OUTBOX_METRIC_ROWS,
	TL_COUNTER("received_batches", "batches", "Valid batches that came in"),
	TL_COUNTER("received_events", "events", "Events in them"),
	TL_COUNTER("passed_batches", "batches", "Batches passed on"),
	TL_COUNTER("refused_batches", "batches", "Malformed or over a limit"),
	TL_COUNTER("refused_bytes", "bytes", "Bytes of refused batches"),
	TL_COUNTER("skipped_bytes", "bytes", "Bytes in the input that were no batch"),
	TL_COUNTER("truncated_batches", "batches", "The input ended inside"),
	TL_COUNTER("refused_peers", "peers", "Users turned away, that may not dial"),
	TL_COUNTER("viewed_events", "events", "Events copied to --view"),
	TL_COUNTER("unviewed_events", "events", "Events that a --view did not take in time"),
};

enum {
	RECEIVED_BATCHES = TL_OUTBOX_METRICS,
	RECEIVED_EVENTS,
	PASSED_BATCHES,
	REFUSED_BATCHES,
	REFUSED_BYTES,
	SKIPPED_BYTES,
	TRUNCATED_BATCHES,
	REFUSED_PEERS,
	VIEWED_EVENTS,
	UNVIEWED_EVENTS,
};

static void gather(void *context, struct tl_metrics *m)
{
	const struct tool *t = context;
	struct batcher_counts c = batcher_counts(t->batcher);
	struct tl_hop_counts in = tl_hop_in_counts(t->in);
	struct tl_outbox_counts out = t->outbox ? tl_outbox_counts(t->outbox) : t->last;

	tl_outbox_metrics_add(m, &out, c.waiting_events);
	tl_metrics_add(m, RECEIVED_BATCHES, c.batches_in, 0);
	tl_metrics_add(m, RECEIVED_EVENTS, c.events_in, 0);
	tl_metrics_add(m, PASSED_BATCHES, c.batches_out, 0);
	tl_metrics_add(m, REFUSED_BATCHES, c.refused_batches, 0);
	tl_metrics_add(m, REFUSED_BYTES, c.refused_bytes, 0);
	tl_metrics_add(m, SKIPPED_BYTES, in.skipped_bytes, 0);
	tl_metrics_add(m, TRUNCATED_BATCHES, in.truncated_batches, 0);
	tl_metrics_add(m, REFUSED_PEERS, in.refused_peers, 0);
	tl_metrics_add(m, VIEWED_EVENTS, t->views.sent_events, 0);
	tl_metrics_add(m, UNVIEWED_EVENTS, t->views.dropped_events, 0);
}

static void report(void *context)
{
	const struct tool *t = context;

	tl_metrics_tick(t->metrics);
}

static int open_metrics(struct tool *t)
{
	const struct tl_metrics_config config = {
		.url = t->config->stats_url,
		.insecure = t->config->insecure,
		.tool = program.name,
		.place = t->config->input,
		.table = metrics,
		.table_count = sizeof(metrics) / sizeof(metrics[0]),
		.gather = gather,
		.context = t,
	};

	return tl_metrics_open(&t->metrics, &config);
}

/* --- opening ---------------------------------------------------------------- */

static bool all_are_urls(const struct config *c)
{
	for (unsigned int i = 0; i < c->outputs.count; i++) {
		if (!tl_hop_is_url(c->outputs.items[i])) {
			return false;
		}
	}
	return c->outputs.count > 0 && tl_hop_is_url(c->input);
}

/*
 * Producers that hear acks keep their batches until these are safe: then batches and acks
 * only pass through. What comes from a file or pipe nobody else keeps.
 */
static int open_outbox(struct tool *t, struct tl_outbox_config *config)
{
	int err = tl_outbox_set_places(config, &t->config->outputs);

	if (err == 0 && tl_hop_in_has_acks(t->in)) {
		unsigned int places = t->config->outputs.count > 0 ? t->config->outputs.count : 1;
		err = passback_create(&t->passback, t->in, places);
		config->acked = passback_acked;
		config->lost = passback_lost;
		config->ended = passback_ended;
		config->context = t->passback;
	}
	return err == 0 ? tl_outbox_open(&t->outbox, config) : err;
}

static void see(void *context, const struct tl_msg *msg, uint32_t events)
{
	struct tool *t = context;

	views_send(&t->views, msg, events);
}

static int tool_open(struct tool *t)
{
	struct tl_hop_config hop = {.insecure = t->config->insecure,
				    .no_acks = t->config->no_acks,
				    .ack_url = t->config->ack_url,
				    .allow_uid = &t->config->allow_uid};
	struct tl_outbox_config outbox = {
		.policy = TL_OUTBOX_WAIT,
		.window = TL_OUTBOX_WINDOW,
		.hop = hop,
		.waiting = report,
		.waiting_context = t,
	};

	if (tl_hop_is_url(t->config->input)) {
		outbox.hop.ack_url = 0;
	}
	/* The caller's files stay the caller's; sockets are shared within the group. */
	int err = tl_privilege_drop(TL_PRIVILEGE_USER,
				    all_are_urls(t->config) ? 0 : TL_PRIVILEGE_KEEP_USER);
	if (err == 0) {
		err = tl_hop_open_in(&t->in, t->config->input, &hop);
	}
	if (err == 0) {
		err = open_outbox(t, &outbox);
	}
	struct batcher_config config = {
		.batch_size = t->config->batch_size,
		.batch_time_ns = t->config->batch_time_ns,
		.outbox = t->outbox,
		.see = see,
		.context = t,
	};
	if (err == 0) {
		err = views_open(&t->views, &t->config->views, t->config->insecure);
	}
	if (err == 0) {
		err = batcher_create(&t->batcher, &config);
	}
	return err == 0 ? open_metrics(t) : err;
}

/* --- running ---------------------------------------------------------------- */

static void say_stats(const struct tool *t)
{
	struct batcher_counts c = batcher_counts(t->batcher);
	struct tl_hop_counts in = tl_hop_in_counts(t->in);
	struct tl_outbox_counts out = tl_outbox_counts(t->outbox);

	tl_log_note("%llu batches and %llu events in, %llu batches out, %llu held; refused %llu "
		    "batches, skipped %llu bytes, cut short %llu",
		    (unsigned long long)c.batches_in, (unsigned long long)c.events_in,
		    (unsigned long long)c.batches_out, (unsigned long long)out.held_batches,
		    (unsigned long long)c.refused_batches, (unsigned long long)in.skipped_bytes,
		    (unsigned long long)in.truncated_batches);
}

static void say_views(const struct tool *t)
{
	if (t->views.dropped_events > 0) {
		tl_log_warn("%llu events were not copied to --view: it did not take them in time",
			    (unsigned long long)t->views.dropped_events);
	}
}

static uint64_t time_to_wait(const struct tool *t)
{
	uint64_t now = tl_clock_mono_ns();
	uint64_t due = batcher_next_due(t->batcher);

	if (due == UINT64_MAX) {
		return TL_SECOND_NS;
	}
	uint64_t left = due > now ? due - now : 0;
	return left < TL_SECOND_NS ? left : TL_SECOND_NS;
}

static void remember(struct tool *t, const struct tl_msg *msg)
{
	struct tl_batch_head head;

	if (t->passback && tl_wire_head_is_ours(msg->data, msg->len)) {
		tl_wire_get_head(msg->data, &head);
		passback_seen(t->passback, head.stream);
	}
}

/* What is due each second. */
static void tend(struct tool *t)
{
	uint64_t now_ns = tl_clock_mono_ns();

	tl_metrics_tick(t->metrics);
	if (t->views.count > 0 && now_ns - t->looked_ns >= TL_SECOND_NS) {
		t->looked_ns = now_ns;
		views_look(&t->views);
	}
}

/* One message, or none in time. 1 go on, 0 end of input, -errno. */
static int tool_step(struct tool *t)
{
	struct tl_msg *msg;
	int got = tl_hop_recv(t->in, &msg, time_to_wait(t));
	int err = 0;

	if (got > 0) {
		remember(t, msg);
		err = batcher_take(t->batcher, msg);
	} else if (got != -ETIMEDOUT) {
		return got == -EINTR ? 0 : got;
	}
	if (err == 0) {
		err = batcher_pass_due(t->batcher, tl_clock_mono_ns());
	}
	if (tl_service_take_stats()) {
		say_stats(t);
	}
	tend(t);
	return err < 0 ? err : 1;
}

/* Stops cleanly: what waits goes on, as far as somebody takes it in time. */
static int tool_close(struct tool *t)
{
	struct tl_outbox_counts *counts = &t->last;
	int err = 0;

	if (t->batcher) {
		batcher_pass_all(t->batcher);
		say_stats(t);
	}
	if (t->outbox) {
		bool in_a_hurry = tl_service_stopping();
		err = tl_outbox_close(t->outbox, in_a_hurry ? STOP_WAIT_NS : UINT64_MAX, counts);
		t->outbox = 0;
	}
	tl_metrics_close(t->metrics);
	if (counts->dropped_events > 0 && err != -EPIPE) {
		tl_log_err("%llu events were not delivered (%llu of them sent, but not "
			   "acknowledged)",
			   (unsigned long long)counts->dropped_events,
			   (unsigned long long)counts->unconfirmed_events);
	}
	say_views(t);
	views_close(&t->views);
	passback_destroy(t->passback);
	tl_hop_close_in(t->in);
	batcher_destroy(t->batcher);
	return err;
}

static int run(const struct config *config)
{
	struct tool tool = {.config = config};
	int err = tool_open(&tool);

	if (err == 0) {
		tl_service_ready((int)config->ready_fd);
		while ((err = tool_step(&tool)) > 0) {
		}
	}
	int close_err = tool_close(&tool);
	return tl_exit_of(err < 0 ? err : close_err);
}

int main(int argc, char **argv)
{
	struct config config = {.input = "-", .batch_size = 100, .batch_time_ns = 5 * TL_SECOND_NS};

	int first = tl_opt_parse(&program, argc, argv, &config);
	if (first <= 0) {
		return first == 0 ? TL_EXIT_OK : TL_EXIT_USAGE;
	}
	if (config.list_metrics) {
		int err = tl_metrics_print_table(metrics, sizeof(metrics) / sizeof(metrics[0]));
		return err == 0 ? TL_EXIT_OK : TL_EXIT_FAILED;
	}
	if (first < argc) {
		tl_log_err("'%s': takes no operands; input is -I", argv[first]);
		return TL_EXIT_USAGE;
	}
	const struct tl_opt_list inputs = {.count = 1, .items = {config.input}};
	if (tl_hop_refuse_terminal(&config.outputs) ||
	    tl_hop_refuse_same(&inputs, &config.outputs) || tl_service_open() < 0) {
		return TL_EXIT_USAGE;
	}
	return run(&config);
}
