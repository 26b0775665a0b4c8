/* SPDX-License-Identifier: BSD-2-Clause */
/* What a capture daemon says of its counts: in events, to capmetrics, on standard error. */
#include <stdio.h>
#include <sys/resource.h>

#include "capd_private.h"
#include "capture_metrics.h"
#include "clock.h"
#include "log.h"
#include "service.h"

/* --- capture_stats --------------------------------------------------------- */

static uint64_t timeval_ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * TL_SECOND_NS + (uint64_t)t.tv_usec * 1000;
}

/* Of one core, since it was last asked. */
static double take_cpu_percent(struct tl_capd *capd)
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

void tl_capd_start_cpu(struct tl_capd *capd)
{
	(void)take_cpu_percent(capd);
}

static void push_port(struct tl_capd_port *port, double cpu_percent, bool closing)
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

void tl_capd_push_stats(struct tl_capd *capd, bool closing)
{
	double cpu_percent = take_cpu_percent(capd);

	for (unsigned int i = 0; i < capd->port_count; i++) {
		push_port(capd->ports[i], cpu_percent, closing);
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
	struct tl_capd *capd = context;
	bool closing = !capd->shared.outbox;
	struct tl_outbox_counts out = closing ? capd->last : tl_outbox_counts(capd->shared.outbox);

	tl_outbox_metrics_add(m, &out, 0);
	for (unsigned int i = 0; i < capd->port_count; i++) {
		gather_port(capd->ports[i], m, closing);
	}
}

static void name_mode(struct tl_capd *capd)
{
	struct tl_capture_stats stats = {0};
	struct tl_flowtab_counts flows;

	capd->shared.engine->read(capd->ports[0], false, false, &stats, &flows);
	snprintf(capd->mode, sizeof(capd->mode), "%.*s", (int)stats.mode.len, stats.mode.ptr);
}

int tl_capd_open_metrics(struct tl_capd *capd)
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

void tl_capd_print_ports(const struct tl_capd *capd)
{
	for (unsigned int i = 0; i < capd->port_count; i++) {
		print_port(capd->ports[i]);
	}
}

void tl_capd_print_window(const struct tl_outbox_counts *counts)
{
	if (counts->unheard_events > 0) {
		tl_log_warn(
			"%llu events were sent and let go before anybody acknowledged them: the "
			"window was full (--window)",
			(unsigned long long)counts->unheard_events);
	}
	if (counts->dropped_events > 0) {
		tl_log_warn("%llu events dropped: nobody took them, or too slowly for the window "
			    "(--window); %llu of them may have arrived unacknowledged",
			    (unsigned long long)counts->dropped_events,
			    (unsigned long long)counts->unconfirmed_events);
	}
}
