/* SPDX-License-Identifier: BSD-2-Clause */
#include "epoch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"

enum { BURST = 32 }; /* flows whose memory is asked for before it is touched */

void epochs_begin(struct epochs *e, uint64_t now_ns)
{
	e->to_wall_ns = (int64_t)(tl_clock_wall_ns() - now_ns);
	e->due_ns = now_ns + e->length_ns;
	tl_flowtab_advance(e->flows, tl_clock_wall_ns());
}

static uint64_t wall_ns(const struct epochs *e, uint64_t mono_ns)
{
	return mono_ns + (uint64_t)e->to_wall_ns;
}

/* --- what the kernel counted becomes flows -------------------------------- */

static struct tl_flow_delta delta_of(const struct epochs *e, const struct tl_flow_value *v)
{
	return (struct tl_flow_delta){
		.packets = v->packets,
		.bytes = v->bytes,
		.ip_bytes = tl_flow_value_ip_bytes(v),
		.skbs = v->skbs ? v->skbs : v->packets,
		.first_ns = wall_ns(e, v->first_ns),
		.last_ns = wall_ns(e, v->last_ns),
		.min_len = v->min_len,
		.max_len = v->max_len,
		.ttl = v->ttl,
		.tos = v->tos,
		.tcp_flags = (uint8_t)v->tcp_flags,
	};
}

static void note_times(struct ledger *l, uint64_t first_ns, uint64_t last_ns)
{
	l->first_ns = l->first_ns == 0 || first_ns < l->first_ns ? first_ns : l->first_ns;
	l->last_ns = last_ns > l->last_ns ? last_ns : l->last_ns;
}

/* In three passes: see tl_meter_add. */
static void merge_burst(struct epochs *e, const struct tl_flow_key *keys,
			const struct tl_flow_value *values, int count)
{
	uint64_t ids[BURST];
	struct tl_acct *taken = &e->taken[e->map];

	for (int i = 0; i < count; i++) {
		ids[i] = tl_flow_id(&keys[i]);
		tl_flowtab_prefetch_index(e->flows, ids[i]);
	}
	for (int i = 0; i < count; i++) {
		tl_flowtab_prefetch_flow(e->flows, ids[i]);
	}
	for (int i = 0; i < count; i++) {
		struct tl_flow_delta delta = delta_of(e, &values[i]);
		uint32_t entry = tl_flowtab_merge(e->flows, &keys[i], ids[i], &delta);
		/* As its events tell them: its hint may have been put into wall time with another
		 * offset. */
		const struct tl_flow *flow = tl_flowtab_flow(e->flows, entry);
		note_times(&e->ledger, flow->start_ns, flow->end_ns);
		taken->packets += values[i].packets;
		taken->bytes += values[i].bytes;
	}
}

/* At most KERNEL_DRAIN_MAX flows. 0 there are more, 1 no more in either map, -errno. */
static int drain(struct epochs *e)
{
	const struct tl_flow_key *keys;
	const struct tl_flow_value *values;
	int count = kernel_drain(e->kernel, e->parity, e->map, &e->cursor, &keys, &values);

	if (count < 0) {
		tl_log_err("cannot take the counts out of the kernel: %s", strerror(-count));
		return count;
	}
	for (int i = 0; i < count; i += BURST) {
		int most = count - i < BURST ? count - i : BURST;
		merge_burst(e, keys + i, values + i, most);
	}
	if (!e->cursor.done || e->map == KERNEL_COARSE) {
		return e->cursor.done;
	}
	e->map = KERNEL_COARSE;
	e->cursor = (struct kernel_cursor){0};
	return 0;
}

/* --- one epoch ------------------------------------------------------------ */

static void turn(struct epochs *e, uint64_t now_ns)
{
	double fill =
		(double)kernel_control(e->kernel)->inserted[kernel_control(e->kernel)->epoch & 1] /
		(double)e->entries;

	e->ledger.fill = fill > e->ledger.fill ? fill : e->ledger.fill;
	e->to_wall_ns = (int64_t)(tl_clock_wall_ns() - tl_clock_mono_ns());
	e->parity = kernel_turn(e->kernel);
	e->turned_ns = now_ns;
	e->pressure = false;
	e->state = EPOCH_WAITING;
}

/* The epoch stands still. 0 or -errno. */
static int open_epoch(struct epochs *e)
{
	int err = kernel_books(e->kernel, e->parity, &e->books);

	if (err < 0) {
		tl_log_err("cannot read the kernel's books: %s", strerror(-err));
		return err;
	}
	e->map = KERNEL_FLOWS;
	e->cursor = (struct kernel_cursor){0};
	memset(e->taken, 0, sizeof(e->taken));
	e->state = EPOCH_DRAINING;
	return 0;
}

static struct tl_acct difference(const struct tl_acct *now, const struct tl_acct *before)
{
	return (struct tl_acct){
		.packets = now->packets - before->packets,
		.bytes = now->bytes - before->bytes,
		.skbs = now->skbs - before->skbs,
	};
}

static void add(struct tl_acct *sum, const struct tl_acct *more)
{
	sum->packets += more->packets;
	sum->bytes += more->bytes;
	sum->skbs += more->skbs;
}

/* Both ways count: what is missing here must not be made up for by what is too much there. */
static void expect_equal(struct ledger *l, const char *what, const struct tl_acct *a,
			 const struct tl_acct *b)
{
	if (a->packets == b->packets && a->bytes == b->bytes) {
		return;
	}
	l->residual_packets +=
		a->packets > b->packets ? a->packets - b->packets : b->packets - a->packets;
	l->residual_bytes += a->bytes > b->bytes ? a->bytes - b->bytes : b->bytes - a->bytes;
	tl_log_err(
		"the books of an epoch differ: %s: %llu packets, %llu bytes; counted: %llu, %llu",
		what, (unsigned long long)a->packets, (unsigned long long)a->bytes,
		(unsigned long long)b->packets, (unsigned long long)b->bytes);
}

/* The totals since this process began, as of the last epoch of either parity. */
static void post(struct epochs *e)
{
	struct ledger *l = &e->ledger;
	const struct tl_acct missed = {
		.packets = e->missed.packets,
		.bytes = e->missed.bytes,
		.skbs = e->missed.packets,
	};

	l->total = (struct tl_acct){.skbs = 0 - e->base_skbs};
	for (unsigned int class = 0; class < TL_CLASS_COUNT; class ++) {
		struct tl_acct sum = e->before[0].by_class[class];
		add(&sum, &e->before[1].by_class[class]);
		if (class == TL_CLASS_UNATTRIBUTED) {
			add(&sum, &missed);
		}
		l->by_class[class] = difference(&sum, &e->base[class]);
		l->total.packets -= e->base[class].packets;
		l->total.bytes -= e->base[class].bytes;
	}
	add(&l->total, &e->before[0].total);
	add(&l->total, &e->before[1].total);
	add(&l->total, &missed);
	l->missed = missed.packets;
	l->hints_lost = e->before[0].hints_lost + e->before[1].hints_lost - e->base_hints_lost;
}

static void check_epoch(struct epochs *e)
{
	const struct tl_books *before = &e->before[e->parity];
	struct tl_acct total = difference(&e->books.total, &before->total);
	struct tl_acct classes = {0};
	struct tl_acct by_class[TL_CLASS_COUNT];

	for (unsigned int class = 0; class < TL_CLASS_COUNT; class ++) {
		by_class[class] = difference(&e->books.by_class[class], &before->by_class[class]);
		add(&classes, &by_class[class]);
	}
	expect_equal(&e->ledger, "classes", &classes, &total);
	expect_equal(&e->ledger, "flows", &e->taken[KERNEL_FLOWS], &by_class[TL_CLASS_FLOW]);
	expect_equal(&e->ledger, "coarse flows", &e->taken[KERNEL_COARSE],
		     &by_class[TL_CLASS_COARSE]);
	e->before[e->parity] = e->books;
}

/* All of it is in the flow table: time may pass there. */
static int close_epoch(struct epochs *e, uint64_t now_ns)
{
	int err = kernel_missed(e->kernel, &e->missed);

	check_epoch(e);
	post(e);
	e->ledger.epochs++;
	tl_flowtab_advance(e->flows, wall_ns(e, e->turned_ns));
	e->state = EPOCH_COUNTING;
	e->due_ns = e->turned_ns + e->length_ns;
	if (e->due_ns < now_ns) {
		e->due_ns = now_ns;
	}
	return err;
}

static int drain_step(struct epochs *e, uint64_t now_ns)
{
	int all = drain(e);

	return all > 0 ? close_epoch(e, now_ns) : all;
}

/* --- many of them --------------------------------------------------------- */

/* The hint wakes us up; when the ring was full it did not come, but the count is there. */
static bool is_pressed(const struct epochs *e)
{
	struct tl_control *control = kernel_control(e->kernel);
	uint32_t inserted =
		__atomic_load_n(&control->inserted[control->epoch & 1], __ATOMIC_RELAXED);

	return e->pressure || (control->pressure_at != 0 && inserted >= control->pressure_at);
}

bool epochs_step(struct epochs *e, uint64_t now_ns, int *err)
{
	*err = 0;
	switch (e->state) {
	case EPOCH_COUNTING:
		if (now_ns >= e->due_ns || is_pressed(e)) {
			turn(e, now_ns);
			waiter_request(e->waiter);
		}
		return false;
	case EPOCH_WAITING:
		if (!waiter_take_done(e->waiter, err)) {
			return false;
		}
		if (*err == 0) {
			*err = open_epoch(e);
		}
		return true;
	default:
		*err = drain_step(e, now_ns);
		return e->state == EPOCH_DRAINING;
	}
}

/* Takes the epoch that was turned away from. */
static int take_epoch(struct epochs *e)
{
	int err = e->state == EPOCH_WAITING ? kernel_wait(e->kernel) : 0;

	if (err == 0 && e->state == EPOCH_WAITING) {
		err = open_epoch(e);
	}
	while (err == 0 && e->state == EPOCH_DRAINING) {
		err = drain_step(e, tl_clock_mono_ns());
	}
	return err;
}

int epochs_catch_up(struct epochs *e)
{
	int err = take_epoch(e);

	if (err == 0) {
		turn(e, tl_clock_mono_ns());
		err = take_epoch(e);
	}
	return err;
}

/* --- after somebody else -------------------------------------------------- */

/* All of one parity, unchecked: its predecessor may have taken a part. */
static int take_unchecked(struct epochs *e, struct tl_acct taken[2])
{
	int err = open_epoch(e);

	while (err == 0) {
		err = drain(e);
	}
	if (err > 0) {
		e->state = EPOCH_COUNTING;
		err = 0;
	}
	add(&taken[KERNEL_FLOWS], &e->taken[KERNEL_FLOWS]);
	add(&taken[KERNEL_COARSE], &e->taken[KERNEL_COARSE]);
	e->before[e->parity] = e->books;
	return err;
}

static void work_out_lost(struct epochs *e, const struct tl_acct taken[2], struct tl_acct lost[2])
{
	for (unsigned int class = 0; class < 2; class ++) {
		struct tl_acct counted = e->before[0].by_class[class];
		add(&counted, &e->before[1].by_class[class]);
		counted = difference(&counted, &e->base[class]);
		lost[class] = difference(&counted, &taken[class]);
		if ((int64_t)lost[class].packets < 0) {
			tl_log_err("more was told than the kernel counted: %lld packets",
				   (long long)-lost[class].packets);
			e->ledger.residual_packets += 0 - lost[class].packets;
			lost[class] = (struct tl_acct){0};
		}
		e->ledger.lost_in_crash += lost[class].packets;
	}
}

int epochs_recover(struct epochs *e, const struct tl_acct told[TL_CLASS_COUNT], uint64_t told_skbs,
		   struct tl_acct lost[2])
{
	struct tl_acct taken[2] = {{0}};
	/* It may have been killed between turning and the end of the wait. */
	int err = kernel_wait(e->kernel);

	memcpy(e->base, told, sizeof(e->base));
	e->base_skbs = told_skbs;
	e->parity = ~kernel_control(e->kernel)->epoch & 1;
	if (err == 0) {
		err = take_unchecked(e, taken);
	}
	if (err == 0) {
		turn(e, tl_clock_mono_ns());
		err = kernel_wait(e->kernel);
	}
	if (err == 0) {
		err = take_unchecked(e, taken);
	}
	if (err == 0) {
		err = kernel_missed(e->kernel, &e->missed);
	}
	if (err == 0) {
		e->base_hints_lost = e->before[0].hints_lost + e->before[1].hints_lost;
		work_out_lost(e, taken, lost);
		post(e);
		e->ledger.epochs++;
	}
	return err;
}

/* In three passes, as when merging: of many flows each is a cache miss. */
static void announce_burst(struct epochs *e)
{
	uint64_t ids[EPOCH_HINTS];

	for (unsigned int i = 0; i < e->hint_count; i++) {
		ids[i] = tl_flow_id(&e->hints[i].key);
		tl_flowtab_prefetch_index(e->flows, ids[i]);
	}
	for (unsigned int i = 0; i < e->hint_count; i++) {
		tl_flowtab_prefetch_flow(e->flows, ids[i]);
	}
	for (unsigned int i = 0; i < e->hint_count; i++) {
		const struct tl_hint *hint = &e->hints[i];
		const struct tl_flow_delta first = {
			.first_ns = wall_ns(e, hint->ns),
			.last_ns = wall_ns(e, hint->ns),
			.min_len = hint->len,
			.max_len = hint->len,
			.ttl = hint->ttl,
			.tos = hint->tos,
			.tcp_flags = hint->tcp_flags,
		};
		tl_flowtab_announce(e->flows, &hint->key, ids[i], &first);
	}
	e->hint_count = 0;
}

void epochs_take_hint(struct epochs *e, const struct tl_hint *hint)
{
	if (hint->kind == TL_HINT_PRESSURE) {
		e->pressure = true;
	} else if (hint->kind == TL_HINT_NEW) {
		e->hints[e->hint_count++] = *hint;
		if (e->hint_count == EPOCH_HINTS) {
			announce_burst(e);
		}
	}
}

void epochs_hints_end(struct epochs *e)
{
	announce_burst(e);
}
