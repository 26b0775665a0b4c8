/* SPDX-License-Identifier: BSD-2-Clause */
/* -: batches end to end on standard output; one is delivered when all of it is written. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "sink.h"

/* A pipe that polls writable takes this much without blocking (pipe(7)). */
enum { PIPE_CHUNK = 4096, PIPE_SIZE = 1 << 20 };

struct stdout_sink {
	struct sink sink;
	bool pollable; /* no file: writing may block */
	size_t done;   /* bytes written of the first parcel that waits */
	unsigned int count;
	unsigned int room;
	struct parcel *waiting[];
};

static int stdout_open(struct sink **out, struct sink_config *config)
{
	struct stat st;

	struct stdout_sink *s = calloc(1, sizeof(*s) + config->in_flight * sizeof(s->waiting[0]));
	if (!s) {
		return -ENOMEM;
	}
	s->sink.ops = &sink_stdout_ops;
	s->room = config->in_flight;
	s->pollable = fstat(STDOUT_FILENO, &st) == 0 && !S_ISREG(st.st_mode);
	if (s->pollable) {
		/* More room means fewer switches; a refusal costs only speed. */
		fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE_SIZE);
	}
	*out = &s->sink;
	return 0;
}

static void stdout_send(struct sink *sink, struct parcel *parcel)
{
	struct stdout_sink *s = (struct stdout_sink *)sink;

	if (s->count < s->room) {
		s->waiting[s->count++] = parcel;
	}
}

/* 1 writable, 0 not in time, -errno. */
static int wait_writable(uint64_t deadline_ns)
{
	struct pollfd pfd = {.fd = STDOUT_FILENO, .events = POLLOUT};
	uint64_t now = tl_clock_mono_ns();
	uint64_t left_ms = deadline_ns > now ? (deadline_ns - now + TL_MS_NS - 1) / TL_MS_NS : 0;
	int ready = poll(&pfd, 1, left_ms > 1000 ? 1000 : (int)left_ms);

	if (ready < 0) {
		return errno == EINTR ? 0 : -errno;
	}
	return ready > 0 && (pfd.revents & POLLERR) ? -EPIPE : ready;
}

/* Writes on with the first that waits: 1 all of it is written, 0 not in time, -errno. */
static int write_first(struct stdout_sink *s, uint64_t deadline_ns)
{
	const struct parcel *parcel = s->waiting[0];

	while (s->done < parcel->len) {
		int ready = s->pollable ? wait_writable(deadline_ns) : 1;
		if (ready <= 0) {
			return ready;
		}
		size_t len = parcel->len - s->done;
		len = s->pollable && len > PIPE_CHUNK ? PIPE_CHUNK : len;
		ssize_t wrote = write(STDOUT_FILENO, parcel->data + s->done, len);
		if (wrote < 0 && errno != EINTR && errno != EAGAIN) {
			return -errno;
		}
		s->done += wrote > 0 ? (size_t)wrote : 0;
	}
	s->done = 0;
	return 1;
}

static void answer(struct sink_answer *to, struct parcel *parcel, int err)
{
	*to = (struct sink_answer){.parcel = parcel, .verdict = SINK_DONE};
	if (err == -EPIPE) {
		to->verdict = SINK_GONE;
	} else if (err < 0) {
		/* What was begun goes on where it stopped when it is sent again. */
		to->verdict = SINK_RETRY;
		snprintf(to->reason, sizeof(to->reason), "cannot write: %s", strerror(-err));
	}
}

static size_t stdout_wait(struct sink *sink, struct sink_answer *answers, size_t max,
			  uint64_t timeout_ns)
{
	struct stdout_sink *s = (struct stdout_sink *)sink;
	uint64_t deadline = tl_clock_mono_ns() + timeout_ns;
	size_t filled = 0;
	int err = 1;

	while (s->count > 0 && filled < max) {
		err = err < 0 ? err : write_first(s, filled ? 0 : deadline);
		if (err == 0) {
			break;
		}
		answer(&answers[filled++], s->waiting[0], err);
		memmove(s->waiting, s->waiting + 1, --s->count * sizeof(s->waiting[0]));
	}
	return filled;
}

static void stdout_close(struct sink *sink)
{
	free(sink);
}

static const char *const schemes[] = {"-", 0};

const struct sink_ops sink_stdout_ops = {
	.schemes = schemes,
	.open = stdout_open,
	.send = stdout_send,
	.wait = stdout_wait,
	.close = stdout_close,
};
