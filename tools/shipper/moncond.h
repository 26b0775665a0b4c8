/* SPDX-License-Identifier: BSD-2-Clause */
/* A condition variable whose time-outs are by the monotonic clock. */
#ifndef SHIPPER_MONCOND_H
#define SHIPPER_MONCOND_H

#include <pthread.h>

#include "clock.h"

/* 0 or -errno. */
static inline int moncond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;
	int err = pthread_condattr_init(&attributes);

	if (err == 0) {
		err = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
		err = err ? err : pthread_cond_init(cond, &attributes);
		pthread_condattr_destroy(&attributes);
	}
	return -err;
}

/* Returns when signalled, when it is that time, or for no reason. */
static inline void moncond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until_ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(until_ns / TL_SECOND_NS),
		.tv_nsec = (long)(until_ns % TL_SECOND_NS),
	};

	pthread_cond_timedwait(cond, lock, &ts);
}

#endif
