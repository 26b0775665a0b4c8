/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that waits out the kernel's programs (kernel_wait sleeps 10 to 100
 * ms), so that the thread that reads hints need not. One request at a time.
 */
#ifndef XDP_FLOWD_WAITER_H
#define XDP_FLOWD_WAITER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "kernel.h"

struct waiter {
	const struct kernel *kernel;
	pthread_t thread;
	bool started;
	int request_fd; /* eventfd */
	int done_fd;	/* eventfd: readable when the wait is over */
	atomic_bool stop;
	atomic_int error;
};

/* 0 or -errno; logs. */
int waiter_start(struct waiter *waiter, const struct kernel *kernel);
/* Accepts one that was never started, zero. */
void waiter_stop(struct waiter *waiter);

void waiter_request(struct waiter *waiter);
/* True once after each request, when the wait is over; *err is 0 or why it failed. */
bool waiter_take_done(struct waiter *waiter, int *err);

#endif
