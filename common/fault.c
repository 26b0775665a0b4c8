/* SPDX-License-Identifier: BSD-2-Clause */
#include "fault.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "opt.h"

static enum tl_fault_point armed;
static _Atomic uint64_t passes_left;

static const char *const names[TL_FAULT_POINTS] = {
	[TL_FAULT_AFTER_RECEIVE] = "after-receive", [TL_FAULT_BEFORE_COMMIT] = "before-commit",
	[TL_FAULT_AFTER_COMMIT] = "after-commit",   [TL_FAULT_BEFORE_FSYNC] = "before-fsync",
	[TL_FAULT_AFTER_RENAME] = "after-rename",   [TL_FAULT_AFTER_SEND] = "after-send",
	[TL_FAULT_AFTER_ANSWER] = "after-answer",
};

static enum tl_fault_point find_point(const char *name, size_t len)
{
	for (unsigned int i = 1; i < TL_FAULT_POINTS; i++) {
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
			return (enum tl_fault_point)i;
		}
	}
	return TL_FAULT_NONE;
}

int tl_fault_open(void)
{
	const char *text = getenv("TL_FAULT");
	uint64_t count;

	if (!text) {
		return 0;
	}
	const char *colon = strchr(text, ':');
	enum tl_fault_point point = find_point(text, colon ? (size_t)(colon - text) : 0);
	if (point == TL_FAULT_NONE || tl_opt_parse_number(colon + 1, &count) < 0 || count == 0) {
		tl_log_err("TL_FAULT=%s: wants NAME:COUNT with the name of a point and 1 or more",
			   text);
		return -EINVAL;
	}
	atomic_store(&passes_left, count);
	armed = point;
	return 0;
}

void tl_fault(enum tl_fault_point point)
{
	if (__builtin_expect(point != armed, 1)) {
		return;
	}
	if (point != TL_FAULT_NONE && atomic_fetch_sub(&passes_left, 1) == 1) {
		raise(SIGKILL);
	}
}
