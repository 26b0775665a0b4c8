/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recent events as JSON lines, and who reads them as they come: the answers of
 * /events (WHATWG HTML, "Server-sent events"). The last NEWS_KEPT that everybody
 * wants (alerts, changes of engine, errors) are kept; others only pass by, and only
 * while a reader asked for their type. Readers share the events: a slow one misses
 * those that had to go, which is counted, and costs nobody else anything. Memory is
 * bounded. One thread. Nothing logs.
 */
#ifndef CAPMETRICS_NEWS_H
#define CAPMETRICS_NEWS_H

#include "text.h"

enum {
	NEWS_KEPT = 256,
	NEWS_PASSING = 1024,
	NEWS_RING_BYTES = 2 << 20,   /* of texts, for each of the two */
	NEWS_EVENT_BYTES = 64 << 10, /* what is longer is left out */
	NEWS_TYPE_MAX = 32,	     /* with its NUL */
	NEWS_TYPES_MAX = 8,	     /* that a reader may ask for */
};

#define NEWS_HEARTBEAT_NS (10 * TL_SECOND_NS)

struct news;
struct news_reader;

/* `wall_ns`: since the epoch; ids of a later run are higher. 0 or -ENOMEM. */
int news_create(struct news **out, unsigned int max_readers, uint64_t wall_ns);
void news_destroy(struct news *news); /* when all readers are closed */

/* True for what is worth making a line of. */
bool news_wants(const struct news *news, struct tl_str type);

/* One line of JSON, with or without its newline, which is copied. */
void news_add(struct news *news, struct tl_str type, const char *json, size_t len);

/* Of those kept, the last `limit` of the types, oldest first: a JSON object. 0, -EINVAL, -ENOMEM.
 */
int news_write_recent(const struct news *news, const char *types, unsigned int limit,
		      struct tl_textbuf *out);

/*
 * `types`: names with commas between, 0 = those that are kept. It begins behind the
 * event of id `after`, as far as that is still there; 0 = with what is to come.
 * 0; -EINVAL bad types; -EUSERS too many readers; -ENOMEM.
 */
int news_reader_open(struct news *news, const char *types, uint64_t after,
		     struct news_reader **out);
void news_reader_close(struct news_reader *reader);

/* What it has not had yet, as text/event-stream; 0 = nothing now. */
size_t news_reader_read(struct news_reader *reader, uint64_t now_ns, char *to, size_t room);

struct news_counts {
	uint64_t events;
	uint64_t too_long;
	uint64_t missed;      /* by slow readers */
	uint64_t turned_away; /* readers over the limit */
	unsigned int readers;
};

struct news_counts news_counts(const struct news *news);

#endif
