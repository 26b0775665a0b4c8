/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flood: flow events as fast as they can be encoded and sent, as a capture tool
 * sends them.
 *   flood [-w WINDOW_MIB] [-n] URL EVENTS     -n: without acknowledgements
 * Ends when all is acknowledged; prints events, seconds, batches sent again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "event.h"
#include "log.h"
#include "outbox.h"
#include "service.h"

struct flood {
	struct tl_outbox_config config;
	uint64_t events;
};

static void encode(struct tl_batch_writer *w, struct tl_flow *flow, uint64_t number)
{
	unsigned int shape;
	uint8_t *p = tl_batch_reserve(w, TL_FLOW_EVENT_MAX);

	flow->packets = number;
	flow->bytes = number * 60;
	flow->key.src_port = (uint16_t)number;
	uint32_t len = tl_flow_event_encode(p, flow, TL_FLOW_UPDATE, TL_END_NONE, number, &shape);
	tl_batch_commit(w, shape, len);
}

/* A batch is full when another event would not fit. */
static int send_all(const struct flood *f, struct tl_stream *stream)
{
	struct tl_flow flow = {.key.proto = 6, .id = 1};
	struct tl_batch_writer w;
	int err = 0;

	tl_batch_init(&w, tl_event_shapes());
	for (uint64_t n = 0; n < f->events && err == 0; n++) {
		if (!tl_batch_reserve(&w, TL_FLOW_EVENT_MAX)) {
			err = tl_stream_push(stream, &w, false);
		}
		encode(&w, &flow, n);
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
	int err = send_all(f, stream);
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

	while ((c = getopt(argc, argv, "w:n")) != -1) {
		if (c == 'w') {
			f.config.window = strtoull(optarg, 0, 10) << 20;
		} else if (c == 'n') {
			f.config.hop.no_acks = true;
		}
	}
	if (argc - optind != 2 || tl_service_open() < 0) {
		fprintf(stderr, "usage: flood [-w WINDOW_MIB] [-n] URL EVENTS\n");
		return 2;
	}
	tl_log_open("flood");
	f.config.places[0] = argv[optind];
	f.events = strtoull(argv[optind + 1], 0, 10);
	return run(&f);
}
