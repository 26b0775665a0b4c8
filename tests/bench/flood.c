/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flood: flow events as fast as they can be encoded and sent, as a capture tool
 * sends them.
 *   flood [-w WINDOW_MIB] [-n] [-r RATE] URL EVENTS
 * -n: without acknowledgements. -r: so many events a second instead, those of
 * a millisecond in a batch, each a flow_start of now: what startlag measures.
 * Ends when all is acknowledged; prints events, seconds, batches sent again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "event.h"
#include "log.h"
#include "outbox.h"
#include "service.h"

struct flood {
	struct tl_outbox_config config;
	uint64_t events;
	uint64_t rate; /* a second; 0 = as fast as they go */
};

static void encode(struct tl_batch_writer *w, struct tl_flow *flow, enum tl_flow_kind kind,
		   uint64_t number)
{
	unsigned int shape;
	uint8_t *p = tl_batch_reserve(w, TL_FLOW_EVENT_MAX);

	flow->packets = number;
	flow->bytes = number * 60;
	flow->key.src_port = (uint16_t)number;
	uint32_t len = tl_flow_event_encode(p, flow, kind, TL_END_NONE, number, &shape);
	tl_batch_commit(w, shape, len);
}

/* TCP between two IPv4 addresses: what most flows are. */
static const struct tl_flow some_flow = {
	.key = {.src = {[10] = 255, [11] = 255, [12] = 10, [15] = 1},
		.dst = {[10] = 255, [11] = 255, [12] = 10, [15] = 2},
		.dst_port = 47873, /* 443 */
		.proto = 6},
	.id = 1,
};

/* A batch is full when another event would not fit. */
static int send_all(const struct flood *f, struct tl_stream *stream)
{
	struct tl_flow flow = some_flow;
	struct tl_batch_writer w;
	int err = 0;

	tl_batch_init(&w, tl_event_shapes());
	for (uint64_t n = 0; n < f->events && err == 0; n++) {
		if (!tl_batch_reserve(&w, TL_FLOW_EVENT_MAX)) {
			err = tl_stream_push(stream, &w, false);
		}
		encode(&w, &flow, TL_FLOW_UPDATE, n);
	}
	return err == 0 ? tl_stream_push(stream, &w, true) : err;
}

static void sleep_until(uint64_t mono_ns)
{
	struct timespec ts = {.tv_sec = (time_t)(mono_ns / TL_SECOND_NS),
			      .tv_nsec = (long)(mono_ns % TL_SECOND_NS)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, 0);
}

static int send_paced(const struct flood *f, struct tl_stream *stream)
{
	struct tl_flow flow = some_flow;
	struct tl_batch_writer w;
	uint64_t due_ns = tl_clock_mono_ns();
	uint64_t sent = 0;
	int err = 0;

	tl_batch_init(&w, tl_event_shapes());
	for (uint64_t ms = 1; sent < f->events && err == 0; ms++) {
		due_ns += TL_MS_NS;
		sleep_until(due_ns);
		flow.start_ns = tl_clock_wall_ns();
		for (; sent < f->events && sent < ms * f->rate / 1000; sent++) {
			encode(&w, &flow, TL_FLOW_START, sent);
		}
		err = tl_stream_push(stream, &w, false);
	}
	return err == 0 ? tl_stream_push(stream, &w, true) : err;
}

static int run(const struct flood *f)
{
	struct tl_stream_config config = {.source = "flood", .iface = "none"};
	struct tl_outbox_counts counts;
	struct tl_outbox *outbox;
	struct tl_stream *stream;

	if (tl_outbox_open(&outbox, &f->config) < 0) {
		return 1;
	}
	config.outbox = outbox;
	if (tl_stream_create(&stream, &config) < 0) {
		return 1;
	}
	uint64_t start = tl_clock_mono_ns();
	int err = f->rate ? send_paced(f, stream) : send_all(f, stream);
	int closed = tl_outbox_close(outbox, UINT64_MAX, &counts);
	double seconds = (double)(tl_clock_mono_ns() - start) / 1e9;
	printf("%llu events %.3f s %.3f M/s %llu batches %llu resent\n",
	       (unsigned long long)f->events, seconds, (double)f->events / seconds / 1e6,
	       (unsigned long long)counts.sent_batches, (unsigned long long)counts.resent_batches);
	tl_stream_destroy(stream);
	return err == 0 && closed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct flood f = {.config = {.policy = TL_OUTBOX_WAIT, .window = TL_OUTBOX_WINDOW}};
	int c;

	while ((c = getopt(argc, argv, "w:nr:")) != -1) {
		if (c == 'w') {
			f.config.window = strtoull(optarg, 0, 10) << 20;
		} else if (c == 'n') {
			f.config.hop.no_acks = true;
		} else if (c == 'r') {
			f.rate = strtoull(optarg, 0, 10);
		}
	}
	if (argc - optind != 2 || tl_service_open() < 0) {
		fprintf(stderr, "usage: flood [-w WINDOW_MIB] [-n] [-r RATE] URL EVENTS\n");
		return 2;
	}
	tl_log_open("flood");
	f.config.places[0] = argv[optind];
	f.events = strtoull(argv[optind + 1], 0, 10);
	return run(&f);
}
