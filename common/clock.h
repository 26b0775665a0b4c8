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

/* That much from now, by the monotonic clock; UINT64_MAX, never, when that is too far. */
static inline uint64_t tl_clock_deadline_ns(uint64_t timeout_ns)
{
	uint64_t now_ns = tl_clock_mono_ns();

	return timeout_ns < UINT64_MAX - now_ns ? now_ns + timeout_ns : UINT64_MAX;
}

#endif
