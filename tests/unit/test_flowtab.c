/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * common/flowtab against a naive model: an array of flows without timers, in
 * which a flow ends when its next packet comes too late. Both must tell of the
 * same flows, whatever the order, the gaps, and the lateness of packets.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/flowtab.h"

enum {
	KEYS = 80,
	STEPS = 4000,
	TOLD_MAX = 64 * 1024,
	EVERY = 7,
	TCP_FIN = 1,
	TCP_RST = 4,
};

#define T0	(1700000000ull * TL_SECOND_NS)
#define TICK_NS (135 * TL_MS_NS) /* the wheel's, rounded up */

struct told {
	enum tl_flow_kind kind;
	enum tl_end_reason reason;
	uint64_t now_ns;
	struct tl_flow flow;
};

/* What a table, or the model, has told. */
struct teller {
	struct told *told;
	uint32_t count;
	uint64_t last_now_ns;
};

static void tell(void *ctx, enum tl_flow_kind kind, const struct tl_flow *flow,
		 enum tl_end_reason reason, uint64_t now_ns)
{
	struct teller *t = ctx;

	assert_true(t->count < TOLD_MAX);
	assert_true(now_ns >= t->last_now_ns);
	assert_true((kind == TL_FLOW_END) == (reason != TL_END_NONE));
	t->last_now_ns = now_ns;
	t->told[t->count++] = (struct told){kind, reason, now_ns, *flow};
}

static void open_teller(struct teller *t)
{
	*t = (struct teller){.told = calloc(TOLD_MAX, sizeof(*t->told))};
	assert_non_null(t->told);
}

static struct tl_flowtab *open_table(struct teller *t, struct tl_flowtab_config config)
{
	struct tl_flowtab *tab = 0;

	config.emit = tell;
	config.ctx = t;
	open_teller(t);
	assert_int_equal(tl_flowtab_create(&tab, &config), 0);
	return tab;
}

static void close_table(struct tl_flowtab *tab, struct teller *t)
{
	tl_flowtab_destroy(tab);
	free(t->told);
}

static struct tl_flow_key key_of(uint32_t n, uint8_t proto)
{
	struct tl_flow_key key = {.proto = proto, .src_port = (uint16_t)n};
	memcpy(key.src, &n, sizeof(n));
	return key;
}

static struct tl_flow_delta packet_at(uint64_t ns, uint8_t tcp_flags)
{
	uint16_t len = (uint16_t)(60 + random() % 1400);
	return (struct tl_flow_delta){
		.packets = 1,
		.bytes = len,
		.ip_bytes = len - 14,
		.skbs = 1,
		.first_ns = ns,
		.last_ns = ns,
		.min_len = len,
		.max_len = len,
		.ttl = (uint8_t)random(),
		.tos = (uint8_t)random(),
		.tcp_flags = tcp_flags,
	};
}

static void add(struct tl_flowtab *tab, const struct tl_flow_key *key,
		const struct tl_flow_delta *d)
{
	tl_flowtab_add(tab, key, tl_flow_id(key), d);
}

/* --- the model ------------------------------------------------------------------- */

struct model_flow {
	bool live;
	struct tl_flow flow;
};

struct model {
	struct tl_flowtab_config config;
	struct model_flow flows[KEYS];
	struct teller teller;
	uint64_t now_ns;
};

static uint64_t quiet(const struct model *m, const struct tl_flow *flow)
{
	return flow->closing ? m->config.linger_ns : m->config.idle_ns;
}

static void model_end(struct model *m, struct model_flow *f)
{
	enum tl_end_reason reason = f->flow.closing ? f->flow.closing : TL_END_IDLE;
	tell(&m->teller, TL_FLOW_END, &f->flow, reason, m->now_ns);
	f->live = false;
}

static void model_merge(struct model *m, struct tl_flow *f, const struct tl_flow_delta *d)
{
	uint64_t crossed = f->packets / m->config.every;

	f->packets += d->packets;
	f->bytes += d->bytes;
	f->ip_bytes += d->ip_bytes;
	f->skbs += d->skbs;
	f->tcp_flags |= d->tcp_flags;
	f->start_ns = d->first_ns < f->start_ns ? d->first_ns : f->start_ns;
	f->end_ns = d->last_ns > f->end_ns ? d->last_ns : f->end_ns;
	f->min_len = d->min_len < f->min_len ? d->min_len : f->min_len;
	f->max_len = d->max_len > f->max_len ? d->max_len : f->max_len;
	if (f->key.proto == 6 && d->tcp_flags & TCP_RST) {
		f->closing = TL_END_RST;
	} else if (f->key.proto == 6 && d->tcp_flags & TCP_FIN && !f->closing) {
		f->closing = TL_END_FIN;
	}
	if (f->packets / m->config.every != crossed && crossed != UINT64_MAX) {
		tell(&m->teller, TL_FLOW_UPDATE, f, TL_END_NONE, m->now_ns);
	}
}

static void model_add(struct model *m, unsigned int n, const struct tl_flow_key *key,
		      const struct tl_flow_delta *d)
{
	struct model_flow *f = &m->flows[n];

	m->now_ns = d->last_ns > m->now_ns ? d->last_ns : m->now_ns;
	if (f->live && d->first_ns > f->flow.end_ns + quiet(m, &f->flow)) {
		model_end(m, f);
	}
	if (f->live) {
		model_merge(m, &f->flow, d);
		return;
	}
	f->live = true;
	f->flow = (struct tl_flow){
		.key = *key,
		.id = tl_flow_id(key),
		.start_ns = UINT64_MAX,
		.min_len = UINT16_MAX,
		.ttl = d->ttl,
		.tos = d->tos,
	};
	uint32_t every = m->config.every;
	m->config.every = UINT32_MAX; /* a start is no update */
	model_merge(m, &f->flow, d);
	m->config.every = every;
	tell(&m->teller, TL_FLOW_START, &f->flow, TL_END_NONE, m->now_ns);
}

/* A packet that the table may, but need not, find its flow for: the wheel has its own pace. */
static bool is_open_question(const struct model *m, unsigned int n, const struct tl_flow_delta *d)
{
	const struct model_flow *f = &m->flows[n];
	uint64_t now = d->last_ns > m->now_ns ? d->last_ns : m->now_ns;
	uint64_t limit = f->flow.end_ns + quiet(m, &f->flow);

	return f->live && now > limit && d->first_ns <= limit;
}

/* --- comparing --------------------------------------------------------------------- */

static int compare_told(const void *a, const void *b)
{
	const struct told *x = a;
	const struct told *y = b;
	int by_key = memcmp(&x->flow.key, &y->flow.key, sizeof(x->flow.key));

	if (by_key != 0) {
		return by_key;
	}
	if (x->flow.start_ns != y->flow.start_ns) {
		return x->flow.start_ns < y->flow.start_ns ? -1 : 1;
	}
	if (x->kind != y->kind) {
		return x->kind < y->kind ? -1 : 1;
	}
	return x->flow.packets < y->flow.packets ? -1 : x->flow.packets > y->flow.packets;
}

static void assert_same_told(struct teller *a, struct teller *b)
{
	qsort(a->told, a->count, sizeof(*a->told), compare_told);
	qsort(b->told, b->count, sizeof(*b->told), compare_told);
	assert_int_equal(a->count, b->count);
	for (uint32_t i = 0; i < a->count; i++) {
		assert_int_equal(a->told[i].kind, b->told[i].kind);
		assert_int_equal(a->told[i].reason, b->told[i].reason);
		assert_memory_equal(&a->told[i].flow, &b->told[i].flow, sizeof(struct tl_flow));
	}
}

static uint32_t count_told(const struct teller *t, enum tl_flow_kind kind)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < t->count; i++) {
		count += t->told[i].kind == kind;
	}
	return count;
}

static struct tl_flowtab_config model_config(void)
{
	struct tl_flowtab_config config = tl_flowtab_defaults();
	config.max_flows = 4096;
	config.every = EVERY;
	config.active_ns = 0; /* has a test of its own: when it fires is the wheel's affair */
	return config;
}

static uint64_t any_pause(void)
{
	switch (random() % 100) {
	case 0:
		return 400 * TL_SECOND_NS; /* more than the wheel goes round */
	case 1 ... 2:
		return 16 * TL_SECOND_NS;
	case 3 ... 6:
		return 2 * TL_SECOND_NS + (uint64_t)random() % TL_SECOND_NS;
	default:
		return (uint64_t)random() % (200 * TL_MS_NS);
	}
}

static uint8_t any_flags(void)
{
	switch (random() % 20) {
	case 0:
		return TCP_FIN | 0x10;
	case 1:
		return TCP_RST;
	default:
		return (uint8_t)(random() & 0xfa);
	}
}

static struct tl_flow_delta any_delta(const struct model *m)
{
	uint64_t ns = m->now_ns;

	if (random() % 8 == 0) {
		ns -= (uint64_t)random() % (1500 * TL_MS_NS); /* late */
	}
	struct tl_flow_delta d = packet_at(ns, any_flags());
	if (random() % 8 == 0) {
		d.packets = d.skbs = 1 + (uint64_t)random() % 20;
		d.bytes *= d.packets;
		d.first_ns -= (uint64_t)random() % (500 * TL_MS_NS);
		d.max_len = 1500;
	}
	return d;
}

static void run_round(unsigned int seed)
{
	struct model *m = calloc(1, sizeof(*m));
	struct teller teller;
	uint64_t packets = 0;

	srandom(seed);
	m->config = model_config();
	m->now_ns = T0;
	open_teller(&m->teller);
	struct tl_flowtab *tab = open_table(&teller, m->config);
	for (int i = 0; i < STEPS; i++) {
		unsigned int n = (unsigned int)random() % KEYS;
		struct tl_flow_key key = key_of(n, n % 3 ? 6 : 17);
		m->now_ns += any_pause();
		if (random() % 4 == 0) {
			tl_flowtab_advance(tab, m->now_ns);
		}
		struct tl_flow_delta d = any_delta(m);
		if (is_open_question(m, n, &d)) {
			d.first_ns = d.last_ns = m->now_ns;
		}
		packets += d.packets;
		model_add(m, n, &key, &d);
		add(tab, &key, &d);
		struct tl_flowtab_counts counts = tl_flowtab_counts(tab);
		assert_true(counts.started - counts.ended == counts.active);
	}
	tl_flowtab_advance(tab, m->now_ns + 100 * TL_SECOND_NS);
	assert_int_equal(tl_flowtab_counts(tab).active, 0);
	m->now_ns += 100 * TL_SECOND_NS;
	for (unsigned int n = 0; n < KEYS; n++) {
		if (m->flows[n].live) {
			model_end(m, &m->flows[n]);
		}
	}
	for (uint32_t i = 0; i < teller.count; i++) {
		if (teller.told[i].kind == TL_FLOW_END) {
			packets -= teller.told[i].flow.packets;
		}
	}
	assert_int_equal(packets, 0);
	assert_same_told(&m->teller, &teller);
	assert_int_equal(tl_flowtab_counts(tab).evicted, 0);
	close_table(tab, &teller);
	free(m->teller.told);
	free(m);
}

static void table_tells_of_the_same_flows_as_the_model(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 40; seed++) {
		run_round(seed);
	}
}

/* --- merged deltas: what the kernel counts in an epoch ---------------------------------- */

struct epoch {
	struct tl_flow_delta sum[KEYS];
};

static void fold(struct tl_flow_delta *sum, const struct tl_flow_delta *d)
{
	if (sum->packets == 0) {
		*sum = *d;
		return;
	}
	sum->packets += d->packets;
	sum->bytes += d->bytes;
	sum->ip_bytes += d->ip_bytes;
	sum->skbs += d->skbs;
	sum->last_ns = d->last_ns;
	sum->min_len = d->min_len < sum->min_len ? d->min_len : sum->min_len;
	sum->max_len = d->max_len > sum->max_len ? d->max_len : sum->max_len;
	sum->tcp_flags |= d->tcp_flags;
}

static void keep_ends(struct teller *t)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < t->count; i++) {
		if (t->told[i].kind == TL_FLOW_END) {
			t->told[kept++] = t->told[i];
		}
	}
	t->count = kept;
}

static void packets_merged_by_epoch_end_as_the_same_flows(void **state)
{
	(void)state;
	struct teller one_by_one;
	struct teller merged;
	struct tl_flowtab *a = open_table(&one_by_one, tl_flowtab_defaults());
	struct tl_flowtab *b = open_table(&merged, tl_flowtab_defaults());
	struct epoch *epoch = calloc(1, sizeof(*epoch));
	uint64_t ns = T0;

	for (int e = 0; e < 300; e++) {
		for (int i = 0; i < 60; i++) {
			unsigned int n = (unsigned int)random() % KEYS;
			struct tl_flow_key key = key_of(n, 17);
			struct tl_flow_delta d = packet_at(ns += 10 * TL_MS_NS, 0);
			add(a, &key, &d);
			fold(&epoch->sum[n], &d);
		}
		for (unsigned int n = 0; n < KEYS; n++) {
			struct tl_flow_key key = key_of(n, 17);
			if (epoch->sum[n].packets) {
				add(b, &key, &epoch->sum[n]);
			}
		}
		memset(epoch, 0, sizeof(*epoch));
		ns += e % 20 == 0 ? 17 * TL_SECOND_NS : 0;
	}
	tl_flowtab_end_all(a, TL_END_EOF);
	tl_flowtab_end_all(b, TL_END_EOF);
	keep_ends(&one_by_one);
	keep_ends(&merged);
	assert_true(one_by_one.count > KEYS);
	assert_same_told(&one_by_one, &merged);
	close_table(a, &one_by_one);
	close_table(b, &merged);
	free(epoch);
}

/* --- timers -------------------------------------------------------------------------- */

/* When the one flow ended, with time moving 10 ms at a step. */
static struct told end_of(uint8_t proto, uint8_t flags)
{
	struct teller t;
	struct tl_flowtab *tab = open_table(&t, tl_flowtab_defaults());
	struct tl_flow_key key = key_of(1, proto);
	struct tl_flow_delta d = packet_at(T0, flags);
	uint64_t ns = T0;

	add(tab, &key, &d);
	while (t.count < 2) {
		tl_flowtab_advance(tab, ns += 10 * TL_MS_NS);
	}
	struct told told = t.told[1];
	close_table(tab, &t);
	return told;
}

static void assert_ended(struct told told, enum tl_end_reason reason, uint64_t after_ns)
{
	assert_int_equal(told.kind, TL_FLOW_END);
	assert_int_equal(told.reason, reason);
	assert_true(told.now_ns > T0 + after_ns);
	assert_true(told.now_ns <= T0 + after_ns + 2 * TICK_NS);
}

static void silence_ends_a_flow_in_time(void **state)
{
	(void)state;
	assert_ended(end_of(17, 0), TL_END_IDLE, 15 * TL_SECOND_NS);
	assert_ended(end_of(6, 0x10), TL_END_IDLE, 15 * TL_SECOND_NS);
	assert_ended(end_of(6, TCP_FIN), TL_END_FIN, 2 * TL_SECOND_NS);
	assert_ended(end_of(6, TCP_RST), TL_END_RST, 2 * TL_SECOND_NS);
	assert_ended(end_of(6, TCP_RST | TCP_FIN), TL_END_RST, 2 * TL_SECOND_NS);
	/* these bits mean nothing outside TCP */
	assert_ended(end_of(17, TCP_FIN), TL_END_IDLE, 15 * TL_SECOND_NS);
}

static void packet_after_fin_does_not_start_a_second_flow(void **state)
{
	(void)state;
	struct teller t;
	struct tl_flowtab *tab = open_table(&t, tl_flowtab_defaults());
	struct tl_flow_key key = key_of(1, 6);
	uint64_t ns = T0;

	for (int i = 0; i < 5; i++) {
		struct tl_flow_delta d = packet_at(ns, i == 0 ? TCP_FIN : 0x10);
		add(tab, &key, &d);
		ns += 2 * TL_SECOND_NS; /* not more than the limit */
	}
	assert_int_equal(t.count, 1);
	ns += 1;
	struct tl_flow_delta d = packet_at(ns, 0x02);
	add(tab, &key, &d);
	assert_int_equal(t.count, 3);
	assert_int_equal(t.told[1].reason, TL_END_FIN);
	assert_int_equal(t.told[1].flow.packets, 5);
	assert_int_equal(t.told[2].kind, TL_FLOW_START);
	close_table(tab, &t);
}

static void active_flow_is_told_of_each_period(void **state)
{
	(void)state;
	struct tl_flowtab_config config = tl_flowtab_defaults();
	struct teller t;
	struct tl_flow_key key = key_of(1, 17);
	uint64_t last = T0;

	config.every = 0;
	struct tl_flowtab *tab = open_table(&t, config);
	for (uint64_t ns = T0; ns < T0 + 310 * TL_SECOND_NS; ns += 100 * TL_MS_NS) {
		struct tl_flow_delta d = packet_at(ns, 0);
		add(tab, &key, &d);
	}
	assert_int_equal(t.count, 1 + 5);
	for (uint32_t i = 1; i < t.count; i++) {
		assert_int_equal(t.told[i].kind, TL_FLOW_UPDATE);
		assert_true(t.told[i].now_ns >= last + 60 * TL_SECOND_NS);
		assert_true(t.told[i].now_ns <= last + 60 * TL_SECOND_NS + 3 * TICK_NS);
		last = t.told[i].now_ns;
	}
	close_table(tab, &t);
}

static void merge_across_a_multiple_is_told_once(void **state)
{
	(void)state;
	struct tl_flowtab_config config = tl_flowtab_defaults();
	struct teller t;
	struct tl_flow_key key = key_of(1, 17);
	static const uint64_t steps[] = {999, 1, 1, 2500, 499, 1};
	static const uint64_t told_at[] = {1000, 3501, 4000};

	config.every = 1000;
	struct tl_flowtab *tab = open_table(&t, config);
	for (int i = 0; i < 6; i++) {
		struct tl_flow_delta d = packet_at(T0 + (uint64_t)i, 0);
		d.packets = steps[i];
		add(tab, &key, &d);
	}
	assert_int_equal(t.count, 4);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(t.told[i + 1].kind, TL_FLOW_UPDATE);
		assert_int_equal(t.told[i + 1].flow.packets, told_at[i]);
	}
	close_table(tab, &t);
}

static void time_that_jumps_ends_all_and_never_goes_back(void **state)
{
	(void)state;
	struct teller t;
	struct tl_flowtab *tab = open_table(&t, tl_flowtab_defaults());

	for (uint32_t n = 0; n < 500; n++) {
		struct tl_flow_key key = key_of(n, 17);
		struct tl_flow_delta d = packet_at(T0 + n * TL_MS_NS, 0);
		add(tab, &key, &d);
	}
	tl_flowtab_advance(tab, T0 + 20ull * 365 * 86400 * TL_SECOND_NS);
	assert_int_equal(tl_flowtab_counts(tab).active, 0);
	assert_int_equal(count_told(&t, TL_FLOW_END), 500);
	tl_flowtab_advance(tab, T0);
	struct tl_flow_key key = key_of(1, 17);
	struct tl_flow_delta d = packet_at(T0, 0);
	add(tab, &key, &d); /* 20 years late: counts, and is idle at once */
	assert_int_equal(tl_flowtab_counts(tab).active, 1);
	tl_flowtab_advance(tab, T0 + 21ull * 365 * 86400 * TL_SECOND_NS);
	assert_int_equal(tl_flowtab_counts(tab).active, 0);
	tl_flowtab_advance(tab, UINT64_MAX);
	add(tab, &key, &d);
	tl_flowtab_end_all(tab, TL_END_EOF);
	assert_int_equal(tl_flowtab_counts(tab).active, 0);
	close_table(tab, &t);
}

static void late_packet_moves_the_start_back(void **state)
{
	(void)state;
	struct teller t;
	struct tl_flowtab *tab = open_table(&t, tl_flowtab_defaults());
	struct tl_flow_key key = key_of(1, 17);
	struct tl_flow_delta d = packet_at(T0, 0);
	struct tl_flow_delta late = packet_at(T0 - TL_SECOND_NS, 0);

	add(tab, &key, &d);
	add(tab, &key, &late);
	tl_flowtab_end_all(tab, TL_END_SHUTDOWN);
	assert_int_equal(t.count, 2);
	assert_int_equal(t.told[1].reason, TL_END_SHUTDOWN);
	assert_true(t.told[1].flow.start_ns == T0 - TL_SECOND_NS);
	assert_true(t.told[1].flow.end_ns == T0);
	assert_int_equal(t.told[1].flow.ttl, d.ttl); /* of the first to come */
	close_table(tab, &t);
}

/* --- the bound -------------------------------------------------------------------------- */

static void full_table_evicts_the_one_longest_quiet(void **state)
{
	(void)state;
	struct tl_flowtab_config config = tl_flowtab_defaults();
	struct teller t;

	config.max_flows = 1000;
	struct tl_flowtab *tab = open_table(&t, config);
	for (uint32_t n = 0; n < 10000; n++) {
		struct tl_flow_key key = key_of(n, 17);
		struct tl_flow_delta d = packet_at(T0 + n * TL_MS_NS / 10, 0);
		add(tab, &key, &d);
		assert_true(tl_flowtab_counts(tab).active <= 1000);
	}
	assert_int_equal(tl_flowtab_counts(tab).evicted, 9000);
	uint32_t next = 0;
	for (uint32_t i = 0; i < t.count; i++) {
		if (t.told[i].kind == TL_FLOW_END) {
			assert_int_equal(t.told[i].reason, TL_END_EVICTED);
			assert_int_equal(t.told[i].flow.key.src_port, next++);
		}
	}
	close_table(tab, &t);
}

static void flow_in_use_is_not_evicted(void **state)
{
	(void)state;
	struct tl_flowtab_config config = tl_flowtab_defaults();
	struct teller t;

	config.max_flows = 50;
	struct tl_flowtab *tab = open_table(&t, config);
	struct tl_flow_key busy = key_of(99999, 17);
	for (uint32_t n = 0; n < 5000; n++) {
		uint64_t ns = T0 + n * 50 * TL_MS_NS;
		struct tl_flow_key key = key_of(n, 17);
		struct tl_flow_delta d = packet_at(ns, 0);
		add(tab, &busy, &d);
		add(tab, &key, &d);
	}
	for (uint32_t i = 0; i < t.count; i++) {
		bool is_busy = memcmp(&t.told[i].flow.key, &busy, sizeof(busy)) == 0;
		assert_false(is_busy && t.told[i].kind == TL_FLOW_END);
	}
	close_table(tab, &t);
}

static void table_of_one_flow_works(void **state)
{
	(void)state;
	struct tl_flowtab_config config = tl_flowtab_defaults();
	struct teller t;

	config.max_flows = 1;
	struct tl_flowtab *tab = open_table(&t, config);
	for (uint32_t n = 0; n < 100; n++) {
		struct tl_flow_key key = key_of(n % 2, 17);
		struct tl_flow_delta d = packet_at(T0 + n, 0);
		add(tab, &key, &d);
	}
	tl_flowtab_end_all(tab, TL_END_EOF);
	assert_int_equal(count_told(&t, TL_FLOW_START), 100);
	assert_int_equal(count_told(&t, TL_FLOW_END), 100);
	close_table(tab, &t);
}

/* Random use of a small, always full table: nothing is lost or told twice. */
static void packets_of_a_full_table_all_reach_an_end(void **state)
{
	(void)state;
	struct tl_flowtab_config config = tl_flowtab_defaults();
	struct teller t;
	uint64_t ns = T0;
	uint64_t packets = 0;

	config.max_flows = 64;
	struct tl_flowtab *tab = open_table(&t, config);
	for (int i = 0; i < 20000; i++) {
		struct tl_flow_key key = key_of((uint32_t)random() % 300, random() % 2 ? 6 : 17);
		struct tl_flow_delta d = packet_at(ns, any_flags());
		ns += random() % 500 == 0 ? 3 * TL_SECOND_NS : (uint64_t)random() % TL_MS_NS;
		add(tab, &key, &d);
		packets++;
	}
	tl_flowtab_end_all(tab, TL_END_EOF);
	for (uint32_t i = 0; i < t.count; i++) {
		packets -= t.told[i].kind == TL_FLOW_END ? t.told[i].flow.packets : 0;
	}
	assert_int_equal(packets, 0);
	assert_int_equal(count_told(&t, TL_FLOW_START), count_told(&t, TL_FLOW_END));
	close_table(tab, &t);
}

/* --- keys ------------------------------------------------------------------------------- */

static void flow_id_leaves_out_interface_and_direction(void **state)
{
	(void)state;
	struct tl_flow_key key = key_of(7, 6);
	uint64_t id = tl_flow_id(&key);
	uint8_t *bytes = (uint8_t *)&key;

	for (size_t i = 0; i < sizeof(key); i++) {
		bool left_out = (i >= offsetof(struct tl_flow_key, ifindex) &&
				 i < offsetof(struct tl_flow_key, vlan)) ||
				i == offsetof(struct tl_flow_key, direction) ||
				i == offsetof(struct tl_flow_key, pad);
		bytes[i] ^= 0x40;
		assert_int_equal(tl_flow_id(&key) == id, left_out);
		bytes[i] ^= 0x40;
	}
}

static void same_id_on_another_interface_is_another_flow(void **state)
{
	(void)state;
	struct teller t;
	struct tl_flowtab *tab = open_table(&t, tl_flowtab_defaults());

	for (uint32_t n = 0; n < 40; n++) {
		struct tl_flow_key key = key_of(1, 6);
		struct tl_flow_delta d = packet_at(T0 + n, 0);
		key.ifindex = n % 10;
		key.direction = (uint8_t)(n / 10 % 2);
		add(tab, &key, &d);
	}
	assert_int_equal(tl_flowtab_counts(tab).active, 20);
	tl_flowtab_end_all(tab, TL_END_ENGINE_CHANGE);
	assert_int_equal(count_told(&t, TL_FLOW_END), 20);
	close_table(tab, &t);
}

static void config_that_cannot_be_is_refused(void **state)
{
	(void)state;
	struct tl_flowtab_config config = tl_flowtab_defaults();
	struct tl_flowtab *tab = 0;

	assert_int_equal(config.max_flows, 262144);
	assert_int_equal(tl_flowtab_create(&tab, &config), -EINVAL); /* nobody to tell */
	config.emit = tell;
	config.max_flows = 0;
	assert_int_equal(tl_flowtab_create(&tab, &config), -EINVAL);
	config.max_flows = (1 << 24) + 1;
	assert_int_equal(tl_flowtab_create(&tab, &config), -EINVAL);
	assert_null(tab);
	tl_flowtab_destroy(0);
}

/* --- deltas in no order of time ----------------------------------------------------- */

static struct tl_flow_delta delta_of(uint64_t packets, uint64_t first_ns, uint64_t last_ns)
{
	return (struct tl_flow_delta){
		.packets = packets,
		.bytes = packets * 100,
		.skbs = packets,
		.first_ns = first_ns,
		.last_ns = last_ns,
	};
}

static struct tl_flowtab *open_default(struct teller *t)
{
	struct tl_flowtab_config config = tl_flowtab_defaults();
	struct tl_flowtab *tab = 0;

	config.max_flows = KEYS;
	config.emit = tell;
	config.ctx = t;
	assert_int_equal(tl_flowtab_create(&tab, &config), 0);
	tl_flowtab_advance(tab, T0);
	return tab;
}

static void merged_late_flow_does_not_end_one_that_follows(void **state)
{
	(void)state;
	struct teller t;
	open_teller(&t);
	struct tl_flowtab *tab = open_default(&t);
	struct tl_flow_key a = {.proto = 17, .src_port = 1};
	struct tl_flow_key b = {.proto = 17, .src_port = 2};
	struct tl_flow_delta first = delta_of(1, T0, T0);
	/* An epoch: a comes first out of the map, but b had its packet when it was not idle yet. */
	struct tl_flow_delta late = delta_of(5, T0 + 15500 * TL_MS_NS, T0 + 15600 * TL_MS_NS);
	struct tl_flow_delta early = delta_of(7, T0 + 14900 * TL_MS_NS, T0 + 14900 * TL_MS_NS);

	tl_flowtab_merge(tab, &b, tl_flow_id(&b), &first);
	tl_flowtab_merge(tab, &a, tl_flow_id(&a), &late);
	tl_flowtab_merge(tab, &b, tl_flow_id(&b), &early);
	tl_flowtab_advance(tab, T0 + 16000 * TL_MS_NS);
	tl_flowtab_end_all(tab, TL_END_SHUTDOWN);
	assert_int_equal(t.count, 4); /* two starts, two ends */
	for (uint32_t i = 2; i < 4; i++) {
		assert_int_equal(t.told[i].kind, TL_FLOW_END);
		assert_int_equal(t.told[i].flow.packets, t.told[i].flow.key.src_port == 2 ? 8 : 5);
	}
	tl_flowtab_destroy(tab);
	free(t.told);
}

static void merged_delta_after_silence_is_a_new_flow(void **state)
{
	(void)state;
	struct teller t;
	open_teller(&t);
	struct tl_flowtab *tab = open_default(&t);
	struct tl_flow_key key = {.proto = 17, .src_port = 1};
	struct tl_flow_delta first = delta_of(1, T0, T0);
	struct tl_flow_delta later = delta_of(2, T0 + 15001 * TL_MS_NS, T0 + 15002 * TL_MS_NS);

	tl_flowtab_merge(tab, &key, tl_flow_id(&key), &first);
	tl_flowtab_merge(tab, &key, tl_flow_id(&key), &later);
	assert_int_equal(t.count, 3);
	assert_int_equal(t.told[1].kind, TL_FLOW_END);
	assert_int_equal(t.told[1].reason, TL_END_IDLE);
	assert_int_equal(t.told[1].flow.packets, 1);
	assert_int_equal(t.told[2].kind, TL_FLOW_START);
	tl_flowtab_destroy(tab);
	free(t.told);
}

static void announced_flow_starts_once_with_no_packets(void **state)
{
	(void)state;
	struct teller t;
	open_teller(&t);
	struct tl_flowtab *tab = open_default(&t);
	struct tl_flow_key key = {.proto = 17, .src_port = 1};
	struct tl_flow_delta hint = delta_of(0, T0 + 5, T0 + 5);
	struct tl_flow_delta counts = delta_of(3, T0 + 5, T0 + 9);
	struct tl_flow_delta again = delta_of(0, T0 + TL_SECOND_NS, T0 + TL_SECOND_NS);

	tl_flowtab_announce(tab, &key, tl_flow_id(&key), &hint);
	tl_flowtab_merge(tab, &key, tl_flow_id(&key), &counts);
	tl_flowtab_announce(tab, &key, tl_flow_id(&key), &again);
	tl_flowtab_end_all(tab, TL_END_SHUTDOWN);
	assert_int_equal(t.count, 2);
	assert_int_equal(t.told[0].kind, TL_FLOW_START);
	assert_int_equal(t.told[0].now_ns, T0 + 5);
	assert_int_equal(t.told[0].flow.packets, 0);
	assert_int_equal(t.told[1].flow.packets, 3);
	assert_int_equal(t.told[1].flow.start_ns, T0 + 5);
	assert_int_equal(t.told[1].flow.end_ns, T0 + 9);
	tl_flowtab_destroy(tab);
	free(t.told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_tells_of_the_same_flows_as_the_model),
		cmocka_unit_test(packets_merged_by_epoch_end_as_the_same_flows),
		cmocka_unit_test(silence_ends_a_flow_in_time),
		cmocka_unit_test(packet_after_fin_does_not_start_a_second_flow),
		cmocka_unit_test(active_flow_is_told_of_each_period),
		cmocka_unit_test(merge_across_a_multiple_is_told_once),
		cmocka_unit_test(time_that_jumps_ends_all_and_never_goes_back),
		cmocka_unit_test(late_packet_moves_the_start_back),
		cmocka_unit_test(full_table_evicts_the_one_longest_quiet),
		cmocka_unit_test(flow_in_use_is_not_evicted),
		cmocka_unit_test(table_of_one_flow_works),
		cmocka_unit_test(packets_of_a_full_table_all_reach_an_end),
		cmocka_unit_test(flow_id_leaves_out_interface_and_direction),
		cmocka_unit_test(same_id_on_another_interface_is_another_flow),
		cmocka_unit_test(config_that_cannot_be_is_refused),
		cmocka_unit_test(merged_late_flow_does_not_end_one_that_follows),
		cmocka_unit_test(merged_delta_after_silence_is_a_new_flow),
		cmocka_unit_test(announced_flow_starts_once_with_no_packets),
	};
	return cmocka_run_group_tests(tests, 0, 0);
}
