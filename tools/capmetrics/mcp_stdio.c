/* SPDX-License-Identifier: BSD-2-Clause */
#include "mcp_stdio.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "mcp.h"
#include "output.h"
#include "service.h"

struct session {
	struct mcp *mcp;
	struct tl_output out;
	size_t len;
	bool skips; /* the rest of a line that is too long */
	char line[MCP_LINE_MAX + 1];
};

static int answer(struct session *s, const char *line, size_t len)
{
	if (len > 0 && line[len - 1] == '\r') {
		len--;
	}
	return len > 0 ? mcp_answer(s->mcp, line, len, &s->out.text) : 0;
}

/* A line has ended at `len` bytes. */
static int end_line(struct session *s, size_t len)
{
	int err = s->skips ? mcp_answer_too_long(&s->out.text) : answer(s, s->line, len);

	s->skips = false;
	return err < 0 ? err : tl_output_flush(&s->out);
}

/* 0, TL_OUTPUT_GONE or -errno. */
static int take_lines(struct session *s)
{
	char *newline;
	int err = 0;

	while (err == 0 && (newline = memchr(s->line, '\n', s->len))) {
		size_t len = (size_t)(newline - s->line);
		err = end_line(s, len);
		s->len -= len + 1;
		memmove(s->line, newline + 1, s->len);
	}
	if (s->len == sizeof(s->line)) {
		s->skips = true;
		s->len = 0;
	}
	return err;
}

/* 1 when there is something to read (or stdin has ended), 0 look again. */
static int wait_readable(void)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = tl_service_fd(), .events = POLLIN}};

	if (poll(fds, 2, -1) < 0) {
		return errno == EINTR ? 0 : -errno;
	}
	if (fds[1].revents) {
		tl_service_clear();
	}
	return fds[0].revents != 0;
}

/* 0, 1 (TL_OUTPUT_GONE) at the end of either side, -errno. */
static int step(struct session *s)
{
	int ready = wait_readable();

	if (ready <= 0) {
		return ready;
	}
	ssize_t got = read(STDIN_FILENO, s->line + s->len, sizeof(s->line) - s->len);
	if (got < 0) {
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	}
	if (got == 0) {
		/* What has no newline may be a message all the same. */
		int err = s->len > 0 || s->skips ? end_line(s, s->len) : 0;
		return err < 0 ? err : TL_OUTPUT_GONE;
	}
	s->len += (size_t)got;
	return take_lines(s);
}

static void close_session(struct session *s)
{
	if (s) {
		tl_output_close(&s->out);
		mcp_destroy(s->mcp);
		free(s);
	}
}

int mcp_stdio_run(const struct mcp_source *source)
{
	struct session *s = calloc(1, sizeof(*s));
	int err = s ? mcp_create(&s->mcp, source) : -ENOMEM;

	err = err < 0 ? err : tl_output_open(&s->out, "-");
	while (err == 0 && !tl_service_stopping()) {
		err = step(s);
	}
	close_session(s);
	if (err < 0 && err != -EINTR) {
		tl_log_err("mcp: %s", strerror(-err));
		return err;
	}
	return 0;
}
