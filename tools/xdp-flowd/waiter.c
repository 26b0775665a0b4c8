/* SPDX-License-Identifier: BSD-2-Clause */
#include "waiter.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "log.h"

static void *wait_for_requests(void *arg)
{
	struct waiter *w = arg;
	eventfd_t count;

	while (eventfd_read(w->request_fd, &count) == 0 && !atomic_load(&w->stop)) {
		atomic_store(&w->error, kernel_wait(w->kernel));
		eventfd_write(w->done_fd, 1);
	}
	return 0;
}

int waiter_start(struct waiter *w, const struct kernel *kernel)
{
	w->kernel = kernel;
	w->request_fd = eventfd(0, EFD_CLOEXEC);
	w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->request_fd < 0 || w->done_fd < 0) {
		return -errno;
	}
	int err = -pthread_create(&w->thread, 0, wait_for_requests, w);
	w->started = err == 0;
	if (err < 0) {
		tl_log_err("cannot start a thread: %s", strerror(-err));
	}
	return err;
}

void waiter_stop(struct waiter *w)
{
	if (w->started) {
		atomic_store(&w->stop, true);
		eventfd_write(w->request_fd, 1);
		pthread_join(w->thread, 0);
		w->started = false;
	}
	if (w->kernel) {
		close(w->request_fd);
		close(w->done_fd);
		w->kernel = 0;
	}
}

void waiter_request(struct waiter *w)
{
	eventfd_write(w->request_fd, 1);
}

bool waiter_take_done(struct waiter *w, int *err)
{
	eventfd_t count;

	if (eventfd_read(w->done_fd, &count) < 0) {
		return false;
	}
	*err = atomic_load(&w->error);
	return true;
}
