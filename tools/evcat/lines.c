/* SPDX-License-Identifier: BSD-2-Clause */
#include "lines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service.h"

struct lines {
	int fd;
	size_t line_max;
	size_t capacity;
	size_t start;
	size_t scanned; /* no newline between start and here */
	size_t end;
	bool at_end;
	bool skipping; /* within a line over the limit */
	char text[];
};

int lines_create(struct lines **out, int fd, size_t line_max, size_t padding)
{
	size_t capacity = 2 * (line_max + 1);
	struct lines *lines = malloc(sizeof(*lines) + capacity + padding);

	if (!lines) {
		return -ENOMEM;
	}
	*lines = (struct lines){.fd = fd, .line_max = line_max, .capacity = capacity};
	memset(lines->text + capacity, 0, padding);
	*out = lines;
	return 0;
}

void lines_destroy(struct lines *lines)
{
	free(lines);
}

/* 1 readable now or at the end, 0 not yet, -errno. */
static int poll_input(const struct lines *lines, int timeout_ms)
{
	struct pollfd fds[] = {
		{.fd = lines->fd, .events = POLLIN},
		{.fd = tl_service_fd(), .events = POLLIN},
	};
	int ready = poll(fds, 2, timeout_ms);

	if (tl_service_stopping()) {
		return -EINTR;
	}
	if (ready < 0) {
		return errno == EINTR ? 0 : -errno;
	}
	if (fds[1].revents) {
		tl_service_clear();
	}
	return fds[0].revents != 0;
}

static int fill(struct lines *lines)
{
	int ready = poll_input(lines, 0);

	if (ready <= 0) {
		return ready < 0 ? ready : -EAGAIN;
	}
	if (lines->start > 0) {
		memmove(lines->text, lines->text + lines->start, lines->end - lines->start);
		lines->scanned -= lines->start;
		lines->end -= lines->start;
		lines->start = 0;
	}
	ssize_t got = read(lines->fd, lines->text + lines->end, lines->capacity - lines->end);
	if (got < 0) {
		return errno == EINTR || errno == EAGAIN ? -EAGAIN : -errno;
	}
	lines->at_end = got == 0;
	lines->end += (size_t)got;
	return 0;
}

static void step_over(struct lines *lines, size_t to)
{
	lines->start = lines->scanned = to;
}

/* A line that ends at `end`; 1, or -E2BIG. */
static int take(struct lines *lines, size_t end, size_t next, const char **line, size_t *len)
{
	bool too_long = lines->skipping || end - lines->start > lines->line_max;

	*line = lines->text + lines->start;
	*len = end - lines->start;
	lines->skipping = false;
	step_over(lines, next);
	return too_long ? -E2BIG : 1;
}

int lines_next(struct lines *lines, const char **line, size_t *len)
{
	for (;;) {
		const char *from = lines->text + lines->scanned;
		const char *newline = memchr(from, '\n', lines->end - lines->scanned);
		if (newline) {
			size_t end = (size_t)(newline - lines->text);
			return take(lines, end, end + 1, line, len);
		}
		lines->scanned = lines->end;
		if (lines->at_end) {
			bool rest = lines->end > lines->start || lines->skipping;
			return rest ? take(lines, lines->end, lines->end, line, len) : 0;
		}
		if (lines->end - lines->start > lines->line_max) {
			lines->skipping = true;
			step_over(lines, lines->end);
		}
		int err = fill(lines);
		if (err < 0) {
			return err;
		}
	}
}

int lines_wait(struct lines *lines)
{
	int ready = poll_input(lines, 1000);

	return ready < 0 ? ready : 0;
}
