/* SPDX-License-Identifier: BSD-2-Clause */
/* What eve-tail is told on its command line. */
#ifndef EVE_TAIL_OPTIONS_H
#define EVE_TAIL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "opt.h"

enum options_probe { OPTIONS_PROBE_NO, OPTIONS_PROBE_ATTACH, OPTIONS_PROBE_LOAD };

struct options {
	struct tl_opt_list files;
	unsigned int from; /* enum tail_from */
	bool once;
	const char *checkpoint;
	bool no_checkpoint;
	uint64_t max_line;
	bool raw;
	const char *types; /* with commas */
	bool drop_stats;
	bool community_id;
	struct tl_opt_list outputs;
	uint64_t window;
	bool no_acks;
	const char *ack_url;
	bool insecure;
	uint64_t count;	      /* lines after which to stop; 0 = never */
	uint64_t duration_ns; /* 0 = for ever */
	const char *stats_url;
	bool list_metrics;
	uint64_t ready_fd;
	bool capabilities;
	unsigned int probe;
	bool plain;

	char *type_text;   /* owned: `types`, cut */
	const char **kept; /* owned: what --types names, 0-terminated; 0 = all */
};

/* 1; 0 when --help was answered; -EINVAL after one logged line; -ENOMEM. Release with options_fini
   in any case. */
int options_parse(struct options *options, int argc, char **argv);
void options_fini(struct options *options);

/* Of those that select lines. */
uint64_t options_select_hash(const struct options *options);

#endif
