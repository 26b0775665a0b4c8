/* SPDX-License-Identifier: BSD-2-Clause */
/* common/flow_features, common/meter: frames in, flow_features events beside those of flows out. */
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

enum { SYN = 2, ACK = 16, SYN_ACK = SYN | ACK, SEQ_AT = 38, ACK_AT = 42, CAPTURE_MAX = 8 << 20 };

/* --- a meter, and all that it says ------------------------------------------------- */

struct rig {
	char place[300];
	struct tl_outbox *outbox;
	struct tl_stream *stream;
	struct tl_meter *meter;
	struct tl_meter_counts counts; /* once closed */
	struct tl_wire_reader *reader;
	uint8_t *events; /* bytes of all events but the last, one behind the other */
	size_t bytes;
	unsigned int features;
	unsigned int flows; /* that ended */
};

static void open_rig_with(struct rig *rig, struct tl_flow_features_config features,
			  uint32_t max_flows)
{
	struct tl_meter_config config = {.features = features, .flows = tl_flowtab_defaults()};
	const char *tmp = getenv("TMPDIR");

	memset(rig, 0, sizeof(*rig));
	snprintf(rig->place, sizeof(rig->place), "%s/tl-features-XXXXXX", tmp ? tmp : "/tmp");
	int fd = mkstemp(rig->place);
	assert_true(fd >= 0 && close(fd) == 0);
	struct tl_outbox_config outbox = {
		.places[0] = rig->place, .policy = TL_OUTBOX_WAIT, .window = TL_OUTBOX_WINDOW};
	assert_int_equal(tl_outbox_open(&rig->outbox, &outbox), 0);
	struct tl_stream_config stream = {.outbox = rig->outbox, .source = "test", .iface = "eth0"};
	assert_int_equal(tl_stream_create(&rig->stream, &stream), 0);
	config.stream = rig->stream;
	config.flows.every = 10; /* updates are no starts */
	config.flows.max_flows = max_flows ? max_flows : config.flows.max_flows;
	assert_int_equal(tl_meter_create(&rig->meter, &config), 0);
	assert_int_equal(tl_wire_reader_create(&rig->reader), 0);
	rig->events = malloc(CAPTURE_MAX);
	assert_non_null(rig->events);
}

static void open_rig(struct rig *rig, uint32_t packets, uint32_t max_flows)
{
	const struct tl_flow_features_config features = {.packets = packets,
							 .flows = TL_FEATURE_STATES};

	open_rig_with(rig, features, max_flows);
}

typedef void see_event(void *ctx, const struct tl_event *event);

static void take(struct rig *rig, const struct tl_event *event, see_event *see, void *ctx)
{
	struct tl_flow_event flow;

	assert_true(rig->bytes + event->len <= CAPTURE_MAX);
	memcpy(rig->events + rig->bytes, event->bytes, event->len);
	rig->bytes += event->len;
	rig->features += tl_str_eq(event->type, TL_STR("flow_features"));
	rig->flows += tl_flow_event_decode(event, &flow) == 0 && flow.kind == TL_FLOW_END;
	if (see) {
		see(ctx, event);
	}
}

/* Ends the flows; calls `see` (may be 0) with each event. */
static void end_rig(struct rig *rig, see_event *see, void *ctx)
{
	static const struct tl_hop_config config = {0};
	struct tl_hop_in *in;
	struct tl_msg *msg;

	tl_meter_end(rig->meter, TL_END_EOF);
	assert_int_equal(tl_meter_flush(rig->meter), 0);
	rig->counts = tl_meter_counts(rig->meter);
	tl_meter_destroy(rig->meter);
	assert_int_equal(tl_outbox_close(rig->outbox, DEADLINE_NS, 0), 0);
	tl_stream_destroy(rig->stream);
	assert_int_equal(tl_hop_open_in(&in, rig->place, &config), 0);
	while (tl_hop_recv(in, &msg, DEADLINE_NS) == 1) {
		struct tl_batch batch;
		struct tl_event event;
		assert_int_equal(tl_wire_read(rig->reader, msg->data, msg->len, &batch, 0), 0);
		struct tl_event_iter iter = tl_wire_events(rig->reader, &batch);
		while (tl_event_next(&iter, &event)) {
			take(rig, &event, see, ctx);
		}
		tl_msg_free(msg);
	}
	tl_hop_close_in(in);
	unlink(rig->place);
}

static void close_rig(struct rig *rig)
{
	tl_wire_reader_destroy(rig->reader);
	free(rig->events);
}

/* --- what an event says ---------------------------------------------------------------- */

static bool find(const struct tl_event *event, const char *name, struct tl_mp_cursor *value)
{
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;

	while (tl_entity_next(&iter, &entity)) {
		if (tl_str_eq(entity.name, tl_str_of(name))) {
			*value = entity.value;
			return true;
		}
	}
	return false;
}

/* UINT64_MAX where there is none. */
static uint64_t number(const struct tl_event *event, const char *name)
{
	struct tl_mp_cursor value;
	uint64_t v;

	if (!find(event, name, &value)) {
		return UINT64_MAX;
	}
	assert_int_equal(tl_mp_get_uint(&value, &v), 0);
	return v;
}

/* The features of the flow with that source port. */
struct wanted {
	uint16_t src_port;
	unsigned int count;
	uint64_t packets, bytes, window, synack_time, payload_bytes;
	uint64_t sizes[16];
	uint32_t size_count;
	bool ended;
};

static void see_wanted(void *ctx, const struct tl_event *event)
{
	struct wanted *w = ctx;
	struct tl_mp_cursor sizes;

	if (!tl_str_eq(event->type, TL_STR("flow_features")) ||
	    number(event, "src_port") != w->src_port) {
		return;
	}
	w->count++;
	w->packets = number(event, "packets");
	w->bytes = number(event, "bytes");
	w->window = number(event, "tcp.window");
	w->synack_time = number(event, "tcp.synack_time");
	w->payload_bytes = number(event, "payload.bytes");
	w->ended = number(event, "feature_flags") & TL_FEATURE_ENDED;
	assert_true(find(event, "size.first", &sizes));
	assert_int_equal(tl_mp_get_array(&sizes, &w->size_count), 0);
	for (uint32_t i = 0; i < w->size_count; i++) {
		assert_int_equal(tl_mp_get_uint(&sizes, &w->sizes[i]), 0);
	}
}

struct names {
	uint32_t count;
	char text[2][64];
};

static void see_names(void *ctx, const struct tl_event *event)
{
	struct names *names = ctx;
	struct tl_mp_cursor list;
	struct tl_str name;

	if (!find(event, "dns.rrname", &list)) {
		return;
	}
	assert_int_equal(tl_mp_get_array(&list, &names->count), 0);
	for (uint32_t i = 0; i < names->count && i < 2; i++) {
		assert_int_equal(tl_mp_get_str(&list, &name), 0);
		snprintf(names->text[i], sizeof(names->text[i]), "%.*s", (int)name.len, name.ptr);
	}
}

/* --- frames ------------------------------------------------------------------------------ */

static const uint8_t host_a[4] = {10, 0, 0, 1};
static const uint8_t host_b[4] = {10, 0, 0, 2};

/* TCP from a to b or back, `payload` bytes. */
static struct tl_frame tcp(struct packet *p, bool back, uint8_t flags, uint32_t payload,
			   uint64_t ns)
{
	const struct layer layers[] = {
		{.kind = LAYER_ETH},
		{.kind = LAYER_IP4},
		{LAYER_TCP, back ? 443 : 1000, back ? 1000 : 443, flags, 0},
		{.kind = LAYER_PAYLOAD, .a = payload},
	};

	packet_begin(p);
	for (int i = 0; i < 4; i++) {
		packet_push(p, &layers[i]);
		if (layers[i].kind == LAYER_IP4) {
			packet_set_addresses(p, back ? host_b : host_a, back ? host_a : host_b);
		}
	}
	packet_close(p);
	return (struct tl_frame){.data = p->bytes,
				 .ns = ns,
				 .len = p->len,
				 .wire_len = p->len,
				 .ifindex = 2,
				 .link = TL_LINK_ETHERNET};
}

/* --- tests --------------------------------------------------------------------------------- */

struct handshake_row {
	uint8_t syn_direction, synack_direction;
	uint32_t synack_ifindex;
	uint64_t delay_ns;
	uint64_t expected;
};

static void handshake_is_timed_across_directions(void **state)
{
	(void)state;
	static const struct handshake_row rows[] = {
		{0, 0, 2, 5 * TL_MS_NS, 5 * TL_MS_NS},	       /* a mirror port */
		{1, 0, 2, 5 * TL_MS_NS, 5 * TL_MS_NS},	       /* a client behind its interface */
		{0, 1, 2, TL_SECOND_NS, TL_SECOND_NS},	       /* a server */
		{0, 0, 3, 5 * TL_MS_NS, UINT64_MAX},	       /* another interface: another flow */
		{0, 0, 2, 3 * TL_SECOND_NS, 3 * TL_SECOND_NS}, /* its features were told */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct handshake_row *row = &rows[i];
		struct wanted back = {.src_port = 443};
		struct packet a;
		struct packet b;
		struct rig rig;
		open_rig(&rig, 16, 0);
		struct tl_frame frames[] = {tcp(&a, false, SYN, 0, T0),
					    tcp(&b, true, SYN_ACK, 0, T0 + row->delay_ns)};
		tl_mp_put_be32(a.bytes + SEQ_AT, 7);
		tl_mp_put_be32(b.bytes + ACK_AT, 8);
		frames[0].direction = row->syn_direction;
		frames[1].direction = row->synack_direction;
		frames[1].ifindex = row->synack_ifindex;
		tl_meter_add(rig.meter, frames, 2);
		end_rig(&rig, see_wanted, &back);
		assert_int_equal(rig.features, 2);
		assert_int_equal(back.count, 1);
		assert_true(back.synack_time == row->expected);
		close_rig(&rig);
	}
}

static void merged_frame_tells_the_sizes_on_the_wire(void **state)
{
	(void)state;
	struct wanted w = {.src_port = 1000};
	struct packet p;
	struct rig rig;

	open_rig(&rig, 16, 0);
	struct tl_frame frame = tcp(&p, false, ACK, 2500, T0);
	frame.gso_size = 1000;
	tl_meter_add(rig.meter, &frame, 1);
	end_rig(&rig, see_wanted, &w);
	assert_int_equal(w.packets, 3);
	assert_int_equal(w.bytes, 2500 + 3 * 54);
	assert_int_equal(w.payload_bytes, 2500);
	assert_int_equal(w.size_count, 3);
	assert_int_equal(w.sizes[0], 1054);
	assert_int_equal(w.sizes[1], 1054);
	assert_int_equal(w.sizes[2], 554);
	close_rig(&rig);
}

/* Longer than sizes can say: bytes are right all the same. */
static void frame_of_more_than_64_kib_counts_its_bytes(void **state)
{
	(void)state;
	struct wanted w = {.src_port = 1000};
	struct packet p;
	struct rig rig;

	open_rig(&rig, 16, 0);
	struct tl_frame frame = tcp(&p, false, ACK, 100, T0);
	frame.wire_len = 70000;
	tl_meter_add(rig.meter, &frame, 1);
	end_rig(&rig, see_wanted, &w);
	assert_int_equal(w.packets, 1);
	assert_int_equal(w.bytes, 70000);
	assert_int_equal(w.sizes[0], 65535);
	close_rig(&rig);
}

/* The UDP header repeats as well: two questions of 27 bytes. */
static void merged_datagrams_are_read_one_by_one(void **state)
{
	(void)state;
	static const uint8_t questions[] = "\0\1\1\0\0\1\0\0\0\0\0\0\3one\5local\0\0\1\0\1"
					   "\0\2\1\0\0\1\0\0\0\0\0\0\3two\5local\0\0\1\0\1";
	static const struct layer layers[] = {{.kind = LAYER_ETH},
					      {.kind = LAYER_IP4},
					      {LAYER_PORTS, 4000, 53, 17, 8},
					      {.kind = LAYER_PAYLOAD, .a = sizeof(questions) - 1}};
	struct names names = {0};
	struct packet p;
	struct rig rig;

	packet_begin(&p);
	for (int i = 0; i < 4; i++) {
		packet_push(&p, &layers[i]);
	}
	packet_close(&p);
	memcpy(p.bytes + p.len - (sizeof(questions) - 1), questions, sizeof(questions) - 1);
	struct tl_frame frame = {.data = p.bytes,
				 .ns = T0,
				 .len = p.len,
				 .wire_len = p.len,
				 .gso_size = (sizeof(questions) - 1) / 2,
				 .link = TL_LINK_ETHERNET};
	open_rig(&rig, 16, 0);
	tl_meter_add(rig.meter, &frame, 1);
	end_rig(&rig, see_names, &names);
	assert_int_equal(rig.features, 1);
	assert_int_equal(names.count, 2);
	assert_string_equal(names.text[0], "one.local");
	assert_string_equal(names.text[1], "two.local");
	close_rig(&rig);
}

static void see_order(void *ctx, const struct tl_event *event)
{
	unsigned int *features_before_end = ctx;
	struct tl_flow_event flow;

	if (tl_str_eq(event->type, TL_STR("flow_features"))) {
		(*features_before_end)++;
	} else if (tl_flow_event_decode(event, &flow) == 0 && flow.kind == TL_FLOW_END) {
		assert_true(*features_before_end > 0);
	}
}

static void features_of_50_packets(struct rig *rig, uint32_t packets, bool once, see_event *see,
				   void *ctx)
{
	struct packet p;

	open_rig_with(rig, (struct tl_flow_features_config){packets, 10, once}, 0);
	for (uint64_t i = 0; i < 50; i++) {
		struct tl_frame f = tcp(&p, false, ACK, 10, T0 + i * TL_MS_NS);
		tl_meter_add(rig->meter, &f, 1);
	}
	end_rig(rig, see, ctx);
	assert_int_equal(rig->flows, 1);
	close_rig(rig);
}

static void features_are_of_the_first_packets_then_of_all_and_come_before_the_end(void **state)
{
	(void)state;
	for (uint32_t packets = 1; packets <= 53; packets += 13) {
		for (int once = 0; once < 2; once++) {
			unsigned int events = once || packets > 50 ? 1 : 2;
			struct wanted w = {.src_port = 1000};
			unsigned int before_end = 0;
			struct rig rig;
			features_of_50_packets(&rig, packets, once, see_order, &before_end);
			features_of_50_packets(&rig, packets, once, see_wanted, &w);
			assert_int_equal(before_end, events);
			assert_int_equal(w.count, events);
			assert_int_equal(w.packets, once && packets < 50 ? packets : 50);
			assert_int_equal(w.ended, !once || packets > 50);
			assert_int_equal(rig.counts.features.emitted, events);
		}
	}
}

/* Random golden packets; times stand still, jump, and go back. */
static unsigned int random_frames(struct tl_frame *frames, struct golden_frame *golden,
				  unsigned int count)
{
	uint64_t ns = T0;

	for (unsigned int i = 0; i < golden_row_count; i++) {
		golden_build(&golden_rows[i], &golden[i]);
	}
	for (unsigned int i = 0; i < count; i++) {
		const struct golden_frame *g = &golden[(unsigned long)random() % golden_row_count];
		ns += random() % 300 == 0 ? 3 * TL_SECOND_NS : (uint64_t)random() % TL_MS_NS;
		frames[i] = (struct tl_frame){
			.data = g->packet.bytes,
			.ns = random() % 50 == 0 ? ns - TL_MS_NS : ns,
			.len = g->len,
			.wire_len = g->wire_len,
			.ifindex = 2,
			.direction = (uint8_t)(random() % 2),
			.link = TL_LINK_ETHERNET,
		};
	}
	return count;
}

static void in_bursts(struct rig *rig, const struct tl_frame *frames, unsigned int count,
		      unsigned int most)
{
	for (unsigned int at = 0; at < count;) {
		unsigned int n = 1 + (unsigned int)random() % most;
		n = n < count - at ? n : count - at;
		tl_meter_add(rig->meter, frames + at, n);
		at += n;
	}
}

/* Whatever the engine hands over at a time, the stream is the same to the byte. */
static void frames_in_any_bursts_give_the_same_events(void **state)
{
	(void)state;
	enum { FRAMES = 4000 };
	struct golden_frame *golden = calloc(golden_row_count, sizeof(*golden));
	struct tl_frame *frames = calloc(FRAMES, sizeof(*frames));

	for (unsigned int round = 0; round < 8; round++) {
		const struct tl_flow_features_config features = {
			.packets = 16, .flows = TL_FEATURE_STATES, .once = round % 2 == 0};
		struct rig one;
		struct rig many;
		uint32_t max_flows = round < 4 ? 0 : 20;
		srandom(round + 1);
		random_frames(frames, golden, FRAMES);
		open_rig_with(&one, features, max_flows);
		in_bursts(&one, frames, FRAMES, 1);
		end_rig(&one, 0, 0);
		open_rig_with(&many, features, max_flows);
		in_bursts(&many, frames, FRAMES, TL_METER_BURST);
		end_rig(&many, 0, 0);
		assert_int_equal(one.bytes, many.bytes);
		assert_memory_equal(one.events, many.events, one.bytes);
		/* Evicted or not, young or old: one event a flow, or one more for what came later.
		 */
		assert_true(features.once ? one.features == one.flows : one.features > one.flows);
		assert_true(one.features <= 2 * one.flows);
		assert_int_equal(one.counts.flows.started, one.flows);
		assert_int_equal(one.counts.features.emitted, one.features);
		assert_int_equal(one.counts.features.active, 0);
		assert_true(max_flows == 0 || one.counts.flows.evicted > 100);
		close_rig(&one);
		close_rig(&many);
	}
	free(golden);
	free(frames);
}

static void more_young_flows_than_states_are_told_early_and_counted(void **state)
{
	(void)state;
	enum { FLOWS = 20000 };
	const uint32_t states = 3000;
	struct packet p;
	struct rig rig;

	open_rig_with(&rig, (struct tl_flow_features_config){16, states, false}, 0);
	struct tl_frame frame = tcp(&p, false, ACK, 0, T0);
	for (uint32_t i = 0; i < FLOWS; i++) {
		uint32_t address = htonl(i);
		memcpy(p.bytes + 26, &address, 4);
		tl_meter_add(rig.meter, &frame, 1);
	}
	end_rig(&rig, 0, 0);
	assert_int_equal(rig.features, FLOWS);
	assert_int_equal(rig.counts.features.early, FLOWS - states);
	struct tl_capture_stats stats = {0};
	tl_meter_counts_to_stats(&rig.counts, &stats);
	assert_int_equal(stats.features.told, FLOWS);
	assert_int_equal(stats.features.early, FLOWS - states);
	struct tl_meter_counts twice = rig.counts;
	tl_meter_counts_add(&twice, &rig.counts);
	assert_int_equal(twice.features.emitted, 2 * FLOWS);
	assert_int_equal(twice.features.early, 2 * (FLOWS - states));
	close_rig(&rig);
}

static void silence_brings_the_features_after_2_s(void **state)
{
	(void)state;
	struct packet p;
	struct rig rig;

	open_rig(&rig, 16, 0);
	struct tl_frame frame = tcp(&p, false, ACK, 10, T0);
	tl_meter_add(rig.meter, &frame, 1);
	tl_meter_advance(rig.meter, T0 + 2 * TL_SECOND_NS);
	assert_int_equal(tl_meter_counts(rig.meter).features.emitted, 0);
	assert_int_equal(tl_meter_flush(rig.meter), 0);
	assert_true(tl_meter_flush_due(rig.meter) == UINT64_MAX);
	tl_meter_advance(rig.meter, T0 + 2 * TL_SECOND_NS + 1);
	assert_int_equal(tl_meter_counts(rig.meter).features.emitted, 1);
	/* And it is sent in time like any event. */
	assert_true(tl_meter_flush_due(rig.meter) != UINT64_MAX);
	end_rig(&rig, 0, 0);
	assert_int_equal(rig.features, 1);
	close_rig(&rig);
}

/* Somebody else's packet is enough, whatever it comes with. */
static void packets_of_others_bring_the_features_after_2_s(void **state)
{
	(void)state;
	struct packet a;
	struct packet b;
	struct rig rig;

	open_rig(&rig, 16, 0);
	struct tl_frame frames[] = {tcp(&a, false, ACK, 10, T0),
				    tcp(&b, true, ACK, 10, T0 + 3 * TL_SECOND_NS)};
	tl_meter_add(rig.meter, frames, 2);
	assert_int_equal(tl_meter_counts(rig.meter).features.emitted, 1);
	end_rig(&rig, 0, 0);
	assert_int_equal(rig.features, 2);
	close_rig(&rig);
}

static void packets_out_of_order_are_counted(void **state)
{
	(void)state;
	struct rig rig;

	open_rig(&rig, 16, 0);
	for (unsigned int i = 0; i < 5; i++) {
		struct packet p;
		struct tl_frame frame = tcp(&p, false, ACK, 100, T0 + i);
		tl_mp_put_be32(p.bytes + SEQ_AT,
			       i == 2 ? 9000 : 100 * i); /* ahead, and back again */
		tl_meter_add(rig.meter, &frame, 1);
	}
	end_rig(&rig, 0, 0);
	assert_int_equal(rig.counts.features.out_of_order, 3);
	close_rig(&rig);
}

/* The handshake is read behind whatever headers IPv6 has. */
static void syn_is_found_behind_extension_headers(void **state)
{
	(void)state;
	static const struct layer layers[] = {
		{.kind = LAYER_ETH},	  {.kind = LAYER_IP6},	   {LAYER_EXT, 0, 16, 0, 0},
		{LAYER_EXT, 60, 8, 0, 0}, {LAYER_AH, 24, 0, 0, 0}, {LAYER_TCP, 1000, 443, SYN, 0},
	};
	struct wanted w = {.src_port = 1000};
	struct packet p;
	struct rig rig;

	packet_begin(&p);
	for (unsigned int i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		packet_push(&p, &layers[i]);
	}
	tl_mp_put_be16(p.bytes + p.len - 6, 54321); /* the window */
	packet_close(&p);
	struct tl_frame frame = {.data = p.bytes,
				 .ns = T0,
				 .len = p.len,
				 .wire_len = p.len,
				 .link = TL_LINK_ETHERNET};
	open_rig(&rig, 16, 0);
	tl_meter_add(rig.meter, &frame, 1);
	end_rig(&rig, see_wanted, &w);
	assert_int_equal(w.count, 1);
	assert_int_equal(w.window, 54321);
	close_rig(&rig);
}

static void without_features_there_are_none(void **state)
{
	(void)state;
	struct packet p;
	struct rig rig;

	open_rig(&rig, 0, 0);
	struct tl_frame frame = tcp(&p, false, SYN, 0, T0);
	tl_meter_add(rig.meter, &frame, 1);
	tl_meter_advance(rig.meter, T0 + 5 * TL_SECOND_NS);
	end_rig(&rig, 0, 0);
	assert_int_equal(rig.flows, 1);
	assert_int_equal(rig.features, 0);
	assert_int_equal(rig.counts.features.opened, 0);
	close_rig(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake_is_timed_across_directions),
		cmocka_unit_test(merged_frame_tells_the_sizes_on_the_wire),
		cmocka_unit_test(frame_of_more_than_64_kib_counts_its_bytes),
		cmocka_unit_test(merged_datagrams_are_read_one_by_one),
		cmocka_unit_test(
			features_are_of_the_first_packets_then_of_all_and_come_before_the_end),
		cmocka_unit_test(frames_in_any_bursts_give_the_same_events),
		cmocka_unit_test(more_young_flows_than_states_are_told_early_and_counted),
		cmocka_unit_test(silence_brings_the_features_after_2_s),
		cmocka_unit_test(packets_of_others_bring_the_features_after_2_s),
		cmocka_unit_test(packets_out_of_order_are_counted),
		cmocka_unit_test(syn_is_found_behind_extension_headers),
		cmocka_unit_test(without_features_there_are_none),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
