/* SPDX-License-Identifier: BSD-2-Clause */
/* What keeping the news and reading them share. */
#ifndef CAPMETRICS_NEWS_PRIVATE_H
#define CAPMETRICS_NEWS_PRIVATE_H

#include "news.h"

enum news_which { NEWS_RING_KEPT, NEWS_RING_PASSING, NEWS_RINGS };

struct news_item {
	uint64_t id;
	char type[NEWS_TYPE_MAX];
	char *json;
	size_t len;
};

/* Places count up for ever; `begin` to `end` are there. */
struct news_ring {
	struct news_item *items;
	unsigned int room;
	uint64_t begin;
	uint64_t end;
	size_t bytes;
};

struct news_selection {
	unsigned int count;
	char types[NEWS_TYPES_MAX][NEWS_TYPE_MAX];
};

struct news_reader {
	struct news_reader *next;
	struct news_reader **link; /* what points to it */
	struct news *news;
	struct news_selection selection;
	uint64_t at[NEWS_RINGS];
	uint64_t missed; /* and not told yet */
	uint64_t wrote_ns;
	struct tl_textbuf pending;
	size_t sent; /* of it */
};

struct news {
	struct news_ring rings[NEWS_RINGS];
	struct news_reader *readers;
	unsigned int max_readers;
	uint64_t next_id;
	struct news_counts counts;
};

bool news_is_selected(const struct news_selection *selection, const char *type);

/* Names of letters, digits and - _ . with commas between; 0 = the usual ones. 0 or -EINVAL. */
int news_select(const char *types, struct news_selection *out);

struct news_item *news_item_at(const struct news_ring *ring, uint64_t place);

#endif
