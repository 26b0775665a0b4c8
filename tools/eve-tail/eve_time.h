/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Times as Suricata writes them: 2026-01-01T00:00:00.000000+0000, the fraction of any length or
 * missing, the zone as +0100, +01:00, Z or missing (then UTC), a blank for the T. Pure.
 */
#ifndef EVE_TAIL_EVE_TIME_H
#define EVE_TAIL_EVE_TIME_H

#include "msgpack.h"

/* The minute read last: the times of a log are close together. Zero-initialised is empty. */
struct eve_minute {
	char text[16]; /* 2026-01-01T00:00 */
	char zone[5];  /* +0000 */
	uint64_t ns;
};

/* ns since the epoch, digits beyond them dropped. 0; -EINVAL: no time from 1970 to 2514. */
int eve_time_get(struct eve_minute *minute, struct tl_str text, uint64_t *ns);

#endif
