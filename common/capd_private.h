/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the capture daemons' frame share: capd.c runs it, capd_stats.c tells counts. */
#ifndef TL_CAPD_PRIVATE_H
#define TL_CAPD_PRIVATE_H

#include "capd.h"
#include "metrics.h"

enum { TL_CAPD_NAME_MAX = 24 }; /* "/dev/fd/" and a number */

/* The whole program. Ports and workers see `shared` of it. */
struct tl_capd {
	struct tl_capd_shared shared;
	struct tl_capd_options *options;
	struct tl_capd_port *ports[TL_OPT_LIST_MAX];
	unsigned int port_count;
	char output_names[TL_OPT_LIST_MAX][TL_CAPD_NAME_MAX]; /* of the files of -o */
	uint64_t cpu_ns;       /* of the process when it was last asked */
	uint64_t cpu_asked_ns; /* monotonic */
	struct tl_metrics *metrics;
	struct tl_outbox_counts last; /* once the outbox is closed */
	char mode[32];		      /* for the metrics */
};

/* From here on cpu_percent counts. */
void tl_capd_start_cpu(struct tl_capd *capd);

/* capture_stats of every port; `closing`: the last ones. Stops the service when nobody reads. */
void tl_capd_push_stats(struct tl_capd *capd, bool closing);

/* Once the ports run: what the metrics report comes from them. 0 or -errno; logs. */
int tl_capd_open_metrics(struct tl_capd *capd);

/* A line for each port; then what the outbox lost, if anything. */
void tl_capd_print_ports(const struct tl_capd *capd);
void tl_capd_print_window(const struct tl_outbox_counts *counts);

#endif
