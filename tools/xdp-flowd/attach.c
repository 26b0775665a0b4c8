/* SPDX-License-Identifier: BSD-2-Clause */
#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	/* Not in Debian 12's headers: Linux 6.6. */
	TCX_INGRESS = 46,
	TCX_EGRESS = 47,
	/* Of ours among the filters of clsact: "tl". */
	CLSACT_HANDLE = 0x746c,
	CLSACT_PRIORITY = 0x746c,
};

const char *attach_way_name(enum attach_way way)
{
	static const char *const names[] = {
		[ATTACH_NONE] = "none",
		[ATTACH_XDP_NATIVE] = "xdp",
		[ATTACH_XDP_GENERIC] = "xdp-generic",
		[ATTACH_TCX] = "tcx",
		[ATTACH_CLSACT] = "clsact",
	};

	return names[way];
}

/* --- links: XDP and tcx --------------------------------------------------- */

/* The arguments of BPF_LINK_CREATE as tcx wants them; libbpf 1.1 does not know it. */
struct link_create {
	uint32_t program;
	uint32_t ifindex;
	uint32_t type;
	uint32_t flags;
	uint32_t relative; /* 0 and no flag: behind those that are there */
	uint32_t zero;
	uint64_t revision;
};

static int link_tcx(int ifindex, enum kernel_hook hook, int program)
{
	struct link_create args = {
		.program = (uint32_t)program,
		.ifindex = (uint32_t)ifindex,
		.type = hook == KERNEL_TC_OUT ? TCX_EGRESS : TCX_INGRESS,
	};
	long fd = syscall(SYS_bpf, BPF_LINK_CREATE, &args, sizeof(args));

	/* Before 6.6 the type is unknown. */
	return fd >= 0 ? (int)fd : errno == EINVAL ? -EOPNOTSUPP : -errno;
}

static int link_xdp(int ifindex, int program, uint32_t mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = mode);
	int fd = bpf_link_create(program, ifindex, BPF_XDP, &opts);

	if (fd >= 0) {
		return fd;
	}
	/* The other mode is in use; the driver refuses the program as it is. */
	return errno == EEXIST ? -EBUSY : errno == EINVAL ? -EOPNOTSUPP : -errno;
}

/* --- clsact --------------------------------------------------------------- */

static struct bpf_tc_hook clsact_hook(int ifindex, enum kernel_hook hook)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = ifindex,
		.attach_point = hook == KERNEL_TC_OUT ? BPF_TC_EGRESS : BPF_TC_INGRESS,
	};
}

static int set_clsact(int ifindex, enum kernel_hook hook, int program)
{
	struct bpf_tc_hook at = clsact_hook(ifindex, hook);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY,
		    .prog_fd = program, .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_hook_create(&at);

	if (err < 0 && err != -EEXIST) {
		return err;
	}
	return bpf_tc_attach(&at, &opts);
}

static void unset_clsact(int ifindex, enum kernel_hook hook)
{
	struct bpf_tc_hook at = clsact_hook(ifindex, hook);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);

	bpf_tc_detach(&at, &opts);
}

/* --- all ways ------------------------------------------------------------- */

int attach(struct attachment *out, enum attach_way way, int ifindex, enum kernel_hook hook,
	   int program)
{
	int err = -EOPNOTSUPP;

	if (way == ATTACH_CLSACT) {
		err = set_clsact(ifindex, hook, program);
	} else if (way == ATTACH_TCX) {
		err = link_tcx(ifindex, hook, program);
	} else if (way == ATTACH_XDP_NATIVE) {
		err = link_xdp(ifindex, program, XDP_FLAGS_DRV_MODE);
	} else if (way == ATTACH_XDP_GENERIC) {
		err = link_xdp(ifindex, program, XDP_FLAGS_SKB_MODE);
	}
	if (err < 0) {
		return err;
	}
	*out = (struct attachment){
		.way = way,
		.link = way == ATTACH_CLSACT ? -1 : err,
		.ifindex = ifindex,
		.hook = hook,
	};
	return 0;
}

int attach_replace(const struct attachment *a, int program)
{
	if (a->way == ATTACH_CLSACT) {
		return set_clsact(a->ifindex, a->hook, program);
	}
	return bpf_link_update(a->link, program, 0) < 0 ? -errno : 0;
}

/* libbpf 1.1 has no field for tcx; like XDP's it is the first one. */
bool attach_is_gone(const struct attachment *a)
{
	struct bpf_link_info info = {0};
	uint32_t len = sizeof(info);
	char name[IF_NAMESIZE];

	if (a->way == ATTACH_NONE) {
		return false;
	}
	if (a->way == ATTACH_CLSACT) {
		return !if_indextoname((unsigned int)a->ifindex, name);
	}
	return bpf_obj_get_info_by_fd(a->link, &info, &len) == 0 && info.xdp.ifindex == 0;
}

void attach_end(struct attachment *a)
{
	if (a->way == ATTACH_CLSACT) {
		unset_clsact(a->ifindex, a->hook);
	} else if (a->way != ATTACH_NONE && a->link >= 0) {
		close(a->link);
	}
	*a = (struct attachment){.link = -1};
}
