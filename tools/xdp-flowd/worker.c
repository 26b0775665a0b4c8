/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread of one interface: hints as they come, an epoch now and then, an exact end. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "port.h"
#include "service.h"

/* While flows begin the ring is looked at so often, and hints need not wake us (10 us each). */
#define POLL_NS	   (TL_MS_NS / 2)
#define LIVELY_NS  (20 * TL_MS_NS)  /* so long after the last hint */
#define CHECK_NS   (100 * TL_MS_NS) /* whether the interface is still there */
#define COUNT_STEP TL_MS_NS	    /* -c is looked at so often */

struct worker {
	struct port *port;
	uint64_t hint_ns; /* monotonic: when the last hint came */
	uint64_t check_due_ns;
	uint64_t counted_before; /* packets, by a predecessor */
	bool counting;		 /* all is well */
};

static void publish(struct port *port)
{
	struct ledger *ledger = &port->epochs.ledger;

	pthread_mutex_lock(&port->lock);
	double fill = port->published.ledger.fill;
	port->published.ledger = *ledger;
	if (fill > ledger->fill) {
		port->published.ledger.fill = fill;
	}
	port->published.flows = tl_flowtab_counts(port->flows);
	pthread_mutex_unlock(&port->lock);
	ledger->fill = 0;
	const struct tl_counted counted = {
		.first_ns = ledger->first_ns,
		.last_ns = ledger->last_ns,
		.packets = ledger->total.packets,
	};
	tl_handover_tell(&port->part, &counted);
}

static void flush(struct port *port)
{
	/* Nobody reads our events any more: a clean end. */
	if (tl_flow_writer_flush(&port->writer) == -EPIPE) {
		tl_service_stop();
	}
}

static void fail(struct port *port)
{
	if (!atomic_exchange(&port->capd.shared->failed, true)) {
		tl_service_stop();
	}
}

static void take_hint(void *context, const struct tl_hint *hint)
{
	epochs_take_hint(&((struct port *)context)->epochs, hint);
}

static int take_hints(struct worker *w, uint64_t now_ns)
{
	int count = kernel_take_hints(w->port->hooks.kernel, take_hint, w->port);

	epochs_hints_end(&w->port->epochs);
	if (count > 0) {
		w->hint_ns = now_ns;
		flush(w->port);
	}
	return count;
}

/* An interface that was removed takes its programs with it. */
static void look_after(struct worker *w, uint64_t now_ns)
{
	const struct port *port = w->port;

	if (now_ns < w->check_due_ns) {
		return;
	}
	w->check_due_ns = now_ns + CHECK_NS;
	if (w->counting && hooks_are_gone(&port->hooks)) {
		tl_log_err("%s: the interface was removed, or its program detached",
			   port->capd.iface);
		w->counting = false;
		fail(w->port);
	}
}

/* Packets that the kernel has counted, taken or not; 0 when it does not say. */
static uint64_t counted(const struct port *port)
{
	struct tl_books books[2];

	if (kernel_books(port->hooks.kernel, 0, &books[0]) < 0 ||
	    kernel_books(port->hooks.kernel, 1, &books[1]) < 0) {
		return 0;
	}
	return books[0].total.packets + books[1].total.packets;
}

/* -c, from when this process began. */
static void stop_at_count(const struct worker *w)
{
	uint64_t limit = w->port->options->capd.count;

	if (limit != 0 && counted(w->port) >= w->counted_before + limit) {
		tl_service_stop();
	}
}

/* --- sleeping ------------------------------------------------------------- */

static void sleep_until(const struct port *port, uint64_t now_ns, uint64_t until_ns)
{
	struct pollfd fds[] = {
		{.fd = kernel_hints_fd(port->hooks.kernel), .events = POLLIN},
		{.fd = port->waiter.done_fd, .events = POLLIN},
		{.fd = tl_service_fd(), .events = POLLIN},
	};
	uint64_t wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	struct timespec time = {.tv_sec = (time_t)(wait_ns / TL_SECOND_NS),
				.tv_nsec = (long)(wait_ns % TL_SECOND_NS)};

	/* While polling by the clock, what hints are there is no reason to wake up. */
	bool asleep =
		__atomic_load_n(&kernel_control(port->hooks.kernel)->sleeping, __ATOMIC_RELAXED);
	ppoll(fds + !asleep, 2 + asleep, &time, 0);
}

/* From now on a hint wakes us; those from just before do not: the caller looks once more. */
static void set_sleeping(const struct port *port, bool sleeping)
{
	__atomic_store_n(&kernel_control(port->hooks.kernel)->sleeping, sleeping, __ATOMIC_SEQ_CST);
}

static uint64_t next_due(const struct worker *w)
{
	const struct port *port = w->port;
	uint64_t due = port->epochs.state == EPOCH_COUNTING ? port->epochs.due_ns : UINT64_MAX;
	uint64_t flush_due = tl_flow_writer_flush_due(&port->writer);

	due = flush_due < due ? flush_due : due;
	return w->check_due_ns < due ? w->check_due_ns : due;
}

static void rest(struct worker *w, uint64_t now_ns)
{
	struct port *port = w->port;
	uint64_t until = next_due(w);

	if (now_ns - w->hint_ns < LIVELY_NS) {
		until = now_ns + POLL_NS < until ? now_ns + POLL_NS : until;
		sleep_until(port, now_ns, until);
		return;
	}
	if (port->options->capd.count != 0) {
		until = now_ns + COUNT_STEP < until ? now_ns + COUNT_STEP : until;
	}
	set_sleeping(port, true);
	if (take_hints(w, now_ns) == 0) {
		sleep_until(port, now_ns, until);
	}
	set_sleeping(port, false);
}

/* --- the thread ----------------------------------------------------------- */

static void step(struct worker *w)
{
	struct port *port = w->port;
	uint64_t now = tl_clock_mono_ns();
	uint64_t epochs = port->epochs.ledger.epochs;
	int err;

	take_hints(w, now);
	bool more = epochs_step(&port->epochs, now, &err);
	if (err < 0) {
		w->counting = false;
		fail(port);
	}
	if (port->epochs.ledger.epochs != epochs) {
		flush(port);
		publish(port);
	}
	look_after(w, now);
	stop_at_count(w);
	if (now >= tl_flow_writer_flush_due(&port->writer)) {
		flush(port);
	}
	if (!more && !tl_service_stopping()) {
		rest(w, now);
	}
}

static void finish(struct port *port)
{
	/* Pinned programs go on counting for the next process. */
	if (port->pin.lock < 0) {
		hooks_detach(&port->hooks);
	}
	if (epochs_catch_up(&port->epochs) < 0) {
		fail(port);
	}
	tl_flowtab_end_all(port->flows, tl_handover_end_reason(&port->capd.shared->handover));
	flush(port);
	publish(port);
}

static void forget_hint(void *context, const struct tl_hint *hint)
{
	(void)context;
	(void)hint;
}

/* What is in the maps is there for us; hints of before are of flows that are. */
static int recover(struct port *port)
{
	struct told told = journal_told(port->journal);
	struct tl_acct lost[2] = {{0}};

	kernel_take_hints(port->hooks.kernel, forget_hint, 0);
	int err = epochs_recover(&port->epochs, told.by_class, told.skbs, lost);
	if (err < 0) {
		return err;
	}
	journal_set_lost(port->journal, lost);
	publish(port);
	if (lost[0].packets + lost[1].packets > 0) {
		tl_log_warn("%s: %llu packets were in flows that a killed process had taken and "
			    "not told: lost_in_crash",
			    port->capd.iface,
			    (unsigned long long)(lost[0].packets + lost[1].packets));
	}
	return 0;
}

void *port_run(void *arg)
{
	struct worker w = {.port = arg, .counting = true};

	epochs_begin(&w.port->epochs, tl_clock_mono_ns());
	if (w.port->pin.found) {
		w.counted_before = counted(w.port);
		if (recover(w.port) < 0) {
			fail(w.port);
		}
	}
	while (!tl_service_stopping()) {
		step(&w);
	}
	finish(w.port);
	return 0;
}
