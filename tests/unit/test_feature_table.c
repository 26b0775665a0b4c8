/* SPDX-License-Identifier: BSD-2-Clause */
/* common/feature_table, feature_event, feature_size, feature_tcp: states of flows, and their
 * events. */
#include "../../common/feature_table.h"

#include <math.h>

#include "../../common/feature_event.h"
#include "feature_kit.h"

#define MS 1000000ull

struct seen {
	unsigned int count;
	uint64_t ids[64];
	uint64_t packets[64];
	bool ended[64];
	uint64_t *told; /* packets, of each flow id; may be 0 */
};

static void note(void *ctx, const struct tl_feature *f, const struct tl_feature_pool *pool,
		 const struct tl_flow_key *key, uint64_t flow_id, uint64_t now_ns)
{
	struct seen *seen = ctx;

	(void)pool;
	(void)key;
	(void)now_ns;
	seen->ids[seen->count % 64] = flow_id;
	seen->packets[seen->count % 64] = f->size.count;
	seen->ended[seen->count % 64] = f->flags & TL_FEATURE_ENDED;
	seen->count++;
	if (seen->told) {
		assert_true(f->size.count > seen->told[flow_id]); /* never the same again */
		seen->told[flow_id] = f->size.count;
	}
}

static struct tl_feature_table *make(struct seen *seen, uint32_t states, bool once)
{
	struct tl_feature_table_config config = tl_feature_table_defaults();
	struct tl_feature_table *table;

	memset(seen, 0, sizeof(*seen));
	config.max_flows = 100;
	config.states = states;
	config.buffers = 1;
	config.once = once;
	config.emit = note;
	config.ctx = seen;
	assert_int_equal(tl_feature_table_create(&table, &config), 0);
	return table;
}

static const struct tl_flow_key udp = {.proto = 17};

static void add(struct tl_feature_table *table, uint32_t entry, uint64_t ns)
{
	struct tl_feature_packet packet = {.ns = ns,
					   .key = &udp,
					   .payload = (const uint8_t *)"x",
					   .payload_len = 1,
					   .wire_len = 1,
					   .packets = 1,
					   .bytes = 60,
					   .min_len = 60,
					   .max_len = 60};

	tl_feature_table_add(table, entry, &packet, 0);
}

static void add_many(struct tl_feature_table *table, const struct seen *seen)
{
	tl_feature_table_start(table, 7, &udp, 77, MS);
	for (uint64_t i = 0; i < 40; i++) {
		add(table, 7, MS + i);
		assert_int_equal(seen->count, i >= 15);
	}
	tl_feature_table_end(table, 7, 2 * MS);
	tl_feature_table_end(table, 7, 2 * MS);
	assert_int_equal(seen->ids[0], 77);
	assert_int_equal(seen->packets[0], 16);
	assert_false(seen->ended[0]);
	assert_int_equal(tl_feature_table_counts(table).active, 0);
}

static void flow_is_told_of_with_16_packets_and_with_all_when_it_ends(void **state)
{
	struct seen seen;
	struct tl_feature_table *table = make(&seen, 4, false);

	(void)state;
	add_many(table, &seen);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.ids[1], 77);
	assert_int_equal(seen.packets[1], 40);
	assert_true(seen.ended[1]);
	tl_feature_table_destroy(table);
}

static void with_once_it_is_told_of_once(void **state)
{
	struct seen seen;
	struct tl_feature_table *table = make(&seen, 4, true);

	(void)state;
	add_many(table, &seen);
	assert_int_equal(seen.count, 1);
	tl_feature_table_destroy(table);
}

static void what_did_not_grow_is_not_told_again(void **state)
{
	struct seen seen;
	struct tl_feature_table *table = make(&seen, 4, false);

	(void)state;
	tl_feature_table_start(table, 1, &udp, 1, 0);
	add(table, 1, 0);
	tl_feature_table_advance(table, 3000 * MS);
	tl_feature_table_end(table, 1, 15000 * MS);
	assert_int_equal(seen.count, 1);
	assert_int_equal(tl_feature_table_counts(table).active, 0);
	tl_feature_table_destroy(table);
}

static void slow_flow_is_emitted_when_2_s_have_passed(void **state)
{
	struct seen seen;
	struct tl_feature_table *table = make(&seen, 4, false);

	(void)state;
	tl_feature_table_start(table, 1, &udp, 1, 0);
	add(table, 1, 0);
	tl_feature_table_advance(table, 2000 * MS);
	assert_int_equal(seen.count, 0);
	add(table, 1, 2000 * MS);
	tl_feature_table_advance(table, 2000 * MS + 1);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.packets[0], 2);
	/* And without anybody who advances: the packet that is too late is not among them. */
	tl_feature_table_start(table, 2, &udp, 2, 0);
	add(table, 2, 0);
	add(table, 2, 2001 * MS);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.packets[1], 1);
	tl_feature_table_end(table, 2, 2001 * MS);
	assert_int_equal(seen.packets[2], 2);
	tl_feature_table_destroy(table);
}

/* One packet from the future: the flows behind it wait for 2 s more, not for an hour. */
static void clock_that_was_ahead_holds_nothing_up_for_long(void **state)
{
	struct seen seen;
	struct tl_feature_table *table = make(&seen, 100, false);

	(void)state;
	tl_feature_table_start(table, 1, &udp, 1, 3600 * 1000 * MS);
	add(table, 1, 3600 * 1000 * MS);
	for (uint32_t i = 0; i < 10; i++) {
		tl_feature_table_advance(table, i * 1000 * MS);
		tl_feature_table_start(table, 2 + i, &udp, 2 + i, i * 1000 * MS);
		add(table, 2 + i, i * 1000 * MS);
	}
	assert_int_equal(seen.count, 8);
	assert_int_equal(seen.ids[0], 1);
	assert_int_equal(seen.ids[7], 8);
	tl_feature_table_destroy(table);
}

static void short_flow_is_emitted_when_it_ends(void **state)
{
	struct seen seen;
	struct tl_feature_table *table = make(&seen, 4, false);

	(void)state;
	tl_feature_table_start(table, 1, &udp, 1, 0);
	tl_feature_table_end(table, 1, 1);
	assert_int_equal(seen.count, 0); /* no packet, nothing to tell */
	tl_feature_table_start(table, 1, &udp, 2, 0);
	add(table, 1, 5);
	tl_feature_table_end(table, 1, 6);
	tl_feature_table_end(table, 1, 6);
	assert_int_equal(seen.count, 1);
	assert_true(seen.ended[0]);
	assert_int_equal(tl_feature_table_counts(table).active, 0);
	tl_feature_table_destroy(table);
}

static void full_table_emits_the_oldest_early_and_counts(void **state)
{
	struct seen seen;
	struct tl_feature_table *table = make(&seen, 3, false);

	(void)state;
	for (uint32_t i = 1; i <= 5; i++) {
		tl_feature_table_start(table, i, &udp, i, i);
		add(table, i, i);
	}
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.ids[0], 1);
	assert_int_equal(seen.ids[1], 2);
	assert_int_equal(tl_feature_table_counts(table).early, 2);
	add(table, 1, 6); /* has no state any more */
	tl_feature_table_end(table, 1, 7);
	assert_int_equal(seen.count, 2);
	tl_feature_table_destroy(table);
}

static void full_table_takes_first_from_flows_that_were_told_of(void **state)
{
	struct seen seen;
	struct tl_feature_table *table = make(&seen, 3, false);

	(void)state;
	for (uint32_t i = 1; i <= 3; i++) {
		tl_feature_table_start(table, i, &udp, i, i);
		add(table, i, i);
	}
	for (uint64_t i = 0; i < 20; i++) {
		add(table, 2, 10 + i); /* grows up, and is counted on */
	}
	for (uint64_t i = 0; i < 20; i++) {
		add(table, 3, 30 + i); /* later */
	}
	tl_feature_table_start(table, 4, &udp, 4, 50);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.ids[2], 2);
	assert_int_equal(seen.packets[2], 21);
	assert_false(seen.ended[2]);
	assert_int_equal(tl_feature_table_counts(table).early, 1);
	tl_feature_table_destroy(table);
}

/* A random history of 100 entries. Returns how many flows there were; fills `added` by flow id. */
static uint64_t live_at_random(struct tl_feature_table *table, uint64_t *added, unsigned int steps)
{
	uint64_t of_entry[101] = {0}; /* flow id */
	uint64_t flows = 0;
	uint64_t ns = 0;

	for (unsigned int i = 0; i < steps; i++) {
		uint32_t entry = 1 + (uint32_t)rand() % 100;
		ns += (uint64_t)rand() % (50 * MS);
		tl_feature_table_advance(table, ns);
		if (of_entry[entry] == 0) {
			of_entry[entry] = ++flows;
			tl_feature_table_start(table, entry, &udp, flows, ns);
		} else if (rand() % 40 == 0) {
			tl_feature_table_end(table, entry, ns);
			of_entry[entry] = 0;
			continue;
		}
		add(table, entry, ns);
		added[of_entry[entry]]++;
	}
	for (uint32_t entry = 1; entry <= 100; entry++) {
		tl_feature_table_end(table, entry, ns);
	}
	return flows;
}

enum { STEPS = 50000 };

static void random_history(uint32_t states, bool once, struct seen *seen, uint64_t *added,
			   uint64_t *flows, struct tl_feature_table_counts *counts)
{
	struct tl_feature_table *table = make(seen, states, once);

	seen->told = calloc(STEPS, sizeof(*seen->told));
	*flows = live_at_random(table, added, STEPS);
	*counts = tl_feature_table_counts(table);
	assert_int_equal(counts->opened, *flows);
	assert_int_equal(counts->emitted, seen->count);
	assert_int_equal(counts->active, 0);
	tl_feature_table_destroy(table);
}

static void random_history_tells_of_every_packet(void **state)
{
	struct tl_feature_table_counts counts;
	uint64_t *added = calloc(STEPS, sizeof(*added));
	uint64_t flows;
	struct seen seen;

	(void)state;
	srand(2);
	random_history(100, false, &seen, added, &flows, &counts);
	assert_memory_equal(seen.told, added, STEPS * sizeof(*added));
	assert_int_equal(counts.early, 0);
	assert_true(seen.count > flows);
	free(seen.told);
	free(added);
}

static void random_history_in_few_states_counts_what_is_missing(void **state)
{
	struct tl_feature_table_counts counts;
	uint64_t *added = calloc(STEPS, sizeof(*added));
	uint64_t flows;
	uint64_t short_flows = 0;
	struct seen seen;

	(void)state;
	srand(3);
	random_history(8, false, &seen, added, &flows, &counts);
	for (uint64_t id = 1; id <= flows; id++) {
		assert_true(seen.told[id] > 0 && seen.told[id] <= added[id]);
		short_flows += seen.told[id] < added[id];
	}
	assert_true(short_flows > 0 && short_flows <= counts.early);
	free(seen.told);
	free(added);
}

static void random_history_with_once_tells_each_flow_once(void **state)
{
	struct tl_feature_table_counts counts;
	uint64_t *added = calloc(STEPS, sizeof(*added));
	uint64_t flows;
	struct seen seen;

	(void)state;
	srand(4);
	random_history(8, true, &seen, added, &flows, &counts);
	assert_int_equal(seen.count, flows);
	free(seen.told);
	free(added);
}

/* --- numbers -------------------------------------------------------------------------- */

static void sizes_and_gaps_are_those_of_two_passes(void **state)
{
	struct kit k;
	double size_mean = 0;
	double gap_mean = 0;
	double size_variance = 0;
	double gap_variance = 0;
	uint16_t sizes[16];
	uint32_t gaps[16];

	(void)state;
	srand(3);
	kit_open(&k, 1, 0, 0);
	for (unsigned int i = 0; i < 16; i++) {
		uint32_t gap = (uint32_t)rand() % 100000000;
		uint8_t bytes[1500] = {0};
		uint32_t len = (uint32_t)rand() % sizeof(bytes);
		k.ns += gap;
		kit_put(&k, bytes, len);
		sizes[i] = (uint16_t)(54 + len);
		gaps[i] = gap + 1000;
		size_mean += sizes[i] / 16.0;
		gap_mean += i > 0 ? gaps[i] / 15.0 : 0;
	}
	for (unsigned int i = 0; i < 16; i++) {
		size_variance += pow(sizes[i] - size_mean, 2) / 16;
		gap_variance += i > 0 ? pow(gaps[i] - gap_mean, 2) / 15 : 0;
	}
	assert_memory_equal(k.f.sizes, sizes, sizeof(sizes));
	assert_memory_equal(k.f.gaps, gaps + 1, 15 * sizeof(gaps[0]));
	assert_true(fabs(k.f.size.mean - size_mean) < 1e-6);
	assert_true(fabs(tl_feature_variance(&k.f.size) / size_variance - 1) < 1e-9);
	assert_true(fabs(k.f.gap.mean / gap_mean - 1) < 1e-9);
	assert_true(fabs(tl_feature_variance(&k.f.gap) / gap_variance - 1) < 1e-9);
	kit_close(&k);
}

static void merged_packets_count_as_on_the_wire(void **state)
{
	static const uint16_t expected[] = {1514, 1514, 1514, 700};
	struct tl_feature_packet packet = {.ns = 5,
					   .key = &udp,
					   .payload = (const uint8_t *)"",
					   .packets = 4,
					   .bytes = 3 * 1514 + 700,
					   .max_len = 1514,
					   .min_len = 700};
	struct kit k;

	(void)state;
	kit_open(&k, 17, 1, 2);
	tl_feature_add(&k.f, k.pool, &packet, 0);
	assert_int_equal(k.f.size.count, 4);
	assert_memory_equal(k.f.sizes, expected, sizeof(expected));
	assert_int_equal(k.f.bytes, 3 * 1514 + 700);
	assert_int_equal(k.f.gap.count, 3);
	assert_int_equal(k.f.gap.max, 0);
	kit_close(&k);
}

static void late_packet_moves_the_start(void **state)
{
	static const uint64_t times[] = {500, 100, 600};
	struct tl_feature f;

	(void)state;
	tl_feature_open(&f);
	for (unsigned int i = 0; i < 3; i++) {
		struct tl_feature_packet packet = {.ns = times[i], .packets = 1};
		tl_feature_count(&f, &packet);
	}
	assert_int_equal(f.first_ns, 100);
	assert_int_equal(f.last_ns, 600);
	assert_int_equal(f.gaps[0], 0);
	assert_int_equal(f.gaps[1], 100);
}

static void merged_or_one_by_one_the_numbers_are_the_same(void **state)
{
	struct tl_feature together;
	struct tl_feature apart;

	(void)state;
	srand(5);
	tl_feature_open(&together);
	tl_feature_open(&apart);
	for (uint64_t i = 0; i < 200; i++) {
		struct tl_feature_packet packet = {.ns = i * i * 1000,
						   .packets = 1 + (uint32_t)rand() % 45,
						   .max_len = (uint16_t)(rand() % 1515),
						   .min_len = (uint16_t)(rand() % 1515)};
		packet.bytes = (packet.packets - 1) * packet.max_len + packet.min_len;
		tl_feature_count(&together, &packet);
		for (uint32_t left = packet.packets; left > 0; left--) {
			struct tl_feature_packet one = packet;
			one.packets = 1;
			one.min_len = left > 1 ? packet.max_len : packet.min_len;
			one.bytes = one.min_len;
			tl_feature_count(&apart, &one);
		}
	}
	assert_int_equal(together.size.count, apart.size.count);
	assert_int_equal(together.gap.count, apart.gap.count);
	assert_int_equal(together.bytes, apart.bytes);
	assert_int_equal(together.last_ns - together.first_ns, apart.last_ns - apart.first_ns);
	assert_memory_equal(together.sizes, apart.sizes, sizeof(apart.sizes));
	assert_memory_equal(together.gaps, apart.gaps, sizeof(apart.gaps));
	assert_true(fabs(together.size.mean / apart.size.mean - 1) < 1e-12);
	assert_true(fabs(together.size.m2 / apart.size.m2 - 1) < 1e-10);
	assert_true(fabs(together.gap.mean / apart.gap.mean - 1) < 1e-12);
	assert_true(fabs(together.gap.m2 / apart.gap.m2 - 1) < 1e-10);
}

static void entropy_is_of_the_first_1024_bytes(void **state)
{
	uint8_t bytes[2048] = {0};
	struct kit k;

	(void)state;
	kit_open(&k, 17, 1, 2);
	for (unsigned int i = 0; i < 1024; i++) {
		bytes[i] = (uint8_t)i;
	}
	kit_put(&k, bytes, 600);
	kit_put(&k, bytes + 600, 1448);
	assert_int_equal(k.f.entropy_count, 1024);
	assert_true(fabs(tl_feature_entropy(&k.f, k.pool) - 8) < 1e-12);
	kit_close(&k);
	kit_open(&k, 17, 1, 2);
	assert_true(tl_feature_entropy(&k.f, k.pool) == 0);
	kit_put(&k, "aaab", 4);
	assert_true(fabs(tl_feature_entropy(&k.f, k.pool) - 0.8112781244591328) < 1e-12);
	kit_close(&k);
}

static void repeated_bytes_count_once_in_entropy(void **state)
{
	struct kit k;

	(void)state;
	kit_open(&k, 6, 1, 2);
	kit_put(&k,
		"\x80"
		"abcd",
		5);
	kit_put_at(&k, k.seq - 5,
		   "\x80"
		   "abcdef",
		   7);
	kit_put_at(&k, k.seq - 5,
		   "\x80"
		   "ab",
		   3);
	assert_int_equal(k.f.entropy_count, 7);
	assert_int_equal(k.f.out_of_order, 2);
	kit_close(&k);
}

/* --- the handshake -------------------------------------------------------------------- */

static void handshake(struct kit *k, const uint8_t *tcp, uint32_t len, uint64_t ns,
		      const struct tl_feature *reverse)
{
	struct tl_feature_packet packet = {
		.ns = ns, .key = &k->key, .tcp = tcp, .tcp_len = len, .payload = tcp, .packets = 1};

	tl_feature_add(&k->f, k->pool, &packet, reverse);
}

static void syn_and_synack_are_read(void **state)
{
	/* seq 0x01020304, window 0x1000; mss 1460, sack, timestamp, nop, window scale 7 */
	uint8_t syn[40] = {0, 1, 0, 2,	  1, 2, 3, 4,  0, 0, 0, 0, 0xa0, 2, 0x10, 0, 0, 0, 0, 0,
			   2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0,	 0, 0,	  0, 1, 3, 3, 7};
	uint8_t synack[24] = {0,    2,	  0,	1, 9, 9, 9, 9, 1, 2, 3, 5,
			      0x60, 0x12, 0x20, 0, 0, 0, 0, 0, 2, 4, 2, 0};
	static const uint8_t kinds[] = {2, 4, 8, 1, 3};
	struct kit client;
	struct kit server;

	(void)state;
	kit_open(&client, 6, 1, 2);
	kit_open(&server, 6, 2, 1);
	handshake(&client, syn, sizeof(syn), 1000, 0);
	handshake(&server, synack, sizeof(synack), 1500, &client.f);
	assert_int_equal(client.f.window, 0x1000);
	assert_int_equal(client.f.mss, 1460);
	assert_int_equal(client.f.window_scale, 7);
	assert_int_equal(client.f.option_count, 5);
	assert_memory_equal(client.f.options, kinds, 5);
	assert_int_equal(client.f.synack_ns, 0);
	assert_int_equal(server.f.synack_ns, 500);
	assert_int_equal(server.f.mss, 512);
	kit_close(&server);
	kit_open(&server, 6, 2, 1);
	synack[11] = 6; /* answers another SYN */
	handshake(&server, synack, sizeof(synack), 1500, &client.f);
	assert_int_equal(server.f.synack_ns, 0);
	kit_close(&server);
	kit_close(&client);
}

static void options_cut_anywhere_end(void **state)
{
	(void)state;
	for (uint32_t len = 20; len <= 40; len++) {
		struct kit k;
		uint8_t *tcp = malloc(len);
		memset(tcp, 8, len);
		tcp[13] = 2;
		kit_open(&k, 6, 1, 2);
		handshake(&k, tcp, len, 1, 0);
		kit_close(&k);
		free(tcp);
	}
}

/* --- events --------------------------------------------------------------------------- */

static void every_state_makes_an_event_of_its_shape(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n";
	struct tl_wire_reader *reader;
	struct tl_shapes *shapes;
	struct tl_batch_writer w;
	struct tl_batch batch;
	struct tl_event event;
	struct tl_msg *msg;
	unsigned int shape;
	struct kit k;

	(void)state;
	assert_int_equal(tl_shapes_create(&shapes), 0);
	int first = tl_feature_shapes_add(shapes);
	assert_int_equal(first, 1);
	kit_open(&k, 6, 1, 80);
	kit_put(&k, request, sizeof(request) - 1);
	tl_feature_close(&k.f, k.pool);
	tl_batch_init(&w, shapes);
	uint8_t *p = tl_batch_reserve(&w, TL_FEATURE_EVENT_MAX);
	uint32_t len = tl_feature_encode(p, &k.f, k.pool, &k.key, 9, 10, first, &shape);
	tl_batch_commit(&w, shape, len);
	struct tl_batch_head head = {
		.source = TL_STR("s"), .host = TL_STR("h"), .iface = TL_STR("i")};
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	assert_int_equal(tl_wire_reader_create(&reader), 0);
	assert_int_equal(tl_wire_read(reader, msg->data, msg->len, &batch, 0), 0);
	struct tl_event_iter iter = tl_wire_events(reader, &batch);
	assert_true(tl_event_next(&iter, &event));
	assert_int_equal(event.value_count, 30);
	assert_int_equal(event.shape->edge_count, 3);
	tl_wire_reader_destroy(reader);
	tl_msg_free(msg);
	tl_batch_fini(&w);
	tl_shapes_destroy(shapes);
	kit_close(&k);
}

static void full_items_still_make_an_event_within_its_limit(void **state)
{
	uint8_t event[TL_FEATURE_EVENT_MAX];
	unsigned int shape;
	struct kit k;

	(void)state;
	kit_open(&k, 17, 53, 1);
	feature_put_literal(&k.f, TL_FEATURE_DNS_TYPE, "answer");
	feature_put_literal(&k.f, TL_FEATURE_DNS_RCODE, "NOERROR");
	feature_put_literal(&k.f, TL_FEATURE_DNS_RRNAME, "n");
	feature_put_literal(&k.f, TL_FEATURE_DNS_RRTYPE, "A");
	for (unsigned int i = 0; i < 300; i++) {
		feature_put_address(&k.f, TL_FEATURE_DNS_ANSWERS, (uint8_t[4]){255, 255, 255, 255},
				    4);
	}
	assert_true(k.f.flags & TL_FEATURE_CUT);
	uint32_t len = tl_feature_encode(event, &k.f, k.pool, &k.key, 9, 10, 1, &shape);
	assert_true(len > 1500 && len <= TL_FEATURE_EVENT_MAX);
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flow_is_told_of_with_16_packets_and_with_all_when_it_ends),
		cmocka_unit_test(with_once_it_is_told_of_once),
		cmocka_unit_test(what_did_not_grow_is_not_told_again),
		cmocka_unit_test(slow_flow_is_emitted_when_2_s_have_passed),
		cmocka_unit_test(clock_that_was_ahead_holds_nothing_up_for_long),
		cmocka_unit_test(short_flow_is_emitted_when_it_ends),
		cmocka_unit_test(full_table_emits_the_oldest_early_and_counts),
		cmocka_unit_test(full_table_takes_first_from_flows_that_were_told_of),
		cmocka_unit_test(random_history_tells_of_every_packet),
		cmocka_unit_test(random_history_in_few_states_counts_what_is_missing),
		cmocka_unit_test(random_history_with_once_tells_each_flow_once),
		cmocka_unit_test(sizes_and_gaps_are_those_of_two_passes),
		cmocka_unit_test(merged_packets_count_as_on_the_wire),
		cmocka_unit_test(late_packet_moves_the_start),
		cmocka_unit_test(merged_or_one_by_one_the_numbers_are_the_same),
		cmocka_unit_test(entropy_is_of_the_first_1024_bytes),
		cmocka_unit_test(repeated_bytes_count_once_in_entropy),
		cmocka_unit_test(syn_and_synack_are_read),
		cmocka_unit_test(options_cut_anywhere_end),
		cmocka_unit_test(every_state_makes_an_event_of_its_shape),
		cmocka_unit_test(full_items_still_make_an_event_within_its_limit),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
