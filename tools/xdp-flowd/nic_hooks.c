/* SPDX-License-Identifier: BSD-2-Clause */
#include "nic_private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.6; the headers of Debian 12 and libbpf 1.1 have neither. */
enum {
	TCX_INGRESS = 46,
	TCX_EGRESS = 47,
};

/* What BPF_PROG_QUERY takes since Linux 6.6; older kernels refuse the hook before the length. */
struct tcx_query {
	uint32_t ifindex;
	uint32_t attach_type;
	uint32_t query_flags;
	uint32_t attach_flags;
	uint64_t prog_ids;
	uint32_t count;
	uint32_t zero;
	uint64_t prog_attach_flags;
	uint64_t link_ids;
	uint64_t link_attach_flags;
	uint64_t revision;
} __attribute__((aligned(8)));

/* "" when it is gone or we may not look (CAP_SYS_ADMIN). */
static void read_name(struct nic_program *program)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(program->id);

	if (fd >= 0) {
		(void)bpf_obj_get_info_by_fd(fd, &info, &len);
		close(fd);
	}
	snprintf(program->name, sizeof(program->name), "%.*s", (int)sizeof(info.name), info.name);
}

static int link_info(uint32_t id, struct bpf_link_info *info)
{
	uint32_t len = sizeof(*info);
	int fd = bpf_link_get_fd_by_id(id);

	*info = (struct bpf_link_info){0};
	if (fd < 0) {
		return fd;
	}
	int err = bpf_obj_get_info_by_fd(fd, info, &len);
	close(fd);
	return err;
}

/* Only a walk over all links tells; without the right to it the holder stays unknown. */
static void find_xdp_holder(struct nic_program *program, int ifindex)
{
	struct bpf_link_info info;
	uint32_t id = 0;
	int err;

	while ((err = bpf_link_get_next_id(id, &id)) == 0) {
		int denied = link_info(id, &info);
		if (denied == -EPERM) {
			return;
		}
		if (denied == 0 && info.type == BPF_LINK_TYPE_XDP && info.prog_id == program->id &&
		    (int)info.xdp.ifindex == ifindex) {
			program->holder = NIC_HELD_BY_LINK;
			program->link_id = id;
			return;
		}
	}
	program->holder = err == -ENOENT ? NIC_HELD_ALONE : NIC_HELD_UNKNOWN;
}

static void read_xdp_hook(struct nic *nic)
{
	for (unsigned int i = 0; i < NIC_XDP_MODES; i++) {
		struct nic_program *program = &nic->xdp[i];
		if (program->id != 0) {
			read_name(program);
			find_xdp_holder(program, nic->ifindex);
		}
	}
}

static void read_tcx_hook(struct nic_tcx *tcx, int ifindex, uint32_t attach_type)
{
	uint32_t programs[NIC_TCX_MAX] = {0};
	uint32_t links[NIC_TCX_MAX] = {0};
	struct tcx_query query = {
		.ifindex = (uint32_t)ifindex,
		.attach_type = attach_type,
		.prog_ids = (uintptr_t)programs,
		.count = NIC_TCX_MAX,
		.link_ids = (uintptr_t)links,
	};

	/* ENOSPC: there are more than we asked for, and count tells how many. */
	if (syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof(query)) < 0 && errno != ENOSPC) {
		return;
	}
	tcx->known = true;
	tcx->count = query.count;
	for (unsigned int i = 0; i < query.count && i < NIC_TCX_MAX; i++) {
		struct nic_program *program = &tcx->programs[i];
		program->id = programs[i];
		program->link_id = links[i];
		program->holder = links[i] != 0 ? NIC_HELD_BY_LINK : NIC_HELD_ALONE;
		read_name(program);
	}
}

void nic_hooks_read(struct nic *nic)
{
	read_xdp_hook(nic);
	read_tcx_hook(&nic->tcx_in, nic->ifindex, TCX_INGRESS);
	read_tcx_hook(&nic->tcx_out, nic->ifindex, TCX_EGRESS);
}
