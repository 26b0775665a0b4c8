/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/capmetrics: /metrics in both formats, and the JSON of /capture/metrics. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tools/capmetrics/prometheus.h"
#include "../../tools/capmetrics/report.h"
#include "capmetrics_kit.h"

static struct ledger *ledger;
static struct health health;
static struct tl_textbuf text;

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
	tl_textbuf_fini(&text);
	text = (struct tl_textbuf){0};
	return 0;
}

/* An engine, a batcher, a shipper with two sinks. */
static void tell_pipeline(void)
{
	struct kit_run engine = kit_run("xdp-flowd", "eth0", 1);
	struct kit_run batcher = kit_run("batcher", "ipc:///run/\"b\"", 1);
	struct kit_run shipper = kit_run("shipper", "ipc:///run/s", 1);

	engine.engine = "xdp-flowd";
	engine.mode = "native";
	engine.cpu_seconds = 0.25;
	kit_counter_at("received_packets", 100, "iface", "eth0");
	kit_counter_at("received_bytes", 6400, "iface", "eth0");
	kit_counter_at2("class_packets", 98, "iface", "eth0", "class", "flow");
	kit_counter_at2("class_packets", 2, "iface", "eth0", "class", "arp");
	kit_counter_at2("dropped_skbs", 3, "iface", "eth0", "reason", "ring_full");
	kit_gauge_at("ring_utilization_ratio", 0.25, "iface", "eth0");
	kit_gauge_at("residual_packets", -1, "iface", "eth0");
	kit_counter("assigned_events", 50, 0);
	kit_counter("safe_events", 40, 0);
	kit_gauge("held_events", 10, 0);
	assert_int_equal(kit_report(ledger, &engine), 0);
	kit_counter("batches_in", 5, "back\\slash \"quoted\"");
	assert_int_equal(kit_report(ledger, &batcher), 0);
	kit_gauge_at("sink_up", 1, "sink", "file:/a");
	kit_gauge_at("sink_up", 0, "sink", "nats://b");
	/* A family of the engine too, with other labels. */
	kit_counter_at("assigned_events", 7, "sink", "file:/a");
	kit_counter_at("safe_events", 7, "sink", "file:/a");
	assert_int_equal(kit_report(ledger, &shipper), 0);
}

static const char *expose(enum prometheus_format format)
{
	text.len = 0;
	assert_int_equal(prometheus_write(&text, ledger, format), 0);
	assert_int_equal(tl_textbuf_add(&text, "", 1), 0);
	text.len--;
	return text.data ? text.data : "";
}

static unsigned int lines_with(const char *page, const char *begin)
{
	unsigned int count = 0;

	for (const char *line = page; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		count += strncmp(line, begin, strlen(begin)) == 0;
	}
	return count;
}

static void has_line(const char *page, const char *line)
{
	char whole[400];

	snprintf(whole, sizeof(whole), "%s\n", line);
	if (lines_with(page, whole) != 1) {
		fail_msg("%u times '%s' in\n%s", lines_with(page, whole), line, page);
	}
}

/* --- /metrics --------------------------------------------------------------------------- */

static void text_format_has_types_help_and_escaped_labels(void **state)
{
	(void)state;

	tell_pipeline();
	const char *page = expose(PROMETHEUS_TEXT);
	has_line(page, "# TYPE tapline_received_packets_total counter");
	has_line(page, "# HELP tapline_received_packets_total Help of it");
	has_line(page, "tapline_received_packets_total{tool=\"xdp-flowd\",instance=\"host:eth0\","
		       "engine=\"xdp-flowd\",mode=\"native\",iface=\"eth0\"} 100");
	has_line(page, "# TYPE tapline_ring_utilization_ratio gauge");
	has_line(page, "tapline_batches_in_total{tool=\"batcher\","
		       "instance=\"host:ipc:///run/\\\"b\\\"\","
		       "reason=\"back\\\\slash \\\"quoted\\\"\"} 5");
	has_line(page, "tapline_residual_packets{tool=\"xdp-flowd\",instance=\"host:eth0\","
		       "engine=\"xdp-flowd\",mode=\"native\",iface=\"eth0\"} -1.0");
	has_line(page, "tapline_capmetrics_book_residual{tool=\"xdp-flowd\","
		       "instance=\"host:eth0\",engine=\"xdp-flowd\",mode=\"native\","
		       "book=\"packets\",iface=\"eth0\"} 1");
	assert_int_equal(lines_with(page, "# UNIT"), 0);
	assert_int_equal(lines_with(page, "# EOF"), 0);
}

static void openmetrics_has_units_and_an_end(void **state)
{
	(void)state;

	tell_pipeline();
	const char *page = expose(PROMETHEUS_OPENMETRICS);
	has_line(page, "# TYPE tapline_received_packets counter");
	has_line(page, "# UNIT tapline_received_packets packets");
	has_line(page, "tapline_received_packets_total{tool=\"xdp-flowd\",instance=\"host:eth0\","
		       "engine=\"xdp-flowd\",mode=\"native\",iface=\"eth0\"} 100");
	has_line(page, "# EOF");
	assert_string_equal(page + strlen(page) - 6, "# EOF\n");
}

/* Samples of a family are together, and no family comes twice. */
static void families_are_whole(void **state)
{
	(void)state;
	struct kit_run second = kit_run("afp-capd", "eth1", 1);
	char name[200];

	tell_pipeline();
	second.engine = "afp-capd";
	kit_counter_at("received_packets", 1, "iface", "eth1");
	kit_counter("assigned_events", 1, 0);
	assert_int_equal(kit_report(ledger, &second), 0);
	for (int format = PROMETHEUS_TEXT; format <= PROMETHEUS_OPENMETRICS; format++) {
		const char *page = expose((enum prometheus_format)format);
		for (const char *at = page; (at = strstr(at, "# TYPE ")); at++) {
			assert_int_equal(sscanf(at, "# TYPE %190s", name), 1);
			strcat(name, " ");
			char start[210];
			snprintf(start, sizeof(start), "# TYPE %s", name);
			assert_int_equal(lines_with(page, start), 1);
		}
	}
	assert_int_equal(lines_with(text.data, "tapline_received_packets_total{"), 2);
}

/* A label of a tool that is named as one of ours. */
static void labels_never_come_twice(void **state)
{
	(void)state;
	struct kit_run run = kit_run("batcher", "", 1);

	kit_counter_at2("batches_in", 1, "tool", "x", "mode", "y");
	kit_report(ledger, &run);
	has_line(expose(PROMETHEUS_TEXT),
		 "tapline_batches_in_total{tool=\"batcher\",instance=\"host\",metric_tool=\"x\","
		 "metric_mode=\"y\"} 1");
}

/* "name" or "name{...}" is followed by one number. */
static void check_line(const char *line, size_t len)
{
	const char *space = 0;
	char *end;

	for (size_t i = 0; i < len; i++) {
		space = line[i] == ' ' ? line + i : space;
		assert_true((unsigned char)line[i] >= 0x20);
	}
	assert_non_null(space);
	assert_true(space[-1] == '}' || isalnum((unsigned char)space[-1]));
	strtod(space + 1, &end);
	assert_ptr_equal(end, line + len);
}

static void every_line_is_a_comment_or_a_sample(void **state)
{
	(void)state;

	tell_pipeline();
	for (const char *line = expose(PROMETHEUS_TEXT); *line; line = strchr(line, '\n') + 1) {
		if (line[0] != '#') {
			check_line(line, strcspn(line, "\n"));
		}
	}
}

static void empty_ledger_is_exposed(void **state)
{
	(void)state;

	has_line(expose(PROMETHEUS_TEXT), "tapline_capmetrics_reports_total 0");
}

static void accept_header_decides_on_the_format(void **state)
{
	(void)state;
	static const struct {
		const char *accept;
		enum prometheus_format expected;
	} cases[] = {
		{0, PROMETHEUS_TEXT},
		{"", PROMETHEUS_TEXT},
		{"*/*", PROMETHEUS_TEXT},
		{"text/plain", PROMETHEUS_TEXT},
		{"application/openmetrics-text", PROMETHEUS_OPENMETRICS},
		{"application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/"
		 "*;q=0.1",
		 PROMETHEUS_OPENMETRICS},
		{"application/openmetrics-text; version=1.0.0; q=0.2, text/plain; q=0.75",
		 PROMETHEUS_TEXT},
		{"application/openmetrics-text;q=0", PROMETHEUS_TEXT},
		{"application/openmetrics-texture", PROMETHEUS_TEXT},
		{";;;,,,;q=", PROMETHEUS_TEXT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(prometheus_choose(cases[i].accept), cases[i].expected);
	}
}

static void promtool_finds_nothing_wrong(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");
	char path[300];
	char command[400];

	if (system("command -v promtool >/dev/null 2>&1") != 0) {
		const char *required = getenv("TL_REQUIRE");
		assert_false(required && strcmp(required, "all") == 0);
		printf("SKIP promtool: not installed (Debian package prometheus)\n");
		return;
	}
	tell_pipeline();
	expose(PROMETHEUS_TEXT);
	snprintf(path, sizeof(path), "%s/tl-promtool-XXXXXX", tmp ? tmp : "/tmp");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.data, text.len), (ssize_t)text.len);
	close(fd);
	snprintf(command, sizeof(command), "promtool check metrics < %s", path);
	int code = system(command);
	unlink(path);
	assert_int_equal(code, 0);
}

/* --- /capture/metrics ------------------------------------------------------------------- */

static const struct report_sources no_sources;

static const char *report_with(struct report_sources sources)
{
	text.len = 0;
	ledger_advance(ledger, kit_now_ns);
	health_look(&health, ledger, kit_now_ns);
	assert_int_equal(report_write(&text, ledger, &health, sources, KIT_WALL, kit_now_ns), 0);
	assert_int_equal(tl_textbuf_add(&text, "", 1), 0);
	return text.data ? text.data : "";
}

static const char *report_text(void)
{
	return report_with(no_sources);
}

static void has(const char *page, const char *part)
{
	if (!strstr(page, part)) {
		fputs(page, stderr);
		fail_msg("no %s", part);
	}
}

static void report_has_the_engine_at_the_top(void **state)
{
	(void)state;

	tell_pipeline();
	const char *page = report_text();
	has(page, "\"engine\":\"xdp-flowd\",\"mode\":\"native\",\"ifaces\":[\"eth0\"],"
		  "\"running\":true,\"packets_processed\":100,\"events_emitted\":50,"
		  "\"bytes_processed\":6400,\"dropped\":3,\"events_lost\":0,"
		  "\"ring_utilization\":0.25,\"cpu_percent\":");
	has(page, "\"code\":\"sink\",\"text\":\"shipper host:ipc:///run/s: nats://b does not take");
	has(page, "\"sink\":\"\",\"assigned\":50,\"safe\":40,\"held\":10,\"lost\":0,"
		  "\"residual\":0,\"wrong_reports\":0,\"balanced\":true");
	has(page, "{\"name\":\"dropped_skbs\",\"unit\":\"skbs\",\"type\":\"counter\","
		  "\"labels\":{\"iface\":\"eth0\",\"reason\":\"ring_full\"},\"value\":3}");
}

static void report_without_tools_says_so(void **state)
{
	(void)state;
	const char *page = report_text();

	has(page, "\"healthy\":false,\"ready\":false");
	has(page, "\"engine\":null,\"mode\":null,\"ifaces\":[],\"running\":false,"
		  "\"packets_processed\":0");
	has(page, "\"tools\":[],");
}

/* Each in its own place, whatever the others are. */
static void report_tells_what_else_there_is(void **state)
{
	(void)state;
	char expected[120];

	for (unsigned int bits = 0; bits < 16; bits++) {
		const struct report_sources sources = {
			.ladder = bits & 1,
			.flows = bits & 2,
			.events = bits & 4,
			.capabilities = bits & 8,
		};
		snprintf(expected, sizeof(expected),
			 "\"sources\":{\"ladder\":%s,\"flows\":%s,\"events\":%s,"
			 "\"capabilities\":%s},",
			 bits & 1 ? "true" : "false", bits & 2 ? "true" : "false",
			 bits & 4 ? "true" : "false", bits & 8 ? "true" : "false");
		has(report_with(sources), expected);
	}
}

/* Interfaces of one engine add up; another engine beside it sees the same packets. */
static void only_instances_of_the_engine_that_runs_are_added(void **state)
{
	(void)state;
	struct kit_run eth1 = kit_run("xdp-flowd", "eth1", 2);
	struct kit_run other = kit_run("afp-capd", "eth0", 1);

	tell_pipeline();
	eth1.engine = "xdp-flowd";
	kit_counter_at("received_packets", 11, "iface", "eth1");
	kit_report(ledger, &eth1);
	other.engine = "afp-capd";
	kit_counter_at("received_packets", 1000, "iface", "eth0");
	kit_report(ledger, &other);
	has(report_text(), "\"packets_processed\":111,");
}

static void engine_that_was_killed_runs_no_more(void **state)
{
	(void)state;

	tell_pipeline();
	kit_now_ns += 6 * TL_SECOND_NS;
	const char *page = report_text();
	has(page, "\"engine\":\"xdp-flowd\",\"mode\":\"native\",\"ifaces\":[\"eth0\"],"
		  "\"running\":false,\"packets_processed\":100");
	has(page, "\"cpu_percent\":0.0,\"books\"");
	has(page, "\"code\":\"no_capture\"");
	has(page, "\"code\":\"silent\"");
}

/* Whichever began first or was heard first. */
static void engine_that_lives_comes_before_one_that_does_not(void **state)
{
	(void)state;
	struct kit_run next = kit_run("afp-capd", "eth0", 1);

	tell_pipeline();
	kit_now_ns += 6 * TL_SECOND_NS;
	next.engine = "afp-capd";
	kit_counter_at("received_packets", 7, "iface", "eth0");
	kit_report(ledger, &next);
	has(report_text(), "\"engine\":\"afp-capd\",\"mode\":\"\",\"ifaces\":[\"eth0\"],"
			   "\"running\":true,\"packets_processed\":7,");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text_format_has_types_help_and_escaped_labels),
		TEST(openmetrics_has_units_and_an_end),
		TEST(families_are_whole),
		TEST(labels_never_come_twice),
		TEST(every_line_is_a_comment_or_a_sample),
		TEST(empty_ledger_is_exposed),
		TEST(accept_header_decides_on_the_format),
		TEST(promtool_finds_nothing_wrong),
		TEST(report_has_the_engine_at_the_top),
		TEST(report_without_tools_says_so),
		TEST(report_tells_what_else_there_is),
		TEST(only_instances_of_the_engine_that_runs_are_added),
		TEST(engine_that_lives_comes_before_one_that_does_not),
		TEST(engine_that_was_killed_runs_no_more),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
