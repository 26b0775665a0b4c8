/* SPDX-License-Identifier: BSD-2-Clause */
/* null: takes everything at once, and keeps nothing. For measuring. */
#include <errno.h>
#include <stdlib.h>

#include "sink.h"

struct null_sink {
	struct sink sink;
	unsigned int count;
	unsigned int room;
	struct parcel *answered[];
};

static int null_open(struct sink **out, const struct sink_config *config)
{
	struct null_sink *n = calloc(1, sizeof(*n) + config->in_flight * sizeof(n->answered[0]));

	if (!n) {
		return -ENOMEM;
	}
	n->sink.ops = &sink_null_ops;
	n->room = config->in_flight;
	*out = &n->sink;
	return 0;
}

static void null_send(struct sink *sink, struct parcel *parcel)
{
	struct null_sink *n = (struct null_sink *)sink;

	if (n->count < n->room) {
		n->answered[n->count++] = parcel;
	}
}

static size_t null_wait(struct sink *sink, struct sink_answer *answers, size_t max,
			uint64_t timeout_ns)
{
	struct null_sink *n = (struct null_sink *)sink;
	size_t filled = 0;

	(void)timeout_ns;
	while (n->count > 0 && filled < max) {
		answers[filled++] = (struct sink_answer){.parcel = n->answered[--n->count],
							 .verdict = SINK_DONE};
	}
	return filled;
}

static void null_close(struct sink *sink)
{
	free(sink);
}

static const char *const schemes[] = {"null", 0};

const struct sink_ops sink_null_ops = {
	.schemes = schemes,
	.open = null_open,
	.send = null_send,
	.wait = null_wait,
	.close = null_close,
};
