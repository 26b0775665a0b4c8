/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line to stderr: "prog: level: text". No timestamps, the supervisor's
 * logger adds them. Thread-safe: a line is one write(2).
 */
#ifndef TL_LOG_H
#define TL_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum tl_log_level {
	TL_LOG_ERR,
	TL_LOG_WARN,
	TL_LOG_NOTE,  /* the default */
	TL_LOG_INFO,  /* -v */
	TL_LOG_DEBUG, /* -vv */
};

/* `name` is kept, not copied. Before this call the name is "tapline". */
void tl_log_open(const char *name);

/* Each -v adds one, each -q (which leaves errors and warnings) takes one off. */
void tl_log_set_level(enum tl_log_level level);

void tl_log(enum tl_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define tl_log_err(...)	  tl_log(TL_LOG_ERR, __VA_ARGS__)
#define tl_log_warn(...)  tl_log(TL_LOG_WARN, __VA_ARGS__)
#define tl_log_note(...)  tl_log(TL_LOG_NOTE, __VA_ARGS__)
#define tl_log_info(...)  tl_log(TL_LOG_INFO, __VA_ARGS__)
#define tl_log_debug(...) tl_log(TL_LOG_DEBUG, __VA_ARGS__)

/* What a rate-limited place in the code keeps; zero-initialised, not shared between threads. */
struct tl_log_limit {
	uint64_t last_ns;
	uint64_t held_back;
};

/* True when the place may log now: once a second. *held_back is set to the lines not logged since.
 */
bool tl_log_allowed(struct tl_log_limit *limit, uint64_t *held_back);

#endif
