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

static _Atomic uint64_t stop_ns;
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

static void stop(void)
{
	uint64_t none = 0;

	atomic_compare_exchange_strong(&stop_ns, &none, tl_clock_mono_ns());
}

static void on_signal(int signal)
{
	if (signal == SIGUSR1) {
		atomic_store(&stats_flag, true);
	} else {
		stop();
	}
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
	return tl_service_stop_ns() != 0;
}

uint64_t tl_service_stop_ns(void)
{
	return atomic_load_explicit(&stop_ns, memory_order_relaxed);
}

void tl_service_stop(void)
{
	stop();
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
