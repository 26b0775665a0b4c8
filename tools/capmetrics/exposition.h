/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The syntax of /metrics: families, labels, values. An exposition that runs out of
 * memory says so at its end. Pure.
 */
#ifndef CAPMETRICS_EXPOSITION_H
#define CAPMETRICS_EXPOSITION_H

#include "metrics.h"
#include "text.h"

struct exposition {
	struct tl_textbuf *out;
	bool open_metrics;
	bool failed;

	/* Of the family and the sample at hand. */
	const char *name;
	enum tl_metric_type type;
	bool has_labels;
};

/* Its name without tapline_, with its unit and without _total. */
void exposition_family(struct exposition *e, const char *name, const char *unit,
		       enum tl_metric_type type, const char *help);

/* A sample: its name, labels, value. */
void exposition_begin(struct exposition *e);
void exposition_label(struct exposition *e, const char *name, const char *value);
void exposition_value(struct exposition *e, struct tl_metric_value value);
void exposition_uint(struct exposition *e, uint64_t value);
void exposition_int(struct exposition *e, int64_t value);
void exposition_real(struct exposition *e, double value);

/* 0 or -ENOMEM. */
int exposition_end(struct exposition *e);

#endif
