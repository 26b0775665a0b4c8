/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What --top shows beside flows: the latest other events, such as alerts, and how
 * many there were. Of each frame the first few are kept, so that a flood of
 * them costs nothing. Nothing logs.
 */
#ifndef EVCAT_NEWS_H
#define EVCAT_NEWS_H

#include "text.h"
#include "wire.h"

enum { NEWS_ROWS = 6 };

struct news {
	struct tl_textbuf rows[NEWS_ROWS]; /* a ring */
	uint64_t count;			   /* of all */
	unsigned int next;		   /* the oldest row */
	unsigned int fresh;		   /* rows taken since the last frame */
};

/* A zeroed one is empty. */
void news_fini(struct news *news);
void news_take(struct news *news, const struct tl_batch_head *head, const struct tl_event *event);

/* Appends what there is, newest first, and returns the number of lines; 0 when there were none. */
unsigned int news_lines(struct news *news, struct tl_textbuf *out);

#endif
