/* SPDX-License-Identifier: BSD-2-Clause */
/* What receiver reports to capmetrics. */
#ifndef RECEIVER_TELL_H
#define RECEIVER_TELL_H

#include "metrics.h"
#include "server.h"
#include "writer.h"

/* Both borrowed; there until tl_metrics_close. */
struct tell {
	struct writer *writer;
	const struct server *server;
};

/* Reports to `url` (0: to nobody) by tl_metrics_tick. 0 or -errno, as tl_metrics_open. */
int tell_open(struct tl_metrics **out, struct tell *tell, const char *url, const char *place);

/* For --list-metrics. 0 or -EIO. */
int tell_print_table(void);

#endif
