/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies for who only looks: best effort. What a view does not take at once waits in a
 * short queue, and what finds no room there, or nobody connected, is dropped and counted: a view
 * that is slow, or gone, holds up nobody, and what it has got counts for nothing. One thread.
 */
#ifndef BATCHER_VIEWS_H
#define BATCHER_VIEWS_H

#include "hop.h"

enum { VIEWS_MAX = 8 };

struct views {
	struct tl_hop_out *outs[VIEWS_MAX];
	unsigned int count;
	uint64_t sent_events; /* by all */
	uint64_t dropped_events;
};

/* 0, or -errno after one logged line. Close it in any case. */
int views_open(struct views *views, const struct tl_opt_list *urls, bool insecure);
void views_close(struct views *views);

void views_send(struct views *views, const struct tl_msg *msg, uint32_t events);

/* Now and then: finds views that come later. */
void views_look(struct views *views);

#endif
