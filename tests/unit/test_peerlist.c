/* SPDX-License-Identifier: BSD-2-Clause */
/* The URLs of clusters. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/shipper/peerlist.h"

static void servers_and_name_are_taken_apart(void **state)
{
	(void)state;
	struct peerlist list;

	assert_int_equal(peerlist_parse(&list, "nats://a:1,b.example,[::1]:4222,a:1/x.y-z_1", "d"),
			 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.hosts[0], "a:1");
	assert_string_equal(list.hosts[1], "b.example");
	assert_string_equal(list.hosts[2], "[::1]:4222");
	assert_string_equal(list.name, "x.y-z_1");
	assert_false(list.loopback);
	assert_int_equal(peerlist_parse(&list, "nats://a", "d"), 0);
	assert_string_equal(list.name, "d");
	assert_int_equal(peerlist_parse(&list, "nats://a/", "d"), 0);
	assert_string_equal(list.name, "d");
}

static void loopback_is_an_address_not_a_text(void **state)
{
	(void)state;
	static const char *const here[] = {"127.0.0.1", "127.9.9.9:1", "localhost:1", "[::1]:1"};
	static const char *const elsewhere[] = {
		"127.example.org", "192.0.2.1:127", "[::2]:1", "localhost.example", "",
		"128.0.0.1"};

	for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
		assert_true(peerlist_is_loopback(here[i]));
	}
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		assert_false(peerlist_is_loopback(elsewhere[i]));
	}
	struct peerlist list;
	assert_int_equal(peerlist_parse(&list, "nats://127.0.0.1,localhost", "d"), 0);
	assert_true(list.loopback);
	assert_true(peerlist_add(&list, "192.0.2.1:1", 11));
	assert_false(list.loopback);
}

static void bad_urls_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"nats",		"nats://",	"nats:///x",	"nats://a,",	"nats://,a",
		"nats://a,,b",	"nats://a b",	"nats://u:p@a", "nats://a?x=1", "nats://a/b c",
		"nats://a/b.*", "nats://a/>",	"nats://a/.b",	"nats://a/b.",	"nats://a/b..c",
		"nats://a/b/c", "nats://a\n/b", "nats://a/b\n",
	};
	struct peerlist list;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(peerlist_parse(&list, bad[i], "d"), -EINVAL);
	}
}

static void limits_hold(void **state)
{
	(void)state;
	struct peerlist list;
	char url[PEERLIST_MAX * 8 + 400] = "nats://";
	size_t len = strlen(url);

	for (int i = 0; i < PEERLIST_MAX; i++) {
		len += (size_t)sprintf(url + len, "%sh%d", i ? "," : "", i);
	}
	assert_int_equal(peerlist_parse(&list, url, "d"), 0);
	assert_int_equal(list.count, PEERLIST_MAX);
	assert_false(peerlist_add(&list, "more", 4));
	strcpy(url + len, ",more");
	assert_int_equal(peerlist_parse(&list, url, "d"), -EINVAL);

	memset(url, 'h', sizeof(url));
	memcpy(url, "nats://", 7);
	url[7 + PEERLIST_HOST_LEN] = '\0';
	assert_int_equal(peerlist_parse(&list, url, "d"), -EINVAL);
	url[7 + PEERLIST_HOST_LEN - 1] = '\0';
	assert_int_equal(peerlist_parse(&list, url, "d"), 0);
	assert_false(peerlist_is_loopback(list.hosts[0]));

	char name[PEERLIST_NAME_LEN + 1];
	memset(name, 'n', sizeof(name));
	name[PEERLIST_NAME_LEN] = '\0';
	assert_int_equal(peerlist_parse(&list, "nats://a", name), -EINVAL);
	name[PEERLIST_NAME_LEN - 1] = '\0';
	assert_int_equal(peerlist_parse(&list, "nats://a", name), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_and_name_are_taken_apart),
		cmocka_unit_test(loopback_is_an_address_not_a_text),
		cmocka_unit_test(bad_urls_are_refused),
		cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
