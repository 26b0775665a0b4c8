/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether all is well, and why not:
 *
 *   no_capture   no capture tool reports
 *   silent       a tool that did not close has not reported for 5 s
 *   unbalanced   the books of a tool are red (books.h)
 *   spool        a spool is over 80 % of its quota (spool_utilization_ratio)
 *   sink         a sink does not take what it is given (sink_up is 0)
 *
 * /readyz asks for the first two: the pipeline runs. /healthz for all: nothing
 * is lost, nor will be soon. Pure.
 */
#ifndef CAPMETRICS_HEALTH_H
#define CAPMETRICS_HEALTH_H

#include "ledger.h"
#include "text.h"

enum { HEALTH_REASONS_MAX = 64, HEALTH_REASON_LEN = 512 };

enum health_code {
	HEALTH_NO_CAPTURE,
	HEALTH_SILENT,
	HEALTH_UNBALANCED,
	HEALTH_SPOOL,
	HEALTH_SINK,
};

struct health_reason {
	enum health_code code;
	const struct ledger_instance *instance; /* 0 = none of them */
	char text[HEALTH_REASON_LEN];
};

/* About 34 KiB. */
struct health {
	bool is_ready;
	bool is_healthy;
	unsigned int count;
	unsigned int left_out; /* reasons beyond the limit */
	struct health_reason reasons[HEALTH_REASONS_MAX];
};

/* After ledger_advance. */
void health_look(struct health *health, const struct ledger *ledger, uint64_t now_ns);

const char *health_code_name(enum health_code code);

/* What /readyz and /healthz say: "ok", or a line "code: text" for each reason. 0 or -ENOMEM. */
int health_write(const struct health *health, struct tl_textbuf *out, bool ready_only);

#endif
