/* SPDX-License-Identifier: BSD-2-Clause */
#include "nic_private.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	FEATURES_MAX = 512, /* bits; Linux 6.18 has 64 */
	BLOCKS_MAX = FEATURES_MAX / 32,
};

/* The kernel's names, and ethtool's for those that it has always had one of its own for. */
static const struct {
	const char *kernel;
	const char *shown;
} feature_names[NIC_FEATURE_COUNT] = {
	[NIC_RX_VLAN] = {"rx-vlan-hw-parse", "rxvlan"},
	[NIC_RX_VLAN_STAG] = {"rx-vlan-stag-hw-parse", "rx-vlan-stag-hw-parse"},
	[NIC_TX_VLAN] = {"tx-vlan-hw-insert", "txvlan"},
	[NIC_GRO] = {"rx-gro", "gro"},
	[NIC_LRO] = {"rx-lro", "lro"},
	[NIC_GRO_HW] = {"rx-gro-hw", "rx-gro-hw"},
	[NIC_TSO] = {"tx-tcp-segmentation", "tso"},
	[NIC_GSO] = {"tx-generic-segmentation", "gso"},
};

const char *nic_feature_name(enum nic_feature_id id)
{
	return feature_names[id].shown;
}

/* An ethtool command for one interface. */
struct tool {
	int fd;
	struct ifreq request;
};

static int tool_open(struct tool *tool, int ifindex)
{
	*tool = (struct tool){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
	if (tool->fd < 0) {
		return -errno;
	}
	tool->request.ifr_ifindex = ifindex;
	if (ioctl(tool->fd, SIOCGIFNAME, &tool->request) < 0) {
		int err = -errno;
		close(tool->fd);
		return err;
	}
	return 0;
}

static int tool_do(struct tool *tool, void *command)
{
	tool->request.ifr_data = command;
	return ioctl(tool->fd, SIOCETHTOOL, &tool->request) < 0 ? -errno : 0;
}

/* --- features ------------------------------------------------------------- */

/* Where each feature's bit is on this kernel; -1 = it has none. */
struct feature_bits {
	unsigned int count;
	int bit[NIC_FEATURE_COUNT];
};

static int count_features(struct tool *tool, unsigned int *count)
{
	struct {
		struct ethtool_sset_info head;
		uint32_t len;
	} info = {.head = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1u << ETH_SS_FEATURES}};
	int err = tool_do(tool, &info);

	if (err == 0 && (info.head.sset_mask == 0 || info.len == 0 || info.len > FEATURES_MAX)) {
		err = -EOPNOTSUPP;
	}
	*count = err == 0 ? info.len : 0;
	return err;
}

static void match_name(struct feature_bits *bits, int bit, const uint8_t *text)
{
	char name[ETH_GSTRING_LEN + 1] = "";

	memcpy(name, text, ETH_GSTRING_LEN);
	for (unsigned int i = 0; i < NIC_FEATURE_COUNT; i++) {
		if (strcmp(name, feature_names[i].kernel) == 0) {
			bits->bit[i] = bit;
		}
	}
}

static int find_bits(struct tool *tool, struct feature_bits *bits)
{
	memset(bits->bit, 0xff, sizeof(bits->bit));
	int err = count_features(tool, &bits->count);
	if (err < 0) {
		return err;
	}
	struct ethtool_gstrings *names =
		calloc(1, sizeof(*names) + (size_t)bits->count * ETH_GSTRING_LEN);
	if (!names) {
		return -ENOMEM;
	}
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = bits->count;
	err = tool_do(tool, names);
	if (err == 0 && names->len < bits->count) {
		bits->count = names->len;
	}
	for (unsigned int i = 0; err == 0 && i < bits->count; i++) {
		match_name(bits, (int)i, names->data + (size_t)i * ETH_GSTRING_LEN);
	}
	free(names);
	return err;
}

static uint32_t blocks_of(const struct feature_bits *bits)
{
	return (bits->count + 31) / 32;
}

static void read_feature(struct nic_feature *feature,
			 const struct ethtool_get_features_block *blocks, int bit)
{
	const struct ethtool_get_features_block *block = &blocks[bit / 32];
	uint32_t mask = 1u << (bit % 32);

	feature->known = true;
	feature->on = (block->active & mask) != 0;
	feature->fixed = (block->available & mask) == 0 || (block->never_changed & mask) != 0;
}

static int read_features(struct tool *tool, struct nic_feature features[NIC_FEATURE_COUNT])
{
	struct {
		struct ethtool_gfeatures head;
		struct ethtool_get_features_block blocks[BLOCKS_MAX];
	} get = {.head = {.cmd = ETHTOOL_GFEATURES}};
	struct feature_bits bits;
	int err = find_bits(tool, &bits);

	if (err == 0) {
		get.head.size = blocks_of(&bits);
		err = tool_do(tool, &get);
	}
	for (unsigned int i = 0; err == 0 && i < NIC_FEATURE_COUNT; i++) {
		if (bits.bit[i] >= 0 && (uint32_t)bits.bit[i] / 32 < get.head.size) {
			read_feature(&features[i], get.blocks, bits.bit[i]);
		}
	}
	return err;
}

static int write_feature(struct tool *tool, enum nic_feature_id id, bool on)
{
	struct {
		struct ethtool_sfeatures head;
		struct ethtool_set_features_block blocks[BLOCKS_MAX];
	} set = {.head = {.cmd = ETHTOOL_SFEATURES}};
	struct feature_bits bits;
	int err = find_bits(tool, &bits);

	if (err < 0) {
		return err;
	}
	if (bits.bit[id] < 0) {
		return -EOPNOTSUPP;
	}
	uint32_t mask = 1u << (bits.bit[id] % 32);
	set.head.size = blocks_of(&bits);
	set.blocks[bits.bit[id] / 32].valid = mask;
	set.blocks[bits.bit[id] / 32].requested = on ? mask : 0;
	return tool_do(tool, &set);
}

/* The kernel says yes and changes nothing where another feature decides. */
static int check_feature(struct tool *tool, enum nic_feature_id id, bool on)
{
	struct nic_feature features[NIC_FEATURE_COUNT] = {0};
	int err = read_features(tool, features);

	return err == 0 && features[id].on != on ? -EOPNOTSUPP : err;
}

int nic_feature_set(int ifindex, enum nic_feature_id id, bool on)
{
	struct tool tool;
	int err = tool_open(&tool, ifindex);

	if (err < 0) {
		return err;
	}
	err = write_feature(&tool, id, on);
	if (err == 0) {
		err = check_feature(&tool, id, on);
	}
	close(tool.fd);
	return err;
}

/* --- driver and channels -------------------------------------------------- */

static void read_driver(struct tool *tool, struct nic *nic)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

	if (tool_do(tool, &info) == 0) {
		/* As long as the kernel's field, which need not be ended. */
		memcpy(nic->driver, info.driver, sizeof(nic->driver) - 1);
	}
}

static void read_channels(struct tool *tool, struct nic *nic)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	if (tool_do(tool, &channels) == 0) {
		nic->rx_channels = channels.rx_count + channels.combined_count;
		nic->tx_channels = channels.tx_count + channels.combined_count;
		nic->rx_channels_max = channels.max_rx + channels.max_combined;
		nic->rx_is_combined = channels.max_combined > 0;
	}
}

void nic_ethtool_read(struct nic *nic)
{
	struct tool tool;

	if (tool_open(&tool, nic->ifindex) == 0) {
		read_driver(&tool, nic);
		read_channels(&tool, nic);
		(void)read_features(&tool, nic->features);
		close(tool.fd);
	}
}
