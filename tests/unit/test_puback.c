/* SPDX-License-Identifier: BSD-2-Clause */
/* JetStream's answers, and what only looks like one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/shipper/puback.h"

/* In memory of exactly its length, so that a sanitizer sees a byte too many. */
static int read_exact(struct puback *out, const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	assert_non_null(copy);
	memcpy(copy + 1, text, len);
	int err = puback_read(out, copy + 1, len);
	free(copy);
	return err;
}

static int read_text(struct puback *out, const char *text)
{
	return read_exact(out, text, strlen(text));
}

static void stored_is_read(void **state)
{
	(void)state;
	struct puback ack;

	assert_int_equal(read_text(&ack, "{\"stream\":\"S\",\"seq\":18446744073709551615}"), 0);
	assert_true(ack.stored);
	assert_false(ack.duplicate);
	assert_true(ack.seq == UINT64_MAX);
	assert_int_equal(read_text(&ack, " { \"stream\" : \"S\" , \"domain\":{\"a\":[1,-2.5e3,null,"
					 "{}]}, \"seq\":7, \"duplicate\": true }\r\n"),
			 0);
	assert_true(ack.stored && ack.duplicate && ack.seq == 7);
}

static void error_is_read(void **state)
{
	(void)state;
	struct puback ack;

	assert_int_equal(read_text(&ack,
				   "{\"error\":{\"code\":503,\"err_code\":10076,\"description\":"
				   "\"a \\\"b\\\" \\u0041\\n\"},\"stream\":\"S\",\"seq\":3}"),
			 0);
	assert_false(ack.stored);
	assert_int_equal(ack.code, 503);
	assert_int_equal(ack.error_code, 10076);
	assert_string_equal(ack.text, "a \"b\" ?0041?");
	assert_int_equal(read_text(&ack, "{\"error\":{},\"stream\":\"S\",\"seq\":3}"), 0);
	assert_false(ack.stored);
	assert_int_equal(ack.code, 500);
}

static void long_text_is_cut(void **state)
{
	(void)state;
	struct puback ack;
	char text[1000] = "{\"error\":{\"description\":\"";

	memset(text + strlen(text), 'x', 900); /* the rest is 0 */
	strcat(text, "\"}}");
	assert_int_equal(read_text(&ack, text), 0);
	assert_int_equal(strlen(ack.text), PUBACK_TEXT_LEN - 1);
}

static void anything_else_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"null",
		"{\"stream\":\"S\"}",
		"{\"seq\":1}",
		"{\"stream\":\"\",\"seq\":1}",
		"{\"stream\":\"S\",\"seq\":0}",
		"{\"stream\":\"S\",\"seq\":-1}",
		"{\"stream\":\"S\",\"seq\":18446744073709551616}",
		"{\"stream\":\"S\",\"seq\":1}x",
		"{\"stream\":\"S\",\"seq\":1,}",
		"{\"stream\":\"S\",\"seq\":1.5}",
		"{\"stream\":3,\"seq\":1}",
		"{\"stream\":\"S\",\"seq\":1,\"x\":[[[[[[[[[[1]]]]]]]]]]}",
		"{\"error\":\"no\",\"stream\":\"S\",\"seq\":1}",
	};
	struct puback ack;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_text(&ack, bad[i]), -EBADMSG);
		assert_false(ack.stored);
	}
}

static void cut_short_is_refused(void **state)
{
	(void)state;
	static const char text[] = "{\"stream\":\"S\\\"\",\"x\":[true,{\"y\":\"\"}],\"seq\":12,"
				   "\"duplicate\":false}";
	struct puback ack;

	for (size_t len = 0; len < strlen(text); len++) {
		assert_int_equal(read_exact(&ack, text, len), -EBADMSG);
		assert_false(ack.stored);
	}
	assert_int_equal(read_text(&ack, text), 0);
}

/* Whatever is changed, it reads within bounds, and an error never becomes a stored one. */
static void changed_bytes_do_no_harm(void **state)
{
	(void)state;
	static const char error[] = "{\"error\":{\"code\":400,\"err_code\":10054},\"seq\":1}";
	char text[sizeof(error)];
	struct puback ack;

	for (size_t at = 0; at < strlen(error); at++) {
		for (unsigned int byte = 0; byte < 256; byte++) {
			memcpy(text, error, sizeof(error));
			text[at] = (char)byte;
			read_exact(&ack, text, strlen(error));
			assert_false(ack.stored);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stored_is_read),	cmocka_unit_test(error_is_read),
		cmocka_unit_test(long_text_is_cut),	cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(cut_short_is_refused), cmocka_unit_test(changed_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
