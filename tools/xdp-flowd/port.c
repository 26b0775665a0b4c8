/* SPDX-License-Identifier: BSD-2-Clause */
#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define GATE_SLACK_NS TL_MS_NS /* any processor's clock has passed a time that ours has by then */

static struct port *port_of(struct tl_capd_port *capd)
{
	return (struct port *)capd;
}

/* Held by the socket: it ends with the process. */
static void make_promiscuous(struct port *port)
{
	struct packet_mreq request = {.mr_ifindex = port->nic.ifindex,
				      .mr_type = PACKET_MR_PROMISC};

	if (port->options->capd.no_promisc || port->options->capd.probe != TL_CAPD_PROBE_NO) {
		return;
	}
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)) < 0) {
		tl_log_note("%s: not promiscuous: %s", port->capd.iface, strerror(errno));
	}
	port->promiscuous_fd = fd > 0 ? fd : 0;
}

/* Locked, and looked at. */
static int open_pin(struct port *port)
{
	const struct options *options = port->options;

	if (!options->pin || options->capd.probe != TL_CAPD_PROBE_NO) {
		return 0;
	}
	return pin_open(&port->pin, options->pin_folder, port->nic.ifindex);
}

static int pin_all(struct port *port)
{
	char path[PIN_PATH];

	if (port->pin.lock < 0) {
		return 0;
	}
	int err = hooks_pin(&port->hooks, &port->pin);
	if (err == 0) {
		pin_path(&port->pin, "journal", path);
		err = journal_open(&port->journal, path, port->options->capd.window);
	}
	if (err == 0) {
		port->capd.journal = journal_hooks(port->journal);
	}
	return err;
}

/* What changes the interface itself, and is undone whatever becomes of this process. */
static int fix_offloads(struct port *port)
{
	int err = offload_recover(&port->nic);

	if (err < 0 || !port->options->fix_offloads ||
	    port->options->capd.probe != TL_CAPD_PROBE_NO) {
		return err;
	}
	err = offload_fix(&port->nic);
	if (err < 0 && err != -EOPNOTSUPP) {
		return err;
	}
	err = offload_guard_start(&port->guard, &port->nic);
	if (err < 0) {
		offload_restore(&port->nic);
	}
	return err;
}

/* Why not by a better hook, or what this one does not see; "" = there is nothing to say. */
static void explain_mode(const struct port *port, const struct plan *plan, char *text, size_t size)
{
	const struct hooks *hooks = &port->hooks;
	const char *against = plan_against_xdp(&port->nic);

	text[0] = '\0';
	if (strstr(hooks->mode, "generic")) {
		snprintf(text, size, "packets that the kernel merged count as one");
	} else if (strncmp(hooks->mode, "xdp", 3) == 0) {
		snprintf(text, size, "%s%s", against[0] ? "although " : "", against);
	} else if (plan->why[0]) {
		snprintf(text, size, "not by xdp: %s", plan->why);
	} else {
		snprintf(text, size, "%s", hooks->why);
	}
}

static void tell_mode(const struct port *port, const struct plan *plan,
		      const struct refusal *refusal)
{
	char why[sizeof(port->hooks.why) + 16];

	explain_mode(port, plan, why, sizeof(why));
	if (refusal->answer) {
		snprintf(refusal->answer->reason, sizeof(refusal->answer->reason), "%s", why);
	} else {
		tl_log_note("%s: counting by %s%s%s", port->capd.iface, port->hooks.mode,
			    why[0] ? ": " : "", why);
	}
}

static int open_hooks(struct port *port, const struct refusal *refusal)
{
	char reason[160];
	struct plan plan;
	int err = plan_make(&plan, &port->nic, port->options, reason, sizeof(reason));

	if (err < 0) {
		return refuse(refusal, err, "%s", reason);
	}
	struct hooks_options options = {
		.nic = &port->nic,
		.options = port->options,
		.plan = &plan,
		.pin = &port->pin,
		.refusal = refusal,
	};
	err = hooks_open(&port->hooks, &options);
	if (err == 0) {
		tell_mode(port, &plan, refusal);
	}
	return err;
}

/* Says in *answer what it else logs; that may be 0. */
static int open_port(struct port *port, struct tl_answer *answer)
{
	struct refusal refusal = {.iface = port->capd.iface, .answer = answer};

	port->options = options_of(port->capd.shared->options);
	port->guard.fd = -1;
	port->pin.lock = -1;
	pthread_mutex_init(&port->lock, 0);
	int err = nic_read(&port->nic, port->capd.iface);
	if (err < 0) {
		return refuse(&refusal, err, "no such interface ('ip link' lists them)");
	}
	err = fix_offloads(port);
	if (err < 0) {
		return refuse(&refusal, err, "--fix-offloads: %s", strerror(-err));
	}
	err = open_pin(port);
	if (err == 0) {
		err = open_hooks(port, &refusal);
	}
	if (err == 0) {
		err = pin_all(port);
	}
	if (err == 0) {
		make_promiscuous(port);
	}
	return err;
}

int port_open(struct tl_capd_port *capd)
{
	return open_port(port_of(capd), 0);
}

int port_probe(struct tl_capd_port *capd, struct tl_answer *answer)
{
	struct port *port = port_of(capd);
	int err = open_port(port, answer);

	answer->mode = port->hooks.mode;
	return err;
}

void port_close(struct tl_capd_port *capd)
{
	struct port *port = port_of(capd);

	if (port->promiscuous_fd > 0) {
		close(port->promiscuous_fd);
	}
	offload_guard_stop(&port->guard);
	waiter_stop(&port->waiter);
	journal_close(port->journal);
	pin_close(&port->pin);
	if (port->flows) {
		tl_flow_writer_fini(&port->writer);
		tl_flowtab_destroy(port->flows);
	}
	hooks_close(&port->hooks);
}

/* --- running -------------------------------------------------------------- */

int port_begin(struct tl_capd_port *capd)
{
	struct port *port = port_of(capd);
	struct tl_flowtab_config config = tl_capd_flows(&port->options->capd);

	config.emit = tl_flow_writer_emit;
	config.ctx = &port->writer;
	int err = tl_flow_writer_init(&port->writer, port->capd.stream,
				      port->options->capd.community_id);
	if (err == 0) {
		err = tl_flowtab_create(&port->flows, &config);
	}
	tl_handover_join(&port->capd.shared->handover, &port->part);
	if (err < 0) {
		tl_log_err("%s: cannot create the flow table: %s", port->capd.iface,
			   strerror(-err));
	}
	return err;
}

/* What a predecessor had told, but perhaps not sent. */
static int resend(struct port *port)
{
	if (!port->pin.found) {
		return 0;
	}
	int count = journal_resend(port->journal, port->capd.shared->outbox);
	if (count > 0) {
		tl_log_note("%s: sending %d batches of the last run again", port->capd.iface,
			    count);
	}
	return count < 0 ? count : 0;
}

int port_start(struct tl_capd_port *capd)
{
	struct port *port = port_of(capd);
	int err = resend(port);

	if (err == 0) {
		err = waiter_start(&port->waiter, port->hooks.kernel);
	}

	if (err < 0) {
		return err;
	}
	port->epochs = (struct epochs){
		.kernel = port->hooks.kernel,
		.flows = port->flows,
		.waiter = &port->waiter,
		.entries = kernel_flow_entries(port->hooks.kernel),
		.length_ns = port->options->epoch_ns,
	};
	err = -pthread_create(&port->thread, 0, port_run, port);
	port->started = err == 0;
	if (err < 0) {
		tl_log_err("cannot start a thread: %s", strerror(-err));
	}
	return err;
}

/*
 * While the gate is looked at the kernel reads the clock for each packet, so
 * that ends soon after the begin. The end is never opened again: where --pin
 * leaves the programs behind, they count nothing until a later process puts
 * its own in their place.
 */
void port_follow(struct tl_capd_port *capd)
{
	struct port *port = port_of(capd);
	struct tl_span span = tl_handover_span(&port->capd.shared->handover);
	struct tl_gate *gate = kernel_gate(port->hooks.kernel);
	bool begun =
		span.begin_ns != UINT64_MAX && tl_clock_wall_ns() >= span.begin_ns + GATE_SLACK_NS;

	__atomic_store_n(&gate->begin_ns, tl_handover_mono_ns(span.begin_ns), __ATOMIC_RELEASE);
	__atomic_store_n(&gate->end_ns, tl_handover_mono_ns(span.end_ns), __ATOMIC_RELEASE);
	__atomic_store_n(&gate->looked_at, !begun || span.end_ns != UINT64_MAX, __ATOMIC_RELEASE);
}

void port_join(struct tl_capd_port *capd)
{
	struct port *port = port_of(capd);

	if (port->started) {
		pthread_join(port->thread, 0);
		port->started = false;
	}
}

static struct port_counts take_counts(struct port *port, bool take)
{
	pthread_mutex_lock(&port->lock);
	struct port_counts counts = port->published;
	if (take) {
		port->published.ledger.fill = 0;
	}
	pthread_mutex_unlock(&port->lock);
	return counts;
}

void port_read(struct tl_capd_port *capd, bool take, bool closing, struct tl_capture_stats *stats,
	       struct tl_flowtab_counts *flows)
{
	struct port *port = port_of(capd);
	struct port_counts counts = take_counts(port, take);
	const struct ledger *l = &counts.ledger;

	(void)closing;
	stats->packets = l->total.packets;
	stats->bytes = l->total.bytes;
	stats->skbs = l->total.skbs;
	for (unsigned int class = 0; class < TL_CLASS_COUNT; class ++) {
		stats->class_packets[class] = l->by_class[class].packets;
		stats->class_bytes[class] = l->by_class[class].bytes;
	}
	stats->ring_drops = l->hints_lost;
	stats->lost_in_crash = l->lost_in_crash;
	stats->ring_utilization = l->fill;
	stats->residual_packets = (int64_t)l->residual_packets;
	stats->residual_bytes = (int64_t)l->residual_bytes;
	stats->mode = tl_str_of(port->hooks.mode);
	*flows = counts.flows;
}
