/* SPDX-License-Identifier: BSD-2-Clause */
/* common/text: each scalar as libc or its RFC has it, and back. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../common/text.h"

enum { ROUNDS = 20000 };

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Of all magnitudes. */
static uint64_t any_size(uint64_t *seed)
{
	uint64_t v = next_random(seed);
	return v >> (next_random(seed) % 64);
}

static void assert_text(const char *start, const char *end, const char *wanted)
{
	char text[128];

	assert_true((size_t)(end - start) < sizeof(text));
	memcpy(text, start, (size_t)(end - start));
	text[end - start] = '\0';
	assert_string_equal(text, wanted);
}

static void integers_are_as_printf_has_them(void **state)
{
	uint64_t seed = 1;
	char text[TL_TEXT_SCALAR_MAX];
	char wanted[TL_TEXT_SCALAR_MAX];

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t v = i == 0 ? 0 : i == 1 ? UINT64_MAX : any_size(&seed);
		snprintf(wanted, sizeof(wanted), "%" PRIu64, v);
		assert_text(text, tl_text_put_uint(text, v), wanted);
		snprintf(wanted, sizeof(wanted), "%" PRId64, (int64_t)v);
		assert_text(text, tl_text_put_int(text, (int64_t)v), wanted);
	}
	assert_text(text, tl_text_put_int(text, INT64_MIN), "-9223372036854775808");
}

static void reals_read_back_and_are_told_from_integers(void **state)
{
	uint64_t seed = 2;
	char text[TL_TEXT_SCALAR_MAX + 1];

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		double v = (double)(int64_t)any_size(&seed) / (double)(1 + any_size(&seed));
		char *end = tl_text_put_real(text, v);
		*end = '\0';
		assert_true(end - text <= TL_TEXT_REAL_MAX);
		assert_true(strtod(text, 0) == v);
		assert_non_null(strpbrk(text, ".e"));
	}
	assert_text(text, tl_text_put_real(text, 0.1), "0.1");
	assert_text(text, tl_text_put_real(text, -3), "-3.0");
	assert_text(text, tl_text_put_real(text, 1e300), "1e+300");
}

static void times_are_as_gmtime_has_them_and_back(void **state)
{
	uint64_t seed = 3;
	char text[TL_TEXT_SCALAR_MAX];
	char wanted[TL_TEXT_SCALAR_MAX];

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t ns = any_size(&seed);
		time_t seconds = (time_t)(ns / 1000000000);
		uint64_t back;
		struct tm tm;
		size_t at = strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%S",
				     gmtime_r(&seconds, &tm));
		snprintf(wanted + at, sizeof(wanted) - at, ".%09" PRIu64 "Z", ns % 1000000000);
		char *end = tl_text_put_time(text, ns);
		assert_int_equal(end - text, TL_TEXT_TIME_LEN);
		assert_text(text, end, wanted);
		assert_int_equal(tl_text_get_time((struct tl_str){text, TL_TEXT_TIME_LEN}, &back),
				 0);
		assert_int_equal(back, ns);
	}
}

struct time_case {
	const char *text;
	int err;
	uint64_t ns;
};

static void times_of_others_are_read_and_nonsense_refused(void **state)
{
	static const struct time_case cases[] = {
		{"1970-01-01T00:00:00Z", 0, 0},
		{"1970-01-01T00:00:01.5Z", 0, 1500000000},
		{"1970-01-01t01:00:00.000+01:00", 0, 0},
		{"2024-02-29T12:00:00.123456+0000", 0, 1709208000123456000},
		{"1969-12-31T23:59:59-00:01", 0, 59000000000},
		{"1970-01-01T00:00:00.1234567899Z", 0, 123456789},
		{"1969-12-31T23:59:59Z", -EINVAL, 0},
		{"1970-01-01T00:00:00", -EINVAL, 0},
		{"1970-01-01T00:00:00.Z", -EINVAL, 0},
		{"1970-01-01 00:00:00Z", -EINVAL, 0},
		{"1970-13-01T00:00:00Z", -EINVAL, 0},
		{"1970-00-01T00:00:00Z", -EINVAL, 0},
		{"1970-01-01T24:00:00Z", -EINVAL, 0},
		{"1970-01-01T00:00:00Zx", -EINVAL, 0},
		{"9999-01-01T00:00:00Z", -EINVAL, 0},
		{"", -EINVAL, 0},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ns = 0;
		assert_int_equal(tl_text_get_time(tl_str_of(cases[i].text), &ns), cases[i].err);
		assert_int_equal(ns, cases[i].ns);
	}
}

/* glibc writes ::1.2.3.4 for addresses below 2^32, which RFC 5952 leaves open. */
static void addresses_are_as_inet_ntop_has_them_and_back(void **state)
{
	uint64_t seed = 4;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t bytes[16];
		uint8_t back[16];
		uint32_t len = i % 2 ? 4 : 16;
		char text[TL_TEXT_SCALAR_MAX];
		char wanted[INET6_ADDRSTRLEN];
		for (unsigned int b = 0; b < len; b++) {
			bytes[b] = next_random(&seed) % 3 ? 0 : (uint8_t)any_size(&seed);
		}
		bytes[0] |= 1;
		inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, wanted, sizeof(wanted));
		char *end = tl_text_put_ip(text, bytes, len);
		assert_text(text, end, wanted);
		struct tl_str read = {text, (uint32_t)(end - text)};
		uint32_t read_len;
		assert_int_equal(tl_text_get_ip(read, back, &read_len), 0);
		assert_int_equal(read_len, len);
		assert_memory_equal(back, bytes, len);
	}
}

struct ip_case {
	const char *in;
	const char *out;
};

static void special_addresses_have_their_short_form(void **state)
{
	static const struct ip_case cases[] = {
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"0:0:0:1::", "0:0:0:1::"},
		{"255.255.255.255", "255.255.255.255"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[16];
		uint32_t len;
		char text[TL_TEXT_SCALAR_MAX];
		assert_int_equal(tl_text_get_ip(tl_str_of(cases[i].in), bytes, &len), 0);
		assert_text(text, tl_text_put_ip(text, bytes, len), cases[i].out);
	}
}

static void base64_reads_back_and_refuses_what_is_none(void **state)
{
	static const char *const bad[] = {
		"a", "ab", "abc", "a===", "ab=c", "====", "ab==cdef", "a*=="};
	uint64_t seed = 5;

	(void)state;
	for (uint32_t len = 0; len < 100; len++) {
		uint8_t bytes[100];
		uint8_t back[104];
		char text[140];
		uint32_t back_len;
		for (uint32_t i = 0; i < len; i++) {
			bytes[i] = (uint8_t)next_random(&seed);
		}
		char *end = tl_text_put_base64(text, bytes, len);
		assert_int_equal(end - text, (len + 2) / 3 * 4);
		struct tl_str read = {text, (uint32_t)(end - text)};
		assert_int_equal(tl_text_get_base64(read, back, &back_len), 0);
		assert_int_equal(back_len, len);
		assert_memory_equal(back, bytes, len);
	}
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t back[16];
		uint32_t back_len;
		assert_int_equal(tl_text_get_base64(tl_str_of(bad[i]), back, &back_len), -EINVAL);
	}
}

struct utf8_case {
	const char *bytes;
	unsigned int len;
	uint32_t code;
};

static void utf8_takes_what_rfc_3629_allows(void **state)
{
	static const struct utf8_case cases[] = {
		{"a", 1, 'a'},
		{"\xc3\xbc", 2, 0xfc},
		{"\xe2\x98\x83", 3, 0x2603},
		{"\xf0\x9d\x84\x9e", 4, 0x1d11e},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
		{"\x80", 0, 0},		    /* a continuation alone */
		{"\xc0\xaf", 0, 0},	    /* overlong */
		{"\xe0\x80\xaf", 0, 0},	    /* overlong */
		{"\xf0\x80\x80\xaf", 0, 0}, /* overlong */
		{"\xed\xa0\x80", 0, 0},	    /* a surrogate */
		{"\xf4\x90\x80\x80", 0, 0}, /* beyond the last */
		{"\xe2\x98", 0, 0},	    /* cut short */
		{"\xe2\x28\xa1", 0, 0},
		{"\xff", 0, 0},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t code = 0;
		const char *bytes = cases[i].bytes;
		assert_int_equal(tl_text_utf8(bytes, bytes + strlen(bytes), &code), cases[i].len);
		assert_int_equal(code, cases[i].code);
	}
}

static void buffer_takes_nothing_as_well(void **state)
{
	struct tl_textbuf buf = {0};

	(void)state;
	assert_int_equal(tl_textbuf_add(&buf, "", 0), 0);
	assert_int_equal(tl_textbuf_add(&buf, 0, 0), 0);
	assert_int_equal(buf.len, 0);
	assert_int_equal(tl_textbuf_add(&buf, "abc", 3), 0);
	assert_int_equal(tl_textbuf_add(&buf, "", 0), 0);
	assert_int_equal(buf.len, 3);
	assert_memory_equal(buf.data, "abc", 3);
	tl_textbuf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_as_printf_has_them),
		cmocka_unit_test(reals_read_back_and_are_told_from_integers),
		cmocka_unit_test(times_are_as_gmtime_has_them_and_back),
		cmocka_unit_test(times_of_others_are_read_and_nonsense_refused),
		cmocka_unit_test(addresses_are_as_inet_ntop_has_them_and_back),
		cmocka_unit_test(special_addresses_have_their_short_form),
		cmocka_unit_test(base64_reads_back_and_refuses_what_is_none),
		cmocka_unit_test(utf8_takes_what_rfc_3629_allows),
		cmocka_unit_test(buffer_takes_nothing_as_well),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
