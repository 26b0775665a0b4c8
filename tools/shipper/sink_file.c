/* SPDX-License-Identifier: BSD-2-Clause */
/* file:DIR: segment files. Several parcels are appended and made durable by one sync. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "segment.h"
#include "sink.h"

struct entry {
	struct parcel *parcel;
	const char *failed; /* what `err` is of */
	int err;
	bool settled; /* appended in vain, or synced, in vain or not */
};

struct file_sink {
	struct sink sink;
	struct tl_segment *segment;
	struct tl_log_limit limit;
	unsigned int count;
	unsigned int room;
	struct entry entries[];
};

static int file_open(struct sink **out, const struct sink_config *config)
{
	const char *folder = config->url + strlen("file:");
	const struct tl_segment_config segment = {
		.folder = folder,
		.max_bytes = config->segment_bytes,
		.max_age_ns = config->segment_age_ns,
		.zstd = config->zstd,
	};

	if (*folder == '\0') {
		tl_log_err("%s: wants file:DIR", config->url);
		return -EINVAL;
	}
	struct file_sink *f = calloc(1, sizeof(*f) + config->in_flight * sizeof(f->entries[0]));
	if (!f) {
		return -ENOMEM;
	}
	f->sink.ops = &sink_file_ops;
	f->room = config->in_flight;
	int err = tl_segment_open(&f->segment, &segment);
	if (err < 0) {
		free(f);
		return err;
	}
	*out = &f->sink;
	return 0;
}

static void file_send(struct sink *sink, struct parcel *parcel)
{
	struct file_sink *f = (struct file_sink *)sink;

	if (f->count < f->room) {
		int err = tl_segment_append(f->segment, parcel->data, parcel->len);
		f->entries[f->count++] = (struct entry){parcel, "write", err, err < 0};
	}
}

/* One sync for all; after one that failed nothing of what was appended stays. */
static void settle(struct file_sink *f)
{
	bool any = false;

	for (unsigned int i = 0; i < f->count; i++) {
		any = any || !f->entries[i].settled;
	}
	if (!any) {
		return;
	}
	int err = tl_segment_sync(f->segment);
	for (unsigned int i = 0; i < f->count; i++) {
		if (!f->entries[i].settled) {
			f->entries[i] = (struct entry){f->entries[i].parcel, "sync", err, true};
		}
	}
}

static void answer(struct sink_answer *to, const struct entry *entry)
{
	*to = (struct sink_answer){.parcel = entry->parcel, .verdict = SINK_DONE};
	if (entry->err < 0) {
		to->verdict = SINK_RETRY;
		snprintf(to->reason, sizeof(to->reason), "cannot %s: %s", entry->failed,
			 strerror(-entry->err));
	}
}

static size_t file_wait(struct sink *sink, struct sink_answer *answers, size_t max,
			uint64_t timeout_ns)
{
	struct file_sink *f = (struct file_sink *)sink;
	size_t filled = 0;

	(void)timeout_ns;
	settle(f);
	for (; filled < f->count && filled < max; filled++) {
		answer(&answers[filled], &f->entries[filled]);
	}
	f->count -= (unsigned int)filled;
	memmove(f->entries, f->entries + filled, f->count * sizeof(f->entries[0]));
	/* Only now: a file that cannot be completed may take with it what was not synced. */
	tl_segment_rotate_due(f->segment, tl_clock_mono_ns());
	return filled;
}

static void file_hangup(struct sink *sink)
{
	struct file_sink *f = (struct file_sink *)sink;
	settle(f);
	int err = tl_segment_rotate(f->segment);
	if (err < 0) {
		tl_log_err("cannot complete a file: %s", strerror(-err));
	}
}

static void file_close(struct sink *sink)
{
	struct file_sink *f = (struct file_sink *)sink;

	tl_segment_close(f->segment);
	free(f);
}

static const char *const schemes[] = {"file", 0};

const struct sink_ops sink_file_ops = {
	.schemes = schemes,
	.open = file_open,
	.send = file_send,
	.wait = file_wait,
	.hangup = file_hangup,
	.close = file_close,
};
