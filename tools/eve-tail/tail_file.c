/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "tail_private.h"

struct file *file_create(struct tail *t, const char *home)
{
	struct file *f = calloc(1, sizeof(*f));

	if (t->count == t->room) {
		size_t room = t->room ? 2 * t->room : 16;
		struct file **files = realloc(t->files, room * sizeof(struct file *));
		if (!files) {
			free(f);
			return 0;
		}
		t->files = files;
		t->room = room;
	}
	char *copy = f ? strdup(home) : 0;
	if (!copy) {
		free(f);
		return 0;
	}
	source_init(&f->source);
	lines_init(&f->lines, t->config.max_line);
	f->rec.home = copy;
	f->rec.select_hash = t->config.select_hash;
	f->pub.path = copy;
	t->files[t->count++] = f;
	return f;
}

void file_destroy(struct file *f)
{
	source_close(&f->source);
	lines_fini(&f->lines);
	free(f->rec.home);
	free(f);
}

int file_renew(struct file *f)
{
	if (getrandom(f->rec.stream, sizeof(f->rec.stream), 0) != sizeof(f->rec.stream)) {
		return -EIO;
	}
	f->rec.number = 0;
	f->unsaved = true;
	return 0;
}

int file_revive(struct tail *t, struct file *f)
{
	f->rec.state = RECORD_LIVE;
	f->rec.safe = f->rec.seen;
	f->rec.select_hash = t->config.select_hash;
	f->started = f->final = f->over = f->lost = f->cut_off = f->ended = f->finished = false;
	f->pub.user = 0;
	t->counts.files++;
	return file_renew(f);
}

void file_note(struct file *f)
{
	bool known = f->flow || !file_is_open(f) || f->rec.state == RECORD_OVER;
	struct mark end = known ? f->rec.seen : lines_end_mark(&f->lines);

	/* Further on is what an earlier run saw: it still holds. */
	if (end.offset > f->rec.seen.offset) {
		f->rec.seen = end;
	}
}

/* --- opening ------------------------------------------------------------------- */

static int start_lines(struct file *f)
{
	uint64_t offset = f->started ? f->lines.offset : f->rec.safe.offset;

	if (f->started && f->lines.buf) {
		/* It goes on in the middle of what is in hand; a compressed file is wound on. */
		uint8_t none;
		ssize_t got = source_read_at(&f->source, &none, 0, offset);
		return got < 0 ? (int)got : 0;
	}
	return source_start(&f->source, &f->lines, offset);
}

static int open_as(struct source *source, const struct candidate *c)
{
	struct stat st;
	int err = source_open(source, c->path, &st);

	if (err == 0 && (st.st_dev != c->dev || st.st_ino != c->ino)) {
		source_close(source);
		err = -ESTALE; /* renamed meanwhile */
	}
	return err;
}

/*
 * What is read at once is part of the record of a new file: the more it tells. Of a known file it
 * is what was looked into, unless that was truncated since; later reads find that out themselves.
 */
static void read_first(struct tail *t, struct file *f)
{
	uint64_t before = f->lines.offset;

	file_fill(t, f);
	if (file_is_open(f) && !f->source.inflate && !mark_matches(f->rec.seen, &f->source)) {
		lines_take_back(&f->lines, f->lines.offset - before);
		file_cut_off(t, f);
	}
}

static void start(struct tail *t, struct file *f, const struct candidate *c)
{
	if (!f->started) {
		memcpy(f->pub.stream, f->rec.stream, sizeof(f->pub.stream));
		f->pub.next_number = f->rec.number;
		f->safe = f->rec.safe;
		f->safe_number = f->rec.number;
	}
	f->changed_ns = f->size == c->size && f->parked ? f->changed_ns : tail_now(t);
	f->started = true;
	f->at_end = false;
	f->parked = false;
	f->size = c->size;
	f->final = f->final || f->source.inflate || f->rec.state == RECORD_OVER;
}

int file_open(struct tail *t, struct file *f, struct candidate *c)
{
	struct source source;
	int err = open_as(&source, c);

	if (err < 0) {
		return err;
	}
	source_close(&f->source);
	f->source = source;
	err = start_lines(f);
	if (err < 0) {
		source_close(&f->source);
		return err;
	}
	start(t, f, c);
	read_first(t, f);
	return 0;
}

void file_park(struct tail *t, struct file *f)
{
	file_note(f);
	source_close(&f->source);
	f->size = f->lines.offset;
	f->lines.offset = lines_begin_offset(&f->lines);
	lines_drop(&f->lines);
	f->looked = false;
	f->parked = true;
	tail_touch(t);
}

/* What was read stays in hand; if its rest is found in a copy, it goes on there. */
void file_cut_off(struct tail *t, struct file *f)
{
	file_note(f);
	source_close(&f->source);
	f->cut_off = true;
	f->final = true;
	f->looked = false;
	t->counts.truncated++;
	t->rescan = true;
	tail_touch(t);
	tl_log_note("%s: was truncated: a new stream begins", f->rec.home);
}

/* --- over? ----------------------------------------------------------------------- */

/* A file is at the name this one was written under, and it is another. */
static bool is_replaced(const struct file *f, const struct stat *own)
{
	struct stat st;

	return stat(f->rec.home, &st) == 0 &&
	       (st.st_dev != own->st_dev || st.st_ino != own->st_ino);
}

bool file_look_parked(struct tail *t, struct file *f, const struct candidate *c)
{
	struct stat own = {.st_dev = c->dev, .st_ino = c->ino};

	if (!f->parked || c->size != f->size) {
		return true;
	}
	bool quiet = tail_now(t) - f->changed_ns >= t->config.rotate_wait_ns;
	bool over = quiet && is_replaced(f, &own);
	f->over |= over && f->lines.offset == f->size;
	return over || t->counts.open < t->config.open_max;
}

void file_look(struct tail *t, struct file *f, uint64_t now_ns)
{
	struct stat st;

	if (f->flow || !file_is_open(f) || f->source.inflate || f->over ||
	    fstat(f->source.fd, &st) < 0) {
		return;
	}
	if ((uint64_t)st.st_size != f->size) {
		/* Else it is the size of another content, which the next read finds out. */
		if (mark_matches(lines_end_mark(&f->lines), &f->source)) {
			f->size = (uint64_t)st.st_size;
		}
		f->changed_ns = now_ns;
		return;
	}
	/* Its writer may keep it open for long: a rename, or even a deletion, is not the end. */
	bool drained = f->at_end && f->lines.offset == f->size;
	bool quiet = now_ns - f->changed_ns >= t->config.rotate_wait_ns;
	if (drained && quiet && (st.st_nlink == 0 || is_replaced(f, &st))) {
		f->over = true;
	}
}
