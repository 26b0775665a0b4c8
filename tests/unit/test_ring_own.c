/* SPDX-License-Identifier: BSD-2-Clause */
/* common/ring_own: which packets --raw leaves out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <arpa/inet.h>

#include "ring_own.h"

static void put_address(uint8_t to[16], const char *text)
{
	memset(to, 0, 16);
	if (inet_pton(AF_INET6, text, to) != 1) {
		memset(to + 10, 0xff, 2);
		assert_int_equal(inet_pton(AF_INET, text, to + 12), 1);
	}
}

static bool left_out(struct tl_ring_own *own, const char *src, uint16_t src_port, const char *dst,
		     uint16_t dst_port)
{
	struct tl_flow_key key = {
		.src_port = htons(src_port), .dst_port = htons(dst_port), .proto = 6};

	put_address(key.src, src);
	put_address(key.dst, dst);
	return tl_ring_own_has(own, &key);
}

static void ssh_connection_is_left_out_both_ways_and_nothing_else(void **state)
{
	struct tl_ring_own own = {0};

	(void)state;
	tl_ring_own_add_ssh(&own, "192.0.2.7 50000 192.0.2.1 22");
	assert_true(left_out(&own, "192.0.2.7", 50000, "192.0.2.1", 22));
	assert_true(left_out(&own, "192.0.2.1", 22, "192.0.2.7", 50000));
	assert_false(left_out(&own, "192.0.2.7", 50001, "192.0.2.1", 22));
	assert_false(left_out(&own, "192.0.2.8", 50000, "192.0.2.1", 22));
	assert_false(left_out(&own, "192.0.2.1", 50000, "192.0.2.7", 22));
}

static void ssh_connection_of_ipv6_is_understood(void **state)
{
	struct tl_ring_own own = {0};

	(void)state;
	tl_ring_own_add_ssh(&own, "2001:db8::7 50000 2001:db8::1 22");
	assert_true(left_out(&own, "2001:db8::7", 50000, "2001:db8::1", 22));
}

static void bad_ssh_connection_leaves_nothing_out(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"192.0.2.7 50000 192.0.2.1",
		"192.0.2.7 0 192.0.2.1 22",
		"192.0.2.7 70000 192.0.2.1 22",
		"host 50000 192.0.2.1 22",
		"0.0.0.0 0 0.0.0.0 0",
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tl_ring_own own = {0};
		tl_ring_own_add_ssh(&own, bad[i]);
		assert_false(left_out(&own, "192.0.2.7", 50000, "192.0.2.1", 22));
		assert_false(left_out(&own, "0.0.0.0", 0, "0.0.0.0", 0));
	}
	struct tl_ring_own own = {0};
	tl_ring_own_add_ssh(&own, 0);
	assert_false(left_out(&own, "0.0.0.0", 0, "0.0.0.0", 0));
}

static void tcp_place_and_its_acks_are_left_out(void **state)
{
	struct tl_ring_own own = {0};

	(void)state;
	tl_ring_own_add_place(&own, "tcp://192.0.2.9:5555");
	tl_ring_own_add_place(&own, "tcp://[2001:db8::9]:6666");
	assert_true(left_out(&own, "192.0.2.1", 40000, "192.0.2.9", 5555));
	assert_true(left_out(&own, "192.0.2.9", 5556, "192.0.2.1", 40001));
	assert_true(left_out(&own, "2001:db8::1", 40000, "2001:db8::9", 6666));
	assert_false(left_out(&own, "192.0.2.1", 40000, "192.0.2.9", 80));
	assert_false(left_out(&own, "192.0.2.1", 5555, "192.0.2.2", 40000));
}

static void other_places_leave_nothing_out(void **state)
{
	static const char *const places[] = {
		"-",	  "file.tap",	       "ipc:///run/x",	    "tcp://192.0.2.9",
		"tcp://", "tcp://192.0.2.9:0", "tcp:192.0.2.9:5555"};

	(void)state;
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct tl_ring_own own = {0};
		tl_ring_own_add_place(&own, places[i]);
		assert_int_equal(own.count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ssh_connection_is_left_out_both_ways_and_nothing_else),
		cmocka_unit_test(ssh_connection_of_ipv6_is_understood),
		cmocka_unit_test(bad_ssh_connection_leaves_nothing_out),
		cmocka_unit_test(tcp_place_and_its_acks_are_left_out),
		cmocka_unit_test(other_places_leave_nothing_out),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
