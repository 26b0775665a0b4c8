/* SPDX-License-Identifier: BSD-2-Clause */
/* What evcat reports to capmetrics: what came in, and was damaged. */
#ifndef EVCAT_TELL_H
#define EVCAT_TELL_H

#include "metrics.h"

struct input_counts;

/* Reports to `url` (0: to nobody) by tl_metrics_tick. `counts` is borrowed. 0 or -errno. */
int tell_open(struct tl_metrics **out, const struct input_counts *counts, const char *url,
	      const char *place, bool insecure);

/* For --list-metrics. 0 or -EIO. */
int tell_print_table(void);

#endif
