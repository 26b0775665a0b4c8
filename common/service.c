/* SPDX-License-Identifier: BSD-2-Clause */
#include "service.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

static _Atomic uint64_t stop_ns;
static atomic_bool stats_flag;
static atomic_bool cut_flag;
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
	} else if (signal == SIGUSR2) {
		atomic_store(&cut_flag, true);
	} else {
		stop();
	}
	wake();
}

int tl_service_open(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	static const int signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};

	if (wake_fd < 0) {
		wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	if (wake_fd < 0) {
		return -errno;
	}
	for (unsigned int i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], &action, 0);
	}
	/* A terminal that is closed; not under nohup. */
	struct sigaction hangup;
	if (sigaction(SIGHUP, 0, &hangup) == 0 && hangup.sa_handler != SIG_IGN) {
		sigaction(SIGHUP, &action, 0);
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

bool tl_service_take_cut(void)
{
	return atomic_exchange(&cut_flag, false);
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

/* The address of a path, or of an abstract name, which begins with '@'. Its length; 0: none. */
static socklen_t notify_address(struct sockaddr_un *address)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t len = name ? strlen(name) : 0;

	if (len < 2 || len >= sizeof(address->sun_path) || !strchr("/@", name[0])) {
		return 0;
	}
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, name, len);
	if (name[0] == '@') {
		address->sun_path[0] = '\0';
	}
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* A manager that is busy gets a second: without this word it would kill us. */
static void notify_manager(void)
{
	static const char word[] = "READY=1";
	struct timeval patience = {.tv_sec = 1};
	struct sockaddr_un address = {0};
	socklen_t len = notify_address(&address);
	int fd = len ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

	if (fd < 0) {
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	ssize_t sent =
		sendto(fd, word, sizeof(word) - 1, MSG_NOSIGNAL, (struct sockaddr *)&address, len);
	(void)sent;
	close(fd);
}

int tl_service_ready(int fd)
{
	int err = 0;

	if (fd > 0) {
		err = write(fd, "\n", 1) == 1 ? 0 : -errno;
		close(fd);
	}
	if (err < 0) {
		tl_log_err("--ready-fd %d: %s", fd, strerror(-err));
	}
	notify_manager();
	return err;
}
