/* SPDX-License-Identifier: BSD-2-Clause */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "pipe.h"
#include "service.h"

#define STEP_NS (100 * TL_MS_NS) /* between looks at whether to give up */

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

static bool is_too_late(uint64_t *stop_by_ns)
{
	uint64_t now = tl_service_stopping() ? tl_clock_mono_ns() : 0;

	if (now != 0 && *stop_by_ns == 0) {
		*stop_by_ns = now + TL_OUTPUT_STOP_S * TL_SECOND_NS;
	}
	return now != 0 && now >= *stop_by_ns;
}

static int write_all(int fd, const char *text, size_t len)
{
	uint64_t stop_by_ns = 0;

	while (len > 0) {
		/* The signal to stop ends a write that blocks; after that nothing would. */
		size_t portion = tl_service_stopping() ? TL_PIPE_PORTION : len;
		ssize_t wrote =
			tl_pipe_write(fd, text, len, portion, tl_clock_deadline_ns(STEP_NS));
		if (wrote < 0) {
			return (int)wrote;
		}
		if (wrote == 0 && is_too_late(&stop_by_ns)) {
			return -ETIMEDOUT;
		}
		text += wrote;
		len -= (size_t)wrote;
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
