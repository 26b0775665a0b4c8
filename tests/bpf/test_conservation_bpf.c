/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nothing is lost: two threads have the kernel run the programs that count
 * flows on random frames while the epochs turn (tools/xdp-flowd/epoch.h), the
 * maps overflow and hints are lost; at the end the books must equal what was
 * sent, to the packet and the byte. And the negative control: without the
 * grace period, the same comparison must fail. Needs root. TL_SEED chooses
 * another run.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../tools/xdp-flowd/epoch.h"
#include "flow_side.h"
#include "probe.h"
#include "traffic.h"

enum {
	PRODUCERS = 2,
	TINY_FLOWS = 512,
	TINY_COARSE = 64,
	EPOCHS = 500,
	EPOCHS_LEAST = 150,	   /* where scaled down, as all that is called so */
	EPOCHS_WITHOUT_HINTS = 50, /* in a row: long enough for the ring to fill up */
	EPOCH_MIN_MS = 1,
	EPOCH_MAX_MS = 20,
	LIMIT_SECONDS = 20,
	RUSH_SECONDS = 4,
	BAD_EPOCHS = 1, /* enough to know that they are seen */
	SCAN_FLOWS = 1000000,
	SCAN_LEAST = 250000,   /* more than the map has room for, several times */
	SCAN_EPOCH_MS = 60000, /* turned for pressure alone */
};

static uint64_t seed = 1;

/* --- who sends ------------------------------------------------------------ */

struct producer {
	const struct kernel *kernel;
	pthread_t thread;
	struct traffic traffic;
	atomic_bool stop;
	bool scan;	      /* or random */
	uint32_t first, most; /* of a scan */
	atomic_bool ended;
	uint64_t failed;
	struct tl_acct sent[TL_CLASS_COUNT]; /* all that has a flow's key: TL_CLASS_FLOW */
};

static void send_frame(struct producer *p, enum kernel_hook hook, const struct given *frame)
{
	struct tl_packet pkt;
	struct tl_segments segments;

	flow_expect(frame, hook, &pkt, &segments);
	if (flow_run(kernel_program(p->kernel, hook), frame) == INT32_MIN) {
		p->failed++;
		return;
	}
	p->sent[pkt.class].packets += segments.packets;
	p->sent[pkt.class].bytes += segments.bytes;
	p->sent[pkt.class].skbs++;
}

static void *send_random(void *arg)
{
	struct producer *p = arg;

	while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
		enum kernel_hook hook = traffic_random(&p->traffic) % KERNEL_HOOKS;
		send_frame(p, hook, traffic_next(&p->traffic, hook));
	}
	atomic_store(&p->ended, true);
	return 0;
}

static void *send_scan(void *arg)
{
	struct producer *p = arg;

	for (uint32_t i = p->first; i < p->most && !atomic_load(&p->stop); i += PRODUCERS) {
		send_frame(p, KERNEL_XDP, traffic_scan(&p->traffic, i));
	}
	atomic_store(&p->ended, true);
	return 0;
}

/* --- who takes ------------------------------------------------------------ */

static struct bench {
	struct flow_side side;
	struct waiter waiter;
	struct epochs epochs;
	struct traffic random; /* for the length of epochs */
	struct producer producers[PRODUCERS];
	struct tl_acct ended; /* sum of flow_end events */
	uint64_t hints;
} bench;

static void sum_ended(void *context, enum tl_flow_kind kind, const struct tl_flow *flow,
		      enum tl_end_reason reason, uint64_t now_ns)
{
	struct tl_acct *ended = context;

	(void)reason;
	(void)now_ns;
	if (kind == TL_FLOW_END) {
		ended->packets += flow->packets;
		ended->bytes += flow->bytes;
		ended->skbs += flow->skbs;
	}
}

static void open_bench(struct kernel_options options, uint32_t max_flows)
{
	struct tl_flowtab_config config = tl_flowtab_defaults();
	struct epochs *e = &bench.epochs;

	bench = (struct bench){0};
	flow_side_open(&bench.side, options);
	config.emit = sum_ended;
	config.ctx = &bench.ended;
	config.max_flows = max_flows;
	*e = (struct epochs){.kernel = bench.side.kernel,
			     .waiter = &bench.waiter,
			     .entries = options.flow_entries};
	assert_int_equal(tl_flowtab_create(&e->flows, &config), 0);
	kernel_control(e->kernel)->pressure_at = options.flow_entries / 4 * 3;
	traffic_begin(&bench.random, seed);
}

static void close_bench(void)
{
	tl_flowtab_destroy(bench.epochs.flows);
	flow_side_close(&bench.side);
}

static void start_producers(void *(*send)(void *))
{
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		struct producer *p = &bench.producers[i];
		p->kernel = bench.side.kernel;
		p->first = i;
		p->most = probe_scale(SCAN_FLOWS, SCAN_LEAST);
		traffic_begin(&p->traffic, seed * PRODUCERS + i + 1);
		assert_int_equal(pthread_create(&p->thread, 0, send, p), 0);
	}
}

static void stop_producers(void)
{
	for (int i = 0; i < PRODUCERS; i++) {
		atomic_store(&bench.producers[i].stop, true);
		pthread_join(bench.producers[i].thread, 0);
	}
	for (int i = 0; i < PRODUCERS; i++) {
		assert_int_equal(bench.producers[i].failed, 0);
	}
}

static bool any_producer_sends(void)
{
	return !atomic_load(&bench.producers[0].ended) || !atomic_load(&bench.producers[1].ended);
}

static void take_hint(void *context, const struct tl_hint *hint)
{
	(void)context;
	epochs_take_hint(&bench.epochs, hint);
}

/* Until the wait is over, or for a moment: whichever comes first. */
static void rest(void)
{
	struct pollfd done = {.fd = bench.waiter.done_fd, .events = POLLIN};

	poll(&done, 1, 1);
}

/* Asserts nothing while the producers run: they would not survive it. 0 or -errno. */
static int step(bool hints)
{
	int err = 0;

	if (hints) {
		bench.hints += (uint64_t)kernel_take_hints(bench.side.kernel, take_hint, 0);
	}
	if (!epochs_step(&bench.epochs, tl_clock_mono_ns(), &err)) {
		rest();
	}
	return err;
}

static void begin_epochs(uint64_t length_ns)
{
	bench.epochs.length_ns = length_ns;
	epochs_begin(&bench.epochs, tl_clock_mono_ns());
}

/* --- the comparison ------------------------------------------------------- */

static struct tl_acct sum_of(const struct tl_acct *a, const struct tl_acct *b)
{
	return (struct tl_acct){a->packets + b->packets, a->bytes + b->bytes, a->skbs + b->skbs};
}

static void assert_equal(const struct tl_acct *a, const struct tl_acct *b)
{
	assert_int_equal(a->packets, b->packets);
	assert_int_equal(a->bytes, b->bytes);
	assert_int_equal(a->skbs, b->skbs);
}

/* What both sent under a class; TL_CLASS_COUNT: under any. */
static struct tl_acct sent_as(unsigned int class)
{
	struct tl_acct sum = {0};

	for (unsigned int i = 0; i < PRODUCERS * TL_CLASS_COUNT; i++) {
		if (class == TL_CLASS_COUNT || class == i % TL_CLASS_COUNT) {
			sum = sum_of(&sum,
				     &bench.producers[i / TL_CLASS_COUNT].sent[i % TL_CLASS_COUNT]);
		}
	}
	return sum;
}

static void assert_all_accounted_for(void)
{
	const struct ledger *l = &bench.epochs.ledger;
	struct tl_acct sent = sent_as(TL_CLASS_COUNT);
	struct tl_acct keyed = sent_as(TL_CLASS_FLOW);
	struct tl_acct in_maps = sum_of(&l->by_class[TL_CLASS_FLOW], &l->by_class[TL_CLASS_COARSE]);
	struct tl_acct with_key = sum_of(&in_maps, &l->by_class[TL_CLASS_UNATTRIBUTED]);

	assert_int_equal(l->residual_packets, 0);
	assert_int_equal(l->residual_bytes, 0);
	assert_int_equal(l->missed, 0);
	assert_equal(&l->total, &sent);
	assert_equal(&with_key, &keyed);
	for (unsigned int class = TL_CLASS_ARP; class < TL_CLASS_COUNT; class ++) {
		struct tl_acct sent_so = sent_as(class);
		assert_equal(&l->by_class[class], &sent_so);
	}
	assert_int_equal(bench.ended.packets, in_maps.packets);
	assert_int_equal(bench.ended.bytes, in_maps.bytes);
}

static void tell(void)
{
	const struct ledger *l = &bench.epochs.ledger;

	print_message("  %llu epochs, %llu packets in %llu runs: flow %llu, coarse %llu, "
		      "unattributed %llu; hints: %llu taken, %llu lost\n",
		      (unsigned long long)l->epochs, (unsigned long long)l->total.packets,
		      (unsigned long long)l->total.skbs,
		      (unsigned long long)l->by_class[TL_CLASS_FLOW].packets,
		      (unsigned long long)l->by_class[TL_CLASS_COARSE].packets,
		      (unsigned long long)l->by_class[TL_CLASS_UNATTRIBUTED].packets,
		      (unsigned long long)bench.hints, (unsigned long long)l->hints_lost);
}

/* Stops, takes what is left, compares. */
static void settle(void)
{
	stop_producers();
	assert_int_equal(epochs_catch_up(&bench.epochs), 0);
	tl_flowtab_end_all(bench.epochs.flows, TL_END_SHUTDOWN);
	tell();
	assert_all_accounted_for();
}

/* --- the tests ------------------------------------------------------------ */

static const struct kernel_options tiny = {.flow_entries = TINY_FLOWS,
					   .coarse_entries = TINY_COARSE};

static void random_length(void)
{
	uint64_t ms = EPOCH_MIN_MS + traffic_random(&bench.random) % EPOCH_MAX_MS;

	bench.epochs.length_ns = ms * TL_MS_NS;
}

/* A flow that both CPUs find new is no flow without room. */
static void assert_seen_by_both_parities(void)
{
	for (uint32_t parity = 0; parity < 2; parity++) {
		struct tl_books books;
		assert_int_equal(kernel_books(bench.side.kernel, parity, &books), 0);
		assert_int_equal(books.flows_refused, 0);
		assert_true(books.flows_full > 0);
		assert_true(books.frag_hits > 0);
		assert_true(books.frag_misses > 0);
	}
}

static void every_packet_is_in_the_books_whatever_overflows(void **state)
{
	(void)state;
	const struct ledger *l = &bench.epochs.ledger;
	const unsigned int epochs = probe_scale(EPOCHS, EPOCHS_LEAST);
	int err = 0;

	open_bench(tiny, 4 * TINY_FLOWS);
	uint64_t limit_ns = tl_clock_mono_ns() + LIMIT_SECONDS * TL_SECOND_NS;
	assert_int_equal(waiter_start(&bench.waiter, bench.side.kernel), 0);
	begin_epochs(EPOCH_MIN_MS * TL_MS_NS);
	start_producers(send_random);
	while (err == 0 && l->epochs < epochs && tl_clock_mono_ns() < limit_ns) {
		random_length();
		err = step(l->epochs / EPOCHS_WITHOUT_HINTS % 2 == 1);
	}
	settle();
	waiter_stop(&bench.waiter);
	assert_int_equal(err, 0);
	assert_true(l->epochs > 100);
	assert_true(l->by_class[TL_CLASS_FLOW].packets > 0);
	assert_true(l->by_class[TL_CLASS_COARSE].packets > 0);
	assert_true(l->by_class[TL_CLASS_UNATTRIBUTED].packets > 0);
	assert_true(l->hints_lost > 0 && bench.hints > 0);
	assert_seen_by_both_parities();
	close_bench();
}

/* One whose requests are their own answers: the kernel's programs are not waited for. */
static void fake_waiter(struct waiter *waiter)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	assert_true(fd >= 0);
	*waiter = (struct waiter){.request_fd = fd, .done_fd = fd};
}

/* Turns as fast as it can, until some epochs were bad: how many. */
static uint32_t rush(bool wait, int seconds)
{
	const struct ledger *l = &bench.epochs.ledger;
	uint64_t residual = 0;
	uint32_t bad = 0;
	int err = 0;

	open_bench(tiny, 4 * TINY_FLOWS);
	uint64_t limit_ns = tl_clock_mono_ns() + (uint64_t)seconds * TL_SECOND_NS;
	fake_waiter(&bench.waiter);
	begin_epochs(0);
	start_producers(send_random);
	while (err == 0 && bad < BAD_EPOCHS && tl_clock_mono_ns() < limit_ns) {
		if (wait && bench.epochs.state == EPOCH_WAITING) {
			kernel_wait(bench.side.kernel);
		}
		epochs_step(&bench.epochs, tl_clock_mono_ns(), &err);
		uint64_t now = l->residual_packets + l->residual_bytes;
		bad += now != residual;
		residual = now;
	}
	stop_producers();
	close(bench.waiter.done_fd);
	assert_int_equal(err, 0);
	print_message("  %u bad epochs of %llu\n", bad, (unsigned long long)l->epochs);
	assert_true(l->epochs > 0);
	close_bench();
	return bad;
}

static void epoch_that_is_not_waited_for_does_not_add_up(void **state)
{
	(void)state;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		print_message("  one CPU: nothing runs beside the programs\n");
		skip();
	}
	uint32_t bad = rush(false, LIMIT_SECONDS);
	if (bad == 0 && probe_is_scaled()) {
		print_message("  no bad epoch: too slow for a program to be caught in the act\n");
		skip();
	}
	assert_true(bad > 0);
}

/* The same but for the wait. */
static void epoch_that_is_waited_for_adds_up_at_the_fastest_pace(void **state)
{
	(void)state;
	assert_int_equal(rush(true, RUSH_SECONDS), 0);
}

static void scan_of_a_million_flows_is_counted_whole(void **state)
{
	(void)state;
	const struct kernel_options defaults = {.flow_entries = TL_KERNEL_FLOWS,
						.coarse_entries = TL_KERNEL_COARSE};
	const uint32_t flows = probe_scale(SCAN_FLOWS, SCAN_LEAST);
	const struct ledger *l = &bench.epochs.ledger;
	int err = 0;

	open_bench(defaults, tl_flowtab_defaults().max_flows);
	assert_int_equal(waiter_start(&bench.waiter, bench.side.kernel), 0);
	begin_epochs(SCAN_EPOCH_MS * TL_MS_NS);
	start_producers(send_scan);
	while (err == 0 && any_producer_sends()) {
		err = step(true);
	}
	settle();
	waiter_stop(&bench.waiter);
	assert_int_equal(err, 0);
	assert_int_equal(l->total.packets, flows);
	assert_true(l->epochs > 3);
	print_message("  attributed to their flows: %.1f %%\n",
		      100.0 * (double)l->by_class[TL_CLASS_FLOW].packets / flows);
	close_bench();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_is_in_the_books_whatever_overflows),
		cmocka_unit_test(epoch_that_is_not_waited_for_does_not_add_up),
		cmocka_unit_test(epoch_that_is_waited_for_adds_up_at_the_fastest_pace),
		cmocka_unit_test(scan_of_a_million_flows_is_counted_whole),
	};
	const char *reason = probe_missing();
	const char *chosen = getenv("TL_SEED");

	if (reason) {
		return probe_report_skip("test_conservation_bpf", reason);
	}
	seed = chosen ? strtoull(chosen, 0, 0) : seed;
	print_message("  TL_SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, 0, 0);
}
