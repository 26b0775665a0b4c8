/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a capture engine says about itself to capladder, and to people:
 * --capabilities (what holds everywhere) and --probe (whether it works here).
 * The schema is docs/capabilities.schema.json.
 */
#ifndef TL_ABILITIES_H
#define TL_ABILITIES_H

#include <stdbool.h>

struct tl_abilities {
	const char *name; /* of the program */
	bool zero_copy;
	bool kernel_offload;
	bool requires_root; /* or capabilities */
	bool emits_flows;
	bool emits_raw_packets;
	double max_throughput_mpps; /* measured; docs/design.md. 0: does not capture itself */
};

/* Whether it can be used here, and in which mode or why not. */
struct tl_answer {
	bool usable;
	const char *mode; /* when usable */
	char reason[256]; /* when not: what a person can act on */
};

/*
 * One JSON object, or key=value lines when `plain`, on stdout. `answer` may be 0. 0, or -errno of
 * stdout.
 */
int tl_abilities_print(const struct tl_abilities *abilities, const struct tl_answer *answer,
		       bool plain);

#endif
