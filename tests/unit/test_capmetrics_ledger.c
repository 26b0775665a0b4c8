/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/capmetrics: reports in, instances, runs, books and health. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../tools/capmetrics/health.h"
#include "../../tools/capmetrics/report.h"
#include "capmetrics_kit.h"

static struct ledger *ledger;
static struct health health;

static int setup(void **state)
{
	(void)state;
	const struct ledger_config config = ledger_defaults();

	kit_now_ns = KIT_T0;
	return ledger_create(&ledger, &config);
}

static int teardown(void **state)
{
	(void)state;
	ledger_destroy(ledger);
	return 0;
}

static double value_of(const struct ledger_instance *i, const char *name)
{
	return tl_metric_real(ledger_sum(i, name, 0));
}

/* --- runs ------------------------------------------------------------------------------- */

static void first_report_makes_an_instance(void **state)
{
	(void)state;
	struct kit_run run = kit_run("xdp-flowd", "eth0", 1);

	run.engine = "xdp-flowd";
	kit_counter("received_packets", 5, 0);
	assert_int_equal(kit_report(ledger, &run), 0);
	const struct ledger_instance *i = ledger->instances;
	assert_string_equal(i->name, "host:eth0");
	assert_string_equal(i->engine, "xdp-flowd");
	assert_int_equal(i->state, LEDGER_LIVE);
	assert_true(value_of(i, "received_packets") == 5);
	assert_int_equal(i->lost_reports, 0);
}

/* Random runs of one tool that end cleanly or not: what is told never goes back. */
static void counters_never_go_back_over_restarts(void **state)
{
	(void)state;
	uint64_t total = 0;
	uint64_t restarts = 0;
	double told = 0;

	srandom(3);
	for (unsigned int k = 1; k <= 200; k++) {
		struct kit_run run = kit_run("batcher", "ipc:///b", k);
		uint64_t count = 0;
		for (long n = random() % 4; n >= 0; n--) {
			uint64_t more = (uint64_t)random() % 1000;
			count += more;
			total += more;
			run.closing = n == 0 && random() % 2;
			kit_counter("batches_in", count, 0);
			assert_int_equal(kit_report(ledger, &run), 0);
			double now = value_of(ledger->instances, "batches_in");
			assert_true(now >= told && now == (double)total);
			told = now;
			kit_now_ns += TL_SECOND_NS;
		}
		restarts += k > 1;
		kit_now_ns += run.closing ? 0 : 3 * TL_SECOND_NS;
	}
	assert_int_equal(ledger->instance_count, 1);
	assert_int_equal(ledger->instances->restarts, restarts);
}

static void report_of_killed_tools_successor_is_held_back_until_it_is_known(void **state)
{
	(void)state;
	struct kit_run old = kit_run("batcher", "ipc:///b", 1);
	struct kit_run new = kit_run("batcher", "ipc:///b", 2);

	kit_counter("batches_in", 100, 0);
	kit_report(ledger, &old);
	kit_now_ns += TL_SECOND_NS / 2; /* killed, and another runs */
	kit_counter("batches_in", 1, 0);
	assert_int_equal(kit_report(ledger, &new), -EAGAIN);
	assert_true(value_of(ledger->instances, "batches_in") == 100);
	kit_now_ns += TL_SECOND_NS;
	kit_counter("batches_in", 2, 0);
	assert_int_equal(kit_report(ledger, &new), -EAGAIN);
	kit_now_ns += TL_SECOND_NS;
	kit_counter("batches_in", 3, 0);
	assert_int_equal(kit_report(ledger, &new), 0);
	assert_int_equal(ledger->instance_count, 1);
	assert_true(value_of(ledger->instances, "batches_in") == 103);
	assert_int_equal(ledger->instances->restarts, 1);
	assert_int_equal(ledger->counts.held_back, 2);
}

static void two_tools_at_one_place_are_two_instances(void **state)
{
	(void)state;
	struct kit_run runs[] = {kit_run("batcher", "", 1), kit_run("batcher", "", 2)};

	for (unsigned int round = 1; round <= 4; round++) {
		for (unsigned int k = 0; k < 2; k++) {
			kit_counter("batches_in", 10 * (k + 1) * round, 0);
			int err = kit_report(ledger, &runs[k]);
			assert_int_equal(err, round == 1 && k == 1 ? -EAGAIN : 0);
		}
		kit_now_ns += TL_SECOND_NS;
	}
	assert_int_equal(ledger->instance_count, 2);
	assert_string_equal(ledger->instances->name, "host");
	assert_string_equal(ledger->instances->next->name, "host#2");
	assert_true(value_of(ledger->instances, "batches_in") == 40);
	assert_true(value_of(ledger->instances->next, "batches_in") == 80);
	assert_int_equal(ledger->instances->restarts, 0);
}

static void tool_that_closed_is_followed_at_once(void **state)
{
	(void)state;
	struct kit_run old = kit_run("batcher", "", 1);
	struct kit_run new = kit_run("batcher", "", 2);

	old.closing = true;
	kit_counter("batches_in", 7, 0);
	kit_counter("assigned_events", 3, 0);
	kit_counter("safe_events", 1, 0);
	kit_gauge("held_events", 2, 0); /* it may close with something left: its own tale */
	kit_report(ledger, &old);
	assert_int_equal(ledger->instances->state, LEDGER_CLOSED);
	kit_counter("batches_in", 1, 0);
	assert_int_equal(kit_report(ledger, &new), 0);
	assert_true(value_of(ledger->instances, "batches_in") == 8);
	assert_int_equal(ledger->instances->held_when_killed, 0);
}

static void silence_and_forgetting_have_their_times(void **state)
{
	(void)state;
	struct kit_run run = kit_run("batcher", "", 1);

	kit_report(ledger, &run);
	ledger_advance(ledger, kit_now_ns + 5 * TL_SECOND_NS - 1);
	assert_int_equal(ledger->instances->state, LEDGER_LIVE);
	ledger_advance(ledger, kit_now_ns + 5 * TL_SECOND_NS);
	assert_int_equal(ledger->instances->state, LEDGER_SILENT);
	kit_now_ns += 6 * TL_SECOND_NS;
	kit_report(ledger, &run);
	assert_int_equal(ledger->instances->state, LEDGER_LIVE);
	ledger_advance(ledger, kit_now_ns + 3600 * TL_SECOND_NS);
	assert_int_equal(ledger->instance_count, 0);
	assert_int_equal(ledger->counts.forgotten, 1);
}

static void lost_reports_are_counted(void **state)
{
	(void)state;
	struct kit_run run = kit_run("batcher", "", 1);

	run.seq = 40; /* made before we were there: not lost */
	kit_report(ledger, &run);
	run.seq += 3;
	kit_report(ledger, &run);
	assert_int_equal(ledger->instances->lost_reports, 3);
}

static void cpu_percent_is_of_the_time_between_reports(void **state)
{
	(void)state;
	struct kit_run run = kit_run("batcher", "", 1);

	run.cpu_seconds = 1;
	kit_report(ledger, &run);
	kit_now_ns += 2 * TL_SECOND_NS;
	run.cpu_seconds = 1.5;
	kit_report(ledger, &run);
	assert_float_equal(ledger->instances->cpu_percent, 25, 0.001);
}

/* A process that took 0.7 s to get ready and reports at once is not at 7,000 %. */
static void cpu_percent_of_a_moment_is_not_known(void **state)
{
	(void)state;
	struct kit_run run = kit_run("capmetrics", "", 1);

	run.cpu_seconds = 0.7;
	kit_now_ns = 10 * TL_MS_NS;
	kit_report(ledger, &run);
	assert_float_equal(ledger->instances->cpu_percent, 0, 0);
	for (int i = 0; i < 10; i++) {
		kit_now_ns += TL_MS_NS;
		run.cpu_seconds += 0.01;
		kit_report(ledger, &run);
		assert_float_equal(ledger->instances->cpu_percent, 0, 0);
	}
	kit_now_ns += 990 * TL_MS_NS;
	kit_report(ledger, &run);
	assert_float_equal(ledger->instances->cpu_percent, 10, 0.001);
	assert_float_equal(ledger->instances->cpu_seconds, 0.8, 0.001);
	/* Nor that of the closing report a moment later. */
	kit_now_ns += TL_MS_NS;
	run.cpu_seconds += 0.1;
	kit_report(ledger, &run);
	assert_float_equal(ledger->instances->cpu_percent, 10, 0.001);
}

static void cpu_percent_of_the_next_run_begins_anew(void **state)
{
	(void)state;
	struct kit_run run = kit_run("batcher", "", 1);

	run.cpu_seconds = 5;
	kit_report(ledger, &run);
	kit_now_ns += TL_SECOND_NS;
	run.closing = true;
	kit_report(ledger, &run);
	run = kit_run("batcher", "", 2);
	run.cpu_seconds = 3;
	kit_now_ns += TL_SECOND_NS;
	kit_report(ledger, &run);
	assert_float_equal(ledger->instances->cpu_percent, 0, 0);
	/* The clock of its machine was set back. */
	kit_now_ns -= TL_SECOND_NS / 2;
	kit_report(ledger, &run);
	kit_now_ns += TL_SECOND_NS;
	run.cpu_seconds = 3.5;
	kit_report(ledger, &run);
	assert_float_equal(ledger->instances->cpu_percent, 50, 0.001);
}

/* --- samples ---------------------------------------------------------------------------- */

static void gauge_that_is_not_told_is_gone_and_counter_stays(void **state)
{
	(void)state;
	struct kit_run run = kit_run("shipper", "", 1);
	unsigned int count;

	kit_counter("lost_events", 4, "quota");
	kit_gauge("sink_up", 1, "file:x");
	kit_report(ledger, &run);
	kit_report(ledger, &run);
	assert_true(value_of(ledger->instances, "lost_events") == 4);
	ledger_sum(ledger->instances, "sink_up", &count);
	assert_int_equal(count, 0);
}

static void counter_that_goes_back_within_a_run_goes_on(void **state)
{
	(void)state;
	struct kit_run run = kit_run("shipper", "", 1);

	kit_counter("batches_in", 100, 0);
	kit_report(ledger, &run);
	kit_counter("batches_in", 10, 0);
	kit_report(ledger, &run);
	assert_true(value_of(ledger->instances, "batches_in") == 110);
	assert_int_equal(ledger->counts.backward, 1);
}

static void metric_described_otherwise_is_refused(void **state)
{
	(void)state;
	struct kit_run a = kit_run("shipper", "", 1);
	struct kit_run b = kit_run("batcher", "", 1);

	kit_counter("batches_in", 1, 0);
	kit_report(ledger, &a);
	kit_gauge("batches_in", 2, 0);
	kit_counter("capmetrics_reports", 2, 0);
	kit_report(ledger, &b);
	assert_int_equal(ledger->counts.refused_metrics, 2);
	assert_int_equal(ledger->counts.refused_samples, 2);
	assert_int_equal(ledger->instances->next->sample_count, 0);
}

static void metric_with_other_labels_is_taken_beside_the_first(void **state)
{
	(void)state;
	struct kit_run a = kit_run("batcher", "", 1);
	struct kit_run b = kit_run("shipper", "", 1);

	kit_counter("lost_events", 1, 0);
	kit_report(ledger, &a);
	kit_counter("lost_events", 2, "quota");
	kit_report(ledger, &b);
	kit_counter_at2("lost_events", 3, "sink", "x", "reason", "quota");
	kit_report(ledger, &b);
	assert_int_equal(ledger->counts.refused_metrics, 0);
	assert_true(value_of(ledger->instances, "lost_events") == 1);
	assert_int_equal(ledger->metric_count, 3);
}

static void sample_that_comes_twice_is_refused(void **state)
{
	(void)state;
	struct kit_run run = kit_run("shipper", "", 1);

	kit_counter("lost_events", 4, "quota");
	kit_counter("lost_events", 5, "quota");
	kit_report(ledger, &run);
	assert_true(value_of(ledger->instances, "lost_events") == 4);
	assert_int_equal(ledger->counts.refused_samples, 1);
}

static void instances_are_bounded_and_the_dead_make_room(void **state)
{
	(void)state;
	struct kit_run first = kit_run("shipper", "first", 1);

	first.closing = true;
	kit_report(ledger, &first);
	for (unsigned int k = 0; k < LEDGER_INSTANCES_MAX + 3; k++) {
		char place[20];
		snprintf(place, sizeof(place), "%u", k);
		struct kit_run run = kit_run("shipper", place, k);
		int err = kit_report(ledger, &run);
		assert_int_equal(err, k < LEDGER_INSTANCES_MAX ? 0 : -ENOSPC);
	}
	assert_int_equal(ledger->instance_count, LEDGER_INSTANCES_MAX);
	assert_int_equal(ledger->counts.refused_instances, 3);
	assert_int_equal(ledger->counts.forgotten, 1);
	assert_string_equal(ledger->instances->place, "0");
}

/* A label that changes for ever: what is not told any more makes room. */
static void samples_are_bounded(void **state)
{
	(void)state;
	struct kit_run run = kit_run("shipper", "", 1);
	uint64_t samples = 0;

	for (unsigned int round = 0; round < 100; round++) {
		for (unsigned int k = 0; k < 30; k++) {
			char label[40];
			snprintf(label, sizeof(label), "%llu", (unsigned long long)samples++);
			kit_counter("lost_events", 1, label);
		}
		kit_report(ledger, &run);
	}
	assert_int_equal(ledger->instances->sample_count, LEDGER_SAMPLES_MAX);
	assert_int_equal(ledger->sample_total, LEDGER_SAMPLES_MAX);
	assert_int_equal(ledger->counts.refused_samples, 0);
	for (size_t k = 0; k < LEDGER_SAMPLES_MAX; k++) {
		unsigned long label = strtoul(ledger->instances->samples[k].labels, 0, 10);
		assert_true(label >= samples - LEDGER_SAMPLES_MAX);
	}
}

/* --- books ------------------------------------------------------------------------------ */

static void tell_hop(uint64_t assigned, uint64_t safe, uint64_t held, uint64_t lost)
{
	kit_counter("assigned_events", assigned, 0);
	kit_counter("safe_events", safe, 0);
	kit_gauge("held_events", (double)held, 0);
	kit_counter("lost_events", lost, "window");
}

/* Whatever a hop does, as long as each event is somewhere; and one that is nowhere is found. */
static void books_of_a_hop_balance_until_an_event_is_nowhere(void **state)
{
	(void)state;
	struct kit_run run = kit_run("batcher", "", 1);
	uint64_t assigned = 0, safe = 0, held = 0, lost = 0;

	srandom(5);
	for (int k = 0; k < 200; k++) {
		uint64_t more = (uint64_t)random() % 100;
		assigned += more;
		held += more;
		uint64_t done = held ? (uint64_t)random() % (held + 1) : 0;
		held -= done;
		uint64_t gone = done ? (uint64_t)random() % (done + 1) : 0;
		safe += done - gone;
		lost += gone;
		tell_hop(assigned, safe, held, lost);
		kit_report(ledger, &run);
		assert_int_equal(ledger->instances->book_count, 1);
		assert_int_equal(ledger->instances->books[0].residual, 0);
	}
	for (int k = 1; k <= 4; k++) {
		tell_hop(assigned + 1, safe, held, lost);
		kit_report(ledger, &run);
		assert_int_equal(ledger->instances->books[0].residual, 1);
		assert_int_equal(books_are_red(ledger->instances), k >= BOOKS_RED_AFTER);
	}
	tell_hop(assigned + 1, safe + 1, held, lost);
	kit_report(ledger, &run);
	assert_false(books_are_red(ledger->instances));
}

static void wrong_closing_report_is_red_at_once(void **state)
{
	(void)state;
	struct kit_run run = kit_run("batcher", "", 1);

	run.closing = true;
	tell_hop(10, 8, 1, 0);
	kit_report(ledger, &run);
	assert_true(books_are_red(ledger->instances));
}

static void each_sink_has_books_of_its_own(void **state)
{
	(void)state;
	struct kit_run run = kit_run("shipper", "", 1);

	kit_counter("assigned_events", 10, 0);
	kit_counter_at("safe_events", 10, "sink", "a");
	kit_counter_at("safe_events", 7, "sink", "b");
	kit_gauge_at("held_events", 0, "sink", "a");
	kit_gauge_at("held_events", 2, "sink", "b");
	kit_report(ledger, &run);
	const struct ledger_instance *i = ledger->instances;
	assert_int_equal(i->book_count, 2);
	assert_string_equal(i->books[0].key, "a");
	assert_int_equal(i->books[0].residual, 0);
	assert_string_equal(i->books[1].key, "b");
	assert_int_equal(i->books[1].residual, 1);
	kit_counter("assigned_events", 10, 0);
	kit_counter_at("safe_events", 10, "sink", "a");
	kit_gauge_at("held_events", 0, "sink", "a");
	kit_report(ledger, &run);
	assert_int_equal(i->book_count, 1);
}

static void engine_tells_packets_and_bytes(int64_t residual, uint64_t missing)
{
	kit_counter_at("received_packets", 100, "iface", "eth0");
	kit_counter_at2("class_packets", 90, "iface", "eth0", "class", "flow");
	kit_counter_at2("class_packets", 10 - missing, "iface", "eth0", "class", "arp");
	kit_gauge_at("residual_packets", (double)residual, "iface", "eth0");
}

static void engine_books_know_both_kinds_of_error(void **state)
{
	(void)state;
	struct kit_run run = kit_run("afp-capd", "eth0", 1);

	run.engine = "afp-capd";
	engine_tells_packets_and_bytes(0, 0);
	kit_report(ledger, &run);
	const struct book *b = &ledger->instances->books[0];
	assert_int_equal(b->kind, BOOK_PACKETS);
	assert_string_equal(b->key, "eth0");
	assert_int_equal(b->residual, 0);
	engine_tells_packets_and_bytes(0, 1);
	kit_report(ledger, &run);
	assert_int_equal(b->residual, 1);
	engine_tells_packets_and_bytes(-1, 1); /* they do not cancel out */
	kit_report(ledger, &run);
	assert_int_equal(b->residual, 2);
}

static void what_a_killed_run_held_is_counted_and_its_books_are_closed(void **state)
{
	(void)state;
	struct kit_run old = kit_run("batcher", "", 1);
	struct kit_run new = kit_run("batcher", "", 2);

	tell_hop(10, 6, 4, 0);
	kit_report(ledger, &old);
	kit_now_ns += 3 * TL_SECOND_NS;
	tell_hop(2, 2, 0, 0);
	kit_report(ledger, &new);
	assert_int_equal(ledger->instances->held_when_killed, 4);
	assert_int_equal(ledger->instances->books[0].left, 2);
	assert_int_equal(ledger->instances->books[0].residual, 0);
	assert_true(value_of(ledger->instances, "assigned_events") == 12);
}

static void new_run_has_clean_books(void **state)
{
	(void)state;
	struct kit_run old = kit_run("batcher", "", 1);
	struct kit_run new = kit_run("batcher", "", 2);

	for (int k = 0; k < 5; k++) {
		tell_hop(10, 6, 3, 0);
		kit_report(ledger, &old);
	}
	assert_true(books_are_red(ledger->instances));
	kit_now_ns += 3 * TL_SECOND_NS;
	tell_hop(10, 6, 3, 0);
	assert_int_equal(kit_report(ledger, &new), 0);
	assert_int_equal(ledger->instances->books[0].wrong_reports, 1);
	assert_false(books_are_red(ledger->instances));
}

/* --- health ----------------------------------------------------------------------------- */

static bool says(enum health_code code)
{
	health_look(&health, ledger, kit_now_ns);
	for (unsigned int i = 0; i < health.count; i++) {
		if (health.reasons[i].code == code) {
			return true;
		}
	}
	return false;
}

static void capture(bool closing)
{
	static struct kit_run run;

	run = kit_run("afp-capd", "eth0", 1);
	run.engine = "afp-capd";
	run.closing = closing;
	assert_int_equal(kit_report(ledger, &run), 0);
}

static void without_capture_nothing_is_ready(void **state)
{
	(void)state;

	assert_true(says(HEALTH_NO_CAPTURE));
	assert_false(health.is_ready || health.is_healthy);
	capture(false);
	assert_false(says(HEALTH_NO_CAPTURE));
	assert_true(health.is_ready && health.is_healthy);
	capture(true);
	assert_true(says(HEALTH_NO_CAPTURE));
	assert_false(says(HEALTH_SILENT));
}

static void silent_tool_is_a_reason_and_a_closed_one_is_none(void **state)
{
	(void)state;
	struct kit_run run = kit_run("batcher", "", 1);

	capture(false);
	kit_report(ledger, &run);
	kit_now_ns += 5 * TL_SECOND_NS;
	capture(false);
	ledger_advance(ledger, kit_now_ns);
	assert_true(says(HEALTH_SILENT));
	assert_false(health.is_ready);
	assert_non_null(strstr(health.reasons[0].text, "batcher"));
	run.closing = true;
	kit_report(ledger, &run);
	assert_false(says(HEALTH_SILENT));
	assert_true(health.is_healthy);
}

static void spool_sink_and_books_are_unhealthy_but_ready(void **state)
{
	(void)state;
	struct kit_run run = kit_run("shipper", "", 1);

	capture(false);
	kit_gauge_at("spool_utilization_ratio", 0.8, "sink", "a");
	kit_gauge_at("sink_up", 1, "sink", "a");
	kit_report(ledger, &run);
	assert_false(says(HEALTH_SPOOL) || says(HEALTH_SINK));
	kit_gauge_at("spool_utilization_ratio", 0.81, "sink", "a");
	kit_gauge_at("sink_up", 0, "sink", "a");
	tell_hop(2, 1, 0, 0);
	run.closing = true;
	kit_report(ledger, &run);
	assert_true(says(HEALTH_UNBALANCED));
	run = kit_run("shipper", "", 2);
	kit_gauge_at("spool_utilization_ratio", 0.81, "sink", "a");
	kit_gauge_at("sink_up", 0, "sink", "a");
	kit_report(ledger, &run);
	assert_true(says(HEALTH_SPOOL));
	assert_true(says(HEALTH_SINK));
	assert_false(says(HEALTH_UNBALANCED));
	assert_true(health.is_ready);
	assert_false(health.is_healthy);
}

static void what_is_wrong_is_written_line_by_line(void **state)
{
	(void)state;
	struct tl_textbuf text = {0};

	health_look(&health, ledger, kit_now_ns);
	assert_int_equal(health_write(&health, &text, false), 0);
	assert_int_equal(tl_textbuf_add(&text, "", 1), 0);
	assert_string_equal(text.data, "no_capture: nothing captures: no capture tool reports\n");
	text.len = 0;
	capture(false);
	health_look(&health, ledger, kit_now_ns);
	assert_int_equal(health_write(&health, &text, true), 0);
	assert_int_equal(tl_textbuf_add(&text, "", 1), 0);
	assert_string_equal(text.data, "ok\n");
	tl_textbuf_fini(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_report_makes_an_instance),
		TEST(counters_never_go_back_over_restarts),
		TEST(report_of_killed_tools_successor_is_held_back_until_it_is_known),
		TEST(two_tools_at_one_place_are_two_instances),
		TEST(tool_that_closed_is_followed_at_once),
		TEST(silence_and_forgetting_have_their_times),
		TEST(lost_reports_are_counted),
		TEST(cpu_percent_is_of_the_time_between_reports),
		TEST(cpu_percent_of_a_moment_is_not_known),
		TEST(cpu_percent_of_the_next_run_begins_anew),
		TEST(gauge_that_is_not_told_is_gone_and_counter_stays),
		TEST(counter_that_goes_back_within_a_run_goes_on),
		TEST(metric_described_otherwise_is_refused),
		TEST(metric_with_other_labels_is_taken_beside_the_first),
		TEST(sample_that_comes_twice_is_refused),
		TEST(instances_are_bounded_and_the_dead_make_room),
		TEST(samples_are_bounded),
		TEST(books_of_a_hop_balance_until_an_event_is_nowhere),
		TEST(wrong_closing_report_is_red_at_once),
		TEST(each_sink_has_books_of_its_own),
		TEST(engine_books_know_both_kinds_of_error),
		TEST(what_a_killed_run_held_is_counted_and_its_books_are_closed),
		TEST(new_run_has_clean_books),
		TEST(without_capture_nothing_is_ready),
		TEST(silent_tool_is_a_reason_and_a_closed_one_is_none),
		TEST(spool_sink_and_books_are_unhealthy_but_ready),
		TEST(what_is_wrong_is_written_line_by_line),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
