/* SPDX-License-Identifier: BSD-2-Clause */
/* One capture file from its first packet to the closing capture_stats. */
#ifndef TL_PCAP_FLOW_RUN_H
#define TL_PCAP_FLOW_RUN_H

#include <pcap/pcap.h>
#include <stdint.h>

#include "capture_file.h"
#include "event.h"
#include "flow_features.h"
#include "outbox.h"

struct run_config {
	const char *name;   /* of the file */
	const char *filter; /* 0 = none */
	uint64_t count;	    /* packets after which to stop; 0 = all */
	struct tl_flowtab_config flows;
	bool community_id;
	struct tl_flow_features_config features;
	struct tl_outbox *outbox; /* borrowed */
	/* Called about each second, while packets come. */
	void (*tick)(void *context);
	void *context;
};

struct run;

/* `source` is borrowed. 0; -EINVAL bad filter; -EBADMSG no capture file; -ENOMEM. Logs. */
int run_open(struct run **out, struct tl_source *source, const struct run_config *config);

/* Until the end of the file, the count, or a stop. 0; -EBADMSG damaged; -EPIPE the reader has gone.
 */
int run_all(struct run *run);

/* Ends the flows and the stream; says what was seen. */
void run_finish(struct run *run);
void run_close(struct run *run);

/* What was counted so far. */
void run_counts(const struct run *run, struct tl_capture_stats *stats,
		struct tl_flowtab_counts *flows);

/* While a pipe has nothing to read: see tl_source_idle. */
void run_idle(void *run);

#endif
