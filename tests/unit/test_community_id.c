/* SPDX-License-Identifier: BSD-2-Clause */
/* common/community_id: the reference values of the specification, and both directions alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "../../common/community_id.h"

struct row {
	int proto;
	const char *src;
	const char *dst;
	int src_port;
	int dst_port;
	const char *id;
};

/* From the tests of pycommunityid and of Zeek. */
static const struct row rows[] = {
	{1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{1, "192.168.0.1", "192.168.0.89", 0, 8, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{1, "192.168.0.89", "192.168.0.1", 20, 0, "1:3o2RFccXzUgjl7zDpqmY7yJi8rI="},
	{1, "192.168.0.89", "192.168.0.1", 20, 1, "1:tz/fHIDUHs19NkixVVoOZywde+I="},
	{1, "192.168.0.1", "192.168.0.89", 0, 20, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 0,
	 "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
	{58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 0,
	 "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
	{58, "3ffe:507:0:1:260:97ff:fe07:69ea", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0,
	 "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w="},
	{58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:507:0:1:260:97ff:fe07:69ea", 3, 0,
	 "1:/OGBt9BN1ofenrmSPWYicpij2Vc="},
	{132, "192.168.170.8", "192.168.170.56", 7, 80, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
	{132, "192.168.170.56", "192.168.170.8", 80, 7, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
	{6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{6, "10.0.0.1", "10.0.0.2", 10, 11569, "1:SXBGMX1lBOwhhoDrZynfROxnhnM="},
	{6, "192.168.1.42", "192.168.1.42", 41, 42, "1:eRcf7I/xocOxnYo5pbJBV5NhVm0="},
	{6, "192.168.1.42", "192.168.1.42", 42, 41, "1:eRcf7I/xocOxnYo5pbJBV5NhVm0="},
	{17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	{17, "8.8.8.8", "192.168.1.52", 53, 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	{6, "1.2.3.4", "5.6.7.8", 1122, 3344, "1:wCb3OG7yAFWelaUydu0D+125CLM="},
	{17, "1.2.3.4", "5.6.7.8", 1122, 3344, "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg="},
	{46, "1.2.3.4", "5.6.7.8", 0, 0, "1:ikv3kmf89luf73WPz1jOs49S768="},
	{46, "5.6.7.8", "1.2.3.4", 1, 2, "1:ikv3kmf89luf73WPz1jOs49S768="},
};

static void reference_values_are_met(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		int family = strchr(row->src, ':') ? AF_INET6 : AF_INET;
		char text[TL_COMMUNITY_ID_LEN + 1] = "";
		uint8_t src[16];
		uint8_t dst[16];

		assert_int_equal(inet_pton(family, row->src, src), 1);
		assert_int_equal(inet_pton(family, row->dst, dst), 1);
		tl_community_id(text, &(struct tl_community_id){
					      .src = src,
					      .dst = dst,
					      .address_len = family == AF_INET ? 4 : 16,
					      .proto = (uint8_t)row->proto,
					      .src_port = (uint16_t)row->src_port,
					      .dst_port = (uint16_t)row->dst_port,
				      });
		assert_string_equal(text, row->id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference_values_are_met),
	};
	return cmocka_run_group_tests_name("community_id", tests, 0, 0);
}
