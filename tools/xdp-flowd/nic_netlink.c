/* SPDX-License-Identifier: BSD-2-Clause */
#include "nic_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <unistd.h>

#include "netlink.h"

/* --- the link ------------------------------------------------------------- */

struct link_facts {
	struct nic *nic;
	int lower; /* IFLA_LINK */
	bool lower_elsewhere;
};

static void read_xdp(struct nic *nic, struct netlink_span nested)
{
	static const uint16_t types[NIC_XDP_MODES] = {
		[NIC_XDP_NATIVE] = IFLA_XDP_DRV_PROG_ID,
		[NIC_XDP_GENERIC] = IFLA_XDP_SKB_PROG_ID,
		[NIC_XDP_OFFLOAD] = IFLA_XDP_HW_PROG_ID,
	};
	struct netlink_attr attr;

	while (netlink_next(&nested, &attr)) {
		for (unsigned int i = 0; i < NIC_XDP_MODES; i++) {
			if (attr.type == types[i]) {
				netlink_get(&attr, &nic->xdp[i].id, sizeof(nic->xdp[i].id));
			}
		}
	}
}

static void read_kind(struct nic *nic, struct netlink_span nested)
{
	struct netlink_attr attr;

	while (netlink_next(&nested, &attr)) {
		if (attr.type == IFLA_INFO_KIND) {
			netlink_get_text(&attr, nic->kind, sizeof(nic->kind));
		}
	}
}

static void read_link_attr(struct link_facts *facts, const struct netlink_attr *attr)
{
	struct nic *nic = facts->nic;

	switch (attr->type) {
	case IFLA_IFNAME:
		netlink_get_text(attr, nic->name, sizeof(nic->name));
		break;
	case IFLA_ADDRESS:
		if (attr->value.len == sizeof(nic->mac)) {
			netlink_get(attr, nic->mac, sizeof(nic->mac));
		}
		break;
	case IFLA_MTU:
		netlink_get(attr, &nic->mtu, sizeof(nic->mtu));
		break;
	case IFLA_MIN_MTU:
		netlink_get(attr, &nic->mtu_min, sizeof(nic->mtu_min));
		break;
	case IFLA_MAX_MTU:
		netlink_get(attr, &nic->mtu_max, sizeof(nic->mtu_max));
		break;
	case IFLA_MASTER:
		netlink_get(attr, &nic->master, sizeof(nic->master));
		break;
	case IFLA_LINK:
		netlink_get(attr, &facts->lower, sizeof(facts->lower));
		break;
	case IFLA_LINK_NETNSID:
		facts->lower_elsewhere = true;
		break;
	case IFLA_LINKINFO:
		read_kind(nic, attr->value);
		break;
	case IFLA_XDP:
		read_xdp(nic, attr->value);
		break;
	}
}

static void read_link(void *ctx, uint16_t type, struct netlink_span body)
{
	struct link_facts *facts = ctx;
	struct ifinfomsg head;
	struct netlink_attr attr;

	if (type != RTM_NEWLINK || !netlink_take(&body, &head, sizeof(head))) {
		return;
	}
	facts->nic->ifindex = head.ifi_index;
	facts->nic->type = head.ifi_type;
	facts->nic->up = (head.ifi_flags & IFF_UP) != 0;
	while (netlink_next(&body, &attr)) {
		read_link_attr(facts, &attr);
	}
}

/* By name, or by index where that is 0. */
static int ask_link(int fd, const char *iface, int ifindex, struct link_facts *facts)
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC, .ifi_index = ifindex};
	struct netlink_reader reader = {read_link, facts};
	struct netlink_request request;
	uint32_t filter = RTEXT_FILTER_SKIP_STATS;

	netlink_begin(&request, RTM_GETLINK, 0, &head, sizeof(head));
	if (iface) {
		netlink_put(&request, IFLA_IFNAME, iface, strlen(iface) + 1);
	}
	netlink_put(&request, IFLA_EXT_MASK, &filter, sizeof(filter));
	int err = netlink_ask(fd, &request, &reader);
	return err == 0 && facts->nic->ifindex <= 0 ? -ENODEV : err;
}

/* An index of another namespace may be somebody else's here: IFLA_LINK_NETNSID tells. */
static void find_peer(int fd, const struct link_facts *facts)
{
	struct nic *nic = facts->nic;
	struct nic peer = {0};
	struct link_facts other = {.nic = &peer};

	if (strcmp(nic->kind, "veth") != 0 || facts->lower <= 0) {
		return;
	}
	nic->peer_ifindex = facts->lower;
	if (!facts->lower_elsewhere && ask_link(fd, 0, facts->lower, &other) == 0) {
		nic->peer_here = true;
		nic->peer_mtu = peer.mtu;
		memcpy(nic->peer_name, peer.name, sizeof(nic->peer_name));
	}
}

static int read_own_link(int fd, const char *iface, struct nic *nic)
{
	struct link_facts facts = {.nic = nic};
	int err = ask_link(fd, iface, 0, &facts);

	if (err == 0) {
		find_peer(fd, &facts);
	}
	return err;
}

/* --- addresses ------------------------------------------------------------ */

static bool is_link_local(int family, const uint8_t *bytes)
{
	return family == AF_INET ? bytes[0] == 169 && bytes[1] == 254
				 : bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

/* IPv4 and IPv6 only: 0 for all others. */
static size_t address_len(int family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

static void read_address(void *ctx, uint16_t type, struct netlink_span body)
{
	struct nic *nic = ctx;
	struct ifaddrmsg head;
	struct netlink_attr attr;
	uint8_t bytes[16];
	bool found = false;

	if (type != RTM_NEWADDR || !netlink_take(&body, &head, sizeof(head)) ||
	    (int)head.ifa_index != nic->ifindex || address_len(head.ifa_family) == 0) {
		return;
	}
	while (netlink_next(&body, &attr)) {
		/* On a point-to-point link IFA_ADDRESS is the other end's. */
		if (attr.type == IFA_LOCAL || (attr.type == IFA_ADDRESS && !found)) {
			found = netlink_get(&attr, bytes, address_len(head.ifa_family)) || found;
		}
	}
	if (found && !is_link_local(head.ifa_family, bytes) && nic->addresses++ == 0) {
		inet_ntop(head.ifa_family, bytes, nic->address, sizeof(nic->address));
	}
}

static int read_addresses(int fd, struct nic *nic)
{
	struct ifaddrmsg head = {.ifa_family = AF_UNSPEC, .ifa_index = (uint32_t)nic->ifindex};
	struct netlink_reader reader = {read_address, nic};
	struct netlink_request request;

	netlink_begin(&request, RTM_GETADDR, NLM_F_DUMP, &head, sizeof(head));
	return netlink_ask(fd, &request, &reader);
}

/* --- routes --------------------------------------------------------------- */

static bool is_hop_over(struct netlink_span hops, int ifindex)
{
	struct rtnexthop hop;

	while (hops.len >= sizeof(hop)) {
		memcpy(&hop, hops.at, sizeof(hop));
		if (hop.rtnh_ifindex == ifindex) {
			return true;
		}
		size_t step = RTNH_ALIGN(hop.rtnh_len);
		if (hop.rtnh_len < sizeof(hop) || step > hops.len) {
			return false;
		}
		hops.at += step;
		hops.len -= step;
	}
	return false;
}

/* Every interface has fe80::/64, and that says nothing. */
static bool is_link_local_route(const struct rtmsg *head, const struct netlink_attr *attr)
{
	uint8_t bytes[16];

	return head->rtm_dst_len >= 10 && address_len(head->rtm_family) > 0 &&
	       netlink_get(attr, bytes, address_len(head->rtm_family)) &&
	       is_link_local(head->rtm_family, bytes);
}

static void read_route(void *ctx, uint16_t type, struct netlink_span body)
{
	struct nic *nic = ctx;
	struct rtmsg head;
	struct netlink_attr attr;
	bool over = false;
	bool local = false;

	if (type != RTM_NEWROUTE || !netlink_take(&body, &head, sizeof(head))) {
		return;
	}
	uint32_t table = head.rtm_table;
	while (netlink_next(&body, &attr)) {
		int oif = 0;
		if (attr.type == RTA_TABLE) {
			netlink_get(&attr, &table, sizeof(table));
		} else if (attr.type == RTA_OIF && netlink_get(&attr, &oif, sizeof(oif))) {
			over = over || oif == nic->ifindex;
		} else if (attr.type == RTA_MULTIPATH) {
			over = over || is_hop_over(attr.value, nic->ifindex);
		} else if (attr.type == RTA_DST) {
			local = is_link_local_route(&head, &attr);
		}
	}
	if (over && !local && table == RT_TABLE_MAIN) {
		nic->routes++;
	}
}

/* The kernel picks the interface's (since 4.20): a router has a million others. */
static int read_routes_of(int fd, struct nic *nic, int family)
{
	struct rtmsg head = {.rtm_family = (uint8_t)family, .rtm_table = RT_TABLE_MAIN};
	struct netlink_reader reader = {read_route, nic};
	struct netlink_request request;

	netlink_begin(&request, RTM_GETROUTE, NLM_F_DUMP, &head, sizeof(head));
	netlink_put(&request, RTA_OIF, &nic->ifindex, sizeof(nic->ifindex));
	int err = netlink_ask(fd, &request, &reader);
	/* A table that nothing was ever put into does not exist. */
	return err == -ENOENT ? 0 : err;
}

static int read_routes(int fd, struct nic *nic)
{
	int err = read_routes_of(fd, nic, AF_INET);

	/* A kernel without IPv6 has no such routes. */
	return err == 0 && read_routes_of(fd, nic, AF_INET6) == -EINTR ? -EINTR : err;
}

/* --- queueing disciplines ------------------------------------------------- */

static void read_qdisc(void *ctx, uint16_t type, struct netlink_span body)
{
	struct nic *nic = ctx;
	struct tcmsg head;
	struct netlink_attr attr;

	if (type != RTM_NEWQDISC || !netlink_take(&body, &head, sizeof(head)) ||
	    head.tcm_ifindex != nic->ifindex) {
		return;
	}
	while (netlink_next(&body, &attr)) {
		char kind[16];
		if (attr.type == TCA_KIND) {
			netlink_get_text(&attr, kind, sizeof(kind));
			nic->clsact = nic->clsact || strcmp(kind, "clsact") == 0 ||
				      strcmp(kind, "ingress") == 0;
		}
	}
}

static int read_qdiscs(int fd, struct nic *nic)
{
	struct tcmsg head = {.tcm_family = AF_UNSPEC};
	struct netlink_reader reader = {read_qdisc, nic};
	struct netlink_request request;

	netlink_begin(&request, RTM_GETQDISC, NLM_F_DUMP, &head, sizeof(head));
	int err = netlink_ask(fd, &request, &reader);
	return err == -EINTR ? err : 0;
}

/* --- all of it ------------------------------------------------------------ */

int nic_netlink_read(struct nic *nic, const char *iface)
{
	int fd = netlink_open(NETLINK_ROUTE);

	if (fd < 0) {
		return fd;
	}
	int err = read_own_link(fd, iface, nic);
	if (err == 0) {
		err = read_addresses(fd, nic);
	}
	if (err == 0) {
		err = read_routes(fd, nic);
	}
	if (err == 0) {
		err = read_qdiscs(fd, nic);
	}
	close(fd);
	return err;
}
