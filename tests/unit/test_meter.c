/* SPDX-License-Identifier: BSD-2-Clause */
/* common/meter: frames in, flow events out; every frame in one class, every segment counted. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../bpf/parse.h"
#include "../../common/clock.h"
#include "../../common/meter.h"
#include "../golden/packets.h"

#define T0	    (1700000000ull * TL_SECOND_NS)
#define DEADLINE_NS (20 * TL_SECOND_NS)

enum { EVENTS_MAX = 20000 };

static char place[300];
static struct tl_wire_reader *reader;

static int setup(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");
	int fd;

	srandom(9);
	snprintf(place, sizeof(place), "%s/tl-meter-XXXXXX", tmp ? tmp : "/tmp");
	fd = mkstemp(place);
	if (fd < 0 || close(fd) < 0) {
		return -1;
	}
	return tl_wire_reader_create(&reader);
}

static int teardown(void **state)
{
	(void)state;
	tl_wire_reader_destroy(reader);
	return unlink(place);
}

/* A meter, and all that it takes to see what it says. */
struct rig {
	struct tl_outbox *outbox;
	struct tl_stream *stream;
	struct tl_meter *meter;
	struct tl_meter_counts counts; /* once closed */
	struct tl_flow_event *flows;   /* flow_end events, in order */
	uint32_t flow_count;
	uint32_t starts;
};

static void open_rig(struct rig *rig, struct tl_meter_config config)
{
	struct tl_outbox_config outbox = {
		.places[0] = place, .policy = TL_OUTBOX_WAIT, .window = TL_OUTBOX_WINDOW};

	*rig = (struct rig){0};
	assert_int_equal(tl_outbox_open(&rig->outbox, &outbox), 0);
	struct tl_stream_config stream = {.outbox = rig->outbox, .source = "test", .iface = "eth0"};
	assert_int_equal(tl_stream_create(&rig->stream, &stream), 0);
	config.stream = rig->stream;
	if (config.flows.max_flows == 0) {
		config.flows = tl_flowtab_defaults();
	}
	assert_int_equal(tl_meter_create(&rig->meter, &config), 0);
}

static void keep_flow(struct rig *rig, const struct tl_event *event)
{
	struct tl_flow_event flow = {0};

	if (tl_flow_event_decode(event, &flow) != 0) {
		return;
	}
	rig->starts += flow.kind == TL_FLOW_START;
	if (flow.kind == TL_FLOW_END) {
		assert_true(rig->flow_count < EVENTS_MAX);
		rig->flows[rig->flow_count++] = flow;
	}
}

/* Ends the flows, sends all, calls `see` (may be 0) with each event. */
static void close_rig(struct rig *rig, void (*see)(void *ctx, const struct tl_event *), void *ctx)
{
	static const struct tl_hop_config config = {0};
	struct tl_hop_in *in;
	struct tl_msg *msg;

	tl_meter_end(rig->meter, TL_END_EOF);
	assert_int_equal(tl_meter_flush(rig->meter), 0);
	assert_true(tl_meter_flush_due(rig->meter) == UINT64_MAX);
	rig->counts = tl_meter_counts(rig->meter);
	assert_int_equal(rig->counts.flows.active, 0);
	tl_meter_destroy(rig->meter);
	assert_int_equal(tl_outbox_close(rig->outbox, DEADLINE_NS, 0), 0);
	tl_stream_destroy(rig->stream);
	rig->flows = calloc(EVENTS_MAX, sizeof(*rig->flows));
	assert_int_equal(tl_hop_open_in(&in, place, &config), 0);
	while (tl_hop_recv(in, &msg, DEADLINE_NS) == 1) {
		struct tl_batch batch;
		struct tl_event event;
		assert_int_equal(tl_wire_read(reader, msg->data, msg->len, &batch, 0), 0);
		struct tl_event_iter iter = tl_wire_events(reader, &batch);
		while (tl_event_next(&iter, &event)) {
			keep_flow(rig, &event);
			if (see) {
				see(ctx, &event);
			}
		}
		tl_msg_free(msg);
	}
	tl_hop_close_in(in);
}

static struct tl_frame frame_of(const struct golden_frame *golden, uint64_t ns)
{
	return (struct tl_frame){
		.data = golden->packet.bytes,
		.ns = ns,
		.len = golden->len,
		.wire_len = golden->wire_len,
		.ifindex = 2,
		.link = TL_LINK_ETHERNET,
	};
}

static const struct golden_row *row_named(const char *name)
{
	for (unsigned int i = 0; i < golden_row_count; i++) {
		if (strcmp(golden_rows[i].name, name) == 0) {
			return &golden_rows[i];
		}
	}
	fail_msg("no row '%s'", name);
	return 0;
}

/* The flow that one frame makes. */
static struct tl_flow flow_of(const struct tl_frame *frame)
{
	struct rig rig;

	open_rig(&rig, (struct tl_meter_config){0});
	tl_meter_add(rig.meter, frame, 1);
	close_rig(&rig, 0, 0);
	assert_int_equal(rig.flow_count, 1);
	struct tl_flow flow = rig.flows[0].flow;
	free(rig.flows);
	return flow;
}

/* --- the golden table ------------------------------------------------------------------ */

struct sums {
	uint64_t packets, bytes, ip_bytes;
};

static struct sums sum_flows(const struct rig *rig)
{
	struct sums sums = {0};

	for (uint32_t i = 0; i < rig->flow_count; i++) {
		sums.packets += rig->flows[i].flow.packets;
		sums.bytes += rig->flows[i].flow.bytes;
		sums.ip_bytes += rig->flows[i].flow.ip_bytes;
	}
	return sums;
}

static void golden_rows_are_counted_by_class(void **state)
{
	(void)state;
	struct rig rig;
	uint64_t classes[TL_CLASS_COUNT] = {0};
	uint64_t bytes[TL_CLASS_COUNT] = {0};
	uint64_t all = 0;
	uint64_t ip_bytes = 0;

	open_rig(&rig, (struct tl_meter_config){0});
	for (unsigned int i = 0; i < golden_row_count; i++) {
		struct golden_frame golden;
		golden_build(&golden_rows[i], &golden);
		struct tl_frame frame = frame_of(&golden, T0 + i * TL_MS_NS);
		tl_meter_add(rig.meter, &frame, 1);
		classes[golden_rows[i].class]++;
		bytes[golden_rows[i].class] += golden.wire_len;
		all += golden.wire_len;
		ip_bytes += golden_rows[i].class == TL_CLASS_FLOW ? golden_rows[i].ip_bytes : 0;
	}
	close_rig(&rig, 0, 0);
	assert_memory_equal(rig.counts.class_packets, classes, sizeof(classes));
	assert_memory_equal(rig.counts.class_bytes, bytes, sizeof(bytes));
	assert_int_equal(rig.counts.packets, golden_row_count);
	assert_int_equal(rig.counts.skbs, golden_row_count);
	assert_int_equal(rig.counts.bytes, all);
	assert_int_equal(rig.counts.frag_hits, 6);
	assert_int_equal(rig.counts.frag_misses, 4);
	struct sums sums = sum_flows(&rig);
	assert_int_equal(sums.packets, classes[TL_CLASS_FLOW]);
	assert_int_equal(sums.bytes, bytes[TL_CLASS_FLOW]);
	assert_int_equal(sums.ip_bytes, ip_bytes);
	assert_int_equal(rig.starts, rig.flow_count);
	assert_int_equal(rig.counts.flows.started, rig.flow_count);

	struct tl_capture_stats stats = {0};
	tl_meter_counts_to_stats(&rig.counts, &stats);
	assert_int_equal(stats.packets, golden_row_count);
	assert_memory_equal(stats.class_packets, classes, sizeof(classes));
	struct tl_meter_counts twice = rig.counts;
	tl_meter_counts_add(&twice, &rig.counts);
	assert_int_equal(twice.packets, 2 * rig.counts.packets);
	assert_int_equal(twice.class_bytes[0], 2 * rig.counts.class_bytes[0]);
	assert_int_equal(twice.frag_hits, 12);
	free(rig.flows);
}

static struct tl_flow *find_flow(struct rig *rig, uint8_t proto, uint16_t sport, uint16_t vlan)
{
	for (uint32_t i = 0; i < rig->flow_count; i++) {
		struct tl_flow_key *key = &rig->flows[i].flow.key;
		if (key->proto == proto && ntohs(key->src_port) == sport &&
		    ntohs(key->vlan) == vlan) {
			return &rig->flows[i].flow;
		}
	}
	return 0;
}

static void later_fragments_join_the_flow_of_the_first(void **state)
{
	(void)state;
	static const char *const names[] = {
		"v4 first fragment udp",     "v4 later fragment",
		"v4 last fragment",	     "v4 first fragment in vlan",
		"v4 later fragment in vlan", "v4 later fragment in other vlan",
	};
	struct rig rig;
	struct golden_frame golden[6];
	struct tl_frame frames[6];

	open_rig(&rig, (struct tl_meter_config){0});
	for (int i = 0; i < 6; i++) {
		golden_build(row_named(names[i]), &golden[i]);
		frames[i] = frame_of(&golden[i], T0);
	}
	tl_meter_add(rig.meter, frames, 6);
	close_rig(&rig, 0, 0);
	assert_int_equal(rig.flow_count, 3);
	assert_int_equal(find_flow(&rig, 17, 1070, 0)->packets, 3);
	assert_int_equal(find_flow(&rig, 17, 1070, 0)->key.flags, 0);
	assert_int_equal(find_flow(&rig, 17, 1072, 11)->packets, 2);
	assert_int_equal(find_flow(&rig, 17, 0, 12)->packets, 1);
	assert_int_equal(find_flow(&rig, 17, 0, 12)->key.flags, TL_KEY_FRAGMENT);
	free(rig.flows);
}

/* --- merged frames ----------------------------------------------------------------------- */

struct gso_row {
	const char *frame;
	uint32_t total; /* IP bytes of the merged frame */
	uint16_t gso_size, gso_segs;
	bool vlan;
	/* expected */
	uint64_t packets, bytes, ip_bytes;
	uint16_t min_len, max_len;
};

static void merged_frame_counts_as_its_segments(void **state)
{
	(void)state;
	static const struct gso_row rows[] = {
		/* 14,480 bytes of payload: 10 segments, headers repeated 9 times */
		{"v4 tcp syn", 14520, 1448, 10, false, 10, 14534 + 9 * 54, 14520 + 9 * 40, 1502,
		 1502},
		{"v4 tcp syn", 14520, 1448, 0, false, 10, 14534 + 9 * 54, 14520 + 9 * 40, 1502,
		 1502},
		/* one byte more: a segment more */
		{"v4 tcp syn", 14521, 1448, 0, false, 11, 14535 + 10 * 54, 14521 + 10 * 40, 55,
		 1502},
		/* a tag that was taken out is in every segment */
		{"v4 tcp syn", 2936, 1448, 0, true, 2, 2954 + 58, 2936 + 40, 1506, 1506},
		{"v6 tcp fin", 2956, 1448, 2, false, 2, 2970 + 74, 2956 + 60, 1522, 1522},
		/* UDP segmentation repeats 8 bytes of transport header */
		{"v4 udp", 2428, 1200, 0, false, 2, 2442 + 42, 2428 + 28, 1242, 1242},
		/* not merged after all */
		{"v4 tcp syn", 1488, 1448, 0, false, 1, 1502, 1488, 1502, 1502},
		{"v4 tcp syn", 40, 1448, 0, false, 1, 54, 40, 54, 54},
		{"v4 tcp syn", 1488, 1448, 1, false, 1, 1502, 1488, 1502, 1502},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct gso_row *row = &rows[i];
		struct golden_frame golden;
		golden_build(row_named(row->frame), &golden);
		uint8_t *ip = golden.packet.bytes + 14;
		bool v6 = ip[0] >> 4 == 6;
		uint16_t length = htons((uint16_t)(v6 ? row->total - 40 : row->total));
		memcpy(ip + (v6 ? 4 : 2), &length, 2);
		struct tl_frame frame = frame_of(&golden, T0);
		frame.wire_len = 14 + row->total + (row->vlan ? 4 : 0);
		frame.gso_size = row->gso_size;
		frame.gso_segs = row->gso_segs;
		frame.has_vlan = row->vlan;
		frame.vlan_tci = 5;
		struct tl_flow flow = flow_of(&frame);
		assert_int_equal(flow.packets, row->packets);
		assert_int_equal(flow.bytes, row->bytes);
		assert_int_equal(flow.ip_bytes, row->ip_bytes);
		assert_int_equal(flow.min_len, row->min_len);
		assert_int_equal(flow.max_len, row->max_len);
		assert_int_equal(flow.skbs, 1);
		assert_int_equal(ntohs(flow.key.vlan), row->vlan ? 5 : 0);
	}
}

/* What the kernel merged and what it did not must count the same. */
static void merged_or_not_the_flow_counts_the_same(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		uint16_t mss = (uint16_t)(1 + random() % 1448);
		uint32_t payload = 1 + (uint32_t)random() % 1460 * (uint32_t)(1 + random() % 40);
		struct golden_frame golden;
		struct rig rig;
		golden_build(row_named("v4 tcp syn"), &golden);
		uint8_t *total = golden.packet.bytes + 16;

		payload = payload > 65000 ? 65000 : payload;
		struct tl_frame frame = frame_of(&golden, T0);
		frame.gso_size = mss;
		frame.wire_len = 54 + payload;
		*(uint16_t *)(void *)total = htons((uint16_t)(40 + payload));
		struct tl_flow merged = flow_of(&frame);

		open_rig(&rig, (struct tl_meter_config){0});
		frame.gso_size = 0;
		for (uint32_t left = payload; left > 0;) {
			uint32_t piece = left < mss ? left : mss;
			frame.wire_len = 54 + piece;
			*(uint16_t *)(void *)total = htons((uint16_t)(40 + piece));
			tl_meter_add(rig.meter, &frame, 1);
			left -= piece;
		}
		close_rig(&rig, 0, 0);
		assert_int_equal(rig.flow_count, 1);
		struct tl_flow apart = rig.flows[0].flow;
		assert_int_equal(merged.packets, apart.packets);
		assert_int_equal(merged.bytes, apart.bytes);
		assert_int_equal(merged.ip_bytes, apart.ip_bytes);
		assert_int_equal(merged.min_len, apart.min_len);
		assert_int_equal(merged.max_len, apart.max_len);
		free(rig.flows);
	}
}

/* --- links --------------------------------------------------------------------------------- */

static void frame_below_any_link_gives_the_same_flow(void **state)
{
	(void)state;
	struct golden_frame golden;
	golden_build(row_named("v6 udp"), &golden);
	struct tl_frame ethernet = frame_of(&golden, T0);
	struct tl_frame raw = ethernet;
	struct tl_frame cooked = ethernet;

	raw.link = TL_LINK_RAW;
	raw.link_len = 14;
	cooked.link = TL_LINK_PAYLOAD;
	cooked.link_len = 14;
	cooked.protocol = TL_ETH_IPV6;
	struct tl_flow a = flow_of(&ethernet);
	struct tl_flow b = flow_of(&raw);
	struct tl_flow c = flow_of(&cooked);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_equal(&a, &c, sizeof(a));
}

static void frame_that_is_no_ip_is_in_its_class(void **state)
{
	(void)state;
	static const uint8_t odd[] = {0x95, 0, 0, 0};
	const struct {
		struct tl_frame frame;
		unsigned int class;
	} rows[] = {
		{{.data = odd, .len = 0, .wire_len = 60}, TL_CLASS_MALFORMED_L2},
		{{.data = odd, .len = 4, .wire_len = 60, .link = TL_LINK_MALFORMED},
		 TL_CLASS_MALFORMED_L2},
		{{.data = odd, .len = 4, .wire_len = 60, .link = TL_LINK_PAYLOAD, .link_len = 16},
		 TL_CLASS_MALFORMED_L2},
		{{.data = odd, .len = 4, .wire_len = 60, .link = TL_LINK_RAW}, TL_CLASS_OTHER_L3},
		{{.data = odd,
		  .len = 4,
		  .wire_len = 60,
		  .link = TL_LINK_PAYLOAD,
		  .protocol = TL_ETH_ARP},
		 TL_CLASS_ARP},
		{{.data = odd,
		  .len = 4,
		  .wire_len = 60,
		  .link = TL_LINK_PAYLOAD,
		  .protocol = TL_ETH_IPV4},
		 TL_CLASS_MALFORMED_L3},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig rig;
		open_rig(&rig, (struct tl_meter_config){0});
		tl_meter_add(rig.meter, &rows[i].frame, 1);
		close_rig(&rig, 0, 0);
		assert_int_equal(rig.counts.class_packets[rows[i].class], 1);
		assert_int_equal(rig.counts.class_bytes[rows[i].class], 60);
		assert_int_equal(rig.counts.packets, 1);
		assert_int_equal(rig.flow_count, 0);
		free(rig.flows);
	}
}

/* --- bursts ---------------------------------------------------------------------------------- */

static int compare_flows(const void *a, const void *b)
{
	const struct tl_flow *x = &((const struct tl_flow_event *)a)->flow;
	const struct tl_flow *y = &((const struct tl_flow_event *)b)->flow;
	int by_key = memcmp(&x->key, &y->key, sizeof(x->key));

	return by_key ? by_key : x->start_ns < y->start_ns ? -1 : x->start_ns > y->start_ns;
}

static void add_in_bursts(struct tl_meter *meter, const struct tl_frame *frames, unsigned int count,
			  unsigned int most)
{
	for (unsigned int at = 0; at < count;) {
		unsigned int n = 1 + (unsigned int)random() % most;
		n = n < count - at ? n : count - at;
		tl_meter_add(meter, frames + at, n);
		at += n;
		if (random() % 3 == 0) {
			tl_meter_flush(meter);
		}
	}
}

static void frames_in_any_bursts_give_the_same_flows(void **state)
{
	(void)state;
	enum { FRAMES = 3000 };
	struct golden_frame *golden = calloc(golden_row_count, sizeof(*golden));
	struct tl_frame *frames = calloc(FRAMES, sizeof(*frames));
	struct rig one;
	struct rig many;
	uint64_t ns = T0;

	for (unsigned int i = 0; i < golden_row_count; i++) {
		golden_build(&golden_rows[i], &golden[i]);
	}
	for (int i = 0; i < FRAMES; i++) {
		ns += random() % 300 == 0 ? 18 * TL_SECOND_NS : (uint64_t)random() % TL_MS_NS;
		frames[i] = frame_of(&golden[(unsigned long)random() % golden_row_count], ns);
		frames[i].ifindex = (uint32_t)random() % 2;
		frames[i].direction = (uint8_t)(random() % 2);
	}
	open_rig(&one, (struct tl_meter_config){0});
	add_in_bursts(one.meter, frames, FRAMES, 1);
	close_rig(&one, 0, 0);
	open_rig(&many, (struct tl_meter_config){0});
	add_in_bursts(many.meter, frames, FRAMES, TL_METER_BURST);
	close_rig(&many, 0, 0);
	assert_memory_equal(&one.counts, &many.counts, sizeof(one.counts));
	assert_int_equal(one.flow_count, many.flow_count);
	qsort(one.flows, one.flow_count, sizeof(*one.flows), compare_flows);
	qsort(many.flows, many.flow_count, sizeof(*many.flows), compare_flows);
	for (uint32_t i = 0; i < one.flow_count; i++) {
		struct tl_flow *a = &one.flows[i].flow;
		struct tl_flow *b = &many.flows[i].flow;
		assert_memory_equal(a, b, sizeof(*a));
	}
	free(one.flows);
	free(many.flows);
	free(golden);
	free(frames);
}

static void start_of_a_flow_is_due_within_half_a_millisecond(void **state)
{
	(void)state;
	struct rig rig;
	struct golden_frame golden;

	golden_build(row_named("v4 udp"), &golden);
	struct tl_frame frame = frame_of(&golden, T0);
	open_rig(&rig, (struct tl_meter_config){0});
	assert_true(tl_meter_flush_due(rig.meter) == UINT64_MAX);
	uint64_t before = tl_clock_mono_ns();
	tl_meter_add(rig.meter, &frame, 1);
	uint64_t after = tl_clock_mono_ns();
	assert_true(tl_meter_flush_due(rig.meter) >= before + TL_MS_NS / 2);
	assert_true(tl_meter_flush_due(rig.meter) <= after + TL_MS_NS / 2);
	assert_int_equal(tl_meter_flush(rig.meter), 0);
	assert_true(tl_meter_flush_due(rig.meter) == UINT64_MAX);
	tl_meter_add(rig.meter, &frame, 1); /* known: nothing to tell */
	assert_true(tl_meter_flush_due(rig.meter) == UINT64_MAX);
	before = tl_clock_mono_ns();
	tl_meter_advance(rig.meter, T0 + 100 * TL_SECOND_NS);
	assert_true(tl_meter_flush_due(rig.meter) >= before + 10 * TL_MS_NS);
	close_rig(&rig, 0, 0);
	assert_int_equal(rig.flow_count, 1);
	assert_int_equal(rig.flows[0].reason, TL_END_IDLE);
	free(rig.flows);
}

/* --- --raw -------------------------------------------------------------------------------------
 */

struct seen_packets {
	unsigned int count;
	uint64_t length;
	struct tl_str payload; /* of the last, copied */
	char bytes[256];
};

static void see_packet(void *ctx, const struct tl_event *event)
{
	struct seen_packets *seen = ctx;
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;
	uint64_t v;

	assert_true(tl_str_eq(event->type, TL_STR("packet")));
	seen->count++;
	while (tl_entity_next(&iter, &entity)) {
		if (tl_str_eq(entity.name, TL_STR("length"))) {
			assert_int_equal(tl_mp_get_uint(&entity.value, &v), 0);
			seen->length += v;
		} else if (tl_str_eq(entity.name, TL_STR("payload"))) {
			assert_int_equal(tl_mp_get_bin(&entity.value, &seen->payload), 0);
			assert_true(seen->payload.len <= sizeof(seen->bytes));
			memcpy(seen->bytes, seen->payload.ptr, seen->payload.len);
		}
	}
}

static bool is_udp(void *ctx, const struct tl_flow_key *key)
{
	(void)ctx;
	return key->proto == 17;
}

static void raw_mode_tells_each_packet(void **state)
{
	(void)state;
	struct seen_packets seen = {0};
	struct rig rig;
	uint64_t packets = 0;
	uint64_t bytes = 0;

	open_rig(&rig, (struct tl_meter_config){.raw = true, .payload_max = 64});
	for (unsigned int i = 0; i < golden_row_count; i++) {
		struct golden_frame golden;
		golden_build(&golden_rows[i], &golden);
		struct tl_frame frame = frame_of(&golden, T0);
		tl_meter_add(rig.meter, &frame, 1);
		if (golden_rows[i].class == TL_CLASS_FLOW) {
			packets++;
			bytes += golden.wire_len;
		}
	}
	close_rig(&rig, see_packet, &seen);
	assert_int_equal(seen.count, packets);
	assert_int_equal(seen.length, bytes);
	assert_int_equal(rig.counts.class_packets[TL_CLASS_FLOW], packets);
	free(rig.flows);
}

static void raw_payload_ends_with_the_datagram(void **state)
{
	(void)state;
	struct seen_packets seen = {0};
	struct golden_frame golden;
	struct rig rig;

	golden_build(row_named("v4 padded tcp"), &golden);
	struct tl_frame frame = frame_of(&golden, T0);
	open_rig(&rig, (struct tl_meter_config){.raw = true, .payload_max = 64});
	tl_meter_add(rig.meter, &frame, 1);
	close_rig(&rig, see_packet, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.payload.len, 0); /* the six bytes of padding are none */
	free(rig.flows);

	golden_build(row_named("v4 udp"), &golden);
	frame = frame_of(&golden, T0);
	open_rig(&rig, (struct tl_meter_config){.raw = true, .payload_max = 20});
	tl_meter_add(rig.meter, &frame, 1);
	close_rig(&rig, see_packet, &seen);
	assert_int_equal(seen.payload.len, 20);
	assert_memory_equal(seen.bytes, golden.packet.bytes + 42, 20);
	free(rig.flows);
}

static void raw_packet_excluded_is_counted_and_not_told(void **state)
{
	(void)state;
	struct seen_packets seen = {0};
	struct golden_frame udp;
	struct golden_frame tcp;
	struct rig rig;

	golden_build(row_named("v4 udp"), &udp);
	golden_build(row_named("v4 tcp syn"), &tcp);
	struct tl_frame frames[] = {frame_of(&udp, T0), frame_of(&tcp, T0), frame_of(&udp, T0)};
	open_rig(&rig, (struct tl_meter_config){.raw = true, .exclude = is_udp});
	tl_meter_add(rig.meter, frames, 3);
	close_rig(&rig, see_packet, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(rig.counts.packets, 3);
	assert_int_equal(rig.counts.class_packets[TL_CLASS_FLOW] +
				 rig.counts.class_packets[TL_CLASS_FILTERED],
			 3);
	free(rig.flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_rows_are_counted_by_class),
		cmocka_unit_test(later_fragments_join_the_flow_of_the_first),
		cmocka_unit_test(merged_frame_counts_as_its_segments),
		cmocka_unit_test(merged_or_not_the_flow_counts_the_same),
		cmocka_unit_test(frame_below_any_link_gives_the_same_flow),
		cmocka_unit_test(frame_that_is_no_ip_is_in_its_class),
		cmocka_unit_test(frames_in_any_bursts_give_the_same_flows),
		cmocka_unit_test(start_of_a_flow_is_due_within_half_a_millisecond),
		cmocka_unit_test(raw_mode_tells_each_packet),
		cmocka_unit_test(raw_payload_ends_with_the_datagram),
		cmocka_unit_test(raw_packet_excluded_is_counted_and_not_told),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
