/* SPDX-License-Identifier: BSD-2-Clause */
/* common/fragtab: later fragments take what the first one left, within its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/fragtab.h"

#define T0 (1700000000ull * TL_SECOND_NS)

static struct tl_fragtab *tab;

static int make_table(void **state)
{
	(void)state;
	return tl_fragtab_create(&tab);
}

static int drop_table(void **state)
{
	(void)state;
	tl_fragtab_destroy(tab);
	return 0;
}

static struct tl_packet fragment(enum tl_frag frag, uint32_t id)
{
	struct tl_packet pkt = {
		.frag = (uint8_t)frag,
		.frag_id = id,
		.frag_proto = 17,
		.key = {.src = {1}, .dst = {2}, .ifindex = 3, .proto = 17},
	};
	return pkt;
}

static void first(uint32_t id, uint16_t port, uint64_t ns)
{
	struct tl_packet pkt = fragment(TL_FRAG_FIRST, id);
	pkt.key.src_port = port;
	pkt.key.dst_port = (uint16_t)~port;
	assert_true(tl_fragtab_resolve(tab, &pkt, ns));
	assert_int_equal(pkt.key.flags, 0);
}

/* The source port found; -1 when none was. */
static int later(uint32_t id, uint64_t ns)
{
	struct tl_packet pkt = fragment(TL_FRAG_LATER, id);
	bool found = tl_fragtab_resolve(tab, &pkt, ns);

	assert_int_equal(pkt.key.flags, found ? 0 : TL_KEY_FRAGMENT);
	if (!found) {
		assert_int_equal(pkt.key.src_port, 0);
		assert_int_equal(pkt.key.dst_port, 0);
		return -1;
	}
	assert_int_equal(pkt.key.dst_port, (uint16_t)~pkt.key.src_port);
	return pkt.key.src_port;
}

static void later_fragment_takes_the_ports_of_the_first(void **state)
{
	(void)state;
	assert_int_equal(later(1, T0), -1);
	first(1, 1001, T0);
	first(2, 1002, T0);
	assert_int_equal(later(1, T0 + 1), 1001);
	assert_int_equal(later(1, T0 + 2), 1001);
	assert_int_equal(later(2, T0 + 2), 1002);
	assert_int_equal(later(3, T0 + 2), -1);
}

static void datagram_is_told_apart_by_every_field(void **state)
{
	(void)state;
	struct tl_packet pkt;

	first(1, 1001, T0);
	for (int i = 0; i < 8; i++) {
		pkt = fragment(TL_FRAG_LATER, 1);
		switch (i) {
		case 0:
			pkt.key.src[15] = 9;
			break;
		case 1:
			pkt.key.dst[0] = 9;
			break;
		case 2:
			pkt.key.ifindex = 9;
			break;
		case 3:
			pkt.key.vlan = 9;
			break;
		case 4:
			pkt.key.vlan_inner = 9;
			break;
		case 5:
			pkt.key.direction = 1;
			break;
		case 6:
			pkt.frag_proto = 6;
			break;
		default:
			pkt.frag_id = 0x10001;
			break;
		}
		assert_false(tl_fragtab_resolve(tab, &pkt, T0));
		assert_int_equal(pkt.key.flags, TL_KEY_FRAGMENT);
	}
	assert_int_equal(later(1, T0), 1001);
}

/* IPv6: the fragment header names what follows it, which need not be the transport. */
static void protocol_behind_extension_headers_is_taken_too(void **state)
{
	(void)state;
	struct tl_packet pkt = fragment(TL_FRAG_FIRST, 1);

	pkt.frag_proto = TL_PROTO_DSTOPTS;
	pkt.key.proto = TL_PROTO_TCP;
	pkt.key.src_port = 7;
	tl_fragtab_resolve(tab, &pkt, T0);
	pkt = fragment(TL_FRAG_LATER, 1);
	pkt.frag_proto = TL_PROTO_DSTOPTS;
	pkt.key.proto = TL_PROTO_DSTOPTS;
	assert_true(tl_fragtab_resolve(tab, &pkt, T0));
	assert_int_equal(pkt.key.proto, TL_PROTO_TCP);
	assert_int_equal(pkt.key.src_port, 7);
}

static void first_fragment_is_remembered_for_thirty_seconds(void **state)
{
	(void)state;
	first(1, 1001, T0);
	assert_int_equal(later(1, T0 + 30 * TL_SECOND_NS), 1001);
	assert_int_equal(later(1, T0 + 30 * TL_SECOND_NS + 1), -1);
	first(1, 1002, T0 + 40 * TL_SECOND_NS);
	assert_int_equal(later(1, T0 + 41 * TL_SECOND_NS), 1002);
	assert_int_equal(later(1, T0), 1002); /* a late packet */
}

static void newest_first_fragment_wins(void **state)
{
	(void)state;
	for (uint16_t port = 1; port < 100; port++) {
		first(1, port, T0 + port);
		assert_int_equal(later(1, T0 + port), port);
	}
}

static void oldest_datagram_goes_when_the_table_is_full(void **state)
{
	(void)state;
	for (uint32_t id = 0; id < 3 * TL_FRAGTAB_ENTRIES; id++) {
		first(id, (uint16_t)id, T0 + id);
		if (id >= TL_FRAGTAB_ENTRIES) {
			uint32_t oldest = id - TL_FRAGTAB_ENTRIES + 1;
			assert_int_equal(later(oldest - 1, T0 + id), -1);
			assert_int_equal(later(oldest, T0 + id), (uint16_t)oldest);
		}
	}
}

/* Against a plain array of all that was ever remembered. */
static void table_answers_as_an_array_would(void **state)
{
	(void)state;
	enum { IDS = 12000 };
	static struct {
		uint64_t ns;
		uint64_t order; /* when it was last remembered; 0 never */
		uint16_t port;
	} model[IDS];
	uint64_t order = 0;
	uint64_t ns = T0;

	for (int i = 0; i < 200000; i++) {
		uint32_t id = (uint32_t)random() % IDS;
		ns += (uint64_t)random() % (3 * TL_MS_NS);
		if (random() % 2) {
			uint16_t port = (uint16_t)random();
			model[id].ns = ns;
			model[id].port = port;
			model[id].order = ++order;
			first(id, port, ns);
			continue;
		}
		bool known = model[id].order && order - model[id].order < TL_FRAGTAB_ENTRIES &&
			     ns <= model[id].ns + 30 * TL_SECOND_NS;
		assert_int_equal(later(id, ns), known ? model[id].port : -1);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_table, drop_table)
	const struct CMUnitTest tests[] = {
		TEST(later_fragment_takes_the_ports_of_the_first),
		TEST(datagram_is_told_apart_by_every_field),
		TEST(protocol_behind_extension_headers_is_taken_too),
		TEST(first_fragment_is_remembered_for_thirty_seconds),
		TEST(newest_first_fragment_wins),
		TEST(oldest_datagram_goes_when_the_table_is_full),
		TEST(table_answers_as_an_array_would),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
