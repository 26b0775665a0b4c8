/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A JSON document, written member by member; commas and escaping are seen to.
 * Out of memory is told at the end. Pure.
 */
#ifndef CAPMETRICS_JSONDOC_H
#define CAPMETRICS_JSONDOC_H

#include "metrics.h"
#include "text.h"

/* Zero-initialised but for `out`. */
struct jsondoc {
	struct tl_textbuf *out;
	bool failed;
	bool needs_comma;
};

/* `key` is 0 in arrays and for the document itself. */
void jsondoc_open(struct jsondoc *doc, const char *key, char bracket);
void jsondoc_close(struct jsondoc *doc, char bracket);

void jsondoc_text(struct jsondoc *doc, const char *key, const char *text);
void jsondoc_uint(struct jsondoc *doc, const char *key, uint64_t value);
void jsondoc_int(struct jsondoc *doc, const char *key, int64_t value);
/* null when it is not finite. */
void jsondoc_real(struct jsondoc *doc, const char *key, double value);
void jsondoc_value(struct jsondoc *doc, const char *key, struct tl_metric_value value);
void jsondoc_bool(struct jsondoc *doc, const char *key, bool value);
void jsondoc_null(struct jsondoc *doc, const char *key);
/* RFC 3339. */
void jsondoc_time(struct jsondoc *doc, const char *key, uint64_t ns);
/* A value that is JSON already. */
void jsondoc_raw(struct jsondoc *doc, const char *key, const char *json, size_t len);

/* 0 or -ENOMEM. */
int jsondoc_end(struct jsondoc *doc);

#endif
