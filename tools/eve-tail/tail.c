/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "service.h"
#include "tail_private.h"

#define LOOK_NS (250 * TL_MS_NS)
/* In a folder where names come and go all the time. */
#define LOOK_GAP_NS   (20 * TL_MS_NS)
#define SCAN_CHEAP_NS (20 * TL_MS_NS)
/* Whatever the folders say. */
#define SCAN_NS (5 * TL_SECOND_NS)

/* --- looking ------------------------------------------------------------------------- */

static void wake(struct tail *t)
{
	for (size_t i = 0; i < t->count; i++) {
		t->files[i]->at_end = t->files[i]->over;
	}
}

/* One that was closed to make room is found by its size. */
static bool parked_changed(const struct file *f)
{
	struct stat st;

	if (f->flow || !f->started || file_is_open(f) || !file_is_live(f) || f->over) {
		return false;
	}
	return stat(f->rec.home, &st) < 0 || st.st_ino != f->rec.ino ||
	       (uint64_t)st.st_size != f->size;
}

/* A place whose file is another one than we have: behind a link no folder tells. */
static bool place_changed(const struct tail *t, const struct place *p)
{
	struct stat st;

	if (p->kind != PLACE_FILE || stat(p->path, &st) < 0 || st.st_size == 0) {
		return false;
	}
	for (size_t i = 0; i < t->count; i++) {
		const struct file *f = t->files[i];
		if (!f->flow && f->rec.ino == st.st_ino && f->rec.dev == st.st_dev) {
			return false;
		}
	}
	return true;
}

static bool needs_scan(const struct tail *t, uint64_t now_ns)
{
	bool needed = t->rescan || t->first || t->empty > 0 || t->counts.waiting > 0 ||
		      now_ns >= t->scan_ns || watch_changed(t->watch);

	for (size_t i = 0; !needed && i < t->count; i++) {
		needed = parked_changed(t->files[i]);
	}
	for (unsigned int i = 0; !needed && i < t->config.place_count; i++) {
		needed = place_changed(t, &t->places[i]);
	}
	return needed;
}

static int look(struct tail *t, uint64_t now_ns)
{
	t->look_ns = now_ns + LOOK_NS;
	t->looked_ns = now_ns;
	t->news = false;
	int err = flow_look(t);
	for (size_t i = 0; err == 0 && i < t->count; i++) {
		file_look(t, t->files[i], now_ns);
	}
	if (err == 0 && needs_scan(t, now_ns)) {
		t->scan_ns = now_ns + SCAN_NS;
		uint64_t start_ns = tl_clock_mono_ns();
		err = tail_scan(t);
		t->scanned_ns = tl_clock_mono_ns();
		t->scan_cost_ns = t->scanned_ns - start_ns;
	}
	wake(t);
	return err;
}

/* --- waiting ------------------------------------------------------------------------- */

enum { POLL_MAX = 2 + 2 * TAIL_PLACES_MAX + 64, FLOWS_MAX = POLL_MAX - 1 };

static unsigned int add_fd(struct pollfd *fds, unsigned int count, int fd)
{
	if (fd >= 0 && count < FLOWS_MAX) {
		fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	return count;
}

/* Room in every place that is waited on; those of flows come last. */
static unsigned int add_fds(const struct tail *t, struct pollfd *fds)
{
	unsigned int count = add_fd(fds, 0, watch_fd(t->watch));

	for (unsigned int i = 0; i < t->config.place_count; i++) {
		count = add_fd(fds, count, t->places[i].fd);
	}
	for (size_t i = 0; i < t->count; i++) {
		if (t->files[i]->flow && !t->files[i]->over) {
			count = add_fd(fds, count, t->files[i]->source.fd);
		}
	}
	return count;
}

/* False when the caller is to look after a signal. */
static bool wait_for_more(struct tail *t, uint64_t timeout_ns)
{
	struct pollfd fds[POLL_MAX];
	unsigned int count = add_fds(t, fds);
	struct timespec ts = {
		.tv_sec = (time_t)(timeout_ns / TL_SECOND_NS),
		.tv_nsec = (long)(timeout_ns % TL_SECOND_NS),
	};

	fds[count] = (struct pollfd){.fd = tl_service_fd(), .events = POLLIN};
	if (ppoll(fds, count + 1, &ts, 0) <= 0) {
		return true;
	}
	for (unsigned int i = 0; i < count; i++) {
		if (fds[i].revents && fds[i].fd != watch_fd(t->watch)) {
			t->news = true; /* somebody connects, or a flow has something */
			wake(t);
		}
	}
	return !fds[count].revents;
}

static uint64_t wait_ns(const struct tail *t, uint64_t now_ns, uint64_t deadline_ns)
{
	uint64_t look_ns = t->news ? t->looked_ns + LOOK_GAP_NS : t->look_ns;
	uint64_t until = look_ns < deadline_ns ? look_ns : deadline_ns;

	return until > now_ns ? until - now_ns : 0;
}

/* --- lines --------------------------------------------------------------------------- */

/* One after the other, each a buffer full at most. */
static int next_of_all(struct tail *t, struct tail_line *line, bool *busy)
{
	for (size_t asked = 0; asked < t->count; asked++) {
		size_t at = (t->turn + asked) % t->count;
		struct file *f = t->files[at];
		if (file_next(t, f, line, busy)) {
			t->turn = at + 1;
			t->current = f->ended ? 0 : f;
			return 1;
		}
	}
	return 0;
}

static bool has_more(const struct file *f)
{
	if (!file_is_live(f)) {
		return false;
	}
	return f->over || f->cut_off || (file_is_open(f) && !f->at_end);
}

static bool is_of_files(const struct place *p)
{
	return p->kind == PLACE_FILE || p->kind == PLACE_PATTERN;
}

static bool all_is_read(const struct tail *t)
{
	bool files = false;

	for (unsigned int i = 0; i < t->config.place_count; i++) {
		files |= is_of_files(&t->places[i]);
	}
	if ((files && !t->config.once) || t->first || t->rescan || t->counts.waiting > 0 ||
	    !flow_all_over(t)) {
		return false;
	}
	for (size_t i = 0; i < t->count; i++) {
		if (has_more(t->files[i])) {
			return false;
		}
	}
	return true;
}

/*
 * Of thousands of files that end one after the other each calls for a scan, which takes long then:
 * while there are lines to read, at most a fifth of the time goes into it.
 */
static bool scan_can_wait(const struct tail *t, bool idle)
{
	return !idle && t->scan_cost_ns > SCAN_CHEAP_NS &&
	       tl_clock_mono_ns() < t->scanned_ns + 4 * t->scan_cost_ns;
}

static int keep_house(struct tail *t, uint64_t now_ns, bool idle)
{
	unsigned int news = watch_take(t->watch);

	tail_reap(t);
	if (news & WATCH_DATA) {
		wake(t);
	}
	t->news |= news & WATCH_NAMES || (news & WATCH_DATA && t->empty > 0);
	bool due = t->rescan || now_ns >= t->look_ns ||
		   (t->news && now_ns >= t->looked_ns + LOOK_GAP_NS);
	if (due && !scan_can_wait(t, idle)) {
		int err = look(t, now_ns);
		if (err < 0) {
			return err;
		}
	}
	tail_save_due(t, now_ns);
	return 0;
}

static int next_slowly(struct tail *t, struct tail_line *line, uint64_t timeout_ns)
{
	uint64_t start_ns = tail_now(t), now_ns = start_ns;
	uint64_t deadline_ns =
		timeout_ns > UINT64_MAX - start_ns ? UINT64_MAX : start_ns + timeout_ns;

	for (bool idle = false;;) {
		bool busy = false;
		if (tl_service_stopping()) {
			return -EINTR;
		}
		int err = keep_house(t, now_ns, idle);
		if (err < 0) {
			return err;
		}
		if (next_of_all(t, line, &busy)) {
			return 1;
		}
		now_ns = tail_now(t);
		idle = !busy;
		if (!busy && all_is_read(t)) {
			return -ENOENT;
		}
		if (now_ns >= deadline_ns) {
			return 0;
		}
		if (!busy && !t->rescan && !wait_for_more(t, wait_ns(t, now_ns, deadline_ns)) &&
		    !tl_service_stopping()) {
			return 0;
		}
		now_ns = tail_now(t);
	}
}

int tail_next(struct tail *t, struct tail_line *line, uint64_t timeout_ns)
{
	if (t->current && file_take(t, t->current, line)) {
		return 1;
	}
	t->current = 0;
	return next_slowly(t, line, timeout_ns);
}

int tail_keep(struct tail *t)
{
	return keep_house(t, tail_now(t), true);
}

/* --- how it goes ---------------------------------------------------------------------- */

struct tail_counts tail_counts(const struct tail *t)
{
	struct tail_counts counts = t->counts;

	counts.open = 0;
	for (size_t i = 0; i < t->count; i++) {
		counts.open += file_is_open(t->files[i]);
	}
	return counts;
}

bool tail_found_all(const struct tail *t)
{
	bool all = !t->unreadable;
	struct stat st;

	for (unsigned int i = 0; i < t->config.place_count; i++) {
		const struct place *p = &t->places[i];
		if (p->kind == PLACE_FILE && stat(p->path, &st) < 0 && errno == ENOENT) {
			tl_log_err("%s: %s", p->path, strerror(errno));
			all = false;
		}
	}
	return all;
}

bool tail_reads_again(const struct tail *t)
{
	bool files = true;

	for (unsigned int i = 0; i < t->config.place_count; i++) {
		files = files && is_of_files(&t->places[i]);
	}
	return files && t->checkpoint;
}

uint64_t tail_behind_bytes(const struct tail *t)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct file *f = t->files[i];
		struct stat st;
		if (f->flow || !file_is_open(f) || f->source.inflate ||
		    fstat(f->source.fd, &st) < 0) {
			continue;
		}
		uint64_t at = lines_begin_offset(&f->lines);
		bytes += (uint64_t)st.st_size > at ? (uint64_t)st.st_size - at : 0;
	}
	return bytes;
}
