/* SPDX-License-Identifier: BSD-2-Clause */
#include "books.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"

const char *book_kind_name(enum book_kind kind)
{
	static const char *const names[] = {"packets", "bytes", "events"};

	return names[kind];
}

/* The run's own value: earlier runs had books of their own. */
static int64_t whole(struct tl_metric_value value)
{
	if (value.kind == TL_METRIC_UINT) {
		return value.number > INT64_MAX ? INT64_MAX : (int64_t)value.number;
	}
	double real = tl_metric_real(value);
	return fabs(real) < 9e18 ? (int64_t)llround(real) : 0;
}

static bool is_named(const struct ledger_sample *s, const char *name)
{
	return strcmp(s->metric->name, name) == 0;
}

static const char *key_name(enum book_kind kind)
{
	return kind == BOOK_EVENTS ? "sink" : "iface";
}

/* Of the samples that belong to that book. */
static int64_t sum(const struct ledger_instance *i, const struct book *b, const char *name)
{
	int64_t total = 0;

	for (size_t k = 0; k < i->sample_count; k++) {
		const struct ledger_sample *s = &i->samples[k];
		if (!is_named(s, name)) {
			continue;
		}
		const char *key = ledger_label(s, key_name(b->kind));
		if (!key || strcmp(key, b->key) == 0) {
			total = (int64_t)((uint64_t)total + (uint64_t)whole(s->value));
		}
	}
	return total;
}

static int64_t minus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t magnitude(int64_t v)
{
	return v < 0 ? minus(0, v) : v;
}

/* --- which books there are ------------------------------------------------- */

static struct book *find(struct ledger_instance *i, enum book_kind kind, const char *key)
{
	for (unsigned int k = 0; k < i->book_count; k++) {
		if (i->books[k].kind == kind && strcmp(i->books[k].key, key) == 0) {
			return &i->books[k];
		}
	}
	return 0;
}

static void open_book(struct ledger_instance *i, enum book_kind kind, const char *key)
{
	struct book *b = find(i, kind, key);

	if (!b && i->book_count < BOOKS_MAX) {
		b = &i->books[i->book_count++];
		*b = (struct book){.kind = kind};
		snprintf(b->key, sizeof(b->key), "%s", key);
	}
	if (b) {
		b->report = i->reports;
	}
}

/* A sink or interface that is not told of any more. */
static void close_old_books(struct ledger_instance *i)
{
	unsigned int kept = 0;

	for (unsigned int k = 0; k < i->book_count; k++) {
		if (i->books[k].report == i->reports) {
			i->books[kept++] = i->books[k];
		}
	}
	i->book_count = kept;
}

/* True when it opened one under a key of its own. */
static bool open_keyed(struct ledger_instance *i, enum book_kind kind, const char *const *names)
{
	bool found = false;

	for (size_t k = 0; k < i->sample_count; k++) {
		const struct ledger_sample *s = &i->samples[k];
		for (const char *const *name = names; *name; name++) {
			const char *key = is_named(s, *name) ? ledger_label(s, key_name(kind)) : 0;
			if (key && s->report == i->reports) {
				open_book(i, kind, key);
				found = true;
			}
		}
	}
	return found;
}

static bool has(const struct ledger_instance *i, const char *name)
{
	for (size_t k = 0; k < i->sample_count; k++) {
		if (is_named(&i->samples[k], name) && i->samples[k].report == i->reports) {
			return true;
		}
	}
	return false;
}

static void open_books(struct ledger_instance *i)
{
	static const char *const lefts[] = {"received_packets", "received_bytes",
					    "assigned_events"};
	static const char *const rights[][4] = {
		{"received_packets", "class_packets", 0},
		{"received_bytes", "class_bytes", 0},
		{"assigned_events", "safe_events", "held_events", 0}};

	for (unsigned int kind = BOOK_PACKETS; kind <= BOOK_EVENTS; kind++) {
		if (has(i, lefts[kind]) && has(i, rights[kind][1]) &&
		    !open_keyed(i, kind, rights[kind])) {
			open_book(i, kind, "");
		}
	}
}

/* --- whether they balance -------------------------------------------------- */

static void reckon_engine(const struct ledger_instance *i, struct book *b)
{
	bool packets = b->kind == BOOK_PACKETS;

	b->left = sum(i, b, packets ? "received_packets" : "received_bytes");
	b->right = sum(i, b, packets ? "class_packets" : "class_bytes");
	b->residual = minus(b->left, b->right);
	/* Two errors must not make one truth. */
	int64_t own = sum(i, b, packets ? "residual_packets" : "residual_bytes");
	if (own != 0) {
		b->residual =
			(int64_t)((uint64_t)magnitude(b->residual) + (uint64_t)magnitude(own));
	}
}

static void reckon_hop(const struct ledger_instance *i, struct book *b)
{
	b->left = sum(i, b, "assigned_events");
	b->safe = sum(i, b, "safe_events");
	b->held = sum(i, b, "held_events");
	b->lost = sum(i, b, "lost_events");
	b->right = (int64_t)((uint64_t)b->safe + (uint64_t)b->held + (uint64_t)b->lost);
	b->residual = minus(b->left, b->right);
}

static void judge(struct book *b, bool closing)
{
	b->wrong_reports = b->residual != 0 ? b->wrong_reports + 1 : 0;
	b->is_red = b->residual != 0 && (closing || b->wrong_reports >= BOOKS_RED_AFTER);
}

void books_update(struct ledger_instance *i, bool closing)
{
	open_books(i);
	close_old_books(i);
	for (unsigned int k = 0; k < i->book_count; k++) {
		if (i->books[k].kind == BOOK_EVENTS) {
			reckon_hop(i, &i->books[k]);
		} else {
			reckon_engine(i, &i->books[k]);
		}
		judge(&i->books[k], closing);
	}
}

void books_reset(struct ledger_instance *i)
{
	i->book_count = 0;
}

bool books_are_red(const struct ledger_instance *i)
{
	for (unsigned int k = 0; k < i->book_count; k++) {
		if (i->books[k].is_red) {
			return true;
		}
	}
	return false;
}
