/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all engines say of themselves: each is run once with --capabilities, at
 * start, before programs can no longer be started. Logs who does not answer.
 */
#ifndef CAPMETRICS_CAPABILITIES_H
#define CAPMETRICS_CAPABILITIES_H

#include "text.h"

enum {
	CAPABILITIES_ANSWER_MAX = 16 << 10, /* bytes of one engine */
	CAPABILITIES_WAIT_MS = 2000,	    /* for one engine, which is then killed */
};

/*
 * Appends {"engines":[...]}: the answers of those of `names` (0-terminated)
 * that are programs in `folder`, in that order; who is not there, fails or does
 * not answer with one JSON object is left out. The number of engines, or -ENOMEM.
 */
int capabilities_read(struct tl_textbuf *out, const char *folder, const char *const *names);

/* The capture engines, best first. */
extern const char *const capabilities_engines[];

#endif
