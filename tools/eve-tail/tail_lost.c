/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are gone: what is lost with them is said and counted. */
#include <stdlib.h>

#include "tail_private.h"

/* Of files that are gone, so that they are known if they come back. */
enum { MISSING_MAX = 1024 };

static void lose(struct tail *t, struct file *f, uint64_t read, uint64_t size, const char *why)
{
	uint64_t bytes = size > read ? size - read : 0;

	f->lost = true;
	t->counts.lost_files++;
	t->counts.lost_bytes += bytes;
	tl_log_err("%s: %s: at least %llu bytes behind its byte %llu are lost", f->rec.home, why,
		   (unsigned long long)bytes, (unsigned long long)read);
}

void file_miss(struct tail *t, struct file *f)
{
	bool settled;

	if (!file_is_live(f) || file_is_open(f) || f->over ||
	    !tail_covers(t, f->rec.home, &settled)) {
		return;
	}
	if (f->started) {
		/* Read to its end as far as is known, unless it had grown since. */
		uint64_t size = f->size > f->rec.seen.offset ? f->size : f->rec.seen.offset;
		if (size > f->lines.offset) {
			lose(t, f, f->lines.offset, size,
			     f->cut_off
				     ? "truncated before it was read to its end, and there is no "
				       "copy"
				     : "deleted before it was read to its end");
		}
		f->over = true;
		f->rec.dev = f->rec.ino = 0; /* what has that inode now is another file */
		return;
	}
	if (t->unreadable) {
		return; /* it may be one of those */
	}
	if (f->rec.seen.offset > f->rec.safe.offset) {
		lose(t, f, f->rec.safe.offset, f->rec.seen.offset,
		     "deleted while nobody followed it");
	} else {
		t->counts.lost_files++;
		tl_log_warn("%s: the file that was followed is gone; what was seen of it is safe, "
			    "what was written to it since is lost",
			    f->rec.home);
	}
	f->rec.state = RECORD_LOST;
	tail_touch(t);
}

void tail_forget(struct tail *t)
{
	size_t missing = 0, kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct file *f = t->files[i];
		missing += !f->flow && !f->present && !record_is_open(&f->rec);
	}
	for (size_t i = 0; i < t->count; i++) {
		struct file *f = t->files[i];
		bool gone = !f->flow && !f->present && !record_is_open(&f->rec);
		if (gone && missing > MISSING_MAX) {
			missing--;
			file_destroy(f);
			tail_touch(t);
		} else {
			t->files[kept++] = f;
		}
	}
	t->count = kept;
}
