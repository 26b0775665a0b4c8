/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/shipper: what an HTTP answer means, URLs, tokens, names. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tools/shipper/http_reply.h"
#include "../../tools/shipper/http_url.h"
#include "../../tools/shipper/sinks.h"
#include "../../tools/shipper/token.h"

/* --- answers ------------------------------------------------------------------------- */

static enum sink_verdict expected(long status)
{
	static const struct {
		long from, to;
		enum sink_verdict verdict;
	} table[] = {
		{200, 299, SINK_DONE},	{401, 401, SINK_FORBIDDEN}, {403, 403, SINK_FORBIDDEN},
		{408, 408, SINK_RETRY}, {413, 413, SINK_TOO_BIG},   {425, 425, SINK_RETRY},
		{429, 429, SINK_RETRY}, {404, 405, SINK_RETRY},	    {407, 407, SINK_RETRY},
		{410, 410, SINK_RETRY}, {421, 421, SINK_RETRY},	    {400, 499, SINK_REFUSED},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (status >= table[i].from && status <= table[i].to) {
			return table[i].verdict;
		}
	}
	return SINK_RETRY;
}

static void every_status_means_what_the_manual_says(void **state)
{
	(void)state;
	for (long status = 0; status < 1100; status++) {
		assert_int_equal(http_reply_verdict(status, "", 0), expected(status));
	}
}

static void missing_client_certificate_of_nginx_is_forbidden(void **state)
{
	(void)state;
	static const char page[] = "<html>\r\n<head><title>400 No required SSL certificate was "
				   "sent</title></head>";
	char reason[SINK_REASON_LEN];

	assert_int_equal(http_reply_verdict(400, page, strlen(page)), SINK_FORBIDDEN);
	http_reply_reason(reason, 400, page, strlen(page));
	assert_string_equal(reason, "HTTP 400: 400 No required SSL certificate was sent");
}

static void reason_is_bounded_and_printable_whatever_the_body(void **state)
{
	(void)state;
	srandom(8);
	for (int round = 0; round < 5000; round++) {
		char reason[SINK_REASON_LEN + 1];
		char body[512];
		size_t len = (size_t)random() % sizeof(body);
		for (size_t i = 0; i < len; i++) {
			body[i] = (char)random();
		}
		if (len > 7 && random() % 3 == 0) {
			memcpy(body + (size_t)random() % (len - 7), "<title>", 7);
		}
		reason[SINK_REASON_LEN] = 'x';
		http_reply_reason(reason, 503, body, len);
		assert_int_equal(reason[SINK_REASON_LEN], 'x');
		assert_true(strlen(reason) < SINK_REASON_LEN);
		assert_memory_equal(reason, "HTTP 503", 8);
		for (const char *p = reason; *p; p++) {
			assert_in_range(*p, ' ', '~');
		}
	}
}

/* --- URLs ---------------------------------------------------------------------------- */

static int parse(struct http_url *url, const char *text, const char *name, bool insecure)
{
	const struct sink_config config = {.url = text, .server_name = name, .insecure = insecure};

	return http_url_parse(url, &config);
}

static void url_gets_a_path_when_it_has_none(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"https://a.example", "https://a.example/v1/batches"},
		{"https://a.example/", "https://a.example/v1/batches"},
		{"https://a.example:8443", "https://a.example:8443/v1/batches"},
		{"https://a.example/in", "https://a.example/in"},
		{"https://a.example/in?k=v", "https://a.example/in?k=v"},
		{"https://[::1]:1/x", "https://[::1]:1/x"},
		{"http://127.0.0.1:80", "http://127.0.0.1:80/v1/batches"},
	};
	struct http_url url;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(&url, rows[i][0], 0, false), 0);
		assert_string_equal(url.url, rows[i][1]);
		assert_null(url.connect_to);
		http_url_fini(&url);
	}
}

static void name_to_verify_takes_the_host_s_place(void **state)
{
	(void)state;
	struct http_url url;

	assert_int_equal(parse(&url, "https://192.0.2.7:8443/in", "r.example", false), 0);
	assert_string_equal(url.url, "https://r.example:8443/in");
	assert_string_equal(url.connect_to, "::192.0.2.7:8443");
	http_url_fini(&url);
	assert_int_equal(parse(&url, "https://[2001:db8::1]", "r.example", false), 0);
	assert_string_equal(url.connect_to, "::[2001:db8::1]:443");
	http_url_fini(&url);
}

static void url_that_tells_a_secret_or_is_none_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"https://user:secret@a.example/",
		"https://user@a.example/",
		"https://:secret@a/",
		"https://",

		"https://a b/",
		"https://a:99999/",
		"https://a:x/",
	};
	struct http_url url;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(&url, bad[i], 0, true), -EINVAL);
	}
}

static void plain_http_is_for_loopback_only(void **state)
{
	(void)state;
	static const char *const near[] = {"http://127.0.0.1/", "http://127.8.9.1:1/",
					   "http://[::1]/", "http://localhost/"};
	static const char *const far[] = {"http://128.0.0.1/", "http://127.example.org/",
					  "http://localhost.evil.org/", "http://[::2]/",
					  "http://0.0.0.0/"};
	struct http_url url;

	for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
		assert_int_equal(parse(&url, near[i], 0, false), 0);
		assert_true(url.loopback && !url.tls);
		http_url_fini(&url);
	}
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		assert_int_equal(parse(&url, far[i], 0, false), -EINVAL);
		assert_int_equal(parse(&url, far[i], 0, true), 0);
		assert_false(url.loopback);
		http_url_fini(&url);
	}
}

/* --- tokens -------------------------------------------------------------------------- */

static char path[64];

static int make_file(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/test-shipper-token-%d", getpid());
	return 0;
}

static int drop_file(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

/* A new file in its place, as those who write tokens do. */
static void put(const char *text, size_t len)
{
	char other[80];

	snprintf(other, sizeof(other), "%s.new", path);
	FILE *file = fopen(other, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
	chmod(other, 0600);
	assert_int_equal(rename(other, path), 0);
}

static void token_is_what_the_file_says_now(void **state)
{
	(void)state;
	struct token token;

	put("first\n", 6);
	assert_int_equal(token_open(&token, path), 0);
	assert_string_equal(token.text, "first");
	assert_false(token_refresh(&token));
	put("second \r\n", 9);
	assert_true(token_refresh(&token));
	assert_string_equal(token.text, "second");
	token_refused(&token);
	assert_false(token_refresh(&token));
	token_fini(&token);
	assert_string_equal(token.text, "");
}

static void token_that_is_being_replaced_stays(void **state)
{
	(void)state;
	struct token token;

	put("first", 5);
	assert_int_equal(token_open(&token, path), 0);
	unlink(path);
	assert_false(token_refresh(&token));
	assert_string_equal(token.text, "first");
	put("", 0);
	assert_false(token_refresh(&token));
	assert_string_equal(token.text, "first");
	put("third", 5);
	assert_true(token_refresh(&token));
	assert_string_equal(token.text, "third");
}

static void what_could_break_a_header_is_no_token(void **state)
{
	(void)state;
	static char big[TOKEN_MAX + 2];
	struct token token;

	for (int c = 0; c < 256; c++) {
		char text[] = {'a', (char)c, 'b'};
		put(text, sizeof(text));
		assert_int_equal(token_open(&token, path), c > ' ' && c <= '~' ? 0 : -EINVAL);
	}
	put("\n\n", 2);
	assert_int_equal(token_open(&token, path), -ENODATA);
	memset(big, 'a', sizeof(big));
	put(big, TOKEN_MAX);
	assert_int_equal(token_open(&token, path), 0);
	put(big, TOKEN_MAX + 1);
	assert_int_equal(token_open(&token, path), -E2BIG);
}

/* --- names --------------------------------------------------------------------------- */

static void name_of_a_sink_is_fit_for_a_folder_and_its_own(void **state)
{
	(void)state;
	static const char *const urls[] = {
		"-",
		"null:",
		"file:/var/lib/tapline/out",
		"https://receiver.example:8443/v1/batches?token=secret",
		"https://receiver.example:8443/v1/batches?token=other",
		"ipc:///../../../../etc/passwd",
		"https://a.very.long.name.that.does.not.end.example.org/and/a/path/that/does/not/"
		"either",
		"https://a.very.long.name.that.does.not.end.example.org/and/a/path/that/does/not/"
		"end",
	};
	enum { COUNT = sizeof(urls) / sizeof(urls[0]) };
	char names[COUNT][SINK_NAME_LEN];

	for (size_t i = 0; i < COUNT; i++) {
		sinks_name(names[i], urls[i]);
		assert_null(strchr(names[i], '/'));
		assert_true(names[i][0] != '.' && names[i][0] != '-');
		assert_null(strstr(names[i], "secret"));
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(names[i], names[k]);
		}
		char again[SINK_NAME_LEN];
		sinks_name(again, urls[i]);
		assert_string_equal(names[i], again);
	}
}

static void scheme_is_a_whole_word(void **state)
{
	(void)state;
	assert_ptr_equal(sinks_find("https://x"), &sink_http_ops);
	assert_ptr_equal(sinks_find("http://x"), &sink_http_ops);
	assert_ptr_equal(sinks_find("file:x"), &sink_file_ops);
	assert_ptr_equal(sinks_find("-"), &sink_stdout_ops);
	assert_ptr_equal(sinks_find("null:"), &sink_null_ops);
	assert_null(sinks_find("httpsx://x"));
	assert_null(sinks_find("htt://x"));
	assert_null(sinks_find("--"));
	assert_null(sinks_find("file"));
	assert_null(sinks_find(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_means_what_the_manual_says),
		cmocka_unit_test(missing_client_certificate_of_nginx_is_forbidden),
		cmocka_unit_test(reason_is_bounded_and_printable_whatever_the_body),
		cmocka_unit_test(url_gets_a_path_when_it_has_none),
		cmocka_unit_test(name_to_verify_takes_the_host_s_place),
		cmocka_unit_test(url_that_tells_a_secret_or_is_none_is_refused),
		cmocka_unit_test(plain_http_is_for_loopback_only),
		cmocka_unit_test(token_is_what_the_file_says_now),
		cmocka_unit_test(token_that_is_being_replaced_stays),
		cmocka_unit_test(what_could_break_a_header_is_no_token),
		cmocka_unit_test(name_of_a_sink_is_fit_for_a_folder_and_its_own),
		cmocka_unit_test(scheme_is_a_whole_word),
	};
	return cmocka_run_group_tests(tests, make_file, drop_file);
}
