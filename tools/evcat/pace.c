/* SPDX-License-Identifier: BSD-2-Clause */
#include "pace.h"

uint64_t pace_wait(struct pace *pace, uint64_t event_ns, uint64_t now_ns)
{
	if (!pace->started) {
		*pace = (struct pace){pace->speed, true, event_ns, now_ns};
	}
	if (event_ns <= pace->first_event_ns) {
		return 0;
	}
	double due = (double)(event_ns - pace->first_event_ns) / pace->speed;
	double passed = (double)(now_ns - pace->started_ns);
	double left = due - passed;

	return left <= 0 ? 0 : left < 1e18 ? (uint64_t)left : 1000000000000000000ull;
}
