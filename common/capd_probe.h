/* SPDX-License-Identifier: BSD-2-Clause */
/* What an engine says about itself to the ladder: --capabilities and --probe. */
#ifndef TL_CAPD_PROBE_H
#define TL_CAPD_PROBE_H

#include "capd.h"

/* Prints what holds everywhere; returns the exit code. */
int tl_capd_capabilities(const struct tl_capd_shared *shared);

/*
 * Tries every interface of -i, filter included; prints one answer for all.
 * Exit code 0 usable, 3 not, 2 the filter is bad.
 */
int tl_capd_probe(struct tl_capd_shared *shared);

#endif
