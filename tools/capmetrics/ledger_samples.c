/* SPDX-License-Identifier: BSD-2-Clause */
/* The samples of an instance, from report to report and from run to run. */
#include <stdlib.h>
#include <string.h>

#include "ledger.h"

/* --- values --------------------------------------------------------------- */

struct tl_metric_value ledger_add(struct tl_metric_value a, struct tl_metric_value b)
{
	struct tl_metric_value sum = {.kind = TL_METRIC_UINT};

	if (a.kind == TL_METRIC_UINT && b.kind == TL_METRIC_UINT) {
		bool over = __builtin_add_overflow(a.number, b.number, &sum.number);
		sum.number = over ? UINT64_MAX : sum.number;
		return sum;
	}
	sum.kind = TL_METRIC_REAL;
	sum.real = tl_metric_real(a) + tl_metric_real(b);
	return sum;
}

struct tl_metric_value ledger_value(const struct ledger_sample *sample)
{
	bool is_counter = sample->metric->type == TL_METRIC_COUNTER;

	return is_counter ? ledger_add(sample->base, sample->value) : sample->value;
}

const char *ledger_label(const struct ledger_sample *sample, const char *name)
{
	const char *value = sample->labels;

	for (uint32_t i = 0; i < sample->metric->label_count; i++) {
		if (strcmp(sample->metric->labels[i], name) == 0) {
			return value;
		}
		value += strlen(value) + 1;
	}
	return 0;
}

struct tl_metric_value ledger_sum(const struct ledger_instance *instance, const char *name,
				  unsigned int *count)
{
	struct tl_metric_value sum = {0};
	unsigned int found = 0;

	for (size_t i = 0; i < instance->sample_count; i++) {
		if (strcmp(instance->samples[i].metric->name, name) == 0) {
			sum = ledger_add(sum, ledger_value(&instance->samples[i]));
			found++;
		}
	}
	if (count) {
		*count = found;
	}
	return sum;
}

double ledger_max(const struct ledger_instance *instance, const char *name, unsigned int *count)
{
	double most = 0;
	unsigned int found = 0;

	for (size_t i = 0; i < instance->sample_count; i++) {
		if (strcmp(instance->samples[i].metric->name, name) == 0) {
			double value = tl_metric_real(ledger_value(&instance->samples[i]));
			most = found == 0 || value > most ? value : most;
			found++;
		}
	}
	if (count) {
		*count = found;
	}
	return most;
}

/* --- descriptors ---------------------------------------------------------- */

static void copy(char *to, struct tl_str from)
{
	memcpy(to, from.ptr, from.len);
	to[from.len] = '\0';
}

static bool is(const char *text, struct tl_str other)
{
	return tl_str_eq(tl_str_of(text), other);
}

/* Of one name there is one kind: what is added up and shown together. */
static bool is_same_kind(const struct ledger_metric *m, const struct tl_metric_view *view)
{
	return is(m->unit, view->unit) && m->type == view->type;
}

static bool has_same_labels(const struct ledger_metric *m, const struct tl_metric_view *view)
{
	bool same = m->label_count == view->label_count;

	for (uint32_t i = 0; same && i < m->label_count; i++) {
		same = is(m->labels[i], view->labels[i]);
	}
	return same;
}

static struct ledger_metric *add_metric(struct ledger *l, const struct tl_metric_view *view)
{
	if (l->metric_count == LEDGER_METRICS_MAX) {
		return 0;
	}
	struct ledger_metric *m = calloc(1, sizeof(*m));
	if (!m) {
		return 0;
	}
	copy(m->name, view->name);
	copy(m->unit, view->unit);
	copy(m->help, view->help);
	m->type = view->type;
	m->label_count = view->label_count;
	for (uint32_t i = 0; i < view->label_count; i++) {
		copy(m->labels[i], view->labels[i]);
	}
	l->metrics[l->metric_count++] = m;
	return m;
}

/* What capmetrics says of tools itself is under such names. */
static bool is_reserved(const struct tl_metric_view *view)
{
	static const char prefix[] = "capmetrics_";
	size_t len = sizeof(prefix) - 1;

	return view->name.len >= len && memcmp(view->name.ptr, prefix, len) == 0;
}

/* 0: refused. */
static struct ledger_metric *find_metric(struct ledger *l, const struct tl_metric_view *view)
{
	if (is_reserved(view)) {
		return 0;
	}
	for (unsigned int i = 0; i < l->metric_count; i++) {
		if (!is(l->metrics[i]->name, view->name)) {
			continue;
		}
		if (!is_same_kind(l->metrics[i], view)) {
			return 0;
		}
		if (has_same_labels(l->metrics[i], view)) {
			return l->metrics[i];
		}
	}
	return add_metric(l, view);
}

/* --- samples -------------------------------------------------------------- */

/* The values of a sample's labels, as they are kept; its length. */
static size_t pack_labels(char *to, const struct tl_metric_sample *sample, uint32_t count)
{
	size_t len = 0;

	for (uint32_t i = 0; i < count; i++) {
		copy(to + len, sample->labels[i]);
		len += sample->labels[i].len + 1;
	}
	return len;
}

struct key {
	const struct ledger_metric *metric;
	char labels[TL_METRICS_MAX_LABELS * LEDGER_TEXT];
	size_t len;
};

static bool matches(const struct ledger_sample *s, const struct key *key)
{
	return s->metric == key->metric && s->labels_len == key->len &&
	       memcmp(s->labels, key->labels, key->len) == 0;
}

/* Reports have their samples in the same order, so that it is usually at *hint. */
static struct ledger_sample *find_sample(struct ledger_instance *instance, const struct key *key,
					 size_t *hint)
{
	for (size_t i = 0; i < instance->sample_count; i++) {
		size_t at = (*hint + i) % instance->sample_count;
		if (matches(&instance->samples[at], key)) {
			*hint = at + 1;
			return &instance->samples[at];
		}
	}
	return 0;
}

static void drop_sample(struct ledger *l, struct ledger_instance *instance, size_t at)
{
	struct ledger_sample *gone = &instance->samples[at];

	free(gone->labels);
	instance->sample_count--;
	memmove(gone, gone + 1, (instance->sample_count - at) * sizeof(*gone));
	l->sample_total--;
}

/* A counter that has not been told for the longest time. */
static bool drop_stale(struct ledger *l, struct ledger_instance *instance)
{
	size_t oldest = 0;

	for (size_t i = 1; i < instance->sample_count; i++) {
		if (instance->samples[i].report < instance->samples[oldest].report) {
			oldest = i;
		}
	}
	if (instance->sample_count == 0 ||
	    instance->samples[oldest].report + 1 >= instance->reports) {
		return false;
	}
	drop_sample(l, instance, oldest);
	return true;
}

static bool make_room(struct ledger *l, struct ledger_instance *instance)
{
	bool full = instance->sample_count == LEDGER_SAMPLES_MAX ||
		    l->sample_total == LEDGER_SAMPLES_TOTAL_MAX;

	if (full && !drop_stale(l, instance)) {
		return false;
	}
	if (instance->sample_count < instance->sample_room) {
		return true;
	}
	size_t room = instance->sample_room ? 2 * instance->sample_room : 32;
	struct ledger_sample *bigger = realloc(instance->samples, room * sizeof(*bigger));
	if (!bigger) {
		return false;
	}
	instance->samples = bigger;
	instance->sample_room = room;
	return true;
}

static struct ledger_sample *add_sample(struct ledger *l, struct ledger_instance *instance,
					const struct key *key)
{
	char *labels = malloc(key->len + 1);

	if (!labels || !make_room(l, instance)) {
		free(labels);
		return 0;
	}
	memcpy(labels, key->labels, key->len);
	struct ledger_sample *s = &instance->samples[instance->sample_count++];
	*s = (struct ledger_sample){
		.metric = key->metric, .labels = labels, .labels_len = key->len};
	l->sample_total++;
	return s;
}

static void set_value(struct ledger *l, struct ledger_sample *s, struct tl_metric_value value)
{
	if (s->metric->type == TL_METRIC_COUNTER &&
	    tl_metric_real(value) < tl_metric_real(s->value)) {
		s->base = ledger_add(s->base, s->value);
		l->counts.backward++;
	}
	s->value = value;
}

/* True when the report's sample was kept. */
static bool take_sample(struct ledger *l, struct ledger_instance *instance,
			const struct ledger_metric *metric, const struct tl_metric_sample *sample,
			size_t *hint)
{
	struct key key = {.metric = metric};

	key.len = pack_labels(key.labels, sample, metric->label_count);
	struct ledger_sample *s = find_sample(instance, &key, hint);
	if (s && s->report == instance->reports) {
		return false;
	}
	s = s ? s : add_sample(l, instance, &key);
	if (!s) {
		return false;
	}
	set_value(l, s, sample->value);
	s->report = instance->reports;
	return true;
}

/* What is not told any more has no value now; what was counted stays counted. */
static void drop_old_gauges(struct ledger *l, struct ledger_instance *instance)
{
	for (size_t i = instance->sample_count; i-- > 0;) {
		const struct ledger_sample *s = &instance->samples[i];
		if (s->metric->type == TL_METRIC_GAUGE && s->report != instance->reports) {
			drop_sample(l, instance, i);
		}
	}
}

void ledger_samples_take(struct ledger *l, struct ledger_instance *instance,
			 const struct tl_report *report)
{
	const struct ledger_metric *metrics[TL_METRICS_MAX_METRICS] = {0};
	size_t hint = 0;

	for (uint32_t i = 0; i < report->metric_count; i++) {
		metrics[i] = find_metric(l, &report->metrics[i]);
		l->counts.refused_metrics += !metrics[i];
	}
	for (uint32_t i = 0; i < report->sample_count; i++) {
		const struct tl_metric_sample *sample = &report->samples[i];
		const struct ledger_metric *metric = metrics[sample->metric];
		if (!metric || !take_sample(l, instance, metric, sample, &hint)) {
			l->counts.refused_samples++;
		}
	}
	drop_old_gauges(l, instance);
}

void ledger_samples_carry(struct ledger *l, struct ledger_instance *instance)
{
	for (size_t i = instance->sample_count; i-- > 0;) {
		struct ledger_sample *s = &instance->samples[i];
		if (s->metric->type == TL_METRIC_GAUGE) {
			drop_sample(l, instance, i);
			continue;
		}
		s->base = ledger_add(s->base, s->value);
		s->value = (struct tl_metric_value){0};
	}
}

void ledger_samples_free(struct ledger *l, struct ledger_instance *instance)
{
	for (size_t i = 0; i < instance->sample_count; i++) {
		free(instance->samples[i].labels);
	}
	l->sample_total -= instance->sample_count;
	free(instance->samples);
}
