/* SPDX-License-Identifier: BSD-2-Clause */
/* Of receiver: who may deliver, and by which names it is spoken to. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "../../common/auth.c"
#include "../../common/listen.c"

enum { MAX = 4 };

struct expected {
	const char *text;
	int count; /* or -EINVAL */
	unsigned int line;
};

static void token_files_are_parsed_or_refused_where_they_are_wrong(void **state)
{
	(void)state;
	static const struct expected cases[] = {
		{"", 0, 0},
		{"a b", 1, 1},
		{"a b\n", 1, 1},
		{"\n# c d e\n\r\n  a\t b \r\n", 1, 4},
		{"a b\nc d\ne f\ng h\n", 4, 4},
		{"a b\nc d\ne f\ng h\ni j\n", -EINVAL, 5},
		{"a b\nc\n", -EINVAL, 2},
		{"a b c\n", -EINVAL, 1},
		{"a b\n\n\x01x y\n", -EINVAL, 3},
		{"a \xc3\xa4\n", -EINVAL, 1},
	};
	struct tl_auth_token tokens[MAX];

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *reason = 0;
		unsigned int line;
		int count = tl_auth_parse(cases[i].text, strlen(cases[i].text), tokens, MAX, &line,
					  &reason);
		assert_int_equal(count, cases[i].count);
		assert_int_equal(line, cases[i].line);
		assert_true(count >= 0 || reason);
	}
}

static void token_lengths_have_limits(void **state)
{
	(void)state;
	char text[1000];
	struct tl_auth_token tokens[MAX];
	const char *reason;
	unsigned int line;

	for (int len = 250; len < 260; len++) {
		int size = snprintf(text, sizeof(text), "name %0*d", len, 1);
		assert_int_equal(tl_auth_parse(text, (size_t)size, tokens, MAX, &line, &reason),
				 len < TL_AUTH_TOKEN_MAX ? 1 : -EINVAL);
	}
	for (int len = 60; len < 70; len++) {
		int size = snprintf(text, sizeof(text), "%0*d token", len, 1);
		assert_int_equal(tl_auth_parse(text, (size_t)size, tokens, MAX, &line, &reason),
				 len < TL_AUTH_NAME_MAX ? 1 : -EINVAL);
	}
}

/* Each token proves its own name; all that differs from each by anything proves none. */
static void only_a_whole_token_proves_its_name(void **state)
{
	(void)state;
	static const char text[] = "a first\nb second-token\nc second\nd s\n";
	struct tl_auth auth = {.tokens = calloc(TL_AUTH_TOKENS, sizeof(struct tl_auth_token))};
	char header[400];
	const char *reason;
	unsigned int line;

	auth.count =
		tl_auth_parse(text, sizeof(text) - 1, auth.tokens, TL_AUTH_TOKENS, &line, &reason);
	assert_int_equal(auth.count, 4);
	for (int i = 0; i < auth.count; i++) {
		const char *secret = (const char *)auth.tokens[i].secret;
		snprintf(header, sizeof(header), "Bearer %s", secret);
		assert_string_equal(tl_auth_check(&auth, header), auth.tokens[i].name);
		for (size_t k = 7; header[k]; k++) {
			header[k] ^= 1;
			assert_null(tl_auth_check(&auth, header));
			header[k] ^= 1;
		}
		snprintf(header, sizeof(header), "Bearer %s ", secret);
		assert_null(tl_auth_check(&auth, header));
	}
	memset(header, 'x', sizeof(header) - 1);
	header[sizeof(header) - 1] = '\0';
	memcpy(header, "Bearer ", 7);
	assert_null(tl_auth_check(&auth, header));
	assert_null(tl_auth_check(&auth, "Bearer "));
	assert_null(tl_auth_check(&auth, "Bearer"));
	assert_null(tl_auth_check(&auth, ""));
	assert_null(tl_auth_check(&auth, 0));
	free(auth.tokens);
}

/* What is logged about a file of that mode. */
static bool is_warned_of(int fd, mode_t mode)
{
	char text[400] = "";
	int log = memfd_create("log", MFD_CLOEXEC);
	int old = dup(STDERR_FILENO);

	assert_true(log >= 0 && old >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	dup2(log, STDERR_FILENO);
	tl_auth_warn_if_exposed(fd, "tokens");
	dup2(old, STDERR_FILENO);
	ssize_t len = pread(log, text, sizeof(text) - 1, 0);
	close(old);
	close(log);
	assert_true(len == 0 || strstr(text, "tokens: every user can"));
	return len > 0;
}

static void file_is_warned_of_when_others_can_read_or_write_it(void **state)
{
	(void)state;
	int fd = memfd_create("tokens", MFD_CLOEXEC);

	assert_true(fd >= 0);
	for (mode_t mode = 0; mode <= 0777; mode++) {
		assert_int_equal(is_warned_of(fd, mode), (mode & 0006) != 0);
	}
	close(fd);
}

/* Of a pipe the mode says nothing. */
static void pipe_is_not_warned_of(void **state)
{
	(void)state;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_false(is_warned_of(ends[0], 0666));
	close(ends[0]);
	close(ends[1]);
}

static void addresses_are_parsed_or_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *same; /* 0 = refused */
		bool is_loopback;
	} cases[] = {
		{"127.0.0.1:8480", "127.0.0.1:8480", true},
		{"127.9.9.9:0", "127.9.9.9:0", true},
		{"0.0.0.0:1", "0.0.0.0:1", false},
		{"10.0.0.1:65535", "10.0.0.1:65535", false},
		{"[::1]:8480", "[::1]:8480", true},
		{"[0::0:1]:8480", "[::1]:8480", true},
		{"[::]:8480", "[::]:8480", false},
		{"[::ffff:1.2.3.4]:1", "[::ffff:1.2.3.4]:1", false},
		{"127.0.0.1:65536", 0, false},
		{"127.0.0.1:", 0, false},
		{"127.0.0.1", 0, false},
		{"::1:80", 0, false},
		{"[::1]", 0, false},
		{"[::1:80", 0, false},
		{"[127.0.0.1]:80", 0, false},
		{"localhost:80", 0, false},
		{":80", 0, false},
		{"", 0, false},
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tl_listen_address address;
		int err = tl_listen_parse(cases[i].text, &address);
		assert_int_equal(err, cases[i].same ? 0 : -EINVAL);
		if (err == 0) {
			assert_string_equal(address.text, cases[i].same);
			assert_int_equal(address.is_loopback, cases[i].is_loopback);
		}
	}
}

static void hosts_are_ours_by_address_or_name_whatever_the_port(void **state)
{
	(void)state;
	static const char *const ours[] = {"[::1]",	"[::1]:8480",  "localhost:9",
					   "LocalHost", "cap.example", "cap.example:1"};
	static const char *const others[] = {"127.0.0.1",    "::1:8480x", "cap.example.evil",
					     "[::2]:8480",   "",	  ":80",
					     "xcap.example", "[]:1"};
	struct tl_opt_list names = {.count = 1, .items = {"cap.example"}};
	struct tl_listen_address address;

	assert_int_equal(tl_listen_parse("[::1]:8480", &address), 0);
	for (unsigned int i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		assert_true(tl_listen_host_is_ours(&address, &names, ours[i]));
	}
	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_false(tl_listen_host_is_ours(&address, &names, others[i]));
	}
	assert_false(tl_listen_host_is_ours(&address, &names, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_files_are_parsed_or_refused_where_they_are_wrong),
		cmocka_unit_test(token_lengths_have_limits),
		cmocka_unit_test(only_a_whole_token_proves_its_name),
		cmocka_unit_test(file_is_warned_of_when_others_can_read_or_write_it),
		cmocka_unit_test(pipe_is_not_warned_of),
		cmocka_unit_test(addresses_are_parsed_or_refused),
		cmocka_unit_test(hosts_are_ours_by_address_or_name_whatever_the_port),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
