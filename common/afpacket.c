/* SPDX-License-Identifier: BSD-2-Clause */
#include "afpacket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fanout.h"
#include "log.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23 /* Linux 4.20 */
#endif

int tl_afp_errno(void)
{
	return errno == EINVAL || errno == ENOPROTOOPT ? -EOPNOTSUPP : -errno;
}

static int set_option(const struct tl_afp *afp, int option, const void *value, socklen_t len,
		      const char *name)
{
	if (setsockopt(afp->fd, SOL_PACKET, option, value, len) == 0) {
		return 0;
	}
	int err = tl_afp_errno();
	tl_log_err("%s: %s: %s", afp->iface, name, strerror(-err));
	return err;
}

static int attach_filter(const struct tl_afp *afp, const struct sock_fprog *program)
{
	if (setsockopt(afp->fd, SOL_SOCKET, SO_ATTACH_FILTER, program, sizeof(*program)) == 0) {
		return 0;
	}
	int err = tl_afp_errno();
	tl_log_err("%s: cannot attach the filter: %s", afp->iface, strerror(-err));
	return err;
}

static int refuse_all(const struct tl_afp *afp)
{
	struct sock_filter refuse = {.code = BPF_RET | BPF_K, .k = 0};
	struct sock_fprog program = {.len = 1, .filter = &refuse};

	return attach_filter(afp, &program);
}

static int find_interface(struct tl_afp *afp)
{
	if (strcmp(afp->iface, "any") == 0) {
		return 0;
	}
	afp->ifindex = (int)if_nametoindex(afp->iface);
	if (afp->ifindex == 0) {
		tl_log_err("%s: no such interface ('ip link' lists them)", afp->iface);
		return -ENODEV;
	}
	return 0;
}

static int open_socket(struct tl_afp *afp)
{
	/* Protocol 0: nothing is delivered before bind names one. */
	afp->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (afp->fd >= 0) {
		return 0;
	}
	int err = tl_afp_errno();
	tl_log_err("%s: cannot open a packet socket: %s%s", afp->iface, strerror(-err),
		   err == -EPERM ? ": needs CAP_NET_RAW (run as root, or setcap cap_net_raw+ep)"
				 : "");
	return err;
}

static int ignore_outgoing(const struct tl_afp *afp)
{
	int on = 1;

	/* The filter refuses them too; this spares the kernel the copy. */
	if (setsockopt(afp->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0) {
		tl_log_debug("%s: PACKET_IGNORE_OUTGOING: %s", afp->iface, strerror(errno));
	}
	return 0;
}

static int join_promiscuous(const struct tl_afp *afp)
{
	struct packet_mreq request = {.mr_ifindex = afp->ifindex, .mr_type = PACKET_MR_PROMISC};

	return set_option(afp, PACKET_ADD_MEMBERSHIP, &request, sizeof(request),
			  "promiscuous mode");
}

int tl_afp_open(struct tl_afp *afp, const struct tl_afp_config *config)
{
	int on = 1;

	*afp = (struct tl_afp){.fd = -1, .iface = config->iface};
	pthread_mutex_init(&afp->lock, 0);
	int err = find_interface(afp);
	if (err == 0) {
		err = open_socket(afp);
	}
	if (err == 0) {
		err = set_option(afp, PACKET_VNET_HDR, &on, sizeof(on), "PACKET_VNET_HDR");
	}
	if (err == 0 && config->direction == TL_FILTER_IN) {
		err = ignore_outgoing(afp);
	}
	if (err == 0) {
		err = refuse_all(afp);
	}
	if (err == 0 && config->promiscuous && afp->ifindex != 0) {
		err = join_promiscuous(afp);
	}
	return err;
}

void tl_afp_close(struct tl_afp *afp)
{
	if (afp->fd >= 0) {
		close(afp->fd);
	}
	afp->fd = -1;
}

static int bind_one(const struct tl_afp *afp)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = afp->ifindex,
	};

	if (bind(afp->fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		return 0;
	}
	int err = tl_afp_errno();
	tl_log_err("%s: cannot bind: %s", afp->iface, strerror(-err));
	return err;
}

/* An interface that is down binds with this error pending; packets come once it is up. */
static void clear_error(const struct tl_afp *afp)
{
	int pending;
	socklen_t len = sizeof(pending);

	if (getsockopt(afp->fd, SOL_SOCKET, SO_ERROR, &pending, &len) == 0 && pending != 0) {
		tl_log_note("%s: %s: waiting for packets", afp->iface, strerror(pending));
	}
}

int tl_afp_bind(struct tl_afp *group, unsigned int count)
{
	int id = -1;

	for (unsigned int i = 0; i < count; i++) {
		int err = bind_one(&group[i]);
		if (err == 0 && count > 1) {
			err = tl_fanout_join(group[i].fd, &id, group[i].iface);
		}
		if (err < 0) {
			return err;
		}
		clear_error(&group[i]);
	}
	return 0;
}

int tl_afp_start(struct tl_afp *afp, const struct bpf_program *filter)
{
	/* libpcap's and the kernel's instruction are the same eight bytes. */
	struct sock_fprog program = {
		.len = (unsigned short)filter->bf_len,
		.filter = (struct sock_filter *)(void *)filter->bf_insns,
	};

	_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "same instruction");
	tl_afp_counts(afp);
	afp->counts = (struct tl_afp_counts){0};
	return attach_filter(afp, &program);
}

int tl_afp_stop(struct tl_afp *afp)
{
	return refuse_all(afp);
}

struct tl_afp_counts tl_afp_counts(struct tl_afp *afp)
{
	/* V3 rings have one counter more than sockets without a ring. */
	struct tpacket_stats_v3 stats = {0};
	socklen_t len = sizeof(stats);

	pthread_mutex_lock(&afp->lock);
	if (getsockopt(afp->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0) {
		/* tp_packets includes what was dropped. The two are cleared one after
		 * the other, so only the running sums are exact. */
		afp->counts.stored += (uint64_t)stats.tp_packets - stats.tp_drops;
		afp->counts.drops += stats.tp_drops;
	}
	struct tl_afp_counts counts = afp->counts;
	pthread_mutex_unlock(&afp->lock);
	return counts;
}

int tl_afp_check(const struct tl_afp *afp)
{
	struct sockaddr_ll address;
	socklen_t len = sizeof(address);
	int pending;
	socklen_t pending_len = sizeof(pending);

	/* Taking the error is what makes poll wait again. */
	(void)getsockopt(afp->fd, SOL_SOCKET, SO_ERROR, &pending, &pending_len);
	if (getsockname(afp->fd, (struct sockaddr *)&address, &len) == 0 &&
	    address.sll_ifindex == afp->ifindex) {
		return 0;
	}
	return -ENODEV;
}
