/* SPDX-License-Identifier: BSD-2-Clause */
#include "ring_port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "log.h"

static struct tl_ring_port *port_of(struct tl_capd_port *capd)
{
	return (struct tl_ring_port *)capd;
}

static int allocate(struct tl_ring_port *port)
{
	port->sockets = calloc(port->count, sizeof(*port->sockets));
	port->workers = calloc(port->count, sizeof(*port->workers));
	if (!port->sockets || !port->workers) {
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < port->count; i++) {
		struct tl_ring_worker *worker = &port->workers[i];
		port->sockets[i].fd = -1;
		worker->capd = port->capd.shared;
		worker->shared = port->shared;
		worker->options = port->options;
		worker->afp = &port->sockets[i];
		pthread_mutex_init(&worker->lock, 0);
	}
	return 0;
}

/*
 * Has the kernel stamp each packet once, when it arrives. Else each ring that
 * it is put into stamps it anew, and near a cut the old engine and the new one
 * would judge it by different times.
 */
static void stamp_once(const struct tl_afp *afp)
{
	int on = 1;

	if (setsockopt(afp->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0) {
		tl_log_note("%s: SO_TIMESTAMPNS: %s: a cut is not exact to the packet", afp->iface,
			    strerror(errno));
	}
}

static int open_ring(struct tl_ring_worker *worker, const char *iface)
{
	const struct tl_ring_options *options = worker->options;
	struct tl_afp_config config = {
		.iface = iface,
		.direction = tl_capd_options_direction(&options->capd),
		.promiscuous = !options->capd.no_promisc,
	};
	struct tl_ring_config ring = {
		.ring_size = options->ring_size,
		.block_size = options->block_size,
		.snaplen = tl_ring_options_long_snaplen(options),
		.quiet = options->capd.probe != TL_CAPD_PROBE_NO,
	};
	int err = tl_afp_open(worker->afp, &config);

	if (err == 0 && options->capd.cut) {
		stamp_once(worker->afp);
	}
	return err < 0 ? err : worker->shared->engine->open(&worker->ring, worker->afp, &ring);
}

static int compile_filter(struct tl_ring_port *port)
{
	const struct tl_ring_options *options = port->options;
	const char *text = options->capd.filter;
	int err = tl_filter_compile_live(&port->filter, port->capd.iface, text,
					 tl_ring_options_snaplen(options));
	if (err < 0) {
		return err;
	}
	err = tl_filter_prepend_direction(&port->filter, tl_capd_options_direction(&options->capd));
	if (err == 0 && options->snaplen == 0) {
		err = tl_filter_append_long(&port->filter, tl_ring_options_snaplen(options),
					    tl_ring_options_long_snaplen(options));
	}
	if (err < 0) {
		tl_log_err("filter '%s': too long for the kernel", text);
	}
	return err < 0 ? -EINVAL : 0;
}

int tl_ring_port_open(struct tl_capd_port *capd)
{
	struct tl_ring_port *port = port_of(capd);

	port->shared = capd->shared->engine->context;
	port->options = (const struct tl_ring_options *)port->capd.shared->options;
	port->count = (unsigned int)port->options->threads;
	int err = allocate(port);
	for (unsigned int i = 0; err == 0 && i < port->count; i++) {
		err = open_ring(&port->workers[i], port->capd.iface);
	}
	if (err == 0) {
		err = compile_filter(port);
	}
	return err < 0 ? err : tl_afp_bind(port->sockets, port->count);
}

static struct tl_meter_config meter_config(const struct tl_ring_port *port)
{
	const struct tl_ring_options *options = port->options;

	return (struct tl_meter_config){
		.stream = port->capd.stream,
		.flows = tl_capd_flows(&options->capd),
		.community_id = options->capd.community_id,
		.features = tl_feature_options_config(&options->features),
		.raw = options->raw,
		.payload_max = (uint32_t)options->payload,
		.exclude = options->include_own ? 0 : tl_ring_own_has,
		.exclude_ctx = &port->shared->own,
	};
}

int tl_ring_port_begin(struct tl_capd_port *capd)
{
	struct tl_ring_port *port = port_of(capd);
	int err = 0;

	for (unsigned int i = 0; err == 0 && i < port->count; i++) {
		struct tl_meter_config config = meter_config(port);
		err = tl_meter_create(&port->workers[i].meter, &config);
		tl_handover_join(&port->capd.shared->handover, &port->workers[i].part);
	}
	if (err < 0) {
		tl_log_err("%s: cannot create the flow table: %s", port->capd.iface,
			   strerror(-err));
	}
	return err;
}

static int start_thread(struct tl_ring_worker *worker)
{
	int err = -pthread_create(&worker->thread, 0, tl_ring_worker_run, worker);

	worker->started = err == 0;
	if (err < 0) {
		tl_log_err("cannot start a thread: %s", strerror(-err));
	}
	return err;
}

int tl_ring_port_start(struct tl_capd_port *capd)
{
	struct tl_ring_port *port = port_of(capd);
	int err = 0;

	port->drops.begun = !port->options->capd.standby;
	for (unsigned int i = 0; err == 0 && i < port->count; i++) {
		err = tl_afp_start(&port->sockets[i], &port->filter);
	}
	for (unsigned int i = 0; err == 0 && i < port->count; i++) {
		err = start_thread(&port->workers[i]);
	}
	return err;
}

void tl_ring_port_join(struct tl_capd_port *capd)
{
	struct tl_ring_port *port = port_of(capd);

	for (unsigned int i = 0; i < port->count && port->workers; i++) {
		if (port->workers[i].started) {
			pthread_join(port->workers[i].thread, 0);
			port->workers[i].started = false;
		}
	}
}

void tl_ring_port_close(struct tl_capd_port *capd)
{
	struct tl_ring_port *port = port_of(capd);

	for (unsigned int i = 0; i < port->count && port->workers && port->sockets; i++) {
		tl_meter_destroy(port->workers[i].meter);
		port->shared->engine->close(port->workers[i].ring);
		tl_afp_close(&port->sockets[i]);
		pthread_mutex_destroy(&port->workers[i].lock);
	}
	tl_filter_free(&port->filter);
	free(port->workers);
	free(port->sockets);
}

/* --- counts -------------------------------------------------------------------------- */

/* What the workers published; `take`: the highest utilization begins anew. */
static struct tl_ring_counts read_workers(struct tl_ring_port *port, bool take)
{
	struct tl_ring_counts sum = {0};

	for (unsigned int i = 0; i < port->count; i++) {
		struct tl_ring_worker *worker = &port->workers[i];
		pthread_mutex_lock(&worker->lock);
		tl_meter_counts_add(&sum.meter, &worker->published.meter);
		sum.read += worker->published.read;
		sum.lost += worker->published.lost;
		if (worker->published.utilization > sum.utilization) {
			sum.utilization = worker->published.utilization;
		}
		if (take) {
			worker->published.utilization = 0;
		}
		pthread_mutex_unlock(&worker->lock);
	}
	return sum;
}

/* Over all sockets. */
static struct tl_afp_counts read_kernel(struct tl_ring_port *port)
{
	struct tl_afp_counts sum = {0};

	for (unsigned int i = 0; i < port->count; i++) {
		struct tl_afp_counts counts = tl_afp_counts(&port->sockets[i]);
		sum.stored += counts.stored;
		sum.drops += counts.drops;
	}
	return sum;
}

/* --- drops, when engines change ------------------------------------------------------ */

static uint64_t all_drops(struct tl_ring_port *port)
{
	return read_kernel(port).drops + read_workers(port, false).lost;
}

void tl_ring_port_follow(struct tl_capd_port *capd)
{
	struct tl_ring_port *port = port_of(capd);
	struct tl_span span = tl_handover_span(&port->capd.shared->handover);
	uint64_t now = tl_clock_wall_ns();

	if (!port->drops.begun && now >= span.begin_ns) {
		port->drops.at_begin = all_drops(port);
		port->drops.begun = true;
	}
	if (!port->drops.ended && now >= span.end_ns) {
		port->drops.at_end = all_drops(port);
		port->drops.ended = true;
	}
}

/* Of all drops so far, those that are ours. */
static uint64_t own_drops(const struct tl_ring_port *port, uint64_t drops)
{
	const struct tl_ring_drops *d = &port->drops;

	if (!d->begun) {
		return 0;
	}
	return (d->ended ? d->at_end : drops) - d->at_begin;
}

/* --- for capture_stats --------------------------------------------------------------- */

/*
 * While packets come, those that the kernel has stored and nobody has read
 * yet lie in the ring; only the reverse contradicts. After the end nothing
 * may be left over either way.
 */
static int64_t residual(const struct tl_ring_counts *counts, const struct tl_afp_counts *kernel,
			bool closing)
{
	int64_t left = (int64_t)(kernel->stored - counts->read - counts->lost);

	return left < 0 || closing ? left : 0;
}

void tl_ring_port_read(struct tl_capd_port *capd, bool take, bool closing,
		       struct tl_capture_stats *stats, struct tl_flowtab_counts *flows)
{
	struct tl_ring_port *port = port_of(capd);
	/* In this order: what was read was stored before. */
	struct tl_ring_counts counts = read_workers(port, take);
	struct tl_afp_counts kernel = read_kernel(port);

	tl_meter_counts_to_stats(&counts.meter, stats);
	stats->kernel_drops = own_drops(port, kernel.drops + counts.lost);
	stats->ring_utilization = counts.utilization;
	stats->residual_packets = residual(&counts, &kernel, closing);
	stats->mode = tl_str_of(port->shared->engine->mode);
	*flows = counts.meter.flows;
}
