/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which known file a name stands for now. In the order of how sure it is: the
 * inode that we hold open; the inode and the content; the content alone, which a
 * compressed file and a copy have. What is left is a file that nobody has read,
 * unless it is a copy in the making.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "inflate.h"
#include "tail_private.h"

enum { PACKED_LEAST = 18 }; /* bytes of an empty file, compressed */

int candidate_look(struct candidate *c)
{
	struct stat st;

	if (c->head.len > 0 && c->source.fd >= 0) {
		return 1;
	}
	if (c->err == 0 && c->source.fd < 0) {
		c->err = source_open(&c->source, c->path, &st);
	}
	if (c->err == 0 && (st.st_dev != c->dev || st.st_ino != c->ino)) {
		c->err = -ESTALE;
	}
	if (c->err < 0) {
		return c->err;
	}
	if (c->packed_name && !c->source.inflate && c->size < PACKED_LEAST) {
		return 0; /* it is being made */
	}
	int found = head_find(&c->head, &c->source);
	c->err = found < 0 ? found : 0;
	return found;
}

bool tail_verify(struct tail *t)
{
	bool all = true;

	for (size_t i = 0; i < t->count; i++) {
		struct file *f = t->files[i];
		if (f->flow || !file_is_open(f) || f->source.inflate || f->over) {
			continue;
		}
		if (!head_matches(&f->rec.head, &f->source) ||
		    !mark_matches(lines_end_mark(&f->lines), &f->source)) {
			file_cut_off(t, f);
			all = false;
		}
	}
	return all;
}

/* --- is it that one? --------------------------------------------------------- */

static bool same_inode(const struct file *f, const struct candidate *c)
{
	return f->rec.dev == c->dev && f->rec.ino == c->ino;
}

/* Under the same name a file that was given the same inode; elsewhere it may be a copy. */
static bool is_successor(const struct file *f, const struct candidate *c)
{
	return same_inode(f, c) && c->direct && !c->source.inflate && f->rec.born_ns != 0 &&
	       c->born_ns != 0 && f->rec.born_ns != c->born_ns;
}

static bool looked_before(const struct file *f, const struct candidate *c)
{
	return f->looked && f->looked_dev == c->dev && f->looked_ino == c->ino &&
	       f->looked_size == c->size && f->looked_mtime_ns == c->mtime_ns;
}

static bool same_head(const struct file *f, struct candidate *c)
{
	const struct head *head = &f->rec.head;

	if (head->at != c->head.at || head->len > c->head.len) {
		return false;
	}
	return head->len == c->head.len ? head->hash == c->head.hash
					: head_matches(head, &c->source);
}

/* All that it had; and maybe more, written when nobody expected it any more. */
static bool is_done_one(const struct file *f, struct candidate *c)
{
	uint64_t end = f->rec.seen.offset;
	uint8_t byte;

	if (!c->source.inflate) {
		bool same = c->size >= end && mark_matches(f->rec.seen, &c->source);
		c->longer = same && c->size > end;
		return same;
	}
	bool as_before = end == 0 || (same_inode(f, c) && f->rec.packed_bytes == c->size);
	if (as_before || inflate_claims(c->source.fd, end)) {
		return true;
	}
	if (!mark_matches(f->rec.seen, &c->source)) {
		return false;
	}
	c->longer = source_read_at(&c->source, &byte, 1, end) == 1;
	return true;
}

static bool file_is(struct file *f, struct candidate *c)
{
	if (looked_before(f, c)) {
		return true;
	}
	if (candidate_look(c) <= 0 || !same_head(f, c) || is_successor(f, c)) {
		return false;
	}
	if (f->rec.state == RECORD_DONE) {
		return is_done_one(f, c);
	}
	return mark_matches(f->rec.safe, &c->source) && mark_matches(f->rec.seen, &c->source);
}

static void bind(struct tail *t, struct file *f, struct candidate *c)
{
	if (!same_inode(f, c)) {
		f->rec.dev = c->dev;
		f->rec.ino = c->ino;
		tail_touch(t);
	}
	f->rec.born_ns = c->born_ns;
	if (c->source.fd >= 0) {
		bool done = f->rec.state == RECORD_DONE && c->source.inflate && !c->longer;
		f->rec.packed_bytes = done ? c->size : 0;
		source_close(&c->source); /* there may be thousands */
	}
	f->looked = true;
	f->looked_dev = c->dev;
	f->looked_ino = c->ino;
	f->looked_size = c->size;
	f->looked_mtime_ns = c->mtime_ns;
	f->present = true;
	c->file = f;
}

/* --- the passes ----------------------------------------------------------------- */

static void bind_open(struct tail *t, struct names *names, struct file *f)
{
	for (size_t i = 0; i < names->count && !f->present; i++) {
		struct candidate *c = &names->items[i];
		if (!c->file && same_inode(f, c)) {
			bind(t, f, c);
		}
	}
}

static void bind_inode(struct tail *t, struct names *names, struct file *f)
{
	for (size_t i = 0; i < names->count && !f->present; i++) {
		struct candidate *c = &names->items[i];
		if (!c->file && same_inode(f, c) && file_is(f, c)) {
			bind(t, f, c);
		}
	}
}

/* The oldest first: that is the order in which we came to know of them, too. */
static void bind_content(struct tail *t, struct names *names, struct file *f)
{
	for (size_t i = 0; i < names->count && !f->present; i++) {
		struct candidate *c = &names->items[i];
		if (!c->file && file_is(f, c)) {
			bind(t, f, c);
		}
	}
}

static bool is_deleted(const struct file *f)
{
	struct stat st;

	return fstat(f->source.fd, &st) == 0 && st.st_nlink == 0;
}

/* --- copies in the making ----------------------------------------------------------- */

/* All that the rotated one has is the beginning of what its home has: it is being copied. */
static bool is_copy(struct candidate *c, struct candidate *home)
{
	struct mark end;

	return !c->source.inflate && home->size >= c->size && candidate_look(home) > 0 &&
	       !home->source.inflate && head_matches(&c->head, &home->source) &&
	       mark_take(&end, c->size, &c->source) == 0 && mark_matches(end, &home->source);
}

static void ignore_copy(struct names *names, struct candidate *c)
{
	for (size_t i = 0; i < names->count && !c->ignored; i++) {
		struct candidate *home = &names->items[i];
		c->ignored = home->direct && strcmp(home->path, c->home) == 0 && is_copy(c, home);
	}
}

/* NAME.gz beside NAME, and they begin alike: compressing is not done yet. */
static void ignore_twin(struct tail *t, struct names *names, struct candidate *c)
{
	for (size_t i = 0; i < names->count; i++) {
		struct candidate *plain = &names->items[i];
		size_t len = strlen(plain->path);
		if (strncmp(plain->path, c->path, len) == 0 &&
		    (strcmp(c->path + len, ".gz") == 0 || strcmp(c->path + len, ".zst") == 0)) {
			/* Of the first bytes written nothing can be told yet. */
			c->ignored = candidate_look(c) <= 0 || !c->source.inflate ||
				     (candidate_look(plain) > 0 &&
				      head_matches(&c->head, &plain->source));
			return;
		}
	}
	/* It was there a moment ago; or nobody asked for it. */
	c->ignored = !c->direct;
	t->rescan |= c->ignored;
}

static void ignore_unfinished(struct tail *t, struct names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		struct candidate *c = &names->items[i];
		if (!c->file && c->twin) {
			ignore_twin(t, names, c);
		} else if (!c->file && !c->direct && candidate_look(c) > 0) {
			ignore_copy(names, c);
		}
	}
}

void tail_match(struct tail *t, struct names *names)
{
	tail_verify(t);
	for (size_t i = 0; i < t->count; i++) {
		struct file *f = t->files[i];
		f->present = false;
		if (!f->flow && file_is_open(f)) {
			bind_open(t, names, f);
		}
	}
	for (size_t i = 0; i < t->count; i++) {
		if (!t->files[i]->flow && !file_is_open(t->files[i])) {
			bind_inode(t, names, t->files[i]);
		}
	}
	for (size_t i = 0; i < t->count; i++) {
		struct file *f = t->files[i];
		if (!f->flow && !f->present && (!file_is_open(f) || is_deleted(f))) {
			file_note(f);
			bind_content(t, names, f);
		}
	}
	ignore_unfinished(t, names);
}
