/* SPDX-License-Identifier: BSD-2-Clause */
#include "prometheus.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exposition.h"

const char *prometheus_content_type(enum prometheus_format format)
{
	return format == PROMETHEUS_OPENMETRICS
		       ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		       : "text/plain; version=0.0.4; charset=utf-8";
}

/* --- Accept ---------------------------------------------------------------- */

/* The q of one media range, in thousandths; 1000 without. */
static int quality_of(const char *range, size_t len)
{
	const char *end = range + len;

	for (const char *p = range; (p = memchr(p, ';', (size_t)(end - p)));) {
		p++;
		while (p < end && (*p == ' ' || *p == '\t')) {
			p++;
		}
		if (end - p < 3 || (p[0] != 'q' && p[0] != 'Q') || p[1] != '=') {
			continue;
		}
		int quality = p[2] == '1' ? 1000 : 0;
		int place = 100;
		for (p += 4; p < end && *p >= '0' && *p <= '9' && place > 0; p++, place /= 10) {
			quality += (*p - '0') * place;
		}
		return quality;
	}
	return 1000;
}

static bool is_range(const char *range, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	return len >= name_len && strncasecmp(range, name, name_len) == 0 &&
	       (len == name_len || strchr("; \t", range[name_len]));
}

enum prometheus_format prometheus_choose(const char *accept)
{
	int open_metrics = 0;
	int text = 0;

	while (accept && *accept) {
		accept += strspn(accept, ", \t");
		size_t len = strcspn(accept, ",");
		int quality = quality_of(accept, len);
		if (is_range(accept, len, "application/openmetrics-text")) {
			open_metrics = quality;
		} else if (is_range(accept, len, "text/plain")) {
			text = quality;
		}
		accept += len;
	}
	return open_metrics > 0 && open_metrics >= text ? PROMETHEUS_OPENMETRICS : PROMETHEUS_TEXT;
}

/* --- labels ---------------------------------------------------------------- */

static void put_instance(struct exposition *e, const struct ledger_instance *i)
{
	exposition_begin(e);
	exposition_label(e, "tool", i->tool);
	exposition_label(e, "instance", i->name);
	if (i->engine[0]) {
		exposition_label(e, "engine", i->engine);
		exposition_label(e, "mode", i->mode);
	}
}

static bool is_ours(const char *name)
{
	return strcmp(name, "tool") == 0 || strcmp(name, "instance") == 0 ||
	       strcmp(name, "engine") == 0 || strcmp(name, "mode") == 0;
}

/* A label that is named as one of ours would come twice. */
static void put_own_labels(struct exposition *e, const struct ledger_sample *s)
{
	const char *value = s->labels;

	for (uint32_t k = 0; k < s->metric->label_count; k++) {
		if (!is_ours(s->metric->labels[k])) {
			exposition_label(e, s->metric->labels[k], value);
		} else {
			char name[LEDGER_NAME + 8] = "metric_";
			strcat(name, s->metric->labels[k]);
			exposition_label(e, name, value);
		}
		value += strlen(value) + 1;
	}
}

/* --- what tools told ------------------------------------------------------- */

/* A sample and whose it is, to be brought into the order of families. */
struct row {
	const struct ledger_instance *instance;
	const struct ledger_sample *sample;
	size_t order;
};

static int compare(const void *left, const void *right)
{
	const struct row *a = left;
	const struct row *b = right;

	int by_name = strcmp(a->sample->metric->name, b->sample->metric->name);

	return by_name != 0 ? by_name : a->order < b->order ? -1 : 1;
}

static size_t fill_rows(struct row *rows, const struct ledger *ledger)
{
	size_t count = 0;

	for (const struct ledger_instance *i = ledger->instances; i; i = i->next) {
		for (size_t k = 0; k < i->sample_count; k++) {
			rows[count] = (struct row){i, &i->samples[k], count};
			count++;
		}
	}
	return count;
}

static void put_rows(struct exposition *e, const struct row *rows, size_t count)
{
	const struct ledger_metric *family = 0;

	for (size_t k = 0; k < count; k++) {
		const struct ledger_metric *m = rows[k].sample->metric;
		if (!family || strcmp(m->name, family->name) != 0) {
			exposition_family(e, m->name, m->unit, m->type, m->help);
			family = m;
		}
		put_instance(e, rows[k].instance);
		put_own_labels(e, rows[k].sample);
		exposition_value(e, ledger_value(rows[k].sample));
	}
}

static void put_told(struct exposition *e, const struct ledger *ledger)
{
	struct row *rows = calloc(ledger->sample_total + 1, sizeof(*rows));

	if (!rows) {
		e->failed = true;
		return;
	}
	size_t count = fill_rows(rows, ledger);
	qsort(rows, count, sizeof(*rows), compare);
	put_rows(e, rows, count);
	free(rows);
}

/* --- what we know of tools ------------------------------------------------- */

static double get_up(const struct ledger_instance *i)
{
	return i->state == LEDGER_LIVE;
}

static double get_silent(const struct ledger_instance *i)
{
	return i->state == LEDGER_SILENT;
}

static double get_restarts(const struct ledger_instance *i)
{
	return (double)i->restarts;
}

static double get_reports(const struct ledger_instance *i)
{
	return (double)i->reports;
}

static double get_lost_reports(const struct ledger_instance *i)
{
	return (double)i->lost_reports;
}

static double get_cut_samples(const struct ledger_instance *i)
{
	return (double)i->cut_samples;
}

static double get_cpu(const struct ledger_instance *i)
{
	return i->cpu_base + i->cpu_seconds;
}

static double get_resident(const struct ledger_instance *i)
{
	return i->state == LEDGER_LIVE ? (double)i->resident_bytes : 0;
}

static double get_start(const struct ledger_instance *i)
{
	return (double)i->start_ns / 1e9;
}

static double get_held_when_killed(const struct ledger_instance *i)
{
	return (double)i->held_when_killed;
}

struct fact {
	const char *name;
	const char *unit;
	enum tl_metric_type type;
	const char *help;
	double (*get)(const struct ledger_instance *i);
};

/* Names under which no tool may tell anything: they begin with capmetrics_. */
static const struct fact facts[] = {
	{"capmetrics_tool_up", "", TL_METRIC_GAUGE,
	 "1 while the tool reports, 0 when it closed or has been silent for 5 s", get_up},
	{"capmetrics_tool_silent", "", TL_METRIC_GAUGE,
	 "1 when the tool is missed: silent for 5 s without having closed", get_silent},
	{"capmetrics_tool_restarts", "", TL_METRIC_COUNTER,
	 "Runs of the tool that were followed by another", get_restarts},
	{"capmetrics_tool_reports", "", TL_METRIC_COUNTER, "Reports that came", get_reports},
	{"capmetrics_tool_lost_reports", "", TL_METRIC_COUNTER,
	 "Reports that the tool made and that did not come", get_lost_reports},
	{"capmetrics_tool_cut_samples", "", TL_METRIC_COUNTER,
	 "Samples that the tool left out of its reports for want of room", get_cut_samples},
	{"capmetrics_tool_cpu_seconds", "seconds", TL_METRIC_COUNTER,
	 "Processor time that the tool used", get_cpu},
	{"capmetrics_tool_resident_memory_bytes", "bytes", TL_METRIC_GAUGE,
	 "Memory that the tool has resident", get_resident},
	{"capmetrics_tool_start_time_seconds", "seconds", TL_METRIC_GAUGE,
	 "When the tool's run began, since the epoch", get_start},
	{"capmetrics_tool_killed_events", "events", TL_METRIC_COUNTER,
	 "Events that runs held which ended without saying so", get_held_when_killed},
};

static void put_facts(struct exposition *e, const struct ledger *ledger)
{
	for (size_t k = 0; k < sizeof(facts) / sizeof(facts[0]); k++) {
		const struct fact *f = &facts[k];
		exposition_family(e, f->name, f->unit, f->type, f->help);
		for (const struct ledger_instance *i = ledger->instances; i; i = i->next) {
			double value = f->get(i);
			put_instance(e, i);
			if (value == (double)(uint64_t)value) {
				exposition_uint(e, (uint64_t)value);
			} else {
				exposition_real(e, value);
			}
		}
	}
}

static void put_books(struct exposition *e, const struct ledger *ledger, bool residual)
{
	for (const struct ledger_instance *i = ledger->instances; i; i = i->next) {
		for (unsigned int k = 0; k < i->book_count; k++) {
			const struct book *b = &i->books[k];
			put_instance(e, i);
			exposition_label(e, "book", book_kind_name(b->kind));
			exposition_label(e, b->kind == BOOK_EVENTS ? "sink" : "iface", b->key);
			exposition_int(e, residual ? b->residual : !b->is_red);
		}
	}
}

struct count {
	const char *name;
	size_t offset; /* in ledger_counts */
	const char *help;
};

#define COUNT(name) offsetof(struct ledger_counts, name)

static const struct count counts[] = {
	{"capmetrics_reports", COUNT(reports), "Reports taken"},
	{"capmetrics_held_back_reports", COUNT(held_back),
	 "Reports held back until it was known whose they are"},
	{"capmetrics_refused_reports", COUNT(refused_instances),
	 "Reports of more tools than there is room for"},
	{"capmetrics_refused_metrics", COUNT(refused_metrics),
	 "Metrics of another unit or type than before, or over the limit"},
	{"capmetrics_refused_samples", COUNT(refused_samples),
	 "Samples over the limit, of a refused metric, or twice in a report"},
	{"capmetrics_backward_counters", COUNT(backward), "Counters that went back within a run"},
	{"capmetrics_forgotten_tools", COUNT(forgotten),
	 "Tools forgotten after a long silence, or for want of room"},
};

static void put_counts(struct exposition *e, const struct ledger_counts *c)
{
	for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
		uint64_t value;
		memcpy(&value, (const uint8_t *)c + counts[k].offset, sizeof(value));
		exposition_family(e, counts[k].name, "", TL_METRIC_COUNTER, counts[k].help);
		exposition_begin(e);
		exposition_uint(e, value);
	}
}

static const struct fact book_facts[] = {
	{"capmetrics_book_residual", "", TL_METRIC_GAUGE,
	 "What the equation of a tool's books leaves over, which must be 0", 0},
	{"capmetrics_book_balanced", "", TL_METRIC_GAUGE,
	 "1 while the tool's books balance, 0 when they do not", 0},
};

static void put_book_family(struct exposition *e, const struct fact *f)
{
	exposition_family(e, f->name, f->unit, f->type, f->help);
}

int prometheus_write(struct tl_textbuf *out, const struct ledger *ledger,
		     enum prometheus_format format)
{
	struct exposition e = {.out = out, .open_metrics = format == PROMETHEUS_OPENMETRICS};

	put_told(&e, ledger);
	put_facts(&e, ledger);
	put_book_family(&e, &book_facts[0]);
	put_books(&e, ledger, true);
	put_book_family(&e, &book_facts[1]);
	put_books(&e, ledger, false);
	put_counts(&e, &ledger->counts);
	return exposition_end(&e);
}

/* --- for people -------------------------------------------------------------- */

static struct tl_metric row_of(const struct fact *f, bool is_book)
{
	struct tl_metric row = {.name = f->name, .unit = f->unit, .type = f->type, .help = f->help};

	if (is_book) {
		row.labels[0] = "book";
		row.labels[1] = "iface";
		row.labels[2] = "sink";
	}
	return row;
}

int prometheus_print_table(void)
{
	enum {
		FACTS = sizeof(facts) / sizeof(facts[0]),
		BOOKS = sizeof(book_facts) / sizeof(book_facts[0]),
		COUNTS = sizeof(counts) / sizeof(counts[0]),
	};
	struct tl_metric rows[FACTS + BOOKS + COUNTS];
	unsigned int count = 0;

	for (unsigned int i = 0; i < FACTS; i++) {
		rows[count++] = row_of(&facts[i], false);
	}
	for (unsigned int i = 0; i < BOOKS; i++) {
		rows[count++] = row_of(&book_facts[i], true);
	}
	for (unsigned int i = 0; i < COUNTS; i++) {
		rows[count++] = (struct tl_metric){.name = counts[i].name,
						   .unit = "",
						   .type = TL_METRIC_COUNTER,
						   .help = counts[i].help};
	}
	return tl_metrics_print_table(rows, count);
}
