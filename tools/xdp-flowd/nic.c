/* SPDX-License-Identifier: BSD-2-Clause */
#include "nic.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <stdio.h>
#include <string.h>

#include "nic_private.h"

/* What a dump tells may change while it is read; more often than this it does not. */
enum { ATTEMPTS = 5 };

#ifndef ARPHRD_RAWIP
#define ARPHRD_RAWIP 519
#endif

static const struct {
	unsigned short type;
	enum nic_link_kind kind;
} link_kinds[] = {
	{ARPHRD_ETHER, NIC_LINK_ETHERNET}, {ARPHRD_LOOPBACK, NIC_LINK_ETHERNET},
	{ARPHRD_NONE, NIC_LINK_IP},	   {ARPHRD_PPP, NIC_LINK_IP},
	{ARPHRD_RAWIP, NIC_LINK_IP},	   {ARPHRD_TUNNEL, NIC_LINK_IP},
	{ARPHRD_TUNNEL6, NIC_LINK_IP},	   {ARPHRD_SIT, NIC_LINK_IP},
	{ARPHRD_IPGRE, NIC_LINK_IP},	   {ARPHRD_IP6GRE, NIC_LINK_IP},
};

enum nic_link_kind nic_link_kind(const struct nic *nic)
{
	for (unsigned int i = 0; i < sizeof(link_kinds) / sizeof(link_kinds[0]); i++) {
		if (link_kinds[i].type == nic->type) {
			return link_kinds[i].kind;
		}
	}
	return NIC_LINK_OTHER;
}

enum nic_xdp_mode nic_xdp_mode(const struct nic *nic)
{
	enum nic_xdp_mode mode = NIC_XDP_NATIVE;

	while (mode < NIC_XDP_MODES && nic->xdp[mode].id == 0) {
		mode++;
	}
	return mode;
}

const char *nic_xdp_mode_name(enum nic_xdp_mode mode)
{
	static const char *const names[] = {
		[NIC_XDP_NATIVE] = "native",
		[NIC_XDP_GENERIC] = "generic",
		[NIC_XDP_OFFLOAD] = "offload",
		[NIC_XDP_NONE] = "none",
	};

	return names[mode];
}

/* --- queues of devices that do not tell their channels -------------------- */

/* /sys may be another namespace's, with another device of that name. */
static bool is_in_sysfs(const struct nic *nic)
{
	char path[64];
	int ifindex = 0;

	snprintf(path, sizeof(path), "/sys/class/net/%s/ifindex", nic->name);
	FILE *file = fopen(path, "re");
	if (!file) {
		return false;
	}
	bool same = fscanf(file, "%9d", &ifindex) == 1 && ifindex == nic->ifindex;
	fclose(file);
	return same;
}

static void count_queues(struct nic *nic)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/queues", nic->name);
	DIR *dir = opendir(path);
	if (!dir) {
		return;
	}
	for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		nic->rx_channels += strncmp(entry->d_name, "rx-", 3) == 0;
		nic->tx_channels += strncmp(entry->d_name, "tx-", 3) == 0;
	}
	closedir(dir);
}

int nic_read(struct nic *nic, const char *iface)
{
	/* It may be nic->name. */
	char name[IF_NAMESIZE] = "";
	int err = -EINTR;

	if (iface[0] == '\0' || strlen(iface) >= sizeof(name)) {
		return -ENODEV;
	}
	memcpy(name, iface, strlen(iface));
	for (unsigned int i = 0; i < ATTEMPTS && err == -EINTR; i++) {
		*nic = (struct nic){0};
		err = nic_netlink_read(nic, name);
	}
	if (err < 0) {
		return err;
	}
	nic_xdp_features_read(nic);
	nic_ethtool_read(nic);
	nic_hooks_read(nic);
	if (nic->rx_channels == 0 && is_in_sysfs(nic)) {
		count_queues(nic);
	}
	return 0;
}
