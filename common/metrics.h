/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a tool tells of itself each second, to capmetrics at --stats URL: its
 * counters, each with a static descriptor beside the code that bumps it. A
 * report describes itself, so capmetrics has no table of its own.
 *
 * Format: one msgpack map in one message. It begins like a batch ("v", "size"), so that hops carry
 * it and files of reports split; no reader takes one for the other.
 *
 *   "v": 1, "size": uint32 (whole report), "tool", "version": str,
 *   "instance": str (tool-pid-start: one run), "host": str,
 *   "place": str (what it works on: interface, URL, file; the same after a restart),
 *   "pid": uint, "start", "time": timestamp, "seq": uint (reports made), "closing": bool (the
 *   last one), "engine", "mode": str (capture tools), "ifaces": [str...],
 *   "cpu": float (seconds used so far), "resident": uint (bytes),
 *   "metrics": [[name, unit, type ("counter", "gauge"), help, [label name...]]...],
 *   "samples": [[index in metrics, value, label value...]...], "cut": uint (samples left out)
 *
 * Keys come in this order, metrics before samples; readers skip unknown keys
 * and refuse a key that comes twice. Names, units and label names are
 * [a-z][a-z0-9_]*; a name with a unit ends in it ("received_packets"), and no
 * name ends in "_total". Counters are never negative, no value is NaN or
 * infinite. Text is UTF-8 without control characters. What is over a limit below is cut by the
 * writer, and refused by the reader.
 *
 * Names that capmetrics reckons with, in labels iface, class, sink, reason:
 *   engine: received_packets, received_bytes, class_packets, class_bytes (class),
 *           residual_packets, residual_bytes, dropped_skbs (reason), ring_utilization_ratio
 *   hop:    assigned_events, safe_events, held_events, lost_events (reason)
 *   sinks:  sink_up, spool_utilization_ratio
 * tools/capmetrics/books.h has the equations.
 */
#ifndef TL_METRICS_H
#define TL_METRICS_H

#include "hop.h"
#include "msgpack.h"

enum {
	TL_METRICS_VERSION = 1,
	TL_METRICS_MAX_REPORT = 128 << 10, /* bytes */
	TL_METRICS_MAX_METRICS = 128,
	TL_METRICS_MAX_SAMPLES = 1024,
	TL_METRICS_MAX_LABELS = 4, /* of one metric */
	TL_METRICS_MAX_IFACES = 64,
	TL_METRICS_MAX_NAME = 64,  /* bytes: of a metric, a unit, a label's name */
	TL_METRICS_MAX_TEXT = 128, /* a label's value, tool, host, ... */
	TL_METRICS_MAX_HELP = 256,
};

enum tl_metric_type { TL_METRIC_COUNTER, TL_METRIC_GAUGE, TL_METRIC_TYPES };

/* A row of a tool's table. */
struct tl_metric {
	const char *name;
	const char *unit; /* packets, bytes, events, seconds, ratio, ...; "" = none */
	enum tl_metric_type type;
	const char *help;			   /* one sentence without a full stop */
	const char *labels[TL_METRICS_MAX_LABELS]; /* their names, as many as there are */
};

/* Rows: name, unit, help, names of labels. */
#define TL_COUNTER(name, unit, help, ...)                                                          \
	{                                                                                          \
		name, unit, TL_METRIC_COUNTER, help,                                               \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define TL_GAUGE(name, unit, help, ...)                                                            \
	{                                                                                          \
		name, unit, TL_METRIC_GAUGE, help,                                                 \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

/* --- in a tool -------------------------------------------------------------- */

struct tl_metrics;

/* What strings point to is kept, not copied. */
struct tl_metrics_config {
	const char *url; /* of --stats; 0 = nobody asks */
	/* Takes each report where it is made, in place of a URL; `context` as for gather. */
	void (*deliver)(void *context, const uint8_t *report, size_t len);
	bool insecure;	    /* tcp:// off loopback */
	uint64_t period_ns; /* 0 = 1 s */
	const char *tool;
	const char *place;  /* 0 = none */
	const char *engine; /* 0 = no capture tool */
	const char *mode;   /* 0 = none */
	const char *const *ifaces;
	unsigned int iface_count;
	const struct tl_metric *table;
	unsigned int table_count;
	/* Adds the samples of now, by the calls below; in the thread that ticks. */
	void (*gather)(void *context, struct tl_metrics *metrics);
	void *context;
};

/*
 * Dials; after privileges are dropped, since this may start threads. Without a
 * URL *out is 0, which all calls below accept. 0; -EINVAL bad URL or table; other -errno; logs.
 */
int tl_metrics_open(struct tl_metrics **out, const struct tl_metrics_config *config);

/*
 * Sends a report if one is due; by one thread, at least each second. Never
 * waits: what is not taken at once is dropped, the next is newer. While nobody
 * listens nothing is gathered.
 */
void tl_metrics_tick(struct tl_metrics *metrics);

/* Monotonic time of the next; UINT64_MAX when there is none to come. */
uint64_t tl_metrics_due(const struct tl_metrics *metrics);

/*
 * Sends the closing report, if somebody listens: waits for at most 100 ms, and a
 * tool that ran shorter than 200 ms as long as that for the connection.
 */
void tl_metrics_close(struct tl_metrics *metrics);

/*
 * The table as rows of Markdown on stdout, for --list-metrics, from which docs/metrics.md is
 * made: name, type, unit, labels, help. 0; -EINVAL a bad row, logged; -EIO.
 */
int tl_metrics_print_table(const struct tl_metric *table, unsigned int count);

/* May change with time, as an engine's mode does. Kept. */
void tl_metrics_set_mode(struct tl_metrics *metrics, const char *mode);

/* The values of a metric's labels, in the order of its descriptor. */
#define TL_LABELS(...) ((const char *const[]){__VA_ARGS__})

/* From gather: a value of table[index]; `labels` may be 0 for a metric without. */
void tl_metrics_add(struct tl_metrics *metrics, unsigned int index, uint64_t value,
		    const char *const *labels);
void tl_metrics_add_int(struct tl_metrics *metrics, unsigned int index, int64_t value,
			const char *const *labels);
void tl_metrics_add_real(struct tl_metrics *metrics, unsigned int index, double value,
			 const char *const *labels);

/* --- reports: common/metrics_report.c, _read.c; pure ------------------------- */

enum tl_metric_kind { TL_METRIC_UINT, TL_METRIC_INT /* below 0 */, TL_METRIC_REAL };

struct tl_metric_value {
	enum tl_metric_kind kind;
	union {
		uint64_t number;
		int64_t negative;
		double real;
	};
};

double tl_metric_real(struct tl_metric_value value);

/* A descriptor within a report. */
struct tl_metric_view {
	struct tl_str name;
	struct tl_str unit;
	struct tl_str help;
	enum tl_metric_type type;
	uint32_t label_count;
	struct tl_str labels[TL_METRICS_MAX_LABELS];
};

struct tl_metric_sample {
	uint32_t metric; /* index */
	struct tl_metric_value value;
	struct tl_str labels[TL_METRICS_MAX_LABELS]; /* as many as the metric has */
};

struct tl_report_head {
	struct tl_str tool;
	struct tl_str version;
	struct tl_str instance;
	struct tl_str host;
	struct tl_str place;
	struct tl_str engine; /* empty: no capture tool */
	struct tl_str mode;
	uint64_t pid;
	uint64_t start_ns; /* since the epoch */
	uint64_t time_ns;
	uint64_t seq;
	double cpu_seconds;
	uint64_t resident_bytes;
	bool closing;
	uint32_t iface_count;
	struct tl_str ifaces[TL_METRICS_MAX_IFACES];
};

/* About 100 KiB; views point into the report's bytes. */
struct tl_report {
	struct tl_report_head head;
	uint64_t cut;
	uint32_t metric_count;
	uint32_t sample_count;
	struct tl_metric_view metrics[TL_METRICS_MAX_METRICS];
	struct tl_metric_sample samples[TL_METRICS_MAX_SAMPLES];
};

/*
 * Reads and validates a whole report: 0; -EBADMSG malformed, -E2BIG over a
 * limit: *reason (may be 0) says why. Empty texts stand for missing keys; tool and instance are
 * never empty.
 */
int tl_report_read(const uint8_t *bytes, size_t len, struct tl_report *out, const char **reason);

/* Writes one into `room` bytes. Zero-initialised by tl_report_begin. */
struct tl_report_writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	const struct tl_metric *table;
	unsigned int table_count;
	uint32_t samples;
	uint32_t cut;
	uint8_t *samples_at;
};

/* Head and descriptors. 0; -EINVAL a table over the limits; -ENOSPC. */
int tl_report_begin(struct tl_report_writer *w, uint8_t *bytes, size_t room,
		    const struct tl_report_head *head, const struct tl_metric *table,
		    unsigned int table_count);
/* One that does not fit, has no such index, or may not have that value, is counted as cut. */
void tl_report_add(struct tl_report_writer *w, unsigned int index, struct tl_metric_value value,
		   const char *const *labels);
/* The length. */
size_t tl_report_finish(struct tl_report_writer *w);

/* Whether it may name a metric, a unit or a label: [a-z][a-z0-9_]*, at most TL_METRICS_MAX_NAME. */
bool tl_metric_name_is_good(struct tl_str name);

/* Whether a row of a table keeps all the rules above; one that does not spoils every report. */
bool tl_metric_is_good(const struct tl_metric *metric);

/* Whether name and unit go together, as above. */
bool tl_metric_unit_is_good(struct tl_str name, struct tl_str unit);

#endif
