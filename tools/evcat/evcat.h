/* SPDX-License-Identifier: BSD-2-Clause */
/* What evcat was asked to do. */
#ifndef EVCAT_H
#define EVCAT_H

#include "exit.h"
#include "opt.h"
#include "output.h"

enum {
	EVCAT_EXIT_NO_CLOSE = TL_EXIT_TOOL, /* --check: a recording that was not closed */
	EVCAT_STOP_S = TL_OUTPUT_STOP_S,    /* how long a stop may take */
};

enum evcat_sort {
	EVCAT_SORT_BYTES,
	EVCAT_SORT_PACKETS,
	EVCAT_SORT_RATE,
};

struct evcat_config {
	struct tl_opt_list inputs;
	struct tl_opt_list types;
	struct tl_opt_list wheres;
	const char *out; /* 0 = not given */
	bool json;
	bool msgpack;
	bool top;
	bool check;
	bool replay;
	bool same_stream;
	bool fast;
	bool from_json;
	bool insecure;
	bool no_acks;
	const char *ack_url;
	struct tl_opt_list allow_uid;
	double speed;
	uint64_t count; /* 0 = no limit */
	unsigned int sort;
	const char *stats_url;
	bool list_metrics;
	uint64_t ready_fd;
};

/* What a step of the work says; errors are -errno. */
enum evcat_step {
	EVCAT_MORE = 0,
	EVCAT_DONE = TL_OUTPUT_GONE, /* enough, or the reader of our output has gone: a clean end */
};

#endif
