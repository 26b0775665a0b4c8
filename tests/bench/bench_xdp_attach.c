/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench_xdp_attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_xdp.h"
#include "bench_xdp.skel.h"
#include "clock.h"
#include "log.h"
#include "service.h"

const char *const attach_kinds[] = {"none", "drop", "pass", 0};

static uint64_t counted(const struct bench_xdp_bpf *skel)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*values));
	uint32_t zero = 0;
	uint64_t sum = 0;

	if (values && bpf_map_lookup_elem(bpf_map__fd(skel->maps.counted), &zero, values) == 0) {
		for (int i = 0; i < cpus; i++) {
			sum += values[i];
		}
	}
	free(values);
	return sum;
}

static int attach(const struct bpf_program *program, const char *iface)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int link = bpf_link_create(bpf_program__fd(program), (int)if_nametoindex(iface), BPF_XDP,
				   &opts);

	if (link < 0) {
		tl_log_err("attach to %s: %s", iface, strerror(errno));
		return -errno;
	}
	return link; /* ends with the process */
}

int attach_and_count(unsigned int kind, const char *iface, int ready_fd)
{
	struct bench_xdp_bpf *skel = bench_xdp_bpf__open_and_load();

	if (!skel) {
		tl_log_err("load the BPF programs: %s (run as root)", strerror(errno));
		return -errno;
	}
	int err = attach(kind == 1 ? skel->progs.bench_drop : skel->progs.bench_pass, iface);
	if (err >= 0) {
		err = tl_service_ready(ready_fd);
		while (!tl_service_stopping()) {
			tl_service_wait(TL_SECOND_NS);
		}
		printf("packets=%" PRIu64 "\n", counted(skel));
	}
	bench_xdp_bpf__destroy(skel);
	return err;
}
