/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of text from a descriptor, of a bounded length. Nothing logs. */
#ifndef EVCAT_LINES_H
#define EVCAT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines;

/* `padding` bytes behind every line are readable. 0 or -ENOMEM. */
int lines_create(struct lines **out, int fd, size_t line_max, size_t padding);
void lines_destroy(struct lines *lines);

/*
 * The next line without its newline: 1; 0 at the end; -E2BIG: the line was
 * over the limit and is stepped over; -EAGAIN: none is there yet (call
 * lines_wait); -EINTR stopping; other -errno. Valid until the next call.
 */
int lines_next(struct lines *lines, const char **line, size_t *len);

/* Waits for more: 0, -EINTR stopping, other -errno. */
int lines_wait(struct lines *lines);

#endif
