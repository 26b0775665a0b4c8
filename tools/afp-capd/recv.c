/* SPDX-License-Identifier: BSD-2-Clause */
#include "recv.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "clock.h"
#include "log.h"

enum {
	BATCH = 64, /* messages a system call: two bursts */
};

/* Room for the two control messages that are asked for. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata)) +
		   CMSG_SPACE(sizeof(struct timespec))];
};

/* Where one packet and what the kernel says about it go. */
struct slot {
	struct virtio_net_hdr vnet;
	struct sockaddr_ll from;
	union control control;
	struct iovec iov[2];
	uint8_t *data;
};

struct receiver {
	int fd; /* borrowed */
	uint32_t snaplen;
	uint32_t room; /* bytes of the socket's buffer */
	unsigned int count;
	unsigned int at; /* messages of the batch already given out */
	double most_full;
	uint8_t *memory;
	struct mmsghdr messages[BATCH];
	struct slot slots[BATCH];
};

/* --- open and close ------------------------------------------------------------------ */

static int set_option(const struct tl_afp *afp, int level, int option, const char *name)
{
	int on = 1;

	if (setsockopt(afp->fd, level, option, &on, sizeof(on)) == 0) {
		return 0;
	}
	int err = tl_afp_errno();
	tl_log_err("%s: %s: %s", afp->iface, name, strerror(-err));
	return err;
}

/* Past net.core.rmem_max only with CAP_NET_ADMIN. */
static int set_room(struct receiver *r, const struct tl_afp *afp,
		    const struct tl_ring_config *config)
{
	/* The kernel doubles what it is asked for, and its int must hold that. */
	int wanted = (int)(config->ring_size / 2 > INT32_MAX / 2 ? INT32_MAX / 2
								 : config->ring_size / 2);
	int got = 0;
	socklen_t len = sizeof(got);

	if (setsockopt(afp->fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof(wanted)) < 0) {
		(void)setsockopt(afp->fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted));
	}
	if (getsockopt(afp->fd, SOL_SOCKET, SO_RCVBUF, &got, &len) < 0) {
		return -errno;
	}
	if (got / 2 < wanted && !config->quiet) {
		tl_log_note("%s: a buffer of %d bytes instead of %d (more needs CAP_NET_ADMIN, or "
			    "sysctl net.core.rmem_max)",
			    afp->iface, got, 2 * wanted);
	}
	r->room = (uint32_t)got;
	return 0;
}

static void prepare_slots(struct receiver *r)
{
	for (unsigned int i = 0; i < BATCH; i++) {
		struct slot *slot = &r->slots[i];
		slot->data = r->memory + (size_t)i * r->snaplen;
		slot->iov[0] = (struct iovec){&slot->vnet, sizeof(slot->vnet)};
		slot->iov[1] = (struct iovec){slot->data, r->snaplen};
		r->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &slot->from,
			.msg_iov = slot->iov,
			.msg_iovlen = 2,
			.msg_control = &slot->control,
		};
	}
}

static void close_receiver(void *context)
{
	struct receiver *r = context;

	if (r) {
		free(r->memory);
	}
	free(r);
}

static int open_receiver(void **out, const struct tl_afp *afp, const struct tl_ring_config *config)
{
	struct receiver *r = calloc(1, sizeof(*r));

	if (!r) {
		return -ENOMEM;
	}
	r->fd = afp->fd;
	r->snaplen = config->snaplen;
	r->memory = calloc(BATCH, config->snaplen);
	int err = r->memory ? 0 : -ENOMEM;
	if (err == 0) {
		err = set_option(afp, SOL_PACKET, PACKET_AUXDATA, "PACKET_AUXDATA");
	}
	if (err == 0) {
		err = set_option(afp, SOL_SOCKET, SO_TIMESTAMPNS, "SO_TIMESTAMPNS");
	}
	if (err == 0) {
		err = set_room(r, afp, config);
	}
	if (err < 0) {
		close_receiver(r);
		return err;
	}
	prepare_slots(r);
	*out = r;
	return 0;
}

/* --- reading --------------------------------------------------------------------------- */

static int receive(struct receiver *r)
{
	for (unsigned int i = 0; i < BATCH; i++) {
		r->messages[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_ll);
		r->messages[i].msg_hdr.msg_controllen = sizeof(union control);
	}
	int got = recvmmsg(r->fd, r->messages, BATCH, MSG_DONTWAIT, 0);
	if (got < 0 && errno == EINVAL) {
		/* A kind of merged packet that the virtio header has no name for (UDP
		 * fragmentation offload from a tap device): the kernel threw it away. */
		return -EBADMSG;
	}
	if (got < 0) {
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	}
	r->count = (unsigned int)got;
	r->at = 0;
	return got;
}

/* A full batch: there may be more behind it. */
static void note_fill(struct receiver *r)
{
	uint32_t memory[SK_MEMINFO_VARS];
	socklen_t len = sizeof(memory);

	if (r->count < BATCH || getsockopt(r->fd, SOL_SOCKET, SO_MEMINFO, memory, &len) < 0) {
		return;
	}
	double use = (double)memory[SK_MEMINFO_RMEM_ALLOC] / r->room;
	use = use > 1 ? 1 : use;
	r->most_full = use > r->most_full ? use : r->most_full;
}

static void take_control(struct msghdr *header, struct tpacket_auxdata *aux, uint64_t *ns)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
			memcpy(aux, CMSG_DATA(c), sizeof(*aux));
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec ts;
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			*ns = (uint64_t)ts.tv_sec * TL_SECOND_NS + (uint64_t)ts.tv_nsec;
		}
	}
}

static void fill_frame(struct tl_frame *frame, struct mmsghdr *message, const struct slot *slot)
{
	struct tpacket_auxdata aux = {0};
	uint32_t got = message->msg_len > sizeof(slot->vnet)
			       ? message->msg_len - (uint32_t)sizeof(slot->vnet)
			       : 0;

	frame->ns = 0;
	take_control(&message->msg_hdr, &aux, &frame->ns);
	frame->data = slot->data;
	frame->len = got;
	frame->wire_len = aux.tp_len > got ? aux.tp_len : got;
	struct tl_afp_meta meta = {
		.vnet = &slot->vnet,
		.from = &slot->from,
		.mac_len = (uint32_t)(aux.tp_net - aux.tp_mac),
		.status = aux.tp_status,
		.vlan_tci = aux.tp_vlan_tci,
	};
	tl_afp_describe(frame, &meta);
}

static int next_frames(void *context, struct tl_frame *frames)
{
	struct receiver *r = context;
	unsigned int count = 0;

	if (r->at == r->count) {
		r->count = 0;
		r->at = 0;
		int got = receive(r);
		if (got <= 0) {
			return got;
		}
		note_fill(r);
	}
	while (count < TL_METER_BURST && r->at < r->count) {
		fill_frame(&frames[count++], &r->messages[r->at], &r->slots[r->at]);
		r->at++;
	}
	return (int)count;
}

static double take_utilization(void *context)
{
	struct receiver *r = context;
	double use = r->most_full;

	r->most_full = 0;
	return use;
}

const struct tl_ring_engine tl_recv_engine = {
	.name = "afp-capd",
	.mode = "recvmmsg",
	.summary = "Flows from a packet socket (recvmmsg).",
	.max_throughput_mpps = 0.5,
	.open = open_receiver,
	.next = next_frames,
	.take_utilization = take_utilization,
	.close = close_receiver,
};
