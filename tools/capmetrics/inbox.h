/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes in at --stats: reports, for the ledger. One thread. Logs. */
#ifndef CAPMETRICS_INBOX_H
#define CAPMETRICS_INBOX_H

#include "hop.h"
#include "ledger.h"

struct inbox_counts {
	uint64_t reports;
	uint64_t malformed;
	uint64_t skipped_bytes;
	uint64_t refused_peers;
};

struct inbox;

/* `ledger` is borrowed. 0 or -errno. */
int inbox_open(struct inbox **out, const char *url, const struct tl_hop_config *hop,
	       struct ledger *ledger);
void inbox_close(struct inbox *inbox);

int inbox_fd(const struct inbox *inbox);

/* Takes what is there, not too much at a time: 1 there is more, 0, or -errno. */
int inbox_step(struct inbox *inbox, uint64_t now_ns);

/* One report that was made here. */
void inbox_take(struct inbox *inbox, const uint8_t *bytes, size_t len, uint64_t now_ns);

struct inbox_counts inbox_counts(const struct inbox *inbox);

#endif
