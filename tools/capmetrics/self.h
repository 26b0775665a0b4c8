/* SPDX-License-Identifier: BSD-2-Clause */
/* What capmetrics reports of itself, to itself, as any other tool does. */
#ifndef CAPMETRICS_SELF_H
#define CAPMETRICS_SELF_H

#include "feed.h"
#include "inbox.h"
#include "web.h"

struct self {
	const struct web *web;
	struct inbox *inbox;
	const struct ledger *ledger;
	const struct news *news;
	const struct feed *feed; /* 0 = none */
	const char *place;	 /* where it listens */
	struct tl_metrics *metrics;
};

/* Once all but `metrics` is filled in, and stays. 0 or -errno. */
int self_open(struct self *self);
void self_close(struct self *self);

/* For --list-metrics. 0 or -EIO. */
int self_print_table(void);

/* One or two lines. */
void self_log(const struct self *self);

#endif
