/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <string.h>

#include "jsondoc.h"

/* --- the engine ------------------------------------------------------------ */

/* A live one before one that is not; then the run that began last, or was heard last. */
static bool is_better(const struct ledger_instance *a, const struct ledger_instance *b)
{
	bool a_lives = a->state == LEDGER_LIVE;
	bool b_lives = b->state == LEDGER_LIVE;

	if (a_lives != b_lives) {
		return a_lives;
	}
	return a_lives ? a->start_ns > b->start_ns : a->heard_ns > b->heard_ns;
}

const struct ledger_instance *report_engine(const struct ledger *ledger)
{
	const struct ledger_instance *best = 0;

	for (const struct ledger_instance *i = ledger->instances; i; i = i->next) {
		if (i->engine[0] && (!best || is_better(i, best))) {
			best = i;
		}
	}
	return best;
}

struct totals {
	struct tl_metric_value packets, bytes, events, dropped, lost;
	double ring;
	double cpu_percent;
};

static void add_totals(struct totals *t, const struct ledger_instance *i)
{
	double ring = ledger_max(i, "ring_utilization_ratio", 0);

	t->packets = ledger_add(t->packets, ledger_sum(i, "received_packets", 0));
	t->bytes = ledger_add(t->bytes, ledger_sum(i, "received_bytes", 0));
	t->events = ledger_add(t->events, ledger_sum(i, "assigned_events", 0));
	t->dropped = ledger_add(t->dropped, ledger_sum(i, "dropped_skbs", 0));
	t->lost = ledger_add(t->lost, ledger_sum(i, "lost_events", 0));
	t->ring = ring > t->ring ? ring : t->ring;
	t->cpu_percent += i->state == LEDGER_LIVE ? i->cpu_percent : 0;
}

/* Instances of one engine are interfaces; of several, with --hybrid, the same packets. */
static struct totals get_totals(const struct ledger *ledger, const struct ledger_instance *engine)
{
	struct totals t = {0};

	for (const struct ledger_instance *i = ledger->instances; engine && i; i = i->next) {
		bool counts = i->state == LEDGER_LIVE || i == engine;
		if (counts && strcmp(i->engine, engine->engine) == 0) {
			add_totals(&t, i);
		}
	}
	return t;
}

static void put_ifaces(struct jsondoc *d, const struct ledger_instance *i)
{
	jsondoc_open(d, "ifaces", '[');
	for (uint32_t k = 0; i && k < i->iface_count; k++) {
		jsondoc_text(d, 0, i->ifaces[k]);
	}
	jsondoc_close(d, ']');
}

static void put_engine(struct jsondoc *d, const struct ledger *ledger)
{
	const struct ledger_instance *i = report_engine(ledger);
	struct totals t = get_totals(ledger, i);

	if (i) {
		jsondoc_text(d, "engine", i->engine);
		jsondoc_text(d, "mode", i->mode);
	} else {
		jsondoc_null(d, "engine");
		jsondoc_null(d, "mode");
	}
	put_ifaces(d, i);
	jsondoc_bool(d, "running", i && i->state == LEDGER_LIVE);
	jsondoc_value(d, "packets_processed", t.packets);
	jsondoc_value(d, "events_emitted", t.events);
	jsondoc_value(d, "bytes_processed", t.bytes);
	jsondoc_value(d, "dropped", t.dropped);
	jsondoc_value(d, "events_lost", t.lost);
	jsondoc_real(d, "ring_utilization", t.ring);
	jsondoc_real(d, "cpu_percent", t.cpu_percent);
}

/* --- books ----------------------------------------------------------------- */

static void put_book(struct jsondoc *d, const struct ledger_instance *i, const struct book *b)
{
	bool hop = b->kind == BOOK_EVENTS;

	jsondoc_open(d, 0, '{');
	jsondoc_text(d, "tool", i->tool);
	jsondoc_text(d, "instance", i->name);
	jsondoc_text(d, "unit", book_kind_name(b->kind));
	jsondoc_text(d, hop ? "sink" : "iface", b->key);
	jsondoc_int(d, hop ? "assigned" : "received", b->left);
	if (hop) {
		jsondoc_int(d, "safe", b->safe);
		jsondoc_int(d, "held", b->held);
		jsondoc_int(d, "lost", b->lost);
	} else {
		jsondoc_int(d, "classified", b->right);
	}
	jsondoc_int(d, "residual", b->residual);
	jsondoc_uint(d, "wrong_reports", b->wrong_reports);
	jsondoc_bool(d, "balanced", !b->is_red);
	jsondoc_close(d, '}');
}

static void put_book_list(struct jsondoc *d, const struct ledger *ledger, bool hops)
{
	jsondoc_open(d, hops ? "hops" : "engines", '[');
	for (const struct ledger_instance *i = ledger->instances; i; i = i->next) {
		for (unsigned int k = 0; k < i->book_count; k++) {
			if ((i->books[k].kind == BOOK_EVENTS) == hops) {
				put_book(d, i, &i->books[k]);
			}
		}
	}
	jsondoc_close(d, ']');
}

static void put_books(struct jsondoc *d, const struct ledger *ledger)
{
	bool red = false;

	for (const struct ledger_instance *i = ledger->instances; i; i = i->next) {
		red = red || books_are_red(i);
	}
	jsondoc_open(d, "books", '{');
	jsondoc_bool(d, "balanced", !red);
	put_book_list(d, ledger, false);
	put_book_list(d, ledger, true);
	jsondoc_close(d, '}');
}

/* --- tools ----------------------------------------------------------------- */

static void put_sample(struct jsondoc *d, const struct ledger_sample *s)
{
	const struct ledger_metric *m = s->metric;
	const char *label = s->labels;

	jsondoc_open(d, 0, '{');
	jsondoc_text(d, "name", m->name);
	jsondoc_text(d, "unit", m->unit);
	jsondoc_text(d, "type", m->type == TL_METRIC_COUNTER ? "counter" : "gauge");
	jsondoc_open(d, "labels", '{');
	for (uint32_t i = 0; i < m->label_count; i++) {
		jsondoc_text(d, m->labels[i], label);
		label += strlen(label) + 1;
	}
	jsondoc_close(d, '}');
	jsondoc_value(d, "value", ledger_value(s));
	jsondoc_close(d, '}');
}

static void put_run(struct jsondoc *d, const struct ledger_instance *i, uint64_t now_ns)
{
	jsondoc_text(d, "run", i->run);
	jsondoc_text(d, "version", i->version);
	jsondoc_uint(d, "pid", i->pid);
	jsondoc_time(d, "start", i->start_ns);
	jsondoc_time(d, "reported", i->time_ns);
	jsondoc_real(d, "silent_seconds",
		     now_ns > i->heard_ns ? (double)(now_ns - i->heard_ns) / 1e9 : 0);
	jsondoc_text(d, "engine", i->engine);
	jsondoc_text(d, "mode", i->mode);
	put_ifaces(d, i);
	jsondoc_real(d, "cpu_percent", i->state == LEDGER_LIVE ? i->cpu_percent : 0);
	jsondoc_real(d, "cpu_seconds", i->cpu_base + i->cpu_seconds);
	jsondoc_uint(d, "resident_bytes", i->state == LEDGER_LIVE ? i->resident_bytes : 0);
}

static void put_tool(struct jsondoc *d, const struct ledger_instance *i, uint64_t now_ns)
{
	jsondoc_open(d, 0, '{');
	jsondoc_text(d, "tool", i->tool);
	jsondoc_text(d, "instance", i->name);
	jsondoc_text(d, "host", i->host);
	jsondoc_text(d, "place", i->place);
	jsondoc_text(d, "state", ledger_state_name(i->state));
	put_run(d, i, now_ns);
	jsondoc_uint(d, "restarts", i->restarts);
	jsondoc_uint(d, "reports", i->reports);
	jsondoc_uint(d, "lost_reports", i->lost_reports);
	jsondoc_uint(d, "cut_samples", i->cut_samples);
	jsondoc_uint(d, "held_when_killed", i->held_when_killed);
	jsondoc_open(d, "metrics", '[');
	for (size_t k = 0; k < i->sample_count; k++) {
		put_sample(d, &i->samples[k]);
	}
	jsondoc_close(d, ']');
	jsondoc_close(d, '}');
}

/* --- the rest -------------------------------------------------------------- */

static void put_health(struct jsondoc *d, const struct health *h)
{
	jsondoc_bool(d, "healthy", h->is_healthy);
	jsondoc_bool(d, "ready", h->is_ready);
	jsondoc_open(d, "reasons", '[');
	for (unsigned int i = 0; i < h->count; i++) {
		const struct health_reason *r = &h->reasons[i];
		jsondoc_open(d, 0, '{');
		jsondoc_text(d, "code", health_code_name(r->code));
		jsondoc_text(d, "text", r->text);
		if (r->instance) {
			jsondoc_text(d, "tool", r->instance->tool);
			jsondoc_text(d, "instance", r->instance->name);
		}
		jsondoc_close(d, '}');
	}
	jsondoc_close(d, ']');
}

static void put_sources(struct jsondoc *d, struct report_sources sources)
{
	jsondoc_open(d, "sources", '{');
	jsondoc_bool(d, "ladder", sources.ladder);
	jsondoc_bool(d, "flows", sources.flows);
	jsondoc_bool(d, "events", sources.events);
	jsondoc_bool(d, "capabilities", sources.capabilities);
	jsondoc_close(d, '}');
}

static void put_intake(struct jsondoc *d, const struct ledger_counts *c)
{
	jsondoc_open(d, "intake", '{');
	jsondoc_uint(d, "reports", c->reports);
	jsondoc_uint(d, "held_back", c->held_back);
	jsondoc_uint(d, "refused_instances", c->refused_instances);
	jsondoc_uint(d, "refused_metrics", c->refused_metrics);
	jsondoc_uint(d, "refused_samples", c->refused_samples);
	jsondoc_uint(d, "backward", c->backward);
	jsondoc_uint(d, "forgotten", c->forgotten);
	jsondoc_close(d, '}');
}

int report_write(struct tl_textbuf *out, const struct ledger *ledger, const struct health *health,
		 struct report_sources sources, uint64_t wall_ns, uint64_t now_ns)
{
	struct jsondoc d = {.out = out};

	jsondoc_open(&d, 0, '{');
	jsondoc_time(&d, "time", wall_ns);
	put_health(&d, health);
	put_sources(&d, sources);
	put_engine(&d, ledger);
	put_books(&d, ledger);
	jsondoc_open(&d, "tools", '[');
	for (const struct ledger_instance *i = ledger->instances; i; i = i->next) {
		put_tool(&d, i, now_ns);
	}
	jsondoc_close(&d, ']');
	put_intake(&d, &ledger->counts);
	jsondoc_close(&d, '}');
	return jsondoc_end(&d);
}
