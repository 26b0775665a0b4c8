/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about a network interface of this namespace, as the kernel tells them
 * now: rtnetlink, ethtool, bpf(2) and, since Linux 6.3, the netdev family of
 * generic netlink. Reading changes nothing. What a kernel, a driver or a lack
 * of privilege does not tell stays unknown, and is no error.
 *
 * Needs no privilege but for the hooks: CAP_NET_ADMIN to list tcx programs,
 * CAP_SYS_ADMIN to name a program or find its link. Nothing logs.
 */
#ifndef XDP_FLOWD_NIC_H
#define XDP_FLOWD_NIC_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the frames of a device begin with. */
enum nic_link_kind {
	NIC_LINK_ETHERNET, /* an Ethernet header */
	NIC_LINK_IP,	   /* an IPv4 or IPv6 header */
	NIC_LINK_OTHER,	   /* something that we cannot parse */
};

enum nic_feature_id {
	NIC_RX_VLAN,	  /* C-tags (802.1Q) leave the frame: ethtool's rxvlan */
	NIC_RX_VLAN_STAG, /* S-tags (802.1ad) do */
	NIC_TX_VLAN,
	NIC_GRO,
	NIC_LRO,
	NIC_GRO_HW,
	NIC_TSO,
	NIC_GSO,
	NIC_FEATURE_COUNT,
};

struct nic_feature {
	bool known;
	bool on;
	bool fixed; /* cannot be changed */
};

/* How a program came to its hook. */
enum nic_holder {
	NIC_HELD_UNKNOWN,
	NIC_HELD_BY_LINK, /* a bpf_link: goes with its owner */
	NIC_HELD_ALONE,	  /* netlink or BPF_PROG_ATTACH: stays until it is taken off */
};

enum { NIC_PROGRAM_NAME = 16 }; /* BPF_OBJ_NAME_LEN; linux/bpf.h and pcap.h exclude each other */

struct nic_program {
	uint32_t id;		     /* 0 = none */
	char name[NIC_PROGRAM_NAME]; /* "" = unknown */
	enum nic_holder holder;
	uint32_t link_id; /* when held by a link */
};

enum nic_xdp_mode {
	NIC_XDP_NATIVE,
	NIC_XDP_GENERIC,
	NIC_XDP_OFFLOAD,
	NIC_XDP_MODES,
	NIC_XDP_NONE = NIC_XDP_MODES,
};

enum { NIC_TCX_MAX = 8 };

/* A tcx hook. */
struct nic_tcx {
	bool known;				  /* the kernel has tcx (6.6) and let us look */
	unsigned int count;			  /* may be more than NIC_TCX_MAX */
	struct nic_program programs[NIC_TCX_MAX]; /* in the order in which they run */
};

/* Bits of xdp_features, from the kernel's NETDEV_XDP_ACT_*. */
enum {
	NIC_XDP_BASIC = 1,     /* native XDP */
	NIC_XDP_FRAGS = 1 << 5 /* frames of more than one buffer */
};

/* The MTU beyond which drivers with buffers of 4 KiB refuse a program without frags. */
enum { NIC_LINEAR_MTU = 3498 };

struct nic {
	char name[IF_NAMESIZE];
	int ifindex;
	unsigned short type; /* ARPHRD_* */
	bool up;
	char kind[16];	 /* of a virtual device: "veth", "bridge"; "" = hardware */
	char driver[32]; /* "" = unknown */
	uint8_t mac[6];	 /* zero when there is none */
	uint32_t mtu;
	uint32_t mtu_min; /* 0 = unknown, as is the next one */
	uint32_t mtu_max;
	unsigned int rx_channels; /* queues in use; 0 = unknown, as are the next ones */
	unsigned int tx_channels;
	unsigned int rx_channels_max;
	bool rx_is_combined; /* queues serve both directions: ethtool -L combined */
	struct nic_feature features[NIC_FEATURE_COUNT];

	/* What it is used for. Link-local ones are neither addresses nor routes here. */
	unsigned int addresses;
	char address[INET6_ADDRSTRLEN]; /* the first of them */
	unsigned int routes;		/* of the main table; connected ones count */
	int master;			/* ifindex of its bridge or bond, 0 = none */

	bool xdp_features_known; /* Linux 6.3 */
	uint64_t xdp_features;	 /* NIC_XDP_BASIC, ... */
	struct nic_program xdp[NIC_XDP_MODES];
	struct nic_tcx tcx_in;
	struct nic_tcx tcx_out;
	bool clsact; /* has that qdisc (or the older ingress) */

	/* The other end of a veth; unknown outside this namespace. */
	int peer_ifindex; /* in its own namespace; 0 = no veth */
	bool peer_here;
	char peer_name[IF_NAMESIZE]; /* "", and 0, unless peer_here */
	uint32_t peer_mtu;
};

/*
 * Fills `nic` for the interface of that name (or alternative name), which may
 * be nic->name.
 * 0; -ENODEV when there is none; -errno when the kernel would not say.
 */
int nic_read(struct nic *nic, const char *iface);

enum nic_link_kind nic_link_kind(const struct nic *nic);

/* The mode in which a program is attached, the one that counts for others before offload. */
enum nic_xdp_mode nic_xdp_mode(const struct nic *nic);

/* "native", "generic", "offload", "none". */
const char *nic_xdp_mode_name(enum nic_xdp_mode mode);

/* As ethtool -k prints it, and as ethtool -K takes it. */
const char *nic_feature_name(enum nic_feature_id id);

/*
 * Switches a feature of the interface with this index, whatever its name has
 * become, and looks whether it took. 0; -EOPNOTSUPP when it is fixed or did
 * not; -ENODEV; -EPERM without CAP_NET_ADMIN. The one function that changes
 * something.
 */
int nic_feature_set(int ifindex, enum nic_feature_id id, bool on);

#endif
