/* SPDX-License-Identifier: BSD-2-Clause */
/* The options that every capture daemon has, checked. */
#ifndef TL_CAPD_OPTIONS_H
#define TL_CAPD_OPTIONS_H

#include "filter.h"
#include "opt.h"

struct tl_capd_engine;

enum tl_capd_probe {
	TL_CAPD_PROBE_NO,
	TL_CAPD_PROBE_ATTACH, /* try all of it */
	TL_CAPD_PROBE_LOAD,   /* leave the interface alone */
};

struct tl_capd_options {
	struct tl_opt_list interfaces;
	const char *filter;	    /* 0: everything */
	struct tl_opt_list outputs; /* none = stdout */
	unsigned int direction;	    /* index into in, out, both */
	uint64_t count;		    /* packets after which to stop; 0 = never */
	uint64_t duration_ns;	    /* after which to stop; 0 = never */
	uint64_t flows;
	uint64_t every;
	uint64_t idle_ns;
	uint64_t active_ns;
	uint64_t linger_ns;
	bool community_id;
	uint64_t window;
	const char *stats_url;
	bool list_metrics;
	uint64_t ready_fd;
	const char *state;   /* where to tell what was counted; 0: nowhere */
	const char *cut;     /* where to read from or until when to count; 0: nowhere */
	bool standby;	     /* count nothing before that */
	char *joined_filter; /* of the words after the options; owned */
	unsigned int probe;  /* enum tl_capd_probe */
	bool no_promisc;
	bool insecure;
	bool no_acks;
	const char *ack_url;
	bool capabilities;
	bool plain;
};

/*
 * Allocates them, with those of the engine behind. 1 and *out; 0 when the
 * answer is already on stdout (--help); -EINVAL after one logged line. Release
 * with tl_capd_options_free in any case.
 */
int tl_capd_options_parse(struct tl_capd_options **out, const struct tl_capd_engine *engine,
			  int argc, char **argv);
void tl_capd_options_free(struct tl_capd_options *options);

/* What follows from them. */
enum tl_filter_direction tl_capd_options_direction(const struct tl_capd_options *options);

#endif
