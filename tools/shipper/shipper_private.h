/* SPDX-License-Identifier: BSD-2-Clause */
/* What running the program and telling about it share. */
#ifndef SHIPPER_PRIVATE_H
#define SHIPPER_PRIVATE_H

#include "inlet.h"
#include "lane.h"
#include "metrics.h"
#include "shipper.h"
#include "sinks.h"

struct shipper {
	const struct options *options;
	unsigned int sink_count;
	char names[STORE_SINKS_MAX][SINK_NAME_LEN];
	struct sink_config sink_configs[STORE_SINKS_MAX];
	struct sink *sinks[STORE_SINKS_MAX]; /* until they are a lane's */
	struct lane *lanes[STORE_SINKS_MAX];
	struct store *store;
	struct tl_intake *intake;
	struct tl_hop_in *in;
	struct acks *acks;
	struct inlet *inlet;
	uint64_t quota; /* bytes that may wait for a sink */
	struct tl_metrics *metrics;
};

/* Reports counters to --stats from now on. 0 or -errno, as tl_metrics_open. */
int shipper_open_metrics(struct shipper *s);

/* The counters, one line for the input and one for each sink. */
void shipper_say_stats(const struct shipper *s);

/* What a sink still has to be given; none when nobody reads it any more. */
uint64_t shipper_left(const struct shipper *s, unsigned int sink, uint64_t *batches);

/* Says what stays undelivered; an exit code. */
int shipper_say_left(const struct shipper *s);

#endif
