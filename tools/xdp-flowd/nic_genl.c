/* SPDX-License-Identifier: BSD-2-Clause */
#include "nic_private.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>
#include <unistd.h>

#include "netlink.h"

/* linux/netdev.h, Linux 6.3. */
enum {
	GENL_NETDEV_DEV_GET = 1,
	GENL_NETDEV_A_IFINDEX = 1,
	GENL_NETDEV_A_XDP_FEATURES = 3,
};

static void read_family(void *ctx, uint16_t type, struct netlink_span body)
{
	uint16_t *family = ctx;
	struct genlmsghdr head;
	struct netlink_attr attr;

	if (type != GENL_ID_CTRL || !netlink_take(&body, &head, sizeof(head))) {
		return;
	}
	while (netlink_next(&body, &attr)) {
		if (attr.type == CTRL_ATTR_FAMILY_ID) {
			netlink_get(&attr, family, sizeof(*family));
		}
	}
}

static int find_family(int fd, const char *name, uint16_t *family)
{
	struct genlmsghdr head = {.cmd = CTRL_CMD_GETFAMILY, .version = 1};
	struct netlink_reader reader = {read_family, family};
	struct netlink_request request;

	*family = 0;
	netlink_begin(&request, GENL_ID_CTRL, 0, &head, sizeof(head));
	netlink_put(&request, CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
	int err = netlink_ask(fd, &request, &reader);
	return err == 0 && *family == 0 ? -ENOENT : err;
}

static void read_xdp_features(void *ctx, uint16_t type, struct netlink_span body)
{
	struct nic *nic = ctx;
	struct genlmsghdr head;
	struct netlink_attr attr;

	(void)type;
	if (!netlink_take(&body, &head, sizeof(head))) {
		return;
	}
	while (netlink_next(&body, &attr)) {
		if (attr.type == GENL_NETDEV_A_XDP_FEATURES) {
			nic->xdp_features_known =
				netlink_get(&attr, &nic->xdp_features, sizeof(nic->xdp_features));
		}
	}
}

void nic_xdp_features_read(struct nic *nic)
{
	struct genlmsghdr head = {.cmd = GENL_NETDEV_DEV_GET, .version = 1};
	struct netlink_reader reader = {read_xdp_features, nic};
	struct netlink_request request;
	uint16_t family;
	int fd = netlink_open(NETLINK_GENERIC);

	if (fd < 0) {
		return;
	}
	if (find_family(fd, "netdev", &family) == 0) {
		netlink_begin(&request, family, 0, &head, sizeof(head));
		netlink_put(&request, GENL_NETDEV_A_IFINDEX, &nic->ifindex, sizeof(nic->ifindex));
		(void)netlink_ask(fd, &request, &reader);
	}
	close(fd);
}
