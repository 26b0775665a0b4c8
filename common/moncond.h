/* SPDX-License-Identifier: BSD-2-Clause */
/* A condition variable whose time-outs are by the monotonic clock. */
#ifndef TL_MONCOND_H
#define TL_MONCOND_H

#include <pthread.h>

#include "clock.h"

/* On Linux none of this can fail. */
static inline void tl_moncond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
}

/* Returns when signalled, when it is that time, or for no reason. */
static inline void tl_moncond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until_ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(until_ns / TL_SECOND_NS),
		.tv_nsec = (long)(until_ns % TL_SECOND_NS),
	};

	pthread_cond_timedwait(cond, lock, &ts);
}

#endif
