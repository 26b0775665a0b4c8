/* SPDX-License-Identifier: BSD-2-Clause */
#include "service.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

static atomic_bool stop_flag;
static atomic_bool stats_flag;
static int wake_fd = -1;

static void wake(void)
{
	int saved = errno;
	uint64_t one = 1;
	ssize_t written = write(wake_fd, &one, sizeof(one));
	(void)written;
	errno = saved;
}

static void on_signal(int signal)
{
	atomic_store(signal == SIGUSR1 ? &stats_flag : &stop_flag, true);
	wake();
}

int tl_service_open(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	static const int signals[] = {SIGTERM, SIGINT, SIGUSR1};

	if (wake_fd < 0) {
		wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	if (wake_fd < 0) {
		return -errno;
	}
	for (unsigned int i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], &action, 0);
	}
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, 0);
	return 0;
}

bool tl_service_stopping(void)
{
	return atomic_load_explicit(&stop_flag, memory_order_relaxed);
}

void tl_service_stop(void)
{
	atomic_store(&stop_flag, true);
	wake();
}

bool tl_service_take_stats(void)
{
	return atomic_exchange(&stats_flag, false);
}

int tl_service_fd(void)
{
	return wake_fd;
}

void tl_service_clear(void)
{
	uint64_t count;

	if (!tl_service_stopping()) {
		ssize_t got = read(wake_fd, &count, sizeof(count));
		(void)got;
	}
}

void tl_service_wait(uint64_t timeout_ns)
{
	struct pollfd pfd = {.fd = wake_fd, .events = POLLIN};
	struct timespec ts = {
		.tv_sec = (time_t)(timeout_ns / TL_SECOND_NS),
		.tv_nsec = (long)(timeout_ns % TL_SECOND_NS),
	};

	if (ppoll(&pfd, 1, &ts, 0) > 0) {
		tl_service_clear();
	}
}

int tl_service_ready(int fd)
{
	if (fd < 0) {
		return 0;
	}
	int err = write(fd, "\n", 1) == 1 ? 0 : -errno;
	close(fd);
	return err;
}
