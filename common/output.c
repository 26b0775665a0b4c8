/* SPDX-License-Identifier: BSD-2-Clause */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "service.h"

int tl_output_open(struct tl_output *out, const char *place)
{
	int fd = strcmp(place, "-") == 0
			 ? STDOUT_FILENO
			 : open(place, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	if (fd < 0) {
		int err = -errno;
		tl_log_err("cannot write %s: %s", place, strerror(errno));
		return err;
	}
	*out = (struct tl_output){.fd = fd, .place = place};
	return 0;
}

/* 1 writable, 0 look again, -errno. */
static int wait_writable(int fd, uint64_t *stop_by_ns)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};
	int ready = poll(&pfd, 1, 100);

	if (ready < 0 && errno != EINTR) {
		return -errno;
	}
	if (ready > 0) {
		return 1;
	}
	uint64_t now = tl_service_stopping() ? tl_clock_mono_ns() : 0;
	if (now != 0 && *stop_by_ns == 0) {
		*stop_by_ns = now + TL_OUTPUT_STOP_S * TL_SECOND_NS;
	}
	return now != 0 && now >= *stop_by_ns ? -ETIMEDOUT : 0;
}

/* A pipe that is writable takes PIPE_BUF bytes without blocking; more may block a stop. */
static size_t portion(size_t left)
{
	return tl_service_stopping() && left > PIPE_BUF ? PIPE_BUF : left;
}

static int write_all(int fd, const char *text, size_t len)
{
	uint64_t stop_by_ns = 0;

	while (len > 0) {
		int ready = wait_writable(fd, &stop_by_ns);
		if (ready < 0) {
			return ready;
		}
		ssize_t wrote = ready ? write(fd, text, portion(len)) : 0;
		if (wrote < 0 && errno != EINTR && errno != EAGAIN) {
			return -errno;
		}
		text += wrote > 0 ? wrote : 0;
		len -= wrote > 0 ? (size_t)wrote : 0;
	}
	return 0;
}

int tl_output_flush(struct tl_output *out)
{
	int err = write_all(out->fd, out->text.data, out->text.len);

	out->text.len = 0;
	if (err == -EPIPE) {
		return TL_OUTPUT_GONE;
	}
	if (err < 0) {
		tl_log_err("cannot write %s: %s", out->place, strerror(-err));
	}
	return err;
}

void tl_output_close(struct tl_output *out)
{
	if (out->fd > STDERR_FILENO) {
		close(out->fd);
	}
	tl_textbuf_fini(&out->text);
}
