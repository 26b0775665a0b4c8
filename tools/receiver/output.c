/* SPDX-License-Identifier: BSD-2-Clause */
#include "output.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "checkpoint.h"
#include "clock.h"
#include "log.h"
#include "pipe.h"
#include "service.h"

enum { STOP_WAIT_MS = 4000, STEP_MS = 100 };

struct output {
	struct tl_segment *segment; /* 0 = standard output */
	int folder_fd;
	char checkpointed[TL_SEGMENT_NAME_MAX]; /* the segment the checkpoint knows of */
	/* Of standard output: */
	struct tl_segment_counts counts;
	int broken; /* why nothing more can be written to it */
};

static int open_folder(struct output *o, const struct output_config *config, struct dedup **dedup)
{
	struct tl_segment_config segment = {
		.folder = config->place,
		.max_bytes = config->segment_bytes,
		.max_age_ns = config->segment_age_ns,
		.zstd = config->zstd,
	};
	int err = tl_segment_open(&o->segment, &segment);

	if (err < 0) {
		return err;
	}
	o->folder_fd = open(config->place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o->folder_fd < 0) {
		err = -errno;
		tl_log_err("cannot open %s: %s", config->place, strerror(-err));
		return err;
	}
	snprintf(o->checkpointed, sizeof(o->checkpointed), "%s", tl_segment_last(o->segment));
	return checkpoint_load(o->folder_fd, dedup, config->stream_max);
}

static void destroy(struct output *o)
{
	tl_segment_close(o->segment);
	if (o->folder_fd >= 0) {
		close(o->folder_fd);
	}
	free(o);
}

int output_open(struct output **out, const struct output_config *config, struct dedup **dedup)
{
	struct output *o = calloc(1, sizeof(*o));

	if (!o) {
		return -ENOMEM;
	}
	o->folder_fd = -1;
	int err = strcmp(config->place, "-") == 0 ? dedup_create(dedup, config->stream_max)
						  : open_folder(o, config, dedup);
	if (err < 0) {
		destroy(o);
		return err;
	}
	*out = o;
	return 0;
}

int output_close(struct output *o, const struct dedup *dedup)
{
	if (!o) {
		return 0;
	}
	int err = o->broken == -EPIPE ? 0 : o->broken;
	if (o->segment) {
		err = tl_segment_rotate(o->segment);
		output_tend(o, dedup, false);
	}
	destroy(o);
	return err;
}

/* --- standard output -------------------------------------------------------- */

static bool is_too_late(void)
{
	uint64_t stop_ns = tl_service_stop_ns();

	return stop_ns != 0 && tl_clock_mono_ns() - stop_ns > STOP_WAIT_MS * TL_MS_NS;
}

static int write_all(struct output *o, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t put = tl_pipe_write(STDOUT_FILENO, bytes, len, TL_PIPE_PORTION,
					    tl_clock_deadline_ns(STEP_MS * TL_MS_NS));
		if (put < 0) {
			return (int)put;
		}
		if (put == 0 && is_too_late()) {
			return -ETIMEDOUT;
		}
		bytes += put;
		len -= (size_t)put;
		o->counts.bytes += (uint64_t)put;
	}
	return 0;
}

static int write_stdout(struct output *o, const uint8_t *bytes, size_t len)
{
	if (o->broken == 0) {
		o->broken = write_all(o, bytes, len);
	}
	if (o->broken < 0) {
		tl_service_stop();
	}
	return o->broken;
}

/* --- either ------------------------------------------------------------------ */

int output_write(struct output *o, const uint8_t *bytes, size_t len)
{
	return o->segment ? tl_segment_append(o->segment, bytes, len) : write_stdout(o, bytes, len);
}

int output_sync(struct output *o)
{
	return o->segment ? tl_segment_sync(o->segment) : 0;
}

void output_tend(struct output *o, const struct dedup *dedup, bool rotate)
{
	if (!o->segment) {
		return;
	}
	/* What fails here is logged there, and loses nothing: all is synced. */
	if (rotate) {
		tl_segment_rotate(o->segment);
	} else {
		tl_segment_rotate_due(o->segment, tl_clock_mono_ns());
	}
	const char *last = tl_segment_last(o->segment);
	if (strcmp(o->checkpointed, last) != 0 &&
	    checkpoint_write(o->folder_fd, dedup, last) == 0) {
		snprintf(o->checkpointed, sizeof(o->checkpointed), "%s", last);
	}
}

struct tl_segment_counts output_counts(const struct output *o)
{
	return o->segment ? tl_segment_counts(o->segment) : o->counts;
}
