/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why an interface cannot be used, in one line that names it: logged or, for
 * --probe, put into the answer.
 */
#ifndef XDP_FLOWD_REFUSAL_H
#define XDP_FLOWD_REFUSAL_H

#include "attach.h"
#include "capd.h"
#include "nic.h"

struct refusal {
	const char *iface;
	struct tl_answer *answer; /* 0: log */
};

/* Returns `err`. */
int refuse(const struct refusal *refusal, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Why a hook could not be taken, and what would mend it: at most `size` bytes. */
void refusal_explain(char *text, size_t size, const struct nic *nic, enum attach_way way, int err);

#endif
