/* SPDX-License-Identifier: BSD-2-Clause */
#include "lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_MIN = 64 << 10 };

void lines_init(struct lines *l, size_t max_line)
{
	*l = (struct lines){.max_line = max_line};
}

void lines_drop(struct lines *l)
{
	free(l->buf);
	l->buf = 0;
	l->capacity = l->begin = l->scanned = l->end = 0;
	l->skipping = false;
	l->passed = 0;
}

void lines_fini(struct lines *l)
{
	lines_drop(l);
}

static int set_capacity(struct lines *l, size_t capacity)
{
	uint8_t *buf = realloc(l->buf, capacity + LINES_PADDING);

	if (!buf) {
		return -ENOMEM;
	}
	memset(buf + capacity, 0, LINES_PADDING);
	l->buf = buf;
	l->capacity = capacity;
	return 0;
}

int lines_start(struct lines *l, uint64_t offset, const uint8_t *before)
{
	size_t len = mark_len(offset);

	if (!l->buf && set_capacity(l, LINES_READ) < 0) {
		return -ENOMEM;
	}
	if (len > 0) {
		memcpy(l->buf, before, len);
	}
	l->begin = l->scanned = l->end = len;
	l->offset = offset;
	l->skipping = false;
	l->passed = 0;
	return 0;
}

int lines_room(struct lines *l, uint8_t **at, size_t *room)
{
	size_t limit = l->max_line + MARK_MAX + ROOM_MIN;
	size_t drop = l->begin > MARK_MAX ? l->begin - MARK_MAX : 0;

	if (!l->buf && set_capacity(l, LINES_READ) < 0) {
		return -ENOMEM;
	}
	if (drop > 0) {
		memmove(l->buf, l->buf + drop, l->end - drop);
		l->begin -= drop;
		l->scanned -= drop;
		l->end -= drop;
	}
	/* Beyond the limit there is always room: a longer line is being passed over. */
	if (l->capacity - l->end < ROOM_MIN) {
		size_t twice = 2 * l->capacity;
		int err = set_capacity(l, twice < limit ? twice : limit);
		if (err < 0) {
			return err;
		}
	}
	*at = l->buf + l->end;
	*room = l->capacity - l->end;
	return 0;
}

void lines_add(struct lines *l, size_t len)
{
	l->end += len;
	l->offset += len;
}

void lines_take_back(struct lines *l, size_t len)
{
	l->end -= len;
	l->offset -= len;
}

uint64_t lines_begin_offset(const struct lines *l)
{
	return l->offset - (l->end - l->begin) - l->passed;
}

static struct mark mark_at(const struct lines *l, size_t at)
{
	uint64_t offset = l->offset - (l->end - at);

	return mark_make(offset, l->buf + at - mark_len(offset));
}

struct mark lines_end_mark(const struct lines *l)
{
	return mark_at(l, l->end);
}

/* The line is too long for the buffer: what there is of it is passed over. */
static void pass_over(struct lines *l)
{
	if (!l->skipping) {
		memcpy(l->sample, l->buf + l->begin, LINES_SAMPLE);
		l->skipping = true;
	}
	l->passed += l->end - l->begin;
	l->begin = l->end;
}

/* The line that ends at `end`; the next begins at `next`. */
static void take(struct lines *l, size_t end, size_t next, struct lines_line *line)
{
	line->line_len = l->passed + (end - l->begin);
	line->too_long = line->line_len > l->max_line;
	line->data = (const char *)(l->skipping ? l->sample : l->buf + l->begin);
	line->len = line->too_long ? LINES_SAMPLE : end - l->begin;
	line->behind = mark_at(l, next);
	l->begin = l->scanned = next;
	l->skipping = false;
	l->passed = 0;
}

bool lines_next(struct lines *l, struct lines_line *line)
{
	size_t unscanned = l->end - l->scanned;
	const uint8_t *newline = unscanned > 0 ? memchr(l->buf + l->scanned, '\n', unscanned) : 0;

	if (newline) {
		size_t end = (size_t)(newline - l->buf);
		take(l, end, end + 1, line);
		return true;
	}
	if (l->skipping || l->end - l->begin > l->max_line) {
		pass_over(l);
	}
	l->scanned = l->end;
	return false;
}

bool lines_rest(struct lines *l, struct lines_line *line)
{
	if (l->begin == l->end && l->passed == 0) {
		return false;
	}
	take(l, l->end, l->end, line);
	return true;
}
