/* SPDX-License-Identifier: BSD-2-Clause */
#include "capd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "capd_probe.h"
#include "capture_metrics.h"
#include "clock.h"
#include "exit.h"
#include "log.h"
#include "privilege.h"
#include "service.h"

#define STATS_NS TL_SECOND_NS
#define CLOSE_NS (4 * TL_SECOND_NS) /* with the workers' end: 5 s from the signal */

struct capd {
	struct tl_capd_shared shared;
	struct tl_capd_options *options;
	struct tl_capd_port *ports[TL_OPT_LIST_MAX];
	unsigned int port_count;
	uint64_t cpu_ns;       /* of the process when it was last asked */
	uint64_t cpu_asked_ns; /* monotonic */
	struct tl_metrics *metrics;
	struct tl_outbox_counts last; /* when the outbox is closed */
	char mode[32];		      /* of the last capture_stats */
};

/* --- statistics ----------------------------------------------------------- */

static uint64_t timeval_ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * TL_SECOND_NS + (uint64_t)t.tv_usec * 1000;
}

/* Of one core, since it was last asked. */
static double take_cpu_percent(struct capd *capd)
{
	struct rusage usage;
	uint64_t now = tl_clock_mono_ns();

	getrusage(RUSAGE_SELF, &usage);
	uint64_t cpu = timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
	uint64_t passed = now - capd->cpu_asked_ns;
	double percent = passed ? 100.0 * (double)(cpu - capd->cpu_ns) / (double)passed : 0;
	capd->cpu_ns = cpu;
	capd->cpu_asked_ns = now;
	return percent;
}

static void push_stats(struct tl_capd_port *port, double cpu_percent, bool closing)
{
	const struct tl_capd_engine *engine = port->shared->engine;
	struct tl_capture_stats stats = {0};
	struct tl_flowtab_counts flows;

	engine->read(port, true, closing, &stats, &flows);
	port->ring_utilization = stats.ring_utilization;
	stats.engine = tl_str_of(engine->name);
	stats.events = tl_stream_next(port->stream);
	stats.cpu_percent = cpu_percent;
	stats.flows_active = flows.active;
	stats.flows_evicted = flows.evicted;
	uint8_t *p = tl_batch_reserve(&port->stats_batch, TL_STATS_EVENT_MAX);
	if (!p) {
		tl_stream_lose(port->stream, 1);
	} else {
		uint32_t len = tl_stats_event_encode(p, &stats, tl_clock_wall_ns());
		tl_batch_commit(&port->stats_batch, TL_SHAPE_STATS, len);
	}
	if (tl_stream_push(port->stream, &port->stats_batch, closing) == -EPIPE) {
		tl_service_stop();
	}
}

static void push_all_stats(struct capd *capd, bool closing)
{
	double cpu_percent = take_cpu_percent(capd);

	for (unsigned int i = 0; i < capd->port_count; i++) {
		push_stats(capd->ports[i], cpu_percent, closing);
	}
}

/* --- for capmetrics --------------------------------------------------------- */

/* The highest of a second was taken by the capture_stats before. */
static void gather_port(struct tl_capd_port *port, struct tl_metrics *m, bool closing)
{
	struct tl_capture_stats stats = {0};
	struct tl_flowtab_counts flows;

	port->shared->engine->read(port, false, closing, &stats, &flows);
	stats.ring_utilization = port->ring_utilization;
	tl_capture_metrics_add(m, port->iface, &stats, &flows);
}

static void gather(void *context, struct tl_metrics *m)
{
	struct capd *capd = context;
	bool closing = !capd->shared.outbox;
	struct tl_outbox_counts out = closing ? capd->last : tl_outbox_counts(capd->shared.outbox);

	tl_outbox_metrics_add(m, &out, 0);
	for (unsigned int i = 0; i < capd->port_count; i++) {
		gather_port(capd->ports[i], m, closing);
	}
}

static void name_mode(struct capd *capd)
{
	struct tl_capture_stats stats = {0};
	struct tl_flowtab_counts flows;

	capd->shared.engine->read(capd->ports[0], false, false, &stats, &flows);
	snprintf(capd->mode, sizeof(capd->mode), "%.*s", (int)stats.mode.len, stats.mode.ptr);
}

static int open_metrics(struct capd *capd)
{
	const struct tl_opt_list *ifaces = &capd->options->interfaces;
	const struct tl_metrics_config config = {
		.url = capd->options->stats_url,
		.insecure = capd->options->insecure,
		.tool = capd->shared.engine->name,
		.place = ifaces->items[0],
		.engine = capd->shared.engine->name,
		.mode = capd->mode,
		.ifaces = ifaces->items,
		.iface_count = ifaces->count,
		.table = tl_capture_metrics,
		.table_count = TL_CAPTURE_METRICS,
		.gather = gather,
		.context = capd,
	};

	if (config.url) {
		name_mode(capd);
	}
	return tl_metrics_open(&capd->metrics, &config);
}

/* --- on standard error -------------------------------------------------------- */

static void print_port(struct tl_capd_port *port)
{
	struct tl_capture_stats stats = {0};
	struct tl_flowtab_counts flows;

	port->shared->engine->read(port, false, false, &stats, &flows);
	tl_log_note("%s: %llu packets, %llu bytes, %llu flows (%llu evicted), %llu dropped by the "
		    "kernel, %llu events",
		    port->iface, (unsigned long long)stats.packets, (unsigned long long)stats.bytes,
		    (unsigned long long)flows.started, (unsigned long long)flows.evicted,
		    (unsigned long long)stats.kernel_drops,
		    (unsigned long long)tl_stream_next(port->stream));
}

static void print_window(const struct tl_outbox_counts *counts)
{
	if (counts->unheard_events > 0) {
		tl_log_warn(
			"%llu events were sent and let go before anybody acknowledged them: the "
			"window was full (--window)",
			(unsigned long long)counts->unheard_events);
	}
	if (counts->dropped_events > 0) {
		tl_log_warn("%llu events dropped: the consumer was too slow for the window "
			    "(--window); %llu of them may have arrived unacknowledged",
			    (unsigned long long)counts->dropped_events,
			    (unsigned long long)counts->unconfirmed_events);
	}
}

static void print_stats(struct capd *capd)
{
	struct tl_outbox_counts counts = tl_outbox_counts(capd->shared.outbox);

	for (unsigned int i = 0; i < capd->port_count; i++) {
		print_port(capd->ports[i]);
	}
	print_window(&counts);
}

/* --- start ---------------------------------------------------------------- */

static int open_port(struct capd *capd, const char *iface)
{
	struct tl_capd_port *port = calloc(1, capd->shared.engine->port_size);

	if (!port) {
		return -ENOMEM;
	}
	capd->ports[capd->port_count++] = port;
	port->shared = &capd->shared;
	port->iface = iface;
	return capd->shared.engine->open(port);
}

static int open_ports(struct capd *capd)
{
	const struct tl_opt_list *list = &capd->options->interfaces;
	int err = 0;

	for (unsigned int i = 0; err == 0 && i < list->count; i++) {
		err = open_port(capd, list->items[i]);
	}
	return err;
}

/*
 * A file is opened while we still are who we were started as: the user
 * tapline could not create it in the caller's folder.
 */
static int open_output(const char **place)
{
	static char names[TL_OPT_LIST_MAX][24];
	unsigned int slot = 0;

	if (strcmp(*place, "-") == 0 || tl_hop_is_url(*place)) {
		return 0;
	}
	int fd = open(*place, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0) {
		tl_log_err("%s: %s", *place, strerror(errno));
		return -EINVAL;
	}
	while (names[slot][0]) {
		slot++;
	}
	snprintf(names[slot], sizeof(names[slot]), "/dev/fd/%d", fd);
	*place = names[slot];
	return 0;
}

static int open_outputs(struct tl_capd_options *options)
{
	int err = 0;

	for (unsigned int i = 0; i < options->outputs.count && err == 0; i++) {
		err = open_output(&options->outputs.items[i]);
	}
	return err;
}

static int open_outbox(struct capd *capd)
{
	struct tl_outbox_config config = {
		.policy = TL_OUTBOX_DROP_OLDEST,
		.window = capd->options->window,
		.hop = {.insecure = capd->options->insecure,
			.no_acks = capd->options->no_acks,
			.ack_url = capd->options->ack_url},
	};
	int err = tl_outbox_set_places(&config, &capd->options->outputs);

	return err == 0 ? tl_outbox_open(&capd->shared.outbox, &config) : err;
}

static int open_handover(struct capd *capd)
{
	const struct tl_handover_config config = {
		.state_file = capd->options->state,
		.cut_file = capd->options->cut,
		.standby = capd->options->standby,
	};

	return tl_handover_open(&capd->shared.handover, &config);
}

/* Everything that needs a privilege, then their end, then the first thread. */
static int open_all(struct capd *capd)
{
	int err = open_handover(capd);

	if (err == 0) {
		err = tl_service_open();
	}
	if (err == 0) {
		err = open_ports(capd);
	}
	if (err == 0) {
		err = open_outputs(capd->options);
	}
	if (err == 0 && capd->shared.engine->prepare) {
		err = capd->shared.engine->prepare(&capd->shared);
	}
	if (err == 0) {
		err = tl_privilege_drop(TL_PRIVILEGE_USER, capd->shared.engine->privilege_flags);
	}
	return err < 0 ? err : open_outbox(capd);
}

static int begin(struct tl_capd_port *port)
{
	struct tl_stream_config stream = {
		.outbox = port->shared->outbox,
		.source = port->shared->engine->name,
		.iface = port->iface,
		.journal = port->journal,
	};
	int err = tl_stream_create(&port->stream, &stream);

	if (err < 0) {
		tl_log_err("%s: cannot create the stream: %s", port->iface, strerror(-err));
		return err;
	}
	tl_batch_init(&port->stats_batch, tl_event_shapes());
	return port->shared->engine->begin(port);
}

static int start_all(struct capd *capd)
{
	int err = 0;

	for (unsigned int i = 0; err == 0 && i < capd->port_count; i++) {
		err = begin(capd->ports[i]);
	}
	for (unsigned int i = 0; err == 0 && i < capd->port_count; i++) {
		err = capd->shared.engine->start(capd->ports[i]);
	}
	if (err == 0) {
		err = open_metrics(capd);
	}
	if (err == 0) {
		err = tl_service_ready(tl_capd_options_ready_fd(capd->options));
		if (err < 0) {
			tl_log_err("--ready-fd %llu: %s",
				   (unsigned long long)capd->options->ready_fd, strerror(-err));
		}
	}
	return err;
}

/* --- run and stop --------------------------------------------------------- */

static uint64_t deadline_after(uint64_t now_ns, uint64_t duration_ns)
{
	return duration_ns == 0 || duration_ns > UINT64_MAX - now_ns ? UINT64_MAX
								     : now_ns + duration_ns;
}

/* Has the ports count what is theirs: for what was told just now, and for times that have come. */
static void hand_over(struct capd *capd)
{
	struct tl_handover *handover = &capd->shared.handover;
	uint64_t now = tl_clock_wall_ns();

	if (tl_service_take_cut()) {
		(void)tl_handover_take_cut(handover, now);
	}
	struct tl_span span = tl_handover_span(handover);
	if (tl_span_is_all(&span)) {
		return;
	}
	for (unsigned int i = 0; i < capd->port_count; i++) {
		capd->shared.engine->follow(capd->ports[i]);
	}
	if (tl_handover_is_over(handover, now)) {
		tl_service_stop();
	}
}

/* The earlier of that monotonic time and the next one of the handover. */
static uint64_t wake_before(const struct capd *capd, uint64_t wake, uint64_t mono_now)
{
	uint64_t now = tl_clock_wall_ns();
	uint64_t due = tl_handover_due(&capd->shared.handover, now);

	return due - now < wake - mono_now ? mono_now + (due - now) : wake;
}

static void run(struct capd *capd)
{
	uint64_t now = tl_clock_mono_ns();
	uint64_t end = deadline_after(now, capd->options->duration_ns);
	uint64_t stats_due = now + STATS_NS;

	take_cpu_percent(capd);
	while (!tl_service_stopping()) {
		uint64_t wake = stats_due < end ? stats_due : end;
		wake = wake > now ? wake_before(capd, wake, now) : now;
		tl_service_wait(wake - now);
		now = tl_clock_mono_ns();
		hand_over(capd);
		if (tl_service_take_stats()) {
			print_stats(capd);
		}
		if (now >= stats_due) {
			push_all_stats(capd, false);
			stats_due += STATS_NS;
		}
		tl_metrics_tick(capd->metrics);
		if (now >= end || tl_outbox_reader_gone(capd->shared.outbox)) {
			tl_service_stop();
		}
	}
}

static void join_all(struct capd *capd)
{
	tl_service_stop();
	for (unsigned int i = 0; i < capd->port_count; i++) {
		capd->shared.engine->join(capd->ports[i]);
	}
}

/* The closing statistics, after every flow_end; then what is left in the window. */
static int finish(struct capd *capd)
{
	struct tl_outbox_counts counts;

	tl_handover_write(&capd->shared.handover);
	push_all_stats(capd, true);
	for (unsigned int i = 0; i < capd->port_count; i++) {
		print_port(capd->ports[i]);
	}
	int err = tl_outbox_close(capd->shared.outbox, CLOSE_NS, &counts);
	capd->shared.outbox = 0;
	capd->last = counts;
	tl_metrics_close(capd->metrics);
	capd->metrics = 0;
	print_window(&counts);
	return err == -EPIPE ? 0 : err;
}

static int exit_code(int err)
{
	switch (err) {
	case 0:
		return TL_EXIT_OK;
	case -EINVAL:
		return TL_EXIT_USAGE;
	case -EPERM:
	case -ENODEV:
	case -ENOMEM:
	case -EOPNOTSUPP:
	case -EAFNOSUPPORT:
	case -EBUSY:
	case -ERANGE:
	case -EBADMSG:
		return TL_EXIT_UNAVAILABLE;
	default:
		return TL_EXIT_FAILED;
	}
}

static void close_port(struct tl_capd_port *port)
{
	port->shared->engine->close(port);
	if (port->stream) {
		tl_batch_fini(&port->stats_batch);
		tl_stream_destroy(port->stream);
	}
	free(port);
}

static int capture(struct capd *capd)
{
	int err = open_all(capd);

	if (err == 0) {
		err = start_all(capd);
		if (err == 0) {
			run(capd);
		}
		join_all(capd);
	}
	if (err == 0) {
		/* What went wrong while running is no matter of configuration. */
		err = finish(capd) < 0 || atomic_load(&capd->shared.failed) ? -EIO : 0;
	}
	tl_metrics_close(capd->metrics);
	tl_outbox_close(capd->shared.outbox, 0, 0);
	for (unsigned int i = 0; i < capd->port_count; i++) {
		close_port(capd->ports[i]);
	}
	tl_handover_close(&capd->shared.handover);
	return exit_code(err);
}

static int run_mode(struct capd *capd)
{
	const struct tl_capd_engine *engine = capd->shared.engine;
	int code = engine->other_mode ? engine->other_mode(capd->options) : -1;

	if (code >= 0) {
		return code;
	}
	if (capd->options->list_metrics) {
		int err = tl_metrics_print_table(tl_capture_metrics, TL_CAPTURE_METRICS);
		return err == 0 ? TL_EXIT_OK : TL_EXIT_FAILED;
	}
	if (capd->options->capabilities) {
		return tl_capd_capabilities(&capd->shared);
	}
	if (capd->options->probe != TL_CAPD_PROBE_NO) {
		return tl_capd_probe(&capd->shared);
	}
	return tl_hop_refuse_terminal(&capd->options->outputs) ? TL_EXIT_USAGE : capture(capd);
}

int tl_capd_main(const struct tl_capd_engine *engine, int argc, char **argv)
{
	struct capd *capd = calloc(1, sizeof(*capd));

	if (!capd) {
		return TL_EXIT_FAILED;
	}
	int parsed = tl_capd_options_parse(&capd->options, engine, argc, argv);
	capd->shared.engine = engine;
	capd->shared.options = capd->options;
	int code = parsed > 0 ? run_mode(capd) : parsed == 0 ? TL_EXIT_OK : TL_EXIT_USAGE;
	tl_capd_options_free(capd->options);
	free(capd);
	return code;
}
