/* SPDX-License-Identifier: BSD-2-Clause */
/* What check.c enters and check_report.c judges. */
#ifndef EVCAT_CHECK_PRIVATE_H
#define EVCAT_CHECK_PRIVATE_H

#include "check.h"
#include "ids.h"
#include "ranges.h"

/* What the events of a stream add up to. */
struct sums {
	uint64_t events;
	uint64_t flow_ends;
	uint64_t packet_events;
	uint64_t packets;
	uint64_t bytes;
	uint64_t unreadable; /* flow_end events whose fields make no sense */
};

struct book {
	struct tl_textbuf name;
	struct tl_ranges seen;
	struct tl_ranges covered; /* seen, declared lost, or refused */
	uint64_t start;		  /* what lies below was acknowledged before this recording */
	uint64_t next;		  /* after the highest number */
	uint64_t overlaps;
	uint64_t declared_lost;
	uint64_t refused_batches;
	uint64_t refused_events;
	bool ended;
	uint64_t end_at; /* number after the last event of the batch that said so */
	struct sums sums;
	bool has_stats;
	uint64_t stats_number;
	struct tl_capture_stats stats; /* engine and mode are not kept */
};

struct check {
	struct ids ids;
	struct book *books[IDS_MAX];
	uint64_t unchecked_events; /* of streams over the limit */
};

#endif
