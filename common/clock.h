/* SPDX-License-Identifier: BSD-2-Clause */
/* Time in nanoseconds. Packet and event times are since the Unix epoch. */
#ifndef TL_CLOCK_H
#define TL_CLOCK_H

#include <stdint.h>
#include <time.h>

#define TL_MS_NS     1000000ull
#define TL_SECOND_NS 1000000000ull

static inline uint64_t tl_clock_ns(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * TL_SECOND_NS + (uint64_t)ts.tv_nsec;
}

/* Wall clock: what packets are stamped with. */
static inline uint64_t tl_clock_wall_ns(void)
{
	return tl_clock_ns(CLOCK_REALTIME);
}

/* For intervals; never steps. */
static inline uint64_t tl_clock_mono_ns(void)
{
	return tl_clock_ns(CLOCK_MONOTONIC);
}

#endif
