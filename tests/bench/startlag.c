/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * startlag: how long after its first packet a flow_start arrives, or any event of
 * a type after its own time. Takes what evcat takes; each message has the time at which it was
 * received. Prints percentiles at the end of the input or after a signal.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "event.h"
#include "exit.h"
#include "hop.h"
#include "log.h"
#include "opt.h"
#include "service.h"

enum { LAGS_MAX = 1 << 22 };

struct options {
	const char *input;
	const char *type;
	uint64_t ready_fd;
	uint64_t skip_ns;
};

struct lags {
	int64_t *ns;
	uint32_t count;
	uint64_t all;	   /* with those left out */
	uint64_t begin_ns; /* of the first flow */
	uint64_t skip_ns;
	const char *type; /* 0: flow_start, from the first packet of the flow */
};

static const struct tl_opt opts[] = {
	{.short_name = 'I',
	 .long_name = "input",
	 .kind = TL_OPT_STRING,
	 .offset = offsetof(struct options, input),
	 .metavar = "PLACE",
	 .help = "URL to listen at, file, or - (the default)"},
	{.long_name = "skip",
	 .kind = TL_OPT_DURATION,
	 .offset = offsetof(struct options, skip_ns),
	 .metavar = "TIME",
	 .help = "leave out the flows that began so soon after the first one (0)"},
	{.long_name = "type",
	 .kind = TL_OPT_STRING,
	 .offset = offsetof(struct options, type),
	 .metavar = "TYPE",
	 .help = "the events to look at, by their own time (flow_start, by that of its packet)"},
	TL_OPT_ROW_READY_FD(offsetof(struct options, ready_fd)),
	{0},
};

static const struct tl_program program = {
	.name = "startlag",
	.summary = "how long after its first packet a flow_start arrives",
	.opts = opts,
};

/* When the event happened; 0 = it is none of those to look at. */
static uint64_t begin_of(const struct lags *lags, const struct tl_event *event)
{
	struct tl_flow_event flow;

	if (lags->type) {
		return tl_str_eq(event->type, tl_str_of(lags->type)) ? event->ts_ns : 0;
	}
	bool is_start = tl_flow_event_decode(event, &flow) == 0 && flow.kind == TL_FLOW_START;
	return is_start ? flow.flow.start_ns : 0;
}

static void note(struct lags *lags, const struct tl_event *event, uint64_t now_ns)
{
	uint64_t begin_ns = begin_of(lags, event);

	if (begin_ns == 0) {
		return;
	}
	lags->all++;
	if (lags->begin_ns == 0) {
		lags->begin_ns = begin_ns;
	}
	if (begin_ns < lags->begin_ns + lags->skip_ns || lags->count == LAGS_MAX) {
		return;
	}
	lags->ns[lags->count++] = (int64_t)(now_ns - begin_ns);
}

static int take(struct lags *lags, struct tl_wire_reader *reader, const struct tl_msg *msg)
{
	uint64_t now_ns = tl_clock_wall_ns();
	struct tl_batch batch;
	struct tl_event event;
	int err = tl_wire_read(reader, msg->data, msg->len, &batch, 0);

	if (err < 0) {
		tl_log_err("a batch cannot be read");
		return err;
	}
	struct tl_event_iter iter = tl_wire_events(reader, &batch);
	while (tl_event_next(&iter, &event)) {
		note(lags, &event, now_ns);
	}
	return 0;
}

static int take_all(struct lags *lags, struct tl_hop_in *in, struct tl_wire_reader *reader)
{
	struct tl_msg *msg;
	int err = 0;

	while (err >= 0) {
		err = tl_hop_recv(in, &msg, TL_SECOND_NS);
		if (err == 0 || err == -EINTR) {
			return 0;
		}
		if (err > 0) {
			err = take(lags, reader, msg);
			tl_msg_free(msg);
		} else if (err == -ETIMEDOUT) {
			err = 0;
		}
	}
	return err;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static double percentile_us(const struct lags *lags, double share)
{
	return lags->count ? (double)lags->ns[(uint32_t)(share * (lags->count - 1))] / 1000 : 0;
}

static void print(struct lags *lags)
{
	qsort(lags->ns, lags->count, sizeof(*lags->ns), by_value);
	printf("all=%" PRIu64 "\nstarts=%" PRIu32
	       "\nmin_us=%.0f\np50_us=%.0f\np90_us=%.0f\np99_us=%.0f\n"
	       "max_us=%.0f\n",
	       lags->all, lags->count, percentile_us(lags, 0), percentile_us(lags, 0.5),
	       percentile_us(lags, 0.9), percentile_us(lags, 0.99), percentile_us(lags, 1));
}

static int run(struct lags *lags, const struct options *options)
{
	struct tl_hop_config config = {0};
	struct tl_wire_reader *reader = 0;
	struct tl_hop_in *in = 0;
	int err = tl_wire_reader_create(&reader);

	if (err == 0) {
		err = tl_hop_open_in(&in, options->input, &config);
	}
	if (err == 0) {
		err = tl_service_ready((int)options->ready_fd);
	}
	if (err == 0) {
		err = take_all(lags, in, reader);
	}
	if (in) {
		tl_hop_close_in(in);
	}
	tl_wire_reader_destroy(reader);
	return err;
}

int main(int argc, char **argv)
{
	struct options options = {.input = "-"};
	int first = tl_opt_parse(&program, argc, argv, &options);

	if (first <= 0) {
		return first == 0 ? TL_EXIT_OK : TL_EXIT_USAGE;
	}
	struct lags lags = {.ns = calloc(LAGS_MAX, sizeof(*lags.ns)),
			    .skip_ns = options.skip_ns,
			    .type = options.type};
	if (first < argc || !lags.ns || tl_service_open() < 0) {
		tl_log_err("takes no operands");
		return TL_EXIT_USAGE;
	}
	int err = run(&lags, &options);
	if (err == 0) {
		print(&lags);
	}
	free(lags.ns);
	return err < 0 ? TL_EXIT_FAILED : TL_EXIT_OK;
}
