/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet socket that counts exactly: it is set up behind a filter that
 * refuses everything, so that no packet enters before the books are open, and
 * is closed the same way, so that afterwards
 *	packets the kernel stored = packets read.
 *
 * Order: tl_afp_open, [ring set-up by the engine], tl_afp_bind for every
 * socket of the group, then tl_afp_start; tl_afp_stop, read what is left,
 * tl_afp_close. Only open and bind need CAP_NET_RAW. Whoever fails logs.
 *
 * Sources: packet(7), Documentation/networking/packet_mmap.rst,
 * net/packet/af_packet.c.
 */
#ifndef TL_AFPACKET_H
#define TL_AFPACKET_H

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if_arp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "filter.h"
#include "meter.h"

struct tl_afp_config {
	const char *iface; /* "any": all of the namespace */
	enum tl_filter_direction direction;
	bool promiscuous;
};

/* Running totals, in packets as the kernel hands them over (merged ones count as one). */
struct tl_afp_counts {
	uint64_t stored; /* accepted and put into ring or queue */
	uint64_t drops;	 /* accepted, but there was no room */
};

struct tl_afp {
	int fd;
	const char *iface; /* borrowed */
	int ifindex;	   /* 0: any */
	pthread_mutex_t lock;
	struct tl_afp_counts counts; /* under the lock: reading clears the kernel's own */
};

/*
 * 0; -EPERM without CAP_NET_RAW, -ENODEV no such interface, other -errno. The
 * socket has the virtio header, ignores outgoing packets when asked, refuses
 * everything, and is bound to nothing. tl_afp_close accepts a failed one.
 */
int tl_afp_open(struct tl_afp *afp, const struct tl_afp_config *config);
void tl_afp_close(struct tl_afp *afp);

/*
 * Binds the sockets of one interface and joins them to one fanout group when
 * there are several, by the outermost IP addresses only: both directions of a
 * conversation, and the fragments of a datagram, come to the same socket.
 */
int tl_afp_bind(struct tl_afp *group, unsigned int count);

/* From here on what passes `filter` is stored and counted. */
int tl_afp_start(struct tl_afp *afp, const struct bpf_program *filter);
/* Nothing more is stored, once processors that still run the old filter are done. */
int tl_afp_stop(struct tl_afp *afp);

/* Asks the kernel. Thread-safe. */
struct tl_afp_counts tl_afp_counts(struct tl_afp *afp);

/*
 * After a poll or read that failed: 0 when the interface is there (perhaps
 * down: packets come again when it is up), -ENODEV when it was removed.
 */
int tl_afp_check(const struct tl_afp *afp);

/*
 * errno as a return value. What this kernel does not know or have is
 * -EOPNOTSUPP, so that -EINVAL is always the user's mistake.
 */
int tl_afp_errno(void);

/* What the kernel says beside a packet; each engine has it in another place. */
struct tl_afp_meta {
	const struct virtio_net_hdr *vnet;
	const struct sockaddr_ll *from;
	uint32_t mac_len; /* bytes of link header */
	uint32_t status;  /* TP_STATUS_* */
	uint16_t vlan_tci;
};

/*
 * Fills what follows from it: link, direction, interface, tag, segments. data,
 * ns and lengths are set. Inline: it runs for each packet.
 */
static inline void tl_afp_describe(struct tl_frame *frame, const struct tl_afp_meta *meta)
{
	const struct sockaddr_ll *from = meta->from;
	bool ethernet = from->sll_hatype == ARPHRD_ETHER || from->sll_hatype == ARPHRD_LOOPBACK;

	frame->ifindex = (uint32_t)from->sll_ifindex;
	frame->direction = from->sll_pkttype == PACKET_OUTGOING ? TL_DIR_OUT : TL_DIR_IN;
	frame->link = ethernet ? TL_LINK_ETHERNET : TL_LINK_PAYLOAD;
	frame->link_len = ethernet ? 0 : (uint16_t)meta->mac_len;
	frame->protocol = ntohs(from->sll_protocol);
	frame->has_vlan = (meta->status & TP_STATUS_VLAN_VALID) != 0;
	frame->vlan_tci = meta->vlan_tci;
	/* libpcap puts the tag back into the frame; the wire had it, so its length counts. */
	frame->wire_len += frame->has_vlan ? 4 : 0;
	frame->gso_segs = 0;
	frame->gso_size =
		meta->vnet->gso_type == VIRTIO_NET_HDR_GSO_NONE ? 0 : meta->vnet->gso_size;
}

#endif
