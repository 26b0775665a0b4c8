/* SPDX-License-Identifier: BSD-2-Clause */
/* tools/xdp-flowd/plan: which hooks, in which order, and why not better ones. */
#include <errno.h>
#include <net/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../tools/xdp-flowd/plan.h"

enum { IN, OUT, BOTH };

/* A card that has everything, and takes no tags out. */
static struct nic good_nic(void)
{
	return (struct nic){
		.name = "eth0",
		.type = ARPHRD_ETHER,
		.mtu = 1500,
		.features = {[NIC_RX_VLAN] = {.known = true}},
		.xdp_features_known = true,
		.xdp_features = NIC_XDP_BASIC,
		.tcx_in.known = true,
	};
}

/* The tries in words: in/out, f for frags. */
static const char *plan_of(const struct nic *nic, const struct options *options)
{
	static char text[256];
	char reason[160] = "";
	struct plan plan;
	int err = plan_make(&plan, nic, options, reason, sizeof(reason));

	text[0] = '\0';
	if (err < 0) {
		assert_int_equal(err, -EOPNOTSUPP);
		snprintf(text, sizeof(text), "refused: %s", reason);
		return text;
	}
	for (unsigned int i = 0; i < plan.count; i++) {
		const struct plan_try *try = &plan.tries[i];
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s%s/%s%s", i ? " " : "",
			 attach_way_name(try->in), attach_way_name(try->out),
			 try->frags ? "/f" : "");
	}
	return text;
}

static struct options asked(enum option_attach attach, unsigned int direction)
{
	return (struct options){.attach = attach, .capd.direction = direction};
}

static void each_request_gets_its_ways_in_order(void **state)
{
	(void)state;
	static const struct {
		enum option_attach attach;
		unsigned int direction;
		const char *plan;
	} rows[] = {
		{OPTION_ATTACH_AUTO, IN, "xdp/none xdp/none/f tcx/none"},
		{OPTION_ATTACH_AUTO, BOTH, "xdp/tcx xdp/tcx/f tcx/tcx"},
		{OPTION_ATTACH_AUTO, OUT, "none/tcx"},
		{OPTION_ATTACH_XDP, IN, "xdp/none xdp/none/f"},
		{OPTION_ATTACH_XDP, BOTH, "xdp/tcx xdp/tcx/f"},
		{OPTION_ATTACH_TCX, BOTH, "tcx/tcx"},
		{OPTION_ATTACH_GENERIC, IN, "xdp-generic/none xdp-generic/none/f"},
	};
	struct nic nic = good_nic();

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options options = asked(rows[i].attach, rows[i].direction);
		assert_string_equal(plan_of(&nic, &options), rows[i].plan);
	}
}

static void auto_passes_xdp_over_where_it_would_not_be_exact(void **state)
{
	(void)state;
	struct options options = asked(OPTION_ATTACH_AUTO, IN);
	struct nic tags = good_nic();
	struct nic s_tags = good_nic();
	struct nic driver = good_nic();
	struct nic tunnel = good_nic();
	struct nic tap = good_nic();

	tags.features[NIC_RX_VLAN].on = true;
	s_tags.features[NIC_RX_VLAN_STAG] = (struct nic_feature){.known = true, .on = true};
	driver.xdp_features = 0;
	tunnel.type = ARPHRD_NONE;
	strcpy(tap.driver, "tun");
	assert_string_equal(plan_of(&tags, &options), "tcx/none");
	assert_non_null(strstr(plan_against_xdp(&tags), "--fix-offloads"));
	assert_string_equal(plan_of(&s_tags, &options), "tcx/none");
	assert_string_equal(plan_of(&driver, &options), "tcx/none");
	assert_string_equal(plan_of(&tunnel, &options), "tcx/none");
	assert_string_equal(plan_of(&tap, &options), "tcx/none");
	s_tags.peer_ifindex = 7; /* a veth takes none out */
	assert_string_equal(plan_of(&s_tags, &options), "xdp/none xdp/none/f tcx/none");
}

static void long_frames_need_frags(void **state)
{
	(void)state;
	struct options options = asked(OPTION_ATTACH_XDP, IN);
	struct nic nic = good_nic();

	nic.mtu = 9000;
	assert_string_equal(plan_of(&nic, &options), "xdp/none/f");
	nic.mtu = 1500;
	nic.peer_mtu = 9000;
	assert_string_equal(plan_of(&nic, &options), "xdp/none/f");
}

static void without_tcx_there_is_clsact(void **state)
{
	(void)state;
	struct options options = asked(OPTION_ATTACH_AUTO, BOTH);
	struct nic nic = good_nic();

	nic.tcx_in.known = false;
	assert_string_equal(plan_of(&nic, &options), "xdp/clsact xdp/clsact/f clsact/clsact");
}

static void tap_is_refused_where_it_would_cut_something_off(void **state)
{
	(void)state;
	struct options options = asked(OPTION_ATTACH_XDP, IN);
	struct nic nic = good_nic();

	options.tap = OPTION_TAP_CHECKED;
	assert_string_equal(plan_of(&nic, &options), "xdp/none xdp/none/f");
	nic.routes = 2;
	assert_non_null(strstr(plan_of(&nic, &options), "2 routes"));
	nic.master = 4;
	nic.routes = 0;
	assert_non_null(strstr(plan_of(&nic, &options), "bridge or bond"));
	nic.addresses = 1;
	strcpy(nic.address, "192.0.2.1");
	assert_non_null(strstr(plan_of(&nic, &options), "192.0.2.1 (--tap=force)"));
	options.tap = OPTION_TAP_FORCE;
	assert_string_equal(plan_of(&nic, &options), "xdp/none xdp/none/f");
}

static void frames_that_cannot_be_parsed_are_refused(void **state)
{
	(void)state;
	struct options options = asked(OPTION_ATTACH_AUTO, IN);
	struct nic nic = good_nic();

	nic.type = ARPHRD_IEEE80211_RADIOTAP;
	assert_non_null(strstr(plan_of(&nic, &options), "neither an Ethernet nor an IP"));
	nic.type = ARPHRD_NONE;
	options.attach = OPTION_ATTACH_GENERIC;
	assert_non_null(strstr(plan_of(&nic, &options), "no Ethernet header"));
	options.attach = OPTION_ATTACH_XDP;
	assert_non_null(strstr(plan_of(&nic, &options), "no Ethernet header"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_gets_its_ways_in_order),
		cmocka_unit_test(auto_passes_xdp_over_where_it_would_not_be_exact),
		cmocka_unit_test(long_frames_need_frags),
		cmocka_unit_test(without_tcx_there_is_clsact),
		cmocka_unit_test(tap_is_refused_where_it_would_cut_something_off),
		cmocka_unit_test(frames_that_cannot_be_parsed_are_refused),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
