/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor_private.h"
#include "plan.h"

#define TAGS_HIDDEN "VLAN tags are hidden from XDP, and flows of different VLANs merge"

static bool is_on(const struct nic *nic, enum nic_feature_id id)
{
	return nic->features[id].known && nic->features[id].on;
}

/* --- the device ----------------------------------------------------------- */

static bool report_link(const struct nic *nic)
{
	static const char *const kinds[] = {
		[NIC_LINK_ETHERNET] = "Ethernet frames",
		[NIC_LINK_IP] = "IP packets without a link header",
		[NIC_LINK_OTHER] = "frames that we cannot parse",
	};
	enum nic_link_kind kind = nic_link_kind(nic);
	char state[DOCTOR_TEXT_MAX];

	snprintf(state, sizeof(state), "index %d, type %u, %s", nic->ifindex, nic->type,
		 kinds[kind]);
	doctor_tell(nic->name, (struct doctor_finding){
				       .grade = kind == NIC_LINK_OTHER ? DOCTOR_FAIL : DOCTOR_OK,
				       .item = "link",
				       .state = state,
				       .effect = kind == NIC_LINK_OTHER ? "no flows" : 0,
			       });
	return kind != NIC_LINK_OTHER;
}

static void report_up(const struct nic *nic)
{
	char mend[DOCTOR_TEXT_MAX];

	snprintf(mend, sizeof(mend), "ip link set dev %s up", nic->name);
	doctor_tell(nic->name, (struct doctor_finding){
				       .grade = nic->up ? DOCTOR_OK : DOCTOR_WARN,
				       .item = "state",
				       .state = nic->up ? "up" : "down",
				       .effect = nic->up ? 0 : "no packets until it is up",
				       .mend = nic->up ? 0 : mend,
			       });
}

static void report_driver(const struct nic *nic)
{
	bool native = (nic->xdp_features & NIC_XDP_BASIC) != 0;
	char state[DOCTOR_TEXT_MAX];

	snprintf(state, sizeof(state), "%s, %s", nic->driver[0] ? nic->driver : "unknown",
		 !nic->xdp_features_known ? "not known to have native XDP (needs Linux 6.3 to tell)"
		 : native		  ? "has native XDP"
					  : "has no native XDP");
	doctor_tell(nic->name, (struct doctor_finding){
				       .grade = native ? DOCTOR_OK : DOCTOR_NOTE,
				       .item = "driver",
				       .state = state,
				       .effect = native || !nic->xdp_features_known
							 ? 0
							 : "none; tc costs more a packet",
			       });
}

/* --- frame sizes ---------------------------------------------------------- */

/* A veth refuses by what its other end may send. */
static uint32_t mtu_that_counts(const struct nic *nic)
{
	return nic->peer_here ? nic->peer_mtu : nic->mtu;
}

static bool takes_frags(const struct nic *nic, const struct doctor_host *host)
{
	return host->xdp_frags && (nic->xdp_features & NIC_XDP_FRAGS) != 0;
}

/* It matters only where there is native XDP. */
static bool mtu_fits_xdp(const struct nic *nic, const struct doctor_host *host)
{
	return mtu_that_counts(nic) <= NIC_LINEAR_MTU || takes_frags(nic, host) ||
	       !(nic->xdp_features & NIC_XDP_BASIC);
}

static void report_mtu(const struct nic *nic, const struct doctor_host *host)
{
	const char *name = nic->peer_here ? nic->peer_name : nic->name;
	bool fits = mtu_fits_xdp(nic, host);
	char state[DOCTOR_TEXT_MAX];
	char mend[DOCTOR_TEXT_MAX];

	snprintf(state, sizeof(state), "%u%s%s, %s", mtu_that_counts(nic),
		 nic->peer_here ? " of the other end " : "", nic->peer_here ? nic->peer_name : "",
		 takes_frags(nic, host)	   ? "frames of several buffers are taken (frags)"
		 : nic->xdp_features_known ? "frags are not taken"
					   : "frags unknown");
	snprintf(mend, sizeof(mend), "ip link set dev %s mtu %d", name, NIC_LINEAR_MTU);
	doctor_tell(nic->name,
		    (struct doctor_finding){
			    .grade = fits ? DOCTOR_OK : DOCTOR_NOTE,
			    .item = "mtu",
			    .state = state,
			    .effect = fits ? 0 : "none; native XDP is refused, tc is not",
			    .mend = fits ? 0 : mend,
		    });
}

/* --- offloads ------------------------------------------------------------- */

static void report_feature(const struct nic *nic, enum nic_feature_id id, const char *effect_on,
			   enum doctor_grade grade_on)
{
	const struct nic_feature *feature = &nic->features[id];
	bool bad = is_on(nic, id) && effect_on;
	char mend[DOCTOR_TEXT_MAX];

	snprintf(mend, sizeof(mend), "ethtool -K %s %s off", nic->name, nic_feature_name(id));
	doctor_tell(nic->name,
		    (struct doctor_finding){
			    .grade = bad ? grade_on : DOCTOR_OK,
			    .item = nic_feature_name(id),
			    .state = !feature->known  ? "unknown"
				     : feature->on    ? (feature->fixed ? "on, fixed" : "on")
				     : feature->fixed ? "off, fixed"
						      : "off",
			    .effect = bad ? effect_on : 0,
			    .mend = bad && !feature->fixed ? mend : 0,
		    });
}

/* Between two veths a tag stays beside the frame when the sender left it there. */
static void report_peer_tags(const struct nic *nic)
{
	struct nic peer;
	char mend[DOCTOR_TEXT_MAX];
	bool known = nic->peer_here && nic_read(&peer, nic->peer_name) == 0;
	bool bad = known && is_on(&peer, NIC_TX_VLAN);

	if (nic->peer_ifindex == 0) {
		return;
	}
	snprintf(mend, sizeof(mend), "ethtool -K %s txvlan off", known ? peer.name : "PEER");
	doctor_tell(nic->name, (struct doctor_finding){
				       .grade = !known ? DOCTOR_NOTE
						: bad  ? DOCTOR_WARN
						       : DOCTOR_OK,
				       .item = "txvlan of the peer",
				       .state = !known ? "unknown, it is in another namespace"
						: bad  ? "on"
						       : "off",
				       .effect = !known ? "where it is on, " TAGS_HIDDEN
						 : bad	? TAGS_HIDDEN
							: 0,
				       .mend = bad ? mend : 0,
			       });
}

static void report_offloads(const struct nic *nic)
{
	static const struct {
		enum nic_feature_id id;
		enum doctor_grade grade;
		const char *effect;
	} rows[] = {
		{NIC_RX_VLAN, DOCTOR_WARN, TAGS_HIDDEN "; auto takes tc, or --fix-offloads"},
		{NIC_RX_VLAN_STAG, DOCTOR_WARN, "outer 802.1ad tags are hidden from XDP"},
		{NIC_GRO, DOCTOR_OK, 0},
		{NIC_LRO, DOCTOR_WARN, "merged packets may count as one in tc; native XDP ends it"},
		{NIC_GRO_HW, DOCTOR_NOTE, "none; native XDP ends it, tc counts the segments"},
		{NIC_TSO, DOCTOR_OK, 0},
		{NIC_GSO, DOCTOR_OK, 0},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		report_feature(nic, rows[i].id, rows[i].effect, rows[i].grade);
	}
	report_peer_tags(nic);
}

/* --- channels ------------------------------------------------------------- */

static void report_channels(const struct nic *nic)
{
	unsigned int cpus = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int better = nic->rx_channels_max < cpus ? nic->rx_channels_max : cpus;
	bool few = nic->rx_channels > 0 && nic->rx_channels < better;
	char state[DOCTOR_TEXT_MAX];
	char mend[DOCTOR_TEXT_MAX];

	snprintf(state, sizeof(state), "%u receive queues (of %u) for %u CPUs", nic->rx_channels,
		 nic->rx_channels_max, cpus);
	snprintf(mend, sizeof(mend), "ethtool -L %s %s %u", nic->name,
		 nic->rx_is_combined ? "combined" : "rx", better);
	doctor_tell(nic->name,
		    (struct doctor_finding){
			    .grade = few ? DOCTOR_NOTE : DOCTOR_OK,
			    .item = "channels",
			    .state = nic->rx_channels > 0 ? state : "unknown",
			    .effect = few ? "none on what is counted, but an earlier overload" : 0,
			    .mend = few ? mend : 0,
		    });
}

/* --- the mode that auto takes --------------------------------------------- */

/* Why auto does not take, or get, native XDP; 0 when it does. */
static const char *why_not_native(const struct nic *nic, const struct doctor_host *host)
{
	const char *why = plan_against_xdp(nic);

	if (!host->xdp) {
		return "XDP programs are refused";
	}
	if (nic_xdp_mode(nic) != NIC_XDP_NONE) {
		return "another program has the XDP hook";
	}
	if (why[0] != '\0') {
		return why;
	}
	return mtu_fits_xdp(nic, host) ? 0 : "the MTU is too large for native XDP";
}

static bool report_auto(const struct nic *nic, const struct doctor_host *host)
{
	const char *why = why_not_native(nic, host);
	char state[DOCTOR_TEXT_MAX];
	bool usable = !why || host->tc;

	if (!why) {
		snprintf(state, sizeof(state), "native XDP if the driver takes it, else tc");
	} else {
		snprintf(state, sizeof(state), "%s: %s",
			 !host->tc	     ? "none"
			 : nic->tcx_in.known ? "tcx"
					     : "clsact",
			 why);
	}
	doctor_tell(nic->name, (struct doctor_finding){
				       .grade = usable ? DOCTOR_OK : DOCTOR_FAIL,
				       .item = "mode of auto",
				       .state = state,
				       .effect = usable ? 0 : "xdp-flowd cannot run",
			       });
	return usable;
}

bool doctor_nic_report(const struct nic *nic, const struct doctor_host *host)
{
	bool parsed = report_link(nic);

	report_up(nic);
	report_driver(nic);
	report_mtu(nic, host);
	report_offloads(nic);
	report_channels(nic);
	doctor_use_report(nic);
	return report_auto(nic, host) && parsed;
}
