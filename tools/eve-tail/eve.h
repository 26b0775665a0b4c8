/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line of Suricata's eve.json to one event: its type, its time, its fields as
 * entities under the names of tapline-wire(5), and the edges between them. What
 * is no JSON object becomes an event of type parse_error that holds the line;
 * nothing disappears. Pure but for memory. One thread.
 */
#ifndef EVE_TAIL_EVE_H
#define EVE_TAIL_EVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { EVE_PADDING = 64 }; /* readable bytes behind a line that simdjson needs */

enum eve_line_flag {
	EVE_LINE_CUT = 1,      /* the file ended in it: no newline */
	EVE_LINE_TOO_LONG = 2, /* over --max-line: its first bytes only */
};

struct eve_config {
	const char *const *types; /* 0-terminated event types to keep; 0 = all; borrowed */
	bool drop_stats;
	bool raw;	   /* keep the line itself, as entity `raw` */
	bool community_id; /* compute it (v1, seed 0) where the line has none */
};

struct eve;

int eve_create(struct eve **out, const struct eve_config *config);
void eve_destroy(struct eve *eve);

/* The shapes of the events; for tl_batch_init. Borrowed. They only grow. */
const struct tl_shapes *eve_shapes(const struct eve *eve);

/*
 * Appends the event of a line to `w`. `len` excludes the newline; EVE_PADDING bytes behind it are
 * readable. `line_len`: of the whole line when it was too long. `read_ns`: the event's
 * time when the line has none. A parse_error is appended whatever is selected; of a line that is
 * not, what stands behind its type is not looked at. 1 appended; 0 not selected; -ENOSPC: the batch
 * is full, push it and ask again; -ENOMEM.
 *
 * With source, host and iface below 16 KiB together tl_batch_finish finds no batch too big. An eve
 * may fill several writers in turn.
 */
int eve_put(struct eve *eve, struct tl_batch_writer *w, const char *line, size_t len,
	    uint64_t line_len, unsigned int flags, uint64_t read_ns);

struct eve_counts {
	uint64_t events;
	uint64_t unselected;
	uint64_t parse_errors; /* no JSON object, bad UTF-8, too long */
	uint64_t lost_fields;  /* over a limit of the format: each said in entity `lost_fields` */
};

struct eve_counts eve_counts(const struct eve *eve);

#ifdef __cplusplus
}
#endif

#endif
