/* SPDX-License-Identifier: BSD-2-Clause */
#include "port.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"

int port_enter_netns(const char *name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 || setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
	if (fd >= 0) {
		close(fd);
	}
	if (err < 0) {
		tl_log_err("network namespace %s: %s", name, strerror(-err));
	}
	return err;
}

static int ethtool(const char *iface, void *command)
{
	struct ifreq request = {.ifr_data = command};
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", iface);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -errno;
	}
	int err = ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* The statistics of `ethtool -S`: names and values of the same length. */
struct stats {
	struct ethtool_gstrings *names;
	struct ethtool_stats *values;
};

static void stats_free(struct stats *stats)
{
	free(stats->names);
	free(stats->values);
}

static int stats_read(const char *iface, struct stats *stats)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	int err = ethtool(iface, &info);
	if (err < 0) {
		return err;
	}
	uint32_t n = info.n_stats;
	stats->names = calloc(1, sizeof(*stats->names) + (size_t)n * ETH_GSTRING_LEN);
	stats->values = calloc(1, sizeof(*stats->values) + (size_t)n * sizeof(uint64_t));
	if (!stats->names || !stats->values) {
		return -ENOMEM;
	}
	stats->names->cmd = ETHTOOL_GSTRINGS;
	stats->names->string_set = ETH_SS_STATS;
	stats->names->len = n;
	stats->values->cmd = ETHTOOL_GSTATS;
	stats->values->n_stats = n;
	err = ethtool(iface, stats->names);
	return err < 0 ? err : ethtool(iface, stats->values);
}

/* The sum over the names that begin and end like that; false when there is none. */
static bool stats_sum(const struct stats *stats, const char *begin, const char *end, uint64_t *sum)
{
	bool found = false;
	*sum = 0;
	for (uint32_t i = 0; i < stats->values->n_stats; i++) {
		char name[ETH_GSTRING_LEN + 1] = "";
		memcpy(name, stats->names->data + i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
		size_t len = strlen(name);
		size_t end_len = strlen(end);
		if (strncmp(name, begin, strlen(begin)) == 0 && len >= end_len &&
		    strcmp(name + len - end_len, end) == 0) {
			*sum += stats->values->data[i];
			found = true;
		}
	}
	return found;
}

int port_counts(const struct port *port, struct port_counts *counts)
{
	struct stats stats = {0};
	int err = stats_read(port->iface, &stats);
	if (err == 0 && (!stats_sum(&stats, "tx_queue_", "_xdp_xmit", &counts->sent) ||
			 !stats_sum(&stats, "tx_queue_", "_xdp_xmit_errors", &counts->errors))) {
		err = -EOPNOTSUPP;
	}
	stats_free(&stats);
	return err;
}

int port_open(struct port *port, const char *iface)
{
	struct port_counts counts;

	*port = (struct port){.iface = iface, .ifindex = (int)if_nametoindex(iface)};
	if (port->ifindex == 0) {
		tl_log_err("-i %s: no such interface here; --netns names another namespace", iface);
		return -ENODEV;
	}
	int err = port_counts(port, &counts);
	if (err < 0) {
		tl_log_err("-i %s: no xdp_xmit counters, so what is sent could not be known; "
			   "use a veth",
			   iface);
	}
	return err;
}

void port_close(struct port *port)
{
	bpf_link__destroy(port->link);
	port->link = 0;
}

/* The index of the other end in its own namespace; 0 when it is no veth. */
static int peer_of(const char *iface)
{
	struct stats stats = {0};
	uint64_t index = 0;
	if (stats_read(iface, &stats) == 0) {
		stats_sum(&stats, "peer_ifindex", "", &index);
	}
	stats_free(&stats);
	return (int)index;
}

/* An index of another namespace may name somebody else's device here. */
static bool is_peer(const struct port *port, int index)
{
	char name[IF_NAMESIZE];
	return index > 0 && if_indextoname((unsigned int)index, name) &&
	       peer_of(name) == port->ifindex;
}

static int attach(struct port *port, int index, struct bpf_program *pass)
{
	port->link = bpf_program__attach_xdp(pass, index);
	if (port->link) {
		return 0;
	}
	int err = -errno;
	/* A program is there already, and serves as well. */
	if (err == -EBUSY || err == -EEXIST) {
		return 0;
	}
	tl_log_err("attach to the other end of %s: %s", port->iface, strerror(-err));
	return err;
}

static int attach_in(struct port *port, const char *netns, int index, struct bpf_program *pass)
{
	int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int err = own < 0 ? -errno : port_enter_netns(netns);
	if (err == 0) {
		err = attach(port, index, pass);
		if (setns(own, CLONE_NEWNET) < 0) {
			err = -errno;
		}
	}
	if (own >= 0) {
		close(own);
	}
	return err;
}

int port_prepare_peer(struct port *port, const char *peer_netns, struct bpf_program *pass)
{
	int index = peer_of(port->iface);
	if (peer_netns) {
		return attach_in(port, peer_netns, index, pass);
	}
	return is_peer(port, index) ? attach(port, index, pass) : 0;
}
