/* SPDX-License-Identifier: BSD-2-Clause */
/* From a file that is open to the lines that are handed out, and to its end. */
#include <errno.h>
#include <string.h>

#include "tail_private.h"

/* --- lines ---------------------------------------------------------------------- */

static void hand_out(struct tail *t, struct file *f, const struct lines_line *from,
		     unsigned int flags, struct tail_line *line)
{
	*line = (struct tail_line){
		.file = &f->pub,
		.data = from->data,
		.len = from->len,
		.line_len = from->line_len,
		.flags = flags | (from->too_long ? TAIL_LINE_TOO_LONG : 0),
		.behind = from->behind,
	};
	t->counts.lines++;
	t->counts.bytes += from->line_len + (flags & TAIL_LINE_CUT ? 0 : 1);
	t->counts.too_long += from->too_long;
	t->counts.cut += flags & TAIL_LINE_CUT ? 1 : 0;
}

bool file_take(struct tail *t, struct file *f, struct tail_line *line)
{
	struct lines_line next;

	if (!lines_next(&f->lines, &next)) {
		return false;
	}
	hand_out(t, f, &next, 0, line);
	return true;
}

static void end(struct tail *t, struct file *f, struct tail_line *line)
{
	*line = (struct tail_line){
		.file = &f->pub,
		.flags = TAIL_LINE_END | (f->lost ? TAIL_LINE_LOST : 0),
		.behind = f->flow ? lines_end_mark(&f->lines) : f->rec.seen,
	};
	source_close(&f->source);
	lines_drop(&f->lines);
	f->ended = true;
	t->counts.ended++;
	t->rescan = true;
	tail_touch(t);
}

/* Nothing goes out before it is durable whose it is. */
static bool may_go_out(struct tail *t, struct file *f)
{
	if (!t->checkpoint || f->flow) {
		f->unsaved = false;
	}
	if (!f->unsaved) {
		return true;
	}
	return tail_now(t) >= t->retry_ns && tail_save(t) == 0;
}

/*
 * Where it ends is durable before it is told, so that it is told the same again after a kill: a
 * writer may yet come back to it.
 */
static bool seal(struct tail *t, struct file *f)
{
	if (!f->flow && !f->lost && f->rec.state == RECORD_LIVE) {
		f->rec.seen = f->lines.buf ? lines_end_mark(&f->lines) : f->rec.seen;
		f->rec.state = RECORD_OVER;
		f->unsaved = true;
	}
	return may_go_out(t, f);
}

/* The rest of a file that is over, then its end. */
static int finish(struct tail *t, struct file *f, struct tail_line *line)
{
	struct lines_line rest;

	if (f->over && !seal(t, f)) {
		return 0;
	}
	/* An earlier run may have handed it out whole. */
	bool partial = f->lost && f->rec.seen.offset > f->lines.offset;
	if (f->lines.buf && !partial && lines_rest(&f->lines, &rest)) {
		hand_out(t, f, &rest, TAIL_LINE_CUT, line);
	} else if (f->over) {
		end(t, f, line);
	} else {
		return 0;
	}
	return 1;
}

/* --- reading -------------------------------------------------------------------- */

/*
 * Near its start few bytes before the position tell whether it is still the same content. And more
 * of the head may be there: what is handed out may be told by it later, so it is kept first.
 */
static int check_head(struct tail *t, struct file *f)
{
	struct head now = {0};

	if (!head_matches(&f->rec.head, &f->source)) {
		return -ESTALE;
	}
	if (f->rec.head.len == HEAD_MAX || f->lines.offset <= f->rec.head.at + f->rec.head.len) {
		return 0;
	}
	if (head_find(&now, &f->source) < 0 || now.at != f->rec.head.at ||
	    now.len < f->rec.head.len) {
		return -ESTALE;
	}
	f->rec.head = now;
	f->unsaved = true;
	tail_touch(t);
	return 0;
}

static void read_failed(struct tail *t, struct file *f, int err)
{
	uint64_t held_back;

	f->at_end = true;
	if (err == -ESTALE) {
		file_cut_off(t, f);
	} else if (err == -EBADMSG) {
		tl_log_err("%s: the compressed file is damaged or cut off behind its byte %llu; "
			   "what follows cannot be read",
			   f->rec.home, (unsigned long long)f->lines.offset);
		t->counts.damaged++;
		f->lost = true;
		f->over = true;
	} else if (tl_log_allowed(&t->read_limit, &held_back)) {
		tl_log_err("%s: cannot be read: %s", f->rec.home, strerror(-err));
	}
}

static void at_end(struct tail *t, struct file *f)
{
	f->at_end = true;
	if (f->flow) {
		f->hung_up = f->flow->kind == PLACE_FIFO && !t->config.once && flow_reopen(f);
		f->over = !f->hung_up;
	} else {
		f->over = f->final || (t->config.once && !t->checkpoint);
	}
}

bool file_fill(struct tail *t, struct file *f)
{
	uint64_t most =
		f->rec.state == RECORD_OVER ? f->rec.seen.offset - f->lines.offset : UINT64_MAX;
	uint64_t before = f->lines.offset;
	ssize_t got = most > 0 ? source_fill(&f->source, &f->lines, most) : 0;
	int err = got < 0 ? (int)got : 0;

	if (got > 0 && !f->flow && !f->source.inflate && before < f->rec.head.at + HEAD_MAX) {
		err = check_head(t, f);
		if (err < 0) {
			lines_take_back(&f->lines, (size_t)got);
		}
	}
	if (err == -EAGAIN) {
		f->at_end = true;
	} else if (err < 0) {
		read_failed(t, f, err);
	} else if (got == 0) {
		at_end(t, f);
	} else {
		if (f->lines.offset > f->size) {
			f->size = f->lines.offset;
			f->changed_ns = tail_now(t);
		}
		tail_touch(t);
		return true;
	}
	return false;
}

int file_next(struct tail *t, struct file *f, struct tail_line *line, bool *busy)
{
	if (!file_is_live(f) || !f->started) {
		return 0;
	}
	if (!f->unsaved && f->lines.buf && file_take(t, f, line)) {
		return 1;
	}
	bool waits = f->unsaved && t->checkpoint && f->lines.end > f->lines.begin;
	if (file_is_open(f) && !f->at_end && !f->over && !waits) {
		*busy |= file_fill(t, f) || f->over;
	}
	if (!may_go_out(t, f)) {
		return 0;
	}
	if (f->lines.buf && file_take(t, f, line)) {
		return 1;
	}
	bool cut = f->over || f->hung_up;
	f->hung_up = false;
	return cut ? finish(t, f, line) : 0;
}
