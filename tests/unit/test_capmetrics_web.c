/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/capmetrics: the HTTP server and its pages, on loopback; what engines say. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tools/capmetrics/capabilities.h"
#include "../../tools/capmetrics/pages.h"
#include "../../tools/capmetrics/web_private.h"
#include "capmetrics_kit.h"

#define DEADLINE_NS (20 * TL_SECOND_NS)

enum { ANSWER_MAX = 1 << 20, CLIENTS = 200 };

static char folder[256];
static struct ledger *ledger;
static struct web *web;
static struct pages pages;
static struct tl_http http;
static struct tl_http_options options;
static struct tl_listen_address address;
static struct web_config config;
static char answer[ANSWER_MAX];

static int setup(void **state)
{
	(void)state;
	const struct ledger_config defaults = ledger_defaults();
	const char *tmp = getenv("TMPDIR");

	signal(SIGPIPE, SIG_IGN);
	snprintf(folder, sizeof(folder), "%s/tl-web-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder) || ledger_create(&ledger, &defaults) < 0) {
		return -1;
	}
	kit_now_ns = tl_clock_mono_ns();
	pages = (struct pages){.ledger = ledger};
	config = (struct web_config){.http = &http, .pages = pages_table, .context = &pages};
	options = (struct tl_http_options){
		.listen = "127.0.0.1:0",
		.timeout_ns = 30 * TL_SECOND_NS,
		.deadline_ns = 60 * TL_SECOND_NS,
		.max_connections = 2 * CLIENTS,
	};
	tl_http_init(&http);
	return tl_http_check(&options, &address);
}

static void start(void)
{
	assert_int_equal(tl_http_open(&http, &options, &address), 0);
	assert_int_equal(web_open(&web, &config), 0);
}

static int teardown(void **state)
{
	(void)state;
	char command[300];

	web_close(web);
	web = 0;
	tl_http_close(&http);
	ledger_destroy(ledger);
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

/* --- a client -------------------------------------------------------------------------- */

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (connect(fd, (const struct sockaddr *)&http.address.addr, http.address.len) < 0) {
		assert_int_equal(errno, EINPROGRESS);
	}
	return fd;
}

/* Lets the server work until all of `text` is sent. */
static void say(int fd, const char *text)
{
	uint64_t deadline = tl_clock_mono_ns() + DEADLINE_NS;
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t sent = send(fd, text, len, 0);
		text += sent > 0 ? sent : 0;
		len -= sent > 0 ? (size_t)sent : 0;
		assert_int_equal(tl_http_step(&http), 0);
		assert_true(tl_clock_mono_ns() < deadline);
	}
}

/* Until the server closes the connection; the whole answer. */
static const char *hear(int fd)
{
	uint64_t deadline = tl_clock_mono_ns() + DEADLINE_NS;
	size_t len = 0;

	for (;;) {
		assert_int_equal(tl_http_step(&http), 0);
		ssize_t got = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
		if (got == 0 || (got < 0 && errno == ECONNRESET)) {
			break;
		}
		len += got > 0 ? (size_t)got : 0;
		assert_true(tl_clock_mono_ns() < deadline && len < sizeof(answer) - 1);
	}
	answer[len] = '\0';
	close(fd);
	return answer;
}

static const char *ask_with(const char *method, const char *path, const char *headers)
{
	char request[1000];
	int fd = dial();

	snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nConnection: close\r\n%s\r\n", method,
		 path, headers);
	say(fd, request);
	return hear(fd);
}

static const char *get(const char *path)
{
	return ask_with("GET", path, "Host: localhost\r\n");
}

static unsigned int status_of(const char *text)
{
	unsigned int status = 0;

	assert_int_equal(sscanf(text, "HTTP/1.1 %u ", &status), 1);
	return status;
}

static const char *body_of(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n");

	assert_non_null(end);
	return end ? end + 4 : "";
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part)) {
		fputs(text, stderr);
		fail_msg("no %s", part);
	}
}

static void capture(void)
{
	struct kit_run run = kit_run("afp-capd", "eth0", 1);

	run.engine = "afp-capd";
	kit_counter("received_packets", 12, 0);
	assert_int_equal(kit_report(ledger, &run), 0);
}

/* --- pages ----------------------------------------------------------------------------- */

static void pages_are_served_with_their_types(void **state)
{
	(void)state;
	static const char host[] = "Host: localhost\r\n";

	start();
	capture();
	const char *text = get("/capture/metrics");
	assert_int_equal(status_of(text), 200);
	has(text, "Content-Type: application/json\r\n");
	has(text, "Cache-Control: no-store\r\n");
	has(body_of(text), "\"packets_processed\":12,");
	text = get("/metrics");
	has(text, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	has(text, "Vary: Accept\r\n");
	has(body_of(text), "tapline_received_packets_total{");
	char headers[200];
	snprintf(headers, sizeof(headers), "%sAccept: application/openmetrics-text\r\n", host);
	text = ask_with("GET", "/metrics", headers);
	has(text, "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n");
	has(body_of(text), "# EOF\n");
}

static void health_is_503_with_its_reasons_until_all_is_well(void **state)
{
	(void)state;

	start();
	const char *text = get("/healthz");
	assert_int_equal(status_of(text), 503);
	has(body_of(text), "no_capture: ");
	assert_int_equal(status_of(get("/readyz")), 503);
	capture();
	text = get("/healthz");
	assert_int_equal(status_of(text), 200);
	assert_string_equal(body_of(text), "ok\n");
	assert_int_equal(status_of(get("/readyz")), 200);
}

static void head_has_the_length_and_no_body(void **state)
{
	(void)state;
	char length[64];

	start();
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n",
		 strlen(body_of(get("/metrics"))));
	const char *text = ask_with("HEAD", "/metrics", "Host: localhost\r\n");
	assert_int_equal(status_of(text), 200);
	has(text, length);
	assert_string_equal(body_of(text), "");
}

static void what_is_not_there_is_404_and_other_methods_405(void **state)
{
	(void)state;
	static const char *const paths[] = {"/nothing", "/metrics/", "/%6detricsx", "/..", "//"};
	static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "WHAT"};

	start();
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(status_of(get(paths[i])), 404);
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		const char *text = ask_with(methods[i], "/metrics",
					    "Host: localhost\r\nContent-Length: 0\r\n");
		assert_int_equal(status_of(text), 405);
		has(text, "Allow: GET, HEAD\r\n");
	}
	assert_int_equal(web_counts(web).refused, 11);
}

/* Two requests on one connection. */
static void connection_is_kept(void **state)
{
	(void)state;

	start();
	int fd = dial();
	say(fd, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
		"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	const char *text = hear(fd);
	assert_int_equal(status_of(text), 503);
	has(text, "HTTP/1.1 200 OK");
	assert_int_equal(web_counts(web).requests, 2);
}

static void body_is_refused_before_it_comes(void **state)
{
	(void)state;

	start();
	const char *text =
		ask_with("POST", "/metrics", "Host: localhost\r\nContent-Length: 1000000000\r\n");
	assert_int_equal(status_of(text), 405);
}

static void other_hosts_are_refused_on_loopback(void **state)
{
	(void)state;

	start();
	assert_int_equal(status_of(ask_with("GET", "/metrics", "Host: evil.example\r\n")), 421);
	assert_int_equal(status_of(ask_with("GET", "/healthz", "Host: evil.example:80\r\n")), 421);
	assert_int_equal(status_of(ask_with("GET", "/metrics", "Host: 127.0.0.1:99\r\n")), 200);
	assert_true(status_of(ask_with("GET", "/metrics", "")) >= 400);
}

static void token_is_needed_where_one_is_set_but_for_health(void **state)
{
	(void)state;
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/tokens", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("me 0123456789abcdef\n", file);
	fclose(file);
	options.token_file = path;
	start();
	capture();
	const char *text = get("/metrics");
	assert_int_equal(status_of(text), 401);
	has(text, "WWW-Authenticate: Bearer\r\n");
	assert_int_equal(status_of(get("/nothing")), 401);
	assert_int_equal(status_of(get("/healthz")), 200);
	assert_int_equal(status_of(ask_with("GET", "/metrics",
					    "Host: localhost\r\n"
					    "Authorization: Bearer 0123456789abcdeX\r\n")),
			 401);
	assert_int_equal(status_of(ask_with("GET", "/metrics",
					    "Host: localhost\r\n"
					    "Authorization: Bearer 0123456789abcdef\r\n")),
			 200);
	assert_int_equal(web_counts(web).unauthorized, 3);
}

static void encoding_is_taken_by_its_name_and_quality(void **state)
{
	(void)state;
	static const char *const yes[] = {
		"gzip",	    "GZIP",	 "br, gzip",	 "br;q=1.0,gzip;q=0.5, x",
		"gzip;q=1", " ,, gzip ", "gzip; q=0.001"};
	static const char *const no[] = {"",
					 "br",
					 "xgzip",
					 "gzip2",
					 "gzip;q=0",
					 "gzip; q=0.0",
					 "br, gzip;q=0.000, x",
					 "identity, *"};

	for (unsigned int i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		assert_true(web_accepts_encoding(yes[i], "gzip"));
	}
	for (unsigned int i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		assert_false(web_accepts_encoding(no[i], "gzip"));
	}
	assert_false(web_accepts_encoding(0, "gzip"));
}

static void asset_is_sent_compressed_and_only_when_it_changed(void **state)
{
	(void)state;
	static const uint8_t plain[] = "plain", gzip[] = "gz";
	static const struct web_asset assets[] = {
		{"/a.js", "text/javascript", "abc", plain, 5, gzip, 2},
		{"/b.js", "text/javascript", "def", plain, 5, 0, 0},
		{0},
	};

	config.assets = assets;
	start();
	const char *text = get("/a.js");
	has(text, "ETag: \"abc\"\r\n");
	assert_string_equal(body_of(text), "plain");
	text = ask_with("GET", "/a.js", "Host: localhost\r\nAccept-Encoding: gzip\r\n");
	has(text, "ETag: \"abc-gzip\"\r\n");
	has(text, "Content-Encoding: gzip\r\n");
	assert_string_equal(body_of(text), "gz");
	text = ask_with("GET", "/b.js", "Host: localhost\r\nAccept-Encoding: gzip\r\n");
	assert_string_equal(body_of(text), "plain");
	text = ask_with("GET", "/a.js", "Host: localhost\r\nIf-None-Match: \"x\", W/\"abc\"\r\n");
	assert_int_equal(status_of(text), 304);
	assert_string_equal(body_of(text), "");
	text = ask_with("GET", "/a.js", "Host: localhost\r\nIf-None-Match: \"abc-gzip\"\r\n");
	assert_int_equal(status_of(text), 200);
	assert_int_equal(status_of(ask_with("POST", "/a.js", "Host: localhost\r\n")), 405);
}

/* --- streams --------------------------------------------------------------------------- */

static unsigned int pieces, closed;

static size_t read_pieces(void *context, char *to, size_t room)
{
	(void)context;
	assert_true(room > 0);
	if (pieces == 0) {
		return 0;
	}
	pieces--;
	*to = '\x01';
	return 1;
}

static void close_pieces(void *context)
{
	(void)context;
	closed++;
}

static int write_stream(void *context, const struct web_request *request, struct web_answer *a)
{
	static const struct web_stream stream = {read_pieces, close_pieces};

	(void)context;
	(void)request;
	a->stream = &stream;
	return 0;
}

static const struct web_page stream_table[] = {{"/s", true, write_stream}, {0}};

/* Until the client has that many more pieces. */
static void hear_pieces(int fd, unsigned int count)
{
	uint64_t deadline = tl_clock_mono_ns() + DEADLINE_NS;

	while (count > 0) {
		char byte;
		assert_int_equal(tl_http_step(&http), 0);
		if (recv(fd, &byte, 1, 0) == 1) {
			count -= byte == '\x01';
		}
		assert_true(tl_clock_mono_ns() < deadline);
	}
}

static void stream_goes_on_when_it_is_woken_and_ends_with_its_client(void **state)
{
	(void)state;
	uint64_t deadline = tl_clock_mono_ns() + DEADLINE_NS;

	config.pages = stream_table;
	pieces = closed = 0;
	start();
	int fd = dial();
	int other = dial();
	say(fd, "GET /s HTTP/1.1\r\nHost: localhost\r\n\r\n");
	say(other, "GET /s HTTP/1.1\r\nHost: localhost\r\n\r\n");
	while (web_counts(web).streams < 2) {
		assert_int_equal(tl_http_step(&http), 0);
		assert_true(tl_clock_mono_ns() < deadline);
	}
	close(other);
	while (web_counts(web).streams > 1) {
		web_wake(web);
		assert_int_equal(tl_http_step(&http), 0);
		assert_true(tl_clock_mono_ns() < deadline);
	}
	for (unsigned int i = 1; i < 10; i++) {
		pieces = i;
		web_wake(web);
		hear_pieces(fd, i);
	}
	assert_int_equal(closed, 1);
	/* Also while one is suspended. */
	web_close(web);
	web = 0;
	tl_http_close(&http);
	assert_int_equal(closed, 2);
	close(fd);
}

static void ladder_is_the_file_or_404(void **state)
{
	(void)state;
	static const char text[] = "{\"from\":null,\"to\":\"xdp-flowd\"}\n";
	char path[300];

	snprintf(path, sizeof(path), "%s/ladder.json", folder);
	pages.ladder_path = path;
	start();
	assert_int_equal(status_of(get("/ladder")), 404);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_string_equal(body_of(get("/ladder")), text);
	has(answer, "Content-Type: application/json\r\n");
	assert_int_equal(truncate(path, PAGES_LADDER_MAX + 1), 0);
	assert_int_equal(status_of(get("/ladder")), 404);
	assert_int_equal(unlink(path) | mkfifo(path, 0600), 0); /* nobody hangs at it */
	assert_int_equal(status_of(get("/ladder")), 404);
}

/* --- strangers ------------------------------------------------------------------------- */

static void malformed_requests_are_refused_and_the_next_is_answered(void **state)
{
	(void)state;
	static const char *const requests[] = {
		"\r\n\r\n",
		"GET\r\n\r\n",
		"GET / HTTP/9.9\r\n\r\n",
		"\x16\x03\x01\x02\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nHost localhost\r\n\r\n",
		"GET /x%41%zz%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
	};

	start();
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int fd = dial();
		say(fd, requests[i]);
		shutdown(fd, SHUT_WR);
		hear(fd);
		assert_int_equal(status_of(get("/metrics")), 200);
	}
}

static void head_over_the_limit_is_refused(void **state)
{
	(void)state;
	int fd;

	start();
	fd = dial();
	say(fd, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ");
	for (int i = 0; i < 40; i++) {
		char piece[1001];
		memset(piece, 'x', 1000);
		piece[1000] = '\0';
		if (send(fd, piece, 1000, MSG_NOSIGNAL) < 0) {
			break;
		}
		assert_int_equal(tl_http_step(&http), 0);
	}
	unsigned int status = 0;
	sscanf(hear(fd), "HTTP/1.1 %u", &status);
	assert_true(status == 431 || status == 413 || status == 0 /* reset */);
	assert_int_equal(status_of(get("/metrics")), 200);
}

static void request_that_takes_too_long_is_cut_off(void **state)
{
	(void)state;
	options.deadline_ns = 1;
	uint64_t deadline = tl_clock_mono_ns() + DEADLINE_NS;
	int fd;

	start();
	fd = dial();
	say(fd, "GET /metrics HTTP/1.1\r\nHost: local");
	while (web_counts(web).too_slow == 0) {
		assert_int_equal(tl_http_step(&http), 0);
		assert_true(tl_clock_mono_ns() < deadline);
	}
	assert_int_equal(status_of(hear(fd)), 408);
	assert_int_equal(web_counts(web).connections, 0);
}

static void many_clients_at_a_time_are_answered(void **state)
{
	(void)state;
	static int fds[CLIENTS];

	start();
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = dial();
		say(fds[i], "GET /metrics HTTP/1.1\r\nHost: localhost\r\n");
	}
	assert_int_equal(web_counts(web).requests, 0);
	for (int i = 0; i < CLIENTS; i++) {
		say(fds[i], "Connection: close\r\n\r\n");
	}
	for (int i = 0; i < CLIENTS; i++) {
		assert_int_equal(status_of(hear(fds[i])), 200);
	}
	assert_int_equal(web_counts(web).requests, CLIENTS);
}

/* --- what engines say ------------------------------------------------------------------ */

static void make_engine(const char *name, const char *script)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", script);
	fclose(file);
	assert_int_equal(chmod(path, 0700), 0);
}

static void engines_that_answer_are_listed(void **state)
{
	(void)state;
	static const char *const names[] = {"good",  "missing", "fails",  "silent",
					    "noise", "big",	"second", 0};
	struct tl_textbuf out = {0};

	make_engine("good", "[ \"$*\" = --capabilities ] && echo '{\"name\":\"good\"}'");
	make_engine("fails", "echo '{\"name\":\"fails\"}'; exit 1");
	make_engine("silent", ":");
	make_engine("noise", "echo 'what?'");
	make_engine("big", "while echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; do :; done");
	make_engine("second", "cat; echo ' {\"name\":\"second\"} '");
	assert_int_equal(capabilities_read(&out, folder, names), 2);
	assert_int_equal(tl_textbuf_add(&out, "", 1), 0);
	assert_string_equal(out.data,
			    "{\"engines\":[{\"name\":\"good\"},{\"name\":\"second\"}]}\n");
	pages.capabilities = out.data;
	pages.capabilities_len = out.len - 1;
	start();
	assert_string_equal(body_of(get("/capabilities")), out.data);
	tl_textbuf_fini(&out);
}

static void engine_that_hangs_is_killed(void **state)
{
	(void)state;
	static const char *const names[] = {"hangs", "closes", 0};
	struct tl_textbuf out = {0};

	make_engine("hangs", "exec sleep 1000");
	make_engine("closes", "exec sleep 1000 >&-");
	assert_int_equal(capabilities_read(&out, folder, names), 0);
	assert_int_equal(tl_textbuf_add(&out, "", 1), 0);
	assert_string_equal(out.data, "{\"engines\":[]}\n");
	tl_textbuf_fini(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_are_served_with_their_types),
		TEST(health_is_503_with_its_reasons_until_all_is_well),
		TEST(head_has_the_length_and_no_body),
		TEST(what_is_not_there_is_404_and_other_methods_405),
		TEST(connection_is_kept),
		TEST(body_is_refused_before_it_comes),
		TEST(other_hosts_are_refused_on_loopback),
		TEST(token_is_needed_where_one_is_set_but_for_health),
		TEST(encoding_is_taken_by_its_name_and_quality),
		TEST(asset_is_sent_compressed_and_only_when_it_changed),
		TEST(stream_goes_on_when_it_is_woken_and_ends_with_its_client),
		TEST(ladder_is_the_file_or_404),
		TEST(malformed_requests_are_refused_and_the_next_is_answered),
		TEST(head_over_the_limit_is_refused),
		TEST(request_that_takes_too_long_is_cut_off),
		TEST(many_clients_at_a_time_are_answered),
		TEST(engines_that_answer_are_listed),
		TEST(engine_that_hangs_is_killed),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
