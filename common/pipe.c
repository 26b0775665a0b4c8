/* SPDX-License-Identifier: BSD-2-Clause */
#include "pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

enum { ROOM = 1 << 20 };

bool tl_pipe_prepare(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode)) {
		return false;
	}
	/* More room means fewer switches; a refusal costs only speed. */
	fcntl(fd, F_SETPIPE_SZ, ROOM);
	return true;
}

/* 1 writable, 0 not yet, -errno. */
static int wait_writable(int fd, uint64_t deadline_ns)
{
	uint64_t now = tl_clock_mono_ns();
	uint64_t left_ms = deadline_ns > now ? (deadline_ns - now + TL_MS_NS - 1) / TL_MS_NS : 0;
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};
	int ready = poll(&pfd, 1, left_ms > 1000 ? 1000 : (int)left_ms);

	if (ready < 0) {
		return errno == EINTR ? 0 : -errno;
	}
	return ready > 0 && (pfd.revents & POLLERR) ? -EPIPE : ready;
}

ssize_t tl_pipe_write(int fd, const void *bytes, size_t len, size_t portion, uint64_t deadline_ns)
{
	int ready = wait_writable(fd, deadline_ns);

	if (ready <= 0) {
		return ready;
	}
	ssize_t wrote = write(fd, bytes, len < portion ? len : portion);
	if (wrote < 0) {
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	}
	return wrote;
}
