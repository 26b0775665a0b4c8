/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interface wiregen transmits on. A veth takes redirected frames only
 * while its other end has a native XDP program or GRO on. Logs.
 */
#ifndef WIREGEN_PORT_H
#define WIREGEN_PORT_H

#include <stdbool.h>
#include <stdint.h>

struct bpf_link;
struct bpf_program;

struct port {
	const char *iface;
	int ifindex;
	struct bpf_link *link; /* of the program on the other end; 0 = none of ours */
};

/* What the driver counted of frames handed to it by redirection. */
struct port_counts {
	uint64_t sent;
	uint64_t errors; /* the other end's ring was full, or the frame too long */
};

/* Moves the process into the network namespace, a name or a path. 0 or -errno. */
int port_enter_netns(const char *name);

/* 0; -ENODEV, -EOPNOTSUPP (its driver does not count what it transmits). */
int port_open(struct port *port, const char *iface);
void port_close(struct port *port);

/*
 * Attaches `pass` to the other end unless that has a program already, or is in
 * a namespace that was not named (`peer_netns` 0 = the same). The program
 * vanishes with the process. 0 or -errno.
 */
int port_prepare_peer(struct port *port, const char *peer_netns, struct bpf_program *pass);

int port_counts(const struct port *port, struct port_counts *counts);

#endif
