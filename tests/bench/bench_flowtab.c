/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ns a packet of the flow table alone, with and without the prefetching of a
 * burst, and of the meter whole (parse, table, events, batches to a file that
 * is /dev/null), for working sets from one flow to a full table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "meter.h"
#include "sample.h"
#include "wiregen/plan.h"

enum {
	PACKETS = 1 << 20,
	BURST = TL_METER_BURST,
	FRAME = 60,
	BASE_S = 1700000000,
};

static const uint32_t flow_counts[] = {1, 1000, 10000, 65536, 262144};

/* Packets in order: which flow each belongs to. */
struct order {
	const char *name;
	bool random;
};

static const struct order orders[] = {{"sequential", false}, {"random", true}};

struct table_bench {
	struct tl_flowtab *tab;
	struct tl_flow_key *keys; /* of the packets, in order */
	uint64_t *ids;
	bool prefetch;
	uint64_t ns;
};

struct meter_bench {
	struct tl_meter *meter;
	uint8_t *frames;
	uint64_t ns;
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_flowtab: %s\n", what);
	exit(1);
}

static void *allocate(size_t bytes)
{
	void *p = malloc(bytes);
	if (!p) {
		fail("no memory");
	}
	return p;
}

static void discard(void *ctx, enum tl_flow_kind kind, const struct tl_flow *flow,
		    enum tl_end_reason reason, uint64_t now_ns)
{
	(void)ctx;
	(void)kind;
	(void)reason;
	(void)now_ns;
	sample_keep(flow);
}

static void add_burst(struct table_bench *b, unsigned int first)
{
	struct tl_flow_delta delta = {.packets = 1,
				      .bytes = FRAME,
				      .ip_bytes = FRAME - 14,
				      .skbs = 1,
				      .min_len = FRAME,
				      .max_len = FRAME};

	if (b->prefetch) {
		for (unsigned int i = first; i < first + BURST; i++) {
			tl_flowtab_prefetch_index(b->tab, b->ids[i]);
		}
		for (unsigned int i = first; i < first + BURST; i++) {
			tl_flowtab_prefetch_flow(b->tab, b->ids[i]);
		}
	}
	for (unsigned int i = first; i < first + BURST; i++) {
		b->ns += 500;
		delta.first_ns = delta.last_ns = b->ns;
		tl_flowtab_add(b->tab, &b->keys[i], b->ids[i], &delta);
	}
}

static void add_all(void *ctx)
{
	for (unsigned int i = 0; i < PACKETS; i += BURST) {
		add_burst(ctx, i);
	}
}

static void key_of(uint32_t flow, struct tl_flow_key *key)
{
	*key = (struct tl_flow_key){.proto = 17, .dst_port = htons(443)};
	key->src_port = htons((uint16_t)(1024 + flow % 60000));
	memset(key->src + 10, 0xff, 2);
	memset(key->dst + 10, 0xff, 2);
	key->src[12] = 10;
	key->src[13] = (uint8_t)(flow >> 16);
	key->src[14] = (uint8_t)(flow >> 8);
	key->src[15] = (uint8_t)flow;
}

static struct gen_plan plan_of(uint32_t flows, bool random)
{
	struct plan_options options = plan_defaults();
	struct gen_plan plan;
	uint32_t size;

	options.flows = flows;
	options.order = random;
	if (plan_make(&options, &plan, &size) < 0 || size != FRAME) {
		fail("plan");
	}
	return plan;
}

static void bench_table(uint32_t flows, const struct order *order)
{
	struct table_bench b = {.ns = BASE_S * TL_SECOND_NS};
	struct tl_flowtab_config config = tl_flowtab_defaults();
	struct gen_plan plan = plan_of(flows, order->random);
	char name[64];

	config.emit = discard;
	b.keys = allocate(PACKETS * sizeof(*b.keys));
	b.ids = allocate(PACKETS * sizeof(*b.ids));
	for (unsigned int i = 0; i < PACKETS; i++) {
		key_of(gen_flow(&plan, i), &b.keys[i]);
		b.ids[i] = tl_flow_id(&b.keys[i]);
	}
	for (int prefetch = 0; prefetch < 2; prefetch++) {
		if (tl_flowtab_create(&b.tab, &config) < 0) {
			fail("table");
		}
		b.prefetch = prefetch;
		snprintf(name, sizeof(name), "table %6u flows %s%s", flows, order->name,
			 prefetch ? ", prefetch" : "");
		sample_time(name, PACKETS, add_all, &b);
		tl_flowtab_destroy(b.tab);
	}
	free(b.keys);
	free(b.ids);
}

static void meter_all(void *ctx)
{
	struct meter_bench *b = ctx;
	struct tl_frame burst[BURST];

	for (unsigned int at = 0; at < PACKETS; at += BURST) {
		for (unsigned int i = 0; i < BURST; i++) {
			b->ns += 500;
			burst[i] = (struct tl_frame){.data = b->frames + (size_t)(at + i) * FRAME,
						     .ns = b->ns,
						     .len = FRAME,
						     .wire_len = FRAME};
		}
		tl_meter_add(b->meter, burst, BURST);
	}
}

static void bench_meter(struct tl_stream *stream, uint32_t flows, const struct order *order)
{
	struct tl_meter_config config = {.stream = stream, .flows = tl_flowtab_defaults()};
	struct meter_bench b = {.ns = BASE_S * TL_SECOND_NS};
	struct gen_plan plan = plan_of(flows, order->random);
	char name[64];

	b.frames = allocate((size_t)PACKETS * FRAME);
	for (unsigned int i = 0; i < PACKETS; i++) {
		plan_frame(&plan, i, FRAME, b.frames + (size_t)i * FRAME);
	}
	if (tl_meter_create(&b.meter, &config) < 0) {
		fail("meter");
	}
	snprintf(name, sizeof(name), "meter %6u flows %s", flows, order->name);
	sample_time(name, PACKETS, meter_all, &b);
	tl_meter_destroy(b.meter);
	free(b.frames);
}

/* Packets lie in memory one after the other, as in a ring or a mapped file: 60 MiB, not in cache.
 */
int main(void)
{
	struct tl_outbox_config out = {
		.places[0] = "/dev/null", .policy = TL_OUTBOX_WAIT, .window = TL_OUTBOX_WINDOW};
	struct tl_outbox *outbox;
	struct tl_stream *stream;

	sample_environment("bench_flowtab: tl_flowtab_add and tl_meter_add, per packet");
	if (tl_outbox_open(&outbox, &out) < 0) {
		fail("outbox");
	}
	struct tl_stream_config config = {.outbox = outbox, .source = "bench", .iface = "none"};
	if (tl_stream_create(&stream, &config) < 0) {
		fail("stream");
	}
	for (unsigned int i = 0; i < sizeof(flow_counts) / sizeof(flow_counts[0]); i++) {
		for (unsigned int o = 0; o < 2; o++) {
			bench_table(flow_counts[i], &orders[o]);
			bench_meter(stream, flow_counts[i], &orders[o]);
		}
	}
	tl_stream_destroy(stream);
	return tl_outbox_close(outbox, TL_SECOND_NS, 0) < 0;
}
