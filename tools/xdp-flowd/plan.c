/* SPDX-License-Identifier: BSD-2-Clause */
#include "plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int refuse_plan(char *reason, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse_plan(char *reason, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, size, format, args);
	va_end(args);
	return -EOPNOTSUPP;
}

static bool is_on(const struct nic *nic, enum nic_feature_id id)
{
	return nic->features[id].known && nic->features[id].on;
}

/* On a veth nothing is taken out for S-tags, but the feature is on. */
static bool hides_tags(const struct nic *nic)
{
	return is_on(nic, NIC_RX_VLAN) || (is_on(nic, NIC_RX_VLAN_STAG) && nic->peer_ifindex == 0);
}

const char *plan_against_xdp(const struct nic *nic)
{
	if (nic_link_kind(nic) != NIC_LINK_ETHERNET) {
		return "its frames have no Ethernet header";
	}
	if (nic->xdp_features_known && !(nic->xdp_features & NIC_XDP_BASIC)) {
		return "its driver has no native XDP";
	}
	if (strcmp(nic->driver, "tun") == 0) {
		return "a tap device hands over merged packets, which XDP counts as one";
	}
	if (hides_tags(nic)) {
		return "rx-vlan-offload hides VLAN tags from XDP; --fix-offloads changes that";
	}
	return "";
}

static void append(struct plan *plan, enum attach_way in, bool frags)
{
	plan->tries[plan->count++] = (struct plan_try){.in = in, .frags = frags};
}

/* Without frags first: 6 ns a packet less. Some drivers, and long frames, want them. */
static void append_xdp(struct plan *plan, const struct nic *nic)
{
	uint32_t mtu = nic->peer_mtu > nic->mtu ? nic->peer_mtu : nic->mtu;

	if (mtu <= NIC_LINEAR_MTU) {
		append(plan, ATTACH_XDP_NATIVE, false);
	}
	append(plan, ATTACH_XDP_NATIVE, true);
}

static void plan_in(struct plan *plan, const struct nic *nic, const struct options *options,
		    enum attach_way tc)
{
	switch (options->attach) {
	case OPTION_ATTACH_XDP:
		append_xdp(plan, nic);
		break;
	case OPTION_ATTACH_GENERIC:
		append(plan, ATTACH_XDP_GENERIC, false);
		append(plan, ATTACH_XDP_GENERIC, true);
		break;
	case OPTION_ATTACH_TCX:
		append(plan, tc, false);
		break;
	default:
		plan->why = plan_against_xdp(nic);
		if (plan->why[0] == '\0') {
			append_xdp(plan, nic);
		}
		append(plan, tc, false);
	}
}

/* On a port that carries the machine's own traffic, dropping is a way to lose the machine. */
static int check_tap(const struct nic *nic, char *reason, size_t size)
{
	if (nic->addresses > 0) {
		return refuse_plan(reason, size,
				   "--tap would cut it off: it has the address %s (--tap=force)",
				   nic->address);
	}
	if (nic->routes > 0) {
		return refuse_plan(reason, size,
				   "--tap would cut it off: %u routes go there (--tap=force)",
				   nic->routes);
	}
	if (nic->master != 0) {
		return refuse_plan(reason, size,
				   "--tap would cut it off: it is part of a bridge or bond "
				   "(--tap=force)");
	}
	return 0;
}

int plan_make(struct plan *out, const struct nic *nic, const struct options *options, char *reason,
	      size_t size)
{
	enum tl_filter_direction way = tl_capd_options_direction(&options->capd);
	enum attach_way tc = nic->tcx_in.known ? ATTACH_TCX : ATTACH_CLSACT;

	*out = (struct plan){.link_raw = nic_link_kind(nic) == NIC_LINK_IP, .why = ""};
	if (nic_link_kind(nic) == NIC_LINK_OTHER) {
		return refuse_plan(reason, size,
				   "its frames begin with neither an Ethernet nor an IP header");
	}
	if (out->link_raw && way != TL_FILTER_OUT &&
	    (options->attach == OPTION_ATTACH_GENERIC || options->attach == OPTION_ATTACH_XDP)) {
		return refuse_plan(reason, size,
				   "XDP: its frames have no Ethernet header: --attach tcx");
	}
	if (options->tap == OPTION_TAP_CHECKED) {
		int err = check_tap(nic, reason, size);
		if (err < 0) {
			return err;
		}
	}
	if (way == TL_FILTER_OUT) {
		append(out, ATTACH_NONE, false);
	} else {
		plan_in(out, nic, options, tc);
	}
	for (unsigned int i = 0; i < out->count && way != TL_FILTER_IN; i++) {
		out->tries[i].out = tc;
	}
	return 0;
}
