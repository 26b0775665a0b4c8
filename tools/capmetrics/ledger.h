/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all tools have reported, by instance: a tool at a place on a host,
 * whichever run of it. Counters go on over a restart and never go backwards:
 * what earlier runs counted is added. Memory is bounded; what is over a limit
 * is left out and counted. One thread. Nothing logs.
 *
 * A run that has the tool, host and place of one that is still heard may be its
 * successor (the other was killed a moment ago) or a second one beside it. So it
 * is held back until the other speaks again, and it gets an instance of its own
 * ("#2"), or has been silent for `handover_ns`, and it takes its place.
 */
#ifndef CAPMETRICS_LEDGER_H
#define CAPMETRICS_LEDGER_H

#include "books.h"
#include "metrics.h"

enum {
	LEDGER_INSTANCES_MAX = 64,
	LEDGER_METRICS_MAX = 512,
	LEDGER_SAMPLES_MAX = 1024,	  /* of an instance */
	LEDGER_SAMPLES_TOTAL_MAX = 16384, /* of all */
	LEDGER_NAME = TL_METRICS_MAX_NAME + 1,
	LEDGER_TEXT = TL_METRICS_MAX_TEXT + 1,
	LEDGER_INSTANCE = 2 * TL_METRICS_MAX_TEXT + 16,
};

struct ledger_config {
	uint64_t silence_ns;  /* after so long a tool that did not close is missed: 5 s */
	uint64_t handover_ns; /* after so long another run takes its place: 2.5 s */
	uint64_t forget_ns;   /* after so long one that is silent or closed is forgotten: 1 h */
};

struct ledger_config ledger_defaults(void);

/*
 * A metric as a tool described it. What has the same name must have the same unit and type, or it
 * is refused; its labels may differ from tool to tool (a sink here, none there), and it has then
 * several of these.
 */
struct ledger_metric {
	char name[LEDGER_NAME];
	char unit[LEDGER_NAME];
	char help[TL_METRICS_MAX_HELP + 1];
	enum tl_metric_type type;
	uint32_t label_count;
	char labels[TL_METRICS_MAX_LABELS][LEDGER_NAME];
};

struct ledger_sample {
	const struct ledger_metric *metric;
	struct tl_metric_value value; /* of the run */
	struct tl_metric_value base;  /* counters: of the runs before */
	uint64_t report;	      /* the last one that had it */
	char *labels;		      /* values, each ended by a NUL */
	size_t labels_len;
};

enum ledger_state {
	LEDGER_LIVE,
	LEDGER_SILENT, /* not heard for silence_ns, and did not say that it closes */
	LEDGER_CLOSED,
};

struct ledger_instance {
	struct ledger_instance *next;
	char tool[LEDGER_TEXT];
	char host[LEDGER_TEXT];
	char place[LEDGER_TEXT];
	char name[LEDGER_INSTANCE]; /* host:place, unique for the tool */
	enum ledger_state state;

	/* Of the run. */
	char run[LEDGER_TEXT];
	char version[LEDGER_TEXT];
	char engine[LEDGER_TEXT]; /* empty: no capture tool */
	char mode[LEDGER_TEXT];
	char ifaces[TL_METRICS_MAX_IFACES][LEDGER_TEXT];
	uint32_t iface_count;
	uint64_t pid;
	uint64_t start_ns;
	uint64_t time_ns; /* its clock, when it reported last */
	uint64_t seq;
	double cpu_seconds;
	double cpu_percent;	 /* of one core, between its last two reports; 0 with one report */
	double cpu_mark_seconds; /* where that is counted from */
	uint64_t cpu_mark_ns;	 /* 0 = nowhere yet */
	uint64_t resident_bytes;
	uint64_t heard_ns; /* monotonic, ours */

	/* Of all its runs. */
	double cpu_base;
	uint64_t restarts;
	uint64_t reports;
	uint64_t lost_reports;	   /* made, and did not come */
	uint64_t cut_samples;	   /* that it left out of its reports */
	uint64_t held_when_killed; /* events that runs held which ended without closing */

	struct ledger_sample *samples;
	size_t sample_count;
	size_t sample_room;
	struct book books[BOOKS_MAX];
	unsigned int book_count;

	char rival[LEDGER_TEXT]; /* the run that is held back; empty = none */
	uint64_t rival_ns;	 /* since when it was heard */
	bool rival_is_another;	 /* both are alive */
};

struct ledger_counts {
	uint64_t reports;
	uint64_t held_back;	    /* reports, until it is known whose they are */
	uint64_t refused_instances; /* reports: over the limit */
	uint64_t refused_metrics; /* of another unit or type before, capmetrics_*, over the limit */
	uint64_t refused_samples; /* over the limit, or twice in a report */
	uint64_t backward;	  /* counters that went back within a run */
	uint64_t forgotten;	  /* instances */
};

struct ledger {
	struct ledger_config config;
	struct ledger_instance *instances; /* in the order they came */
	unsigned int instance_count;
	struct ledger_metric *metrics[LEDGER_METRICS_MAX];
	unsigned int metric_count;
	size_t sample_total;
	struct ledger_counts counts;
};

int ledger_create(struct ledger **out, const struct ledger_config *config);
void ledger_destroy(struct ledger *ledger);

/* 0; -EAGAIN held back; -ENOSPC no room for its instance. */
int ledger_take(struct ledger *ledger, const struct tl_report *report, uint64_t now_ns);

/* Finds those who have fallen silent; forgets. Before anything is told. */
void ledger_advance(struct ledger *ledger, uint64_t now_ns);

/* The value of a sample: with what earlier runs counted. */
struct tl_metric_value ledger_value(const struct ledger_sample *sample);

/* A label's value by the label's name; 0 = the metric has no such label. */
const char *ledger_label(const struct ledger_sample *sample, const char *name);

/* The values of all samples of that name, and how many there are (may be 0). */
struct tl_metric_value ledger_sum(const struct ledger_instance *instance, const char *name,
				  unsigned int *count);
double ledger_max(const struct ledger_instance *instance, const char *name, unsigned int *count);

/* Whole numbers stay so; negative and real ones make a real one. */
struct tl_metric_value ledger_add(struct tl_metric_value a, struct tl_metric_value b);

const char *ledger_state_name(enum ledger_state state);

/* --- ledger_samples.c, for ledger.c ----------------------------------------- */

void ledger_samples_take(struct ledger *ledger, struct ledger_instance *instance,
			 const struct tl_report *report);
/* Another run begins. */
void ledger_samples_carry(struct ledger *ledger, struct ledger_instance *instance);
void ledger_samples_free(struct ledger *ledger, struct ledger_instance *instance);

#endif
