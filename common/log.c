/* SPDX-License-Identifier: BSD-2-Clause */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"

static const char *program = "tapline";
static enum tl_log_level threshold = TL_LOG_NOTE;

void tl_log_open(const char *name)
{
	program = name;
}

void tl_log_set_level(enum tl_log_level level)
{
	threshold = level;
}

void tl_log(enum tl_log_level level, const char *format, ...)
{
	static const char *const names[] = {"error", "warning", "note", "info", "debug"};
	char line[1024];
	va_list args;

	if (level > threshold) {
		return;
	}
	int at = snprintf(line, sizeof(line), "%s: %s: ", program, names[level]);
	va_start(args, format);
	int text = vsnprintf(line + at, sizeof(line) - (size_t)at - 1, format, args);
	va_end(args);
	size_t len = (size_t)at + (text > 0 ? (size_t)text : 0);
	if (len > sizeof(line) - 2) {
		len = sizeof(line) - 2;
	}
	line[len++] = '\n';
	/* There is nowhere to tell that stderr is gone. */
	ssize_t written = write(STDERR_FILENO, line, len);
	(void)written;
}

bool tl_log_allowed(struct tl_log_limit *limit, uint64_t *held_back)
{
	uint64_t now = tl_clock_mono_ns();

	if (limit->last_ns != 0 && now - limit->last_ns < TL_SECOND_NS) {
		limit->held_back++;
		return false;
	}
	*held_back = limit->held_back;
	limit->held_back = 0;
	limit->last_ns = now;
	return true;
}
