/* SPDX-License-Identifier: BSD-2-Clause */
/* The sources of which nic_read is made. None logs. */
#ifndef XDP_FLOWD_NIC_PRIVATE_H
#define XDP_FLOWD_NIC_PRIVATE_H

#include "nic.h"

/*
 * Everything that rtnetlink tells; sets name and ifindex, which the others need.
 * -EINTR when it changed meanwhile: ask again with a zeroed `nic`.
 */
int nic_netlink_read(struct nic *nic, const char *iface);

/* What the driver announces to be able to do with XDP (Linux 6.3). */
void nic_xdp_features_read(struct nic *nic);

/* Driver, channels, features. What is not told stays unknown. */
void nic_ethtool_read(struct nic *nic);

/* The names and holders of the programs in nic->xdp, and the tcx hooks. */
void nic_hooks_read(struct nic *nic);

#endif
