/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The events of -I, for people to look at: the flows they tell of, and the news. It
 * acknowledges nothing, so nobody waits for it: what is sent is done. What comes twice
 * is left out. One thread. Logs.
 */
#ifndef CAPMETRICS_FEED_H
#define CAPMETRICS_FEED_H

#include "flows.h"
#include "hop.h"
#include "news.h"

enum { FEED_STREAMS_MAX = 1024, FEED_NAME_MAX = 64 };

/* Whose events they are. */
struct feed_stream {
	uint8_t id[TL_WIRE_STREAM_LEN];
	uint64_t next; /* number */
	uint64_t seen_ns;
	char source[FEED_NAME_MAX];
	char host[FEED_NAME_MAX];
	char iface[FEED_NAME_MAX];
};

struct feed_counts {
	uint64_t batches;
	uint64_t events;
	uint64_t duplicate_events;
	uint64_t refused_batches;
	uint64_t skipped_bytes;
	uint64_t refused_peers;
	unsigned int streams;
};

struct feed;

/* `news` is borrowed. 0 or -errno. */
int feed_open(struct feed **out, const char *place, const struct tl_hop_config *hop,
	      struct news *news);
void feed_close(struct feed *feed);

/* -1 once the input has ended. */
int feed_fd(const struct feed *feed);

/* Takes what is there, not too much at a time: 1 there is more, 0, or -errno. */
int feed_step(struct feed *feed, uint64_t now_ns);

/* Now and then. */
void feed_tend(struct feed *feed, uint64_t now_ns);

const struct tl_flows *feed_flows(const struct feed *feed);
const struct feed_stream *feed_stream(const struct feed *feed, unsigned int index);
struct feed_counts feed_counts(const struct feed *feed);

#endif
