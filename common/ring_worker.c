/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread of one ring: packets to the meter, silence to the flow table, an exact end. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "ring_port.h"
#include "clock.h"
#include "log.h"
#include "service.h"

#define TICK_NS	       (100 * TL_MS_NS) /* how precisely silence ends flows */
#define LATE_NS	       (50 * TL_MS_NS) /* a packet is at most so late when it comes out of the ring */
#define SETTLE_NS      (2 * TL_RING_RETIRE_MS * TL_MS_NS)
#define GIVE_UP_NS     TL_SECOND_NS
#define SETTLE_STEP_MS 2

static void publish(struct tl_ring_worker *worker)
{
	double utilization = worker->shared->engine->take_utilization(worker->ring);
	struct tl_meter_counts meter = tl_meter_counts(worker->meter);

	worker->counted.packets = meter.packets;
	tl_handover_tell(&worker->part, &worker->counted);
	pthread_mutex_lock(&worker->lock);
	worker->published.meter = meter;
	worker->published.read = worker->read;
	worker->published.lost = worker->lost;
	if (utilization > worker->published.utilization) {
		worker->published.utilization = utilization;
	}
	pthread_mutex_unlock(&worker->lock);
}

static void flush(struct tl_ring_worker *worker)
{
	/* Nobody reads our events any more: a clean end. */
	if (tl_meter_flush(worker->meter) == -EPIPE) {
		tl_service_stop();
	}
}

/* How many of the burst still count towards -c. */
static unsigned int take_share(struct tl_ring_worker *worker, unsigned int count)
{
	uint64_t limit = worker->options->capd.count;

	if (limit == 0) {
		return count;
	}
	uint64_t before = atomic_fetch_add(&worker->shared->taken, count);
	if (before + count >= limit) {
		tl_service_stop();
	}
	if (before >= limit) {
		return 0;
	}
	return limit - before < count ? (unsigned int)(limit - before) : count;
}

/* What is ours, in front and in order: how many. All of it is read, so the kernel's count holds. */
static unsigned int keep_own(const struct tl_ring_worker *worker, struct tl_frame *frames,
			     unsigned int count)
{
	struct tl_span span = tl_handover_span(&worker->capd->handover);
	unsigned int kept = 0;

	if (tl_span_is_all(&span)) {
		return count;
	}
	for (unsigned int i = 0; i < count; i++) {
		if (tl_span_has(&span, frames[i].ns)) {
			frames[kept++] = frames[i];
		}
	}
	return kept;
}

static void note_times(struct tl_ring_worker *worker, const struct tl_frame *frames,
		       unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		tl_counted_note(&worker->counted, frames[i].ns, frames[i].ns);
	}
}

/* One burst: above 0 something was taken, else what tl_capd_engine.next says. */
static int take_burst(struct tl_ring_worker *worker)
{
	struct tl_frame frames[TL_METER_BURST];
	int count = worker->shared->engine->next(worker->ring, frames);

	if (count > 0) {
		worker->read += (unsigned int)count;
		unsigned int own = keep_own(worker, frames, (unsigned int)count);
		own = take_share(worker, own);
		tl_meter_add(worker->meter, frames, own);
		if (worker->options->capd.state) {
			note_times(worker, frames, own);
		}
	}
	if (count == -EBADMSG) {
		worker->lost++;
		return 1;
	}
	return count;
}

/*
 * An interface that went down comes back by itself, one that was removed does
 * not. The kernel tells the first only, and removing begins with it.
 */
static void look_after(struct tl_ring_worker *worker)
{
	if (tl_afp_check(worker->afp) < 0 && !atomic_exchange(&worker->capd->failed, true)) {
		tl_log_err("%s: the interface was removed", worker->afp->iface);
		tl_service_stop();
	}
}

static void wait_for_packets(struct tl_ring_worker *worker)
{
	struct pollfd fds[] = {
		{.fd = worker->afp->fd, .events = POLLIN},
		{.fd = tl_service_fd(), .events = POLLIN},
	};

	if (poll(fds, 2, (int)(TICK_NS / TL_MS_NS)) > 0 && (fds[0].revents & POLLERR)) {
		look_after(worker);
	}
}

/* The ring is empty: let time pass in the table, send what there is, sleep. */
static void idle(struct tl_ring_worker *worker)
{
	uint64_t now = tl_clock_mono_ns();

	if (now >= worker->tick_due_ns) {
		look_after(worker);
		tl_meter_advance(worker->meter, tl_clock_wall_ns() - LATE_NS);
		worker->tick_due_ns = now + TICK_NS;
	}
	flush(worker);
	publish(worker);
	wait_for_packets(worker);
}

static void busy(struct tl_ring_worker *worker)
{
	uint64_t now = tl_clock_mono_ns();

	if (now >= tl_meter_flush_due(worker->meter)) {
		flush(worker);
	}
	if (now >= worker->tick_due_ns) {
		worker->tick_due_ns = now + TICK_NS;
		publish(worker);
	}
}

/*
 * Nothing enters any more, but a processor may still be running the old
 * filter, and the kernel hands over a block that is not full only when it
 * retires: goes on until that time has passed and the books agree.
 */
static void take_rest(struct tl_ring_worker *worker)
{
	uint64_t start = tl_clock_mono_ns();
	uint64_t passed = 0;

	(void)tl_afp_stop(worker->afp);
	while (passed < GIVE_UP_NS) {
		if (take_burst(worker) > 0) {
			continue;
		}
		passed = tl_clock_mono_ns() - start;
		uint64_t taken = worker->read + worker->lost;
		if (passed >= SETTLE_NS && tl_afp_counts(worker->afp).stored == taken) {
			return;
		}
		struct pollfd fds = {.fd = worker->afp->fd, .events = POLLIN};
		(void)poll(&fds, 1, SETTLE_STEP_MS);
	}
}

void *tl_ring_worker_run(void *arg)
{
	struct tl_ring_worker *worker = arg;

	while (!tl_service_stopping()) {
		int count = take_burst(worker);
		if (count > 0) {
			busy(worker);
		} else if (count == 0) {
			idle(worker);
		} else {
			look_after(worker);
		}
	}
	take_rest(worker);
	tl_meter_end(worker->meter, tl_handover_end_reason(&worker->capd->handover));
	flush(worker);
	publish(worker);
	return 0;
}
