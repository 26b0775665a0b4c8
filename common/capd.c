/* SPDX-License-Identifier: BSD-2-Clause */
#include "capd_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
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

/* --- start ---------------------------------------------------------------- */

static int open_port(struct tl_capd *capd, const char *iface)
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

static int open_ports(struct tl_capd *capd)
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
static int open_output(const char **place, char name[TL_CAPD_NAME_MAX])
{
	if (strcmp(*place, "-") == 0 || tl_hop_is_url(*place)) {
		return 0;
	}
	int fd = open(*place, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0) {
		tl_log_err("%s: %s", *place, strerror(errno));
		return -EINVAL;
	}
	snprintf(name, TL_CAPD_NAME_MAX, "/dev/fd/%d", fd);
	*place = name;
	return 0;
}

static int open_outputs(struct tl_capd *capd)
{
	struct tl_opt_list *list = &capd->options->outputs;
	int err = 0;

	for (unsigned int i = 0; i < list->count && err == 0; i++) {
		err = open_output(&list->items[i], capd->output_names[i]);
	}
	return err;
}

static int open_outbox(struct tl_capd *capd)
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

static int open_handover(struct tl_capd *capd)
{
	const struct tl_handover_config config = {
		.state_file = capd->options->state,
		.cut_file = capd->options->cut,
		.standby = capd->options->standby,
	};

	return tl_handover_open(&capd->shared.handover, &config);
}

/* Everything that needs a privilege, then their end, then the first thread. */
static int open_all(struct tl_capd *capd)
{
	int err = open_handover(capd);

	if (err == 0) {
		err = tl_service_open();
	}
	if (err == 0) {
		err = open_ports(capd);
	}
	if (err == 0) {
		err = open_outputs(capd);
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

static int start_all(struct tl_capd *capd)
{
	int err = 0;

	for (unsigned int i = 0; err == 0 && i < capd->port_count; i++) {
		err = begin(capd->ports[i]);
	}
	for (unsigned int i = 0; err == 0 && i < capd->port_count; i++) {
		err = capd->shared.engine->start(capd->ports[i]);
	}
	if (err == 0) {
		err = tl_capd_open_metrics(capd);
	}
	if (err == 0) {
		err = tl_service_ready((int)capd->options->ready_fd);
	}
	return err;
}

/* --- run and stop --------------------------------------------------------- */

static void print_stats(struct tl_capd *capd)
{
	struct tl_outbox_counts counts = tl_outbox_counts(capd->shared.outbox);

	tl_capd_print_ports(capd);
	tl_capd_print_window(&counts);
}

/* Has the ports count what is theirs: for what was told just now, and for times that have come. */
static void hand_over(struct tl_capd *capd)
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
static uint64_t wake_before(const struct tl_capd *capd, uint64_t wake, uint64_t mono_now)
{
	uint64_t now = tl_clock_wall_ns();
	uint64_t due = tl_handover_due(&capd->shared.handover, now);

	return due - now < wake - mono_now ? mono_now + (due - now) : wake;
}

static void run(struct tl_capd *capd)
{
	uint64_t duration = capd->options->duration_ns;
	uint64_t end = duration == 0 ? UINT64_MAX : tl_clock_deadline_ns(duration);
	uint64_t now = tl_clock_mono_ns();
	uint64_t stats_due = now + STATS_NS;

	tl_capd_start_cpu(capd);
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
			tl_capd_push_stats(capd, false);
			stats_due += STATS_NS;
		}
		tl_metrics_tick(capd->metrics);
		/* Nobody is told of what would be counted on: whoever started us is to know. */
		if (now >= end || tl_outbox_error(capd->shared.outbox) != 0) {
			tl_service_stop();
		}
	}
}

static void join_all(struct tl_capd *capd)
{
	tl_service_stop();
	for (unsigned int i = 0; i < capd->port_count; i++) {
		capd->shared.engine->join(capd->ports[i]);
	}
}

/* The closing statistics, after every flow_end; then what is left in the window. */
static int finish(struct tl_capd *capd)
{
	tl_handover_write(&capd->shared.handover);
	tl_capd_push_stats(capd, true);
	tl_capd_print_ports(capd);
	int err = tl_outbox_close(capd->shared.outbox, CLOSE_NS, &capd->last);
	capd->shared.outbox = 0;
	tl_metrics_close(capd->metrics);
	capd->metrics = 0;
	tl_capd_print_window(&capd->last);
	return err == -EPIPE ? 0 : err;
}

/* Not tl_exit_of: -ENOENT and -EACCES here are the kernel's of a program, not of a place. */
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

static int capture(struct tl_capd *capd)
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

static int run_mode(struct tl_capd *capd)
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
	struct tl_capd *capd = calloc(1, sizeof(*capd));

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
