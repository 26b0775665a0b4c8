/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/capmetrics/client_view*, client_rates: what is shown of what a server says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../tools/capmetrics/client_rates.h"
#include "../../tools/capmetrics/client_view.h"

static struct tl_textbuf shown;

static int open_view(void **state)
{
	return client_view_create((struct client_view **)state);
}

static int close_view(void **state)
{
	client_view_destroy(*state);
	tl_textbuf_fini(&shown);
	shown = (struct tl_textbuf){0};
	return 0;
}

static const char *show(void **state, bool has_colours)
{
	const struct client_frame frame = {
		.url = "http://u", .rows = 60, .has_colours = has_colours};

	shown.len = 0;
	client_view_write(*state, &shown, &frame);
	tl_textbuf_add(&shown, "", 1);
	return shown.data;
}

static void read_page(void **state, enum client_page page, const char *json)
{
	assert_int_equal(client_view_read(*state, page, json, strlen(json)), 0);
}

#define METRIC(name, labels, value)                                                                \
	"{\"name\":\"" name "\",\"type\":\"counter\",\"labels\":" labels ",\"value\":" value "}"

/* A report with one engine that has counted `packets` at the second `second`. */
static void read_report(void **state, unsigned int second, unsigned int packets, const char *more)
{
	char json[2000];

	snprintf(json, sizeof(json),
		 "{\"time\":\"2026-11-27T03:00:10Z\",\"healthy\":true,\"engine\":\"afp-capd\","
		 "\"mode\":\"recv\",\"running\":true,\"ifaces\":[\"eth7\"],\"tools\":[{\"tool\":"
		 "\"afp-capd\",\"instance\":\"a\",\"state\":\"live\",\"engine\":\"afp-capd\","
		 "\"reported\":\"2026-11-27T03:00:%02u.000000000Z\",\"metrics\":[" METRIC(
			 "received_packets", "{}", "%u") "]}]%s}",
		 second, packets, more);
	read_page(state, CLIENT_PAGE_REPORT, json);
}

static void healthy_pipeline_shows_engine_and_verdict(void **state)
{
	read_report(state, 1, 5, "");
	const char *text = show(state, false);

	assert_true(client_view_is_healthy(*state));
	assert_ptr_equal(strstr(text, "HEALTHY"), text);
	assert_non_null(strstr(text, "afp-capd by recv on eth7"));
	assert_non_null(strstr(text, "http://u"));
	assert_null(strchr(text, '\x1b'));
}

static void reasons_are_shown_when_not_healthy(void **state)
{
	read_page(state, CLIENT_PAGE_REPORT,
		  "{\"healthy\":false,\"reasons\":[{\"code\":\"sink\",\"text\":\"the sink "
		  "burns\"}]}");
	const char *text = show(state, true);

	assert_false(client_view_is_healthy(*state));
	assert_non_null(strstr(text, "\x1b[1;31mNOT HEALTHY\x1b[0m"));
	assert_non_null(strstr(text, "the sink burns"));
	assert_non_null(strstr(text, "none"));
}

static void no_answer_is_said(void **state)
{
	client_view_miss(*state, CLIENT_PAGE_REPORT, "connection refused");
	const char *text = show(state, false);

	assert_ptr_equal(strstr(text, "NO ANSWER"), text);
	assert_non_null(strstr(text, "connection refused"));
	assert_false(client_view_is_healthy(*state));
}

static void rates_are_between_two_reports_of_the_tool(void **state)
{
	read_report(state, 1, 1000, "");
	assert_non_null(strstr(show(state, false), "packets/s -  bits"));
	read_report(state, 3, 3000, "");
	assert_non_null(strstr(show(state, false), "packets/s 1.00k"));
	/* The same report again says nothing new. */
	assert_non_null(strstr(show(state, false), "packets/s 1.00k"));
	/* A counter that went back is another run. */
	read_report(state, 4, 10, "");
	assert_non_null(strstr(show(state, false), "packets/s -  bits"));
}

static void equations_show_all_terms_and_red_ones_first(void **state)
{
	read_report(
		state, 1, 5,
		",\"books\":{\"balanced\":false,\"engines\":[{\"tool\":\"afp-capd\",\"unit\":"
		"\"packets\",\"iface\":\"eth7\",\"received\":18000000000,\"classified\":"
		"18000000000,\"residual\":0,\"balanced\":true}],\"hops\":[{\"tool\":\"batcher\","
		"\"unit\":\"events\",\"sink\":\"s\",\"assigned\":10,\"safe\":5,\"held\":1,"
		"\"lost\":1,\"residual\":3,\"balanced\":false}]}");
	const char *text = show(state, false);
	const char *red = strstr(text, "OFF ");
	const char *green = strstr(text, "balanced ");

	assert_true(red && green && red < green);
	assert_non_null(strstr(red, "assigned 10 = safe 5 + held 1 + lost 1, residual 3\n"));
	assert_non_null(
		strstr(green, "received 18000000000 = classified 18000000000, residual 0\n"));
}

static void drops_are_by_reason_and_grave_ones_first(void **state)
{
	read_page(state, CLIENT_PAGE_REPORT,
		  "{\"healthy\":true,\"tools\":[{\"tool\":\"x\",\"metrics\":[" METRIC(
			  "class_packets", "{\"class\":\"malformed_ip\"}",
			  "900") "," METRIC("class_packets", "{\"class\":\"flow\"}",
					    "77777") "," METRIC("lost_events",
								"{"
								"\"reason\":\"window\",\"sink\":"
								"\"s\"}",
								"3") "," METRIC("lost_events",
										"{\"reason\":"
										"\"never\"}",
										"0") "]}]}");
	const char *text = show(state, false);
	const char *lost = strstr(text, "window");
	const char *aside = strstr(text, "malformed_ip");

	assert_true(lost && aside && lost < aside);
	assert_null(strstr(text, "never"));
	assert_null(strstr(text, "77777"));
}

static void refused_rungs_say_why(void **state)
{
	read_report(state, 1, 5, "");
	read_page(
		state, CLIENT_PAGE_LADDER,
		"{\"state\":\"running\",\"engine\":\"afp-capd\",\"rungs\":[{\"name\":\"xdp-flowd\","
		"\"usable\":false,\"reason\":\"no "
		"CAP_BPF\"},{\"name\":\"afp-capd\",\"usable\":true},"
		"{\"name\":\"below\",\"usable\":false,\"reason\":\"unasked\"}],\"changes\":[{"
		"\"time\":"
		"\"2026-11-27T03:00:00Z\",\"change\":\"fallback\",\"from\":\"xdp-flowd\",\"to\":"
		"\"afp-capd\",\"gap_ms\":12}]}");
	const char *text = show(state, false);

	assert_non_null(strstr(text, "xdp-flowd is refused: no CAP_BPF"));
	assert_null(strstr(text, "unasked"));
	assert_non_null(strstr(text, "xdp-flowd -> afp-capd, gap 12 ms"));
}

static void flows_are_biggest_first_and_events_are_news(void **state)
{
	read_page(state, CLIENT_PAGE_FLOWS,
		  "{\"flows\":[{\"proto\":\"tcp\",\"src_ip\":\"10.0.0.1\",\"bytes\":1},{\"proto\":"
		  "\"udp\",\"src_ip\":\"fe80::1\",\"src_port\":5,\"bytes\":2}]}");
	read_page(state, CLIENT_PAGE_EVENTS,
		  "{\"events\":[{\"type\":\"dns\",\"entities\":{\"error\":\"quiet\"}},{\"type\":"
		  "\"alert\","
		  "\"timestamp\":\"2026-11-27T03:00:00Z\",\"entities\":{\"alert.signature\":\"bad "
		  "thing\"}}]}");
	const char *text = show(state, false);
	const char *first = strstr(text, "[fe80::1]:5");
	const char *second = strstr(text, "10.0.0.1");

	assert_true(first && second && first < second);
	assert_non_null(strstr(text, "bad thing"));
	assert_null(strstr(text, "quiet"));
}

static void texts_cannot_reach_the_terminal(void **state)
{
	read_page(state, CLIENT_PAGE_REPORT,
		  "{\"healthy\":false,\"engine\":\"\\u001b[2J\",\"mode\":\"\\u0007\",\"reasons\":"
		  "[{\"text\":\"a\\nb\\u009b31m\"}],\"tools\":[{\"tool\":\"\\u001b]0;x\",\"state\":"
		  "\"\\u001b\"}]}");
	const char *text = show(state, false);

	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\x07'));
	assert_null(strstr(text, "\xc2\x9b"));
	assert_non_null(strstr(text, "\\x1b[2J"));
	assert_non_null(strstr(text, "a\\x0ab"));
}

static void what_is_no_object_is_missing(void **state)
{
	static const char *const texts[] = {"", "[]", "7", "{", "null"};

	read_report(state, 1, 5, "");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_true(client_view_read(*state, CLIENT_PAGE_REPORT, texts[i],
					     strlen(texts[i])) < 0);
		assert_non_null(strstr(show(state, false), "NO ANSWER"));
	}
}

static void rates_begin_again_when_there_are_too_many(void **state)
{
	struct client_rates *rates;

	(void)state;
	assert_int_equal(client_rates_create(&rates), 0);
	for (uint64_t key = 0; key < 3 * CLIENT_RATES_MAX; key++) {
		assert_true(isnan(client_rates_take(rates, key * 8192, 1, TL_SECOND_NS)));
	}
	assert_true(client_rates_take(rates, (3 * CLIENT_RATES_MAX - 1) * 8192ull, 11,
				      3 * TL_SECOND_NS) == 5.0);
	client_rates_destroy(rates);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_view, close_view)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(healthy_pipeline_shows_engine_and_verdict),
		TEST(reasons_are_shown_when_not_healthy),
		TEST(no_answer_is_said),
		TEST(rates_are_between_two_reports_of_the_tool),
		TEST(equations_show_all_terms_and_red_ones_first),
		TEST(drops_are_by_reason_and_grave_ones_first),
		TEST(refused_rungs_say_why),
		TEST(flows_are_biggest_first_and_events_are_news),
		TEST(texts_cannot_reach_the_terminal),
		TEST(what_is_no_object_is_missing),
		TEST(rates_begin_again_when_there_are_too_many),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
