/* SPDX-License-Identifier: BSD-2-Clause */
/* -: batches end to end on standard output; one is delivered when all of it is written. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "pipe.h"
#include "sink.h"

struct stdout_sink {
	struct sink sink;
	bool may_block;
	size_t done; /* bytes written of the first parcel that waits */
	unsigned int count;
	unsigned int room;
	struct parcel *waiting[];
};

static int stdout_open(struct sink **out, const struct sink_config *config)
{
	struct stdout_sink *s = calloc(1, sizeof(*s) + config->in_flight * sizeof(s->waiting[0]));
	if (!s) {
		return -ENOMEM;
	}
	s->sink.ops = &sink_stdout_ops;
	s->room = config->in_flight;
	s->may_block = tl_pipe_prepare(STDOUT_FILENO);
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

/* Writes on with the first that waits: 1 all of it is written, 0 not in time, -errno. */
static int write_first(struct stdout_sink *s, uint64_t deadline_ns)
{
	const struct parcel *parcel = s->waiting[0];

	while (s->done < parcel->len) {
		size_t left = parcel->len - s->done;
		ssize_t wrote = tl_pipe_write(STDOUT_FILENO, parcel->data + s->done, left,
					      s->may_block ? TL_PIPE_PORTION : left, deadline_ns);
		if (wrote <= 0) {
			return (int)wrote;
		}
		s->done += (size_t)wrote;
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
	uint64_t deadline = tl_clock_deadline_ns(timeout_ns);
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
