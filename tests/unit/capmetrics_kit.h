/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports of made-up tools for the tests of tools/capmetrics: kit_counter and
 * kit_gauge gather samples, kit_report writes them as a tool does, reads them as
 * capmetrics does, and hands them to a ledger. A program of one thread.
 */
#ifndef TESTS_CAPMETRICS_KIT_H
#define TESTS_CAPMETRICS_KIT_H

#include <stdio.h>
#include <string.h>

#include "../../common/clock.h"
#include "../../tools/capmetrics/ledger.h"

#define KIT_T0	 (1000 * TL_SECOND_NS) /* monotonic */
#define KIT_WALL (1700000000ull * TL_SECOND_NS)

enum { KIT_SAMPLES = 64, KIT_TEXT = 64 };

struct kit_run {
	const char *tool;
	char place[KIT_TEXT];
	char instance[KIT_TEXT];
	const char *engine;
	const char *mode;
	bool closing;
	uint64_t seq;
	double cpu_seconds;
};

struct kit_sample {
	char name[KIT_TEXT];
	unsigned int metric;
	struct tl_metric_value value;
	char labels[2][KIT_TEXT];
};

static uint64_t kit_now_ns;
static struct tl_metric kit_table[KIT_SAMPLES];
static unsigned int kit_table_count;
static struct kit_sample kit_samples[KIT_SAMPLES];
static unsigned int kit_sample_count;

static struct kit_run kit_run(const char *tool, const char *place, unsigned int number)
{
	struct kit_run run = {.tool = tool};

	snprintf(run.place, sizeof(run.place), "%s", place);
	snprintf(run.instance, sizeof(run.instance), "%s-%u-1", tool, number);
	return run;
}

static const char *kit_unit(const char *name)
{
	static const char *const units[] = {"packets", "bytes", "events",
					    "skbs",    "ratio", "seconds"};

	for (unsigned int i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		const char *end = strrchr(name, '_');
		if (end && strcmp(end + 1, units[i]) == 0) {
			return units[i];
		}
	}
	return "";
}

static unsigned int kit_metric(const char *name, enum tl_metric_type type, const char *label,
			       const char *second)
{
	unsigned int i = 0;

	while (i < kit_table_count && strcmp(kit_table[i].name, name) != 0) {
		i++;
	}
	if (i == kit_table_count) {
		kit_table[kit_table_count++] =
			(struct tl_metric){kit_samples[kit_sample_count].name,
					   kit_unit(name),
					   type,
					   "Help of it",
					   {label, second}};
	}
	return i;
}

static void kit_sample(const char *name, enum tl_metric_type type, double value,
		       const char *const names[2], const char *const values[2])
{
	struct kit_sample *s = &kit_samples[kit_sample_count];
	bool whole = value >= 0 && value == (double)(uint64_t)value;

	snprintf(s->name, sizeof(s->name), "%s", name);
	s->metric = kit_metric(name, type, names[0], names[1]);
	s->value =
		whole ? (struct tl_metric_value){.kind = TL_METRIC_UINT, .number = (uint64_t)value}
		      : (struct tl_metric_value){.kind = TL_METRIC_REAL, .real = value};
	for (int i = 0; i < 2; i++) {
		snprintf(s->labels[i], sizeof(s->labels[i]), "%s", values[i] ? values[i] : "");
	}
	kit_sample_count++;
}

static inline void kit_counter_at2(const char *name, uint64_t value, const char *label,
				   const char *at, const char *second, const char *at2)
{
	kit_sample(name, TL_METRIC_COUNTER, (double)value, (const char *const[]){label, second},
		   (const char *const[]){at, at2});
}

static inline void kit_counter_at(const char *name, uint64_t value, const char *label,
				  const char *at)
{
	kit_counter_at2(name, value, label, at, 0, 0);
}

static inline void kit_gauge_at(const char *name, double value, const char *label, const char *at)
{
	kit_sample(name, TL_METRIC_GAUGE, value, (const char *const[]){label, 0},
		   (const char *const[]){at, 0});
}

/* With a label "reason", or none. */
static inline void kit_counter(const char *name, uint64_t value, const char *reason)
{
	kit_counter_at(name, value, reason ? "reason" : 0, reason);
}

static inline void kit_gauge(const char *name, double value, const char *reason)
{
	kit_gauge_at(name, value, reason ? "reason" : 0, reason);
}

static size_t kit_write(uint8_t *bytes, size_t room, struct kit_run *run)
{
	struct tl_report_writer w;
	const struct tl_report_head head = {
		.tool = tl_str_of(run->tool),
		.version = TL_STR("0.1"),
		.instance = tl_str_of(run->instance),
		.host = TL_STR("host"),
		.place = tl_str_of(run->place),
		.engine = tl_str_of(run->engine ? run->engine : ""),
		.mode = tl_str_of(run->mode ? run->mode : ""),
		.pid = 7,
		.start_ns = KIT_WALL,
		.time_ns = KIT_WALL + kit_now_ns,
		.seq = run->seq++,
		.cpu_seconds = run->cpu_seconds,
		.resident_bytes = 1 << 20,
		.closing = run->closing,
		.iface_count = run->engine ? 1 : 0,
		.ifaces = {tl_str_of(run->place)},
	};

	if (tl_report_begin(&w, bytes, room, &head, kit_table, kit_table_count) != 0) {
		return 0;
	}
	for (unsigned int i = 0; i < kit_sample_count; i++) {
		const struct kit_sample *s = &kit_samples[i];
		tl_report_add(&w, s->metric, s->value, TL_LABELS(s->labels[0], s->labels[1]));
	}
	return tl_report_finish(&w);
}

/* What was gathered, as a report of that run; then nothing is gathered. */
static int kit_report(struct ledger *ledger, struct kit_run *run)
{
	static uint8_t bytes[TL_METRICS_MAX_REPORT];
	static struct tl_report report;
	size_t len = kit_write(bytes, sizeof(bytes), run);
	int err = tl_report_read(bytes, len, &report, 0);

	kit_table_count = kit_sample_count = 0;
	return err < 0 ? err : ledger_take(ledger, &report, kit_now_ns);
}

#endif
