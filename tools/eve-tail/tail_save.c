/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tail_private.h"

void tail_touch(struct tail *t)
{
	pthread_mutex_lock(&t->lock);
	t->dirty = true;
	pthread_mutex_unlock(&t->lock);
}

/* --- reading ----------------------------------------------------------------------- */

/* Files of a cloned machine go on where they are safe, but as streams of its own. */
static int adopt(struct tail *t, struct record *record, bool cloned)
{
	struct file *f = file_create(t, record->home);
	int err = 0;

	if (!f) {
		return -ENOMEM;
	}
	char *home = f->rec.home;
	f->rec = *record;
	f->rec.home = home;
	if (record->state != RECORD_DONE &&
	    (cloned || record->select_hash != t->config.select_hash)) {
		f->rec.select_hash = t->config.select_hash;
		t->counts.files++;
		err = file_renew(f);
	}
	return err;
}

static void settle_known(struct tail *t, const struct book *book)
{
	for (unsigned int i = 0; i < t->config.place_count; i++) {
		for (size_t k = 0; k < book->place_count; k++) {
			t->places[i].settled |= strcmp(t->places[i].path, book->places[k]) == 0;
		}
	}
}

int tail_load(struct tail *t)
{
	struct book book = {0};
	int got = checkpoint_read(t->checkpoint, &book);
	bool cloned = strcmp(book.machine, t->machine) != 0;

	t->first = got == 0;
	if (got <= 0 || t->config.from == TAIL_FROM_START) {
		book_fini(&book);
		return got < 0 ? got : 0;
	}
	if (cloned) {
		tl_log_note("the checkpoint is of another machine: its files go on here as new "
			    "streams");
	}
	int err = 0;
	for (size_t i = 0; err == 0 && i < book.record_count; i++) {
		err = adopt(t, &book.records[i], cloned);
	}
	settle_known(t, &book);
	book_fini(&book);
	return err;
}

/* --- writing ----------------------------------------------------------------------- */

/* What the callers said is taken into the records. */
static void note_all(struct tail *t)
{
	pthread_mutex_lock(&t->lock);
	t->dirty = false;
	for (size_t i = 0; i < t->count; i++) {
		struct file *f = t->files[i];
		if (!f->flow && f->started && record_is_open(&f->rec)) {
			f->rec.safe = f->safe;
			f->rec.number = f->safe_number;
		}
	}
	pthread_mutex_unlock(&t->lock);
	for (size_t i = 0; i < t->count; i++) {
		struct file *f = t->files[i];
		if (!f->flow && f->started && f->rec.state == RECORD_LIVE && !f->ended) {
			file_note(f);
		}
	}
}

static int write_book(struct tail *t, struct tl_textbuf *text)
{
	int err = checkpoint_put_head(text, t->machine);

	for (unsigned int i = 0; err == 0 && i < t->config.place_count; i++) {
		if (t->places[i].settled) {
			err = checkpoint_put_place(text, t->places[i].path);
		}
	}
	for (size_t i = 0; err == 0 && i < t->count; i++) {
		if (!t->files[i]->flow) {
			err = checkpoint_put_record(text, &t->files[i]->rec);
		}
	}
	if (err == 0) {
		err = checkpoint_put_sum(text);
	}
	return err < 0 ? err : checkpoint_write(t->checkpoint, text);
}

static void say_failed(struct tail *t, int err)
{
	uint64_t held_back;

	t->counts.failed_writes++;
	if (tl_log_allowed(&t->save_limit, &held_back)) {
		tl_log_err("cannot write checkpoint %s: %s; new files wait", t->config.checkpoint,
			   strerror(-err));
	}
}

int tail_save(struct tail *t)
{
	struct tl_textbuf text = {0};

	note_all(t);
	int err = write_book(t, &text);
	tl_textbuf_fini(&text);
	t->save_ns = t->retry_ns = tail_now(t) + TL_SECOND_NS;
	if (err < 0) {
		tail_touch(t);
		say_failed(t, err);
		return err;
	}
	t->retry_ns = 0;
	for (size_t i = 0; i < t->count; i++) {
		t->files[i]->unsaved = false;
	}
	return 0;
}

void tail_save_due(struct tail *t, uint64_t now_ns)
{
	if (!t->checkpoint || now_ns < t->save_ns) {
		return;
	}
	pthread_mutex_lock(&t->lock);
	bool dirty = t->dirty;
	pthread_mutex_unlock(&t->lock);
	if (dirty) {
		tail_save(t);
	}
}

/* --- what the caller says ------------------------------------------------------------ */

void tail_safe(struct tail *t, struct tail_file *file, struct mark behind, uint64_t number)
{
	struct file *f = (struct file *)file; /* its first member */

	pthread_mutex_lock(&t->lock);
	if (behind.offset > f->safe.offset || number > f->safe_number) {
		f->safe = behind;
		f->safe_number = number;
		t->dirty = true;
	}
	pthread_mutex_unlock(&t->lock);
}

void tail_finish(struct tail *t, struct tail_file *file)
{
	struct file *f = (struct file *)file;

	pthread_mutex_lock(&t->lock);
	f->finished = true;
	t->dirty = true;
	pthread_mutex_unlock(&t->lock);
}

void tail_reap(struct tail *t)
{
	size_t kept = 0;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->count; i++) {
		struct file *f = t->files[i];
		bool finished = f->finished && f->ended;
		if (finished && f->flow) {
			file_destroy(f);
			continue;
		}
		if (finished && record_is_open(&f->rec)) {
			f->rec.state = RECORD_DONE;
			f->rec.safe = f->rec.seen;
			t->dirty = true;
			f->finished = false;
			f->looked = false; /* it may have grown behind its end */
			t->rescan = true;
		}
		t->files[kept++] = f;
	}
	t->count = kept;
	pthread_mutex_unlock(&t->lock);
}
