/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tail_private.h"

bool tail_covers(const struct tail *t, const char *home, bool *settled)
{
	bool covered = false;

	*settled = false;
	for (unsigned int i = 0; i < t->config.place_count; i++) {
		const struct place *p = &t->places[i];
		bool its = p->kind == PLACE_FILE ? strcmp(p->path, home) == 0
			   : p->kind == PLACE_PATTERN
				   ? fnmatch(p->path, home, FNM_PATHNAME | FNM_PERIOD) == 0
				   : false;
		covered |= its;
		*settled |= its && p->settled;
	}
	return covered;
}

/* --- names ------------------------------------------------------------------------- */

static int list_places(struct tail *t, struct names *names)
{
	int err = 0;

	for (unsigned int i = 0; err == 0 && i < t->config.place_count; i++) {
		const struct place *p = &t->places[i];
		if (p->kind == PLACE_FILE) {
			err = names_add(names, p->path);
		} else if (p->kind == PLACE_PATTERN) {
			err = names_add_pattern(names, p->path);
		}
	}
	return err;
}

static int watch_places(struct tail *t, char *const *homes, size_t count)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < count; i++) {
		err = watch_folder_of(t->watch, homes[i]);
	}
	return err;
}

/* The names that files may have had: of a place, of what matches now, of what did. Borrowed. */
static size_t find_homes(struct tail *t, const struct names *names, char **homes)
{
	size_t count = 0;
	bool settled;

	for (unsigned int i = 0; i < t->config.place_count; i++) {
		if (t->places[i].kind == PLACE_FILE) {
			homes[count++] = t->places[i].path;
		}
	}
	for (size_t i = 0; i < names->count; i++) {
		homes[count++] = names->items[i].path;
	}
	for (size_t i = 0; i < t->count; i++) {
		struct file *f = t->files[i];
		if (!f->flow && f->rec.state != RECORD_DONE &&
		    tail_covers(t, f->rec.home, &settled)) {
			homes[count++] = f->rec.home;
		}
	}
	return names_sort_homes(homes, count);
}

static int list(struct tail *t, struct names *names)
{
	int err = list_places(t, names);
	size_t room = TAIL_PLACES_MAX + names->count + t->count;
	char **homes = err == 0 ? calloc(room, sizeof(*homes)) : 0;

	if (!homes) {
		return -ENOMEM;
	}
	size_t count = find_homes(t, names, homes);
	err = watch_places(t, homes, count);
	for (unsigned int i = 0; err == 0 && i < t->config.place_count; i++) {
		if (t->places[i].kind == PLACE_PATTERN) {
			err = watch_folder_of(t->watch, t->places[i].path);
		}
	}
	if (err == 0) {
		err = names_add_rotated(names, homes, count);
	}
	free(homes);
	names_sort(names);
	return err;
}

/* --- opening what was found ---------------------------------------------------------- */

static void said_unreadable(struct tail *t, const struct candidate *c, int err)
{
	uint64_t held_back;

	t->unreadable = true;
	if (err != -ESTALE && err != -ENOENT && tl_log_allowed(&t->read_limit, &held_back)) {
		tl_log_err("%s: cannot be read as uid %u: %s", c->path, geteuid(), strerror(-err));
	}
	t->rescan |= err == -ESTALE || err == -ENOENT;
}

/* Another that waits for more is closed instead: the one that has waited longest. */
static bool make_slot(struct tail *t)
{
	struct file *idle = 0;

	if (t->counts.open < t->config.open_max) {
		return true;
	}
	for (size_t i = 0; i < t->count; i++) {
		struct file *f = t->files[i];
		bool waits = !f->flow && file_is_open(f) && f->at_end && !f->source.inflate &&
			     f->present && f != t->current && !f->over;
		if (waits && (!idle || f->changed_ns < idle->changed_ns)) {
			idle = f;
		}
	}
	if (idle) {
		file_park(t, idle);
		t->counts.open--;
	}
	return idle;
}

static void open_file(struct tail *t, struct file *f, struct candidate *c)
{
	if (!make_slot(t)) {
		t->counts.waiting++;
		return;
	}
	int err = file_open(t, f, c);
	if (err == 0) {
		t->counts.open++;
	} else {
		f->looked = false;
		said_unreadable(t, c, err);
	}
}

/* What to do with a known file that is there. */
static void meet(struct tail *t, struct file *f, struct candidate *c)
{
	if (f->rec.state == RECORD_LOST) {
		tl_log_note("%s: is there again, as %s", f->rec.home, c->path);
		f->rec.state = RECORD_LIVE;
		f->lost = false;
		tail_touch(t);
	}
	if (f->rec.state == RECORD_DONE && c->longer && file_revive(t, f) < 0) {
		return;
	}
	if (!file_is_live(f) || file_is_open(f) || f->over || !file_look_parked(t, f, c) ||
	    f->over) {
		return;
	}
	open_file(t, f, c);
}

/* --- new ones ------------------------------------------------------------------------ */

/* Where the last line of a file begins, if it has no newline yet; else its end. */
static int find_last_line(struct tail *t, struct source *source, uint64_t size, uint64_t *at)
{
	uint8_t bytes[16 << 10];
	uint64_t least = size > t->config.max_line ? size - t->config.max_line : 0;

	for (uint64_t end = size; end > least;) {
		size_t len = end - least < sizeof(bytes) ? end - least : sizeof(bytes);
		ssize_t got = source_read_at(source, bytes, len, end - len);
		if (got < (ssize_t)len) {
			return got < 0 ? (int)got : -ENODATA;
		}
		const uint8_t *newline = memrchr(bytes, '\n', len);
		if (newline) {
			*at = end - len + (uint64_t)(newline - bytes) + 1;
			return 0;
		}
		end -= len;
	}
	*at = least == 0 ? 0 : size;
	return 0;
}

/* Known from now on, and left alone. */
static int leave_alone(struct file *f, struct candidate *c)
{
	f->rec.state = RECORD_DONE;
	if (c->source.inflate) {
		f->rec.packed_bytes = c->size;
		return 0; /* how long it is would have to be found by inflating it */
	}
	int err = mark_take(&f->rec.seen, c->size, &c->source);
	f->rec.safe = f->rec.seen;
	return err;
}

static int begin(struct tail *t, struct file *f, struct candidate *c)
{
	uint64_t offset = c->head.at;
	bool from_end = t->first && t->config.from == TAIL_FROM_END;
	bool settled;

	tail_covers(t, c->home, &settled);
	if ((!c->direct && !settled) || (from_end && c->source.inflate)) {
		return leave_alone(f, c);
	}
	int err = from_end ? find_last_line(t, &c->source, c->size, &offset) : 0;
	if (err == 0) {
		err = mark_take(&f->rec.safe, offset, &c->source);
	}
	if (err == 0) {
		err = file_renew(f);
	}
	f->rec.seen = f->rec.safe;
	t->counts.files++;
	t->counts.nul_bytes += c->head.at;
	return err;
}

static int add_new(struct tail *t, struct candidate *c)
{
	int found = candidate_look(c);

	if (found <= 0) {
		if (found < 0) {
			said_unreadable(t, c, found);
		}
		t->empty += found == 0;
		return 0;
	}
	/* It is not ours before it can be opened: then nothing of it is lost by waiting. */
	if (!make_slot(t)) {
		t->counts.waiting++;
		return 0;
	}
	struct file *f = file_create(t, c->home);
	if (!f) {
		return -ENOMEM;
	}
	f->rec.head = c->head;
	f->rec.dev = c->dev;
	f->rec.ino = c->ino;
	f->rec.born_ns = c->born_ns;
	f->present = true;
	tail_touch(t);
	int err = begin(t, f, c);
	if (err == 0 && record_is_open(&f->rec)) {
		open_file(t, f, c);
		tl_log_info("%s: followed from byte %llu%s%s", f->rec.home,
			    (unsigned long long)f->rec.safe.offset, c->direct ? "" : ", as ",
			    c->direct ? "" : c->path);
	} else if (err < 0) {
		said_unreadable(t, c, err);
		t->count--; /* the last one */
		file_destroy(f);
	}
	return 0;
}

/* --- all of it -------------------------------------------------------------------------- */

static int sort_out(struct tail *t, struct names *names)
{
	int err = 0;

	tail_match(t, names);
	t->counts.waiting = 0;
	t->empty = 0;
	for (size_t i = 0; i < names->count; i++) {
		if (names->items[i].file) {
			meet(t, names->items[i].file, &names->items[i]);
		}
	}
	if (!tail_verify(t)) {
		return 0; /* which calls for another scan */
	}
	for (size_t i = 0; err == 0 && i < names->count; i++) {
		if (!names->items[i].file && !names->items[i].ignored) {
			err = add_new(t, &names->items[i]);
			source_close(&names->items[i].source); /* there may be thousands */
		}
	}
	for (size_t i = 0; err == 0 && i < t->count; i++) {
		if (!t->files[i]->flow && !t->files[i]->present) {
			file_miss(t, t->files[i]);
		}
	}
	tail_forget(t);
	return err;
}

static void settle(struct tail *t)
{
	for (unsigned int i = 0; i < t->config.place_count; i++) {
		struct place *p = &t->places[i];
		if (!p->settled && (p->kind == PLACE_FILE || p->kind == PLACE_PATTERN)) {
			p->settled = true;
			tail_touch(t);
		}
	}
	t->first = false;
}

static void count_open(struct tail *t)
{
	t->counts.open = 0;
	for (size_t i = 0; i < t->count; i++) {
		t->counts.open += file_is_open(t->files[i]);
	}
}

int tail_scan(struct tail *t)
{
	struct names names = {0};

	watch_note(t->watch);
	count_open(t);
	t->rescan = false;
	t->unreadable = false;
	int err = list(t, &names);
	t->unreadable |= names.failed || names.full;
	if (err == 0) {
		err = sort_out(t, &names);
	}
	names_fini(&names);
	if (err == 0 && !t->rescan) {
		settle(t);
	}
	return err;
}
