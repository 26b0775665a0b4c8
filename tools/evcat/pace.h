/* SPDX-License-Identifier: BSD-2-Clause */
/* When an event of a replay is due: as far from the first as it was, by `speed`. */
#ifndef EVCAT_PACE_H
#define EVCAT_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialised but for `speed` (> 0). */
struct pace {
	double speed;
	bool started;
	uint64_t first_event_ns;
	uint64_t started_ns; /* monotonic */
};

/* Nanoseconds until the event is due, 0 when it is; an event older than the first always is. */
uint64_t pace_wait(struct pace *pace, uint64_t event_ns, uint64_t now_ns);

#endif
