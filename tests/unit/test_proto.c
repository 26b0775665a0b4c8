/* SPDX-License-Identifier: BSD-2-Clause */
/* common/proto: numbers and keywords are each other's inverse. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../common/proto.h"

static void well_known_numbers_have_their_keywords(void **state)
{
	(void)state;
	assert_string_equal(tl_proto_name(1), "icmp");
	assert_string_equal(tl_proto_name(6), "tcp");
	assert_string_equal(tl_proto_name(17), "udp");
	assert_string_equal(tl_proto_name(47), "gre");
	assert_string_equal(tl_proto_name(58), "ipv6-icmp");
	assert_string_equal(tl_proto_name(132), "sctp");
}

static void every_keyword_leads_back_to_its_number(void **state)
{
	unsigned int named = 0;

	(void)state;
	for (unsigned int number = 0; number < 256; number++) {
		const char *name = tl_proto_name(number);
		if (name) {
			assert_int_equal(tl_proto_number(tl_str_of(name)), number);
			named++;
		}
	}
	assert_in_range(named, 138, 146);
}

static void keywords_are_one_lower_case_word(void **state)
{
	(void)state;
	for (unsigned int number = 0; number < 256; number++) {
		const char *name = tl_proto_name(number);
		for (; name && *name; name++) {
			assert_true(*name > ' ' && *name < 0x7f && !(*name >= 'A' && *name <= 'Z'));
		}
	}
}

static void what_has_no_keyword_is_nothing(void **state)
{
	(void)state;
	assert_null(tl_proto_name(255));
	assert_null(tl_proto_name(61));
	assert_null(tl_proto_name(UINT64_MAX));
	assert_int_equal(tl_proto_number(TL_STR("TCP")), -ENOENT);
	assert_int_equal(tl_proto_number(TL_STR("")), -ENOENT);
	assert_int_equal(tl_proto_number(TL_STR("tc")), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_known_numbers_have_their_keywords),
		cmocka_unit_test(every_keyword_leads_back_to_its_number),
		cmocka_unit_test(keywords_are_one_lower_case_word),
		cmocka_unit_test(what_has_no_keyword_is_nothing),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
