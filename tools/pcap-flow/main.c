/* SPDX-License-Identifier: BSD-2-Clause */
/* pcap-flow: flow events from capture files and pipes. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture_metrics.h"
#include "clock.h"
#include "exit.h"
#include "feature_options.h"
#include "filter.h"
#include "log.h"
#include "opt.h"
#include "privilege.h"
#include "run.h"
#include "service.h"

struct config {
	struct tl_opt_list files;
	const char *filter;
	struct tl_opt_list outputs; /* none = stdout */
	uint64_t window;
	const char *ack_url;
	bool no_acks;
	uint64_t count;
	uint64_t flows;
	uint64_t every;
	uint64_t idle_ns;
	uint64_t active_ns;
	uint64_t linger_ns;
	bool community_id;
	struct tl_feature_options features;
	const char *stats_url;
	bool list_metrics;
	uint64_t ready_fd;
	bool insecure;
};

/* What was counted of a file, when it is done. */
struct outcome {
	const char *name;
	struct tl_capture_stats stats;
	struct tl_flowtab_counts flows;
};

struct tool {
	const struct config *config;
	struct tl_outbox *outbox;
	struct tl_outbox_counts last; /* when it is closed */
	struct tl_metrics *metrics;
	const char *file; /* being read */
	struct run *run;
	struct outcome outcomes[TL_OPT_LIST_MAX];
	unsigned int done;
};

#define FIELD(name) offsetof(struct config, name)

static const struct tl_opt options[] = {
	{'r', "read", TL_OPT_LIST, FIELD(files), "FILE", "capture file, - for stdin (default)", 0,
	 0, 0, 0},
	{'f', "filter", TL_OPT_STRING, FIELD(filter), "FILTER",
	 "pcap filter; or the words after the options", 0, 0, 0, 0},
	{'o', "output", TL_OPT_LIST, FIELD(outputs), "PLACE", "URL, file or - (default: -, stdout)",
	 0, 0, 0, 0},
	TL_OPT_ROW_WRITE(TL_OPT_LIST, FIELD(outputs)),
	{'c', "count", TL_OPT_NUMBER, FIELD(count), "N", "stop after N packets of each file", 1, 0,
	 0, 0},
	{0, "flows", TL_OPT_NUMBER, FIELD(flows), "N", "flows kept at a time (262144)", 1, 1 << 24,
	 0, 0},
	{0, "every", TL_OPT_NUMBER, FIELD(every), "N",
	 "packets between flow_updates, 0 none (1024)", 0, UINT32_MAX, 0, 0},
	{0, "idle", TL_OPT_DURATION, FIELD(idle_ns), "TIME", "a flow without packets ends (15s)",
	 TL_MS_NS, 86400 * TL_SECOND_NS, 0, 0},
	{0, "active", TL_OPT_DURATION, FIELD(active_ns), "TIME",
	 "flow_update at least so often, 0 none (60s)", 0, 86400 * TL_SECOND_NS, 0, 0},
	{0, "linger", TL_OPT_DURATION, FIELD(linger_ns), "TIME",
	 "a flow ends so long after FIN or RST (2s)", TL_MS_NS, 86400 * TL_SECOND_NS, 0, 0},
	{0, "community-id", TL_OPT_FLAG, FIELD(community_id), 0,
	 "give flow events a community_id (v1), to join them with others'", 0, 0, 0, 0},
	TL_FEATURE_OPT_ROWS(FIELD(features)),
	{0, "window", TL_OPT_SIZE, FIELD(window), "SIZE",
	 "bytes of events kept until they are safe (16M)", 1 << 20, 1ull << 32, 0, 0},
	TL_OPT_ROW_NO_ACKS(FIELD(no_acks)),
	TL_OPT_ROW_ACK_URL(FIELD(ack_url)),
	TL_OPT_ROW_STATS(FIELD(stats_url)),
	TL_OPT_ROW_LIST_METRICS(FIELD(list_metrics)),
	TL_OPT_ROW_INSECURE(FIELD(insecure)),
	TL_OPT_ROW_READY_FD(FIELD(ready_fd)),
	{0},
};

static const struct tl_program program = {
	.name = "pcap-flow",
	.summary = "Turns capture files (pcap, pcapng, gzip, zstd) into a stream of flow events.",
	.operands = "[filter words]",
	.opts = options,
};

static struct config defaults(void)
{
	struct tl_flowtab_config flows = tl_flowtab_defaults();

	return (struct config){
		.window = TL_OUTBOX_WINDOW,
		.features = TL_FEATURE_OPTIONS_DEFAULT,
		.flows = flows.max_flows,
		.every = flows.every,
		.idle_ns = flows.idle_ns,
		.active_ns = flows.active_ns,
		.linger_ns = flows.linger_ns,
	};
}

/* --- counters --------------------------------------------------------------- */

static struct outcome outcome_of(const struct tool *t)
{
	struct outcome outcome = {.name = t->file};

	run_counts(t->run, &outcome.stats, &outcome.flows);
	return outcome;
}

static void gather(void *context, struct tl_metrics *m)
{
	const struct tool *t = context;
	struct tl_outbox_counts out = t->outbox ? tl_outbox_counts(t->outbox) : t->last;

	tl_outbox_metrics_add(m, &out, 0);
	for (unsigned int i = 0; i < t->done; i++) {
		const struct outcome *o = &t->outcomes[i];
		tl_capture_metrics_add(m, o->name, &o->stats, &o->flows);
	}
	if (t->run) {
		struct outcome o = outcome_of(t);
		tl_capture_metrics_add(m, o.name, &o.stats, &o.flows);
	}
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
		.place = t->config->files.items[0],
		.engine = program.name,
		.mode = "file",
		.ifaces = t->config->files.items,
		.iface_count = t->config->files.count,
		.table = tl_capture_metrics,
		.table_count = TL_CAPTURE_METRICS,
		.gather = gather,
		.context = t,
	};

	return tl_metrics_open(&t->metrics, &config);
}

/* --- reading ---------------------------------------------------------------- */

static struct run_config run_config_of(struct tool *t, const char *file)
{
	const struct config *c = t->config;

	return (struct run_config){
		.name = file,
		.filter = c->filter,
		.count = c->count,
		.flows = {.max_flows = (uint32_t)c->flows,
			  .every = (uint32_t)c->every,
			  .idle_ns = c->idle_ns,
			  .active_ns = c->active_ns,
			  .linger_ns = c->linger_ns},
		.community_id = c->community_id,
		.features = tl_feature_options_config(&c->features),
		.outbox = t->outbox,
		.tick = report,
		.context = t,
	};
}

/* The file is opened before its run exists. */
static void idle(void *arg)
{
	struct tool *t = arg;

	tl_metrics_tick(t->metrics);
	if (t->run) {
		run_idle(t->run);
	}
}

static int read_file(struct tool *t, const char *file)
{
	struct run_config config = run_config_of(t, file);
	struct tl_source *source;

	int err = tl_source_open(&source, file, idle, t);
	if (err < 0) {
		return err;
	}
	t->file = file;
	err = run_open(&t->run, source, &config);
	if (err == 0) {
		err = run_all(t->run);
		run_finish(t->run);
		t->outcomes[t->done++] = outcome_of(t);
		run_close(t->run);
	}
	t->run = 0;
	tl_source_close(source);
	return err;
}

static int read_files(struct tool *t)
{
	const struct tl_opt_list *files = &t->config->files;
	int worst = 0;

	for (unsigned int i = 0; i < files->count && !tl_service_stopping(); i++) {
		int err = read_file(t, files->items[i]);
		if (err == -EPIPE) {
			return err;
		}
		worst = err < 0 ? err : worst;
	}
	return worst;
}

static int open_tool(struct tool *t)
{
	const struct config *c = t->config;
	struct tl_outbox_config config = {
		.policy = TL_OUTBOX_WAIT,
		.window = c->window,
		.hop = {.insecure = c->insecure, .no_acks = c->no_acks, .ack_url = c->ack_url},
		.waiting = report,
		.waiting_context = t,
	};

	int err = tl_outbox_set_places(&config, &c->outputs);
	if (err == 0) {
		err = tl_privilege_drop(0, TL_PRIVILEGE_KEEP_USER);
	}
	if (err == 0) {
		err = tl_outbox_open(&t->outbox, &config);
	}
	return err == 0 ? open_metrics(t) : err;
}

/* Waits until what was read is safe; -errno of the outbox. */
static int close_outbox(struct tool *t)
{
	uint64_t wait_ns = tl_service_stopping() ? 5 * TL_SECOND_NS : UINT64_MAX;
	int err = tl_outbox_close(t->outbox, wait_ns, &t->last);

	t->outbox = 0;
	tl_metrics_close(t->metrics);
	return err == -EPIPE ? 0 : err;
}

static int work(const struct config *config)
{
	struct tool t = {.config = config};
	int err = open_tool(&t);

	if (err < 0) {
		tl_outbox_close(t.outbox, 0, 0);
		return tl_exit_of(err);
	}
	tl_service_ready((int)config->ready_fd);
	err = read_files(&t);
	if (close_outbox(&t) < 0) {
		tl_log_err("%llu events were not delivered (%llu of them sent, but not "
			   "acknowledged)",
			   (unsigned long long)t.last.dropped_events,
			   (unsigned long long)t.last.unconfirmed_events);
		return TL_EXIT_FAILED;
	}
	return tl_exit_of(err);
}

/* What would go wrong in a way that its user does not expect. */
static bool refuse(const struct config *c, const char *words)
{
	bool from_stdin = c->files.count == 1 && strcmp(c->files.items[0], "-") == 0;

	if (from_stdin && isatty(STDIN_FILENO)) {
		tl_log_err("stdin is a terminal: -r FILE reads a capture%s",
			   words ? "; words are a filter" : "");
		return true;
	}
	return tl_feature_options_refuse(&c->features) || tl_hop_refuse_terminal(&c->outputs) ||
	       tl_hop_refuse_same(&c->files, &c->outputs);
}

int main(int argc, char **argv)
{
	struct config config = defaults();
	char *words = 0;

	int first = tl_opt_parse(&program, argc, argv, &config);
	if (first <= 0) {
		return first == 0 ? TL_EXIT_OK : TL_EXIT_USAGE;
	}
	if (config.list_metrics) {
		int err = tl_metrics_print_table(tl_capture_metrics, TL_CAPTURE_METRICS);
		return err == 0 ? TL_EXIT_OK : TL_EXIT_FAILED;
	}
	if (first < argc && config.filter) {
		tl_log_err("a filter by -f and another by words ('%s ...'): give one", argv[first]);
		return TL_EXIT_USAGE;
	}
	if (first < argc) {
		words = tl_filter_join(argv + first, argc - first);
		config.filter = words;
	}
	if (config.files.count == 0) {
		config.files = (struct tl_opt_list){.count = 1, .items = {"-"}};
	}
	int code = TL_EXIT_USAGE;
	if (!refuse(&config, words) && tl_service_open() == 0) {
		code = work(&config);
	}
	free(words);
	return code;
}
