/* SPDX-License-Identifier: BSD-2-Clause */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "service.h"

enum {
	CUT_LEN = 64,	  /* bytes of the file that are looked at: more is no number */
	OFFSET_TRIES = 5, /* of reading two clocks at the same time */
};

#define WRITE_NS      (10 * TL_MS_NS)	  /* the line is not written more often */
#define AHEAD_NS      (60 * TL_SECOND_NS) /* no cut is further away */
#define ON_THE_WAY_NS (20 * TL_MS_NS) /* a packet is stamped at most so long before it is seen */

/* --- opening ---------------------------------------------------------------- */

/* The engine may change its user before it reads them. Neither may block nor be a device. */
static int open_file(const char *name, int flags)
{
	struct stat st;
	int fd = open(name, flags | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);

	if (fd < 0) {
		return -errno;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

static int open_folder_of(const char *name)
{
	char *copy = strdup(name);

	if (!copy) {
		return -ENOMEM;
	}
	int fd = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 ? -errno : fd;
	free(copy);
	return err;
}

static int refuse(const char *option, const char *name, int err)
{
	tl_log_err("%s %s: %s", option, name, err == -EINVAL ? "not a file" : strerror(-err));
	return err == -ENOMEM ? err : -EINVAL;
}

static int open_state(struct tl_handover *h)
{
	int fd = open_file(h->state_file, O_WRONLY);
	int err = fd < 0 ? fd : ftruncate(fd, 0) < 0 ? -errno : 0;

	h->state_fd = fd < 0 ? -1 : fd;
	if (err < 0) {
		return refuse("--state", h->state_file, err);
	}
	tl_handover_write(h);
	return 0;
}

static int open_cut(struct tl_handover *h)
{
	int fd = open_file(h->cut_file, O_RDONLY);

	if (fd < 0) {
		return refuse("--cut", h->cut_file, fd);
	}
	h->cut_fd = fd;
	int folder = open_folder_of(h->cut_file);
	if (folder < 0) {
		return refuse("--cut", h->cut_file, folder);
	}
	h->cut_folder = folder;
	return 0;
}

int tl_handover_open(struct tl_handover *h, const struct tl_handover_config *config)
{
	*h = (struct tl_handover){
		.state_fd = -1,
		.state_file = config->state_file,
		.cut_fd = -1,
		.cut_folder = -1,
		.cut_file = config->cut_file,
		.begin_ns = config->standby ? UINT64_MAX : 0,
		.end_ns = UINT64_MAX,
	};
	pthread_mutex_init(&h->lock, 0);
	int err = h->state_file ? open_state(h) : 0;
	return err < 0 || !h->cut_file ? err : open_cut(h);
}

static void close_one(int *fd)
{
	if (*fd >= 0) {
		close(*fd);
	}
	*fd = -1;
}

void tl_handover_close(struct tl_handover *h)
{
	close_one(&h->state_fd);
	close_one(&h->cut_fd);
	close_one(&h->cut_folder);
	pthread_mutex_destroy(&h->lock);
}

/* --- reading the cut -------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int tl_handover_parse_cut(const char *text, size_t len, uint64_t *cut_ns)
{
	uint64_t ns = 0;

	while (len > 0 && is_blank(text[len - 1])) {
		len--;
	}
	while (len > 0 && is_blank(*text)) {
		text++;
		len--;
	}
	if (len == 0) {
		return -EINVAL;
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return -EINVAL;
		}
		if (ns > (uint64_t)INT64_MAX / 10 - 1) {
			return -ERANGE;
		}
		ns = ns * 10 + (uint64_t)(text[i] - '0');
	}
	if (ns == 0) {
		return -EINVAL;
	}
	*cut_ns = ns;
	return 0;
}

/* What is at that name now, which a rename may have put there; -1 when it cannot be had. */
static int reopen_cut(const struct tl_handover *h)
{
	const char *slash = strrchr(h->cut_file, '/');
	struct stat st;
	int fd = openat(h->cut_folder, slash ? slash + 1 : h->cut_file,
			O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int read_number(int fd, uint64_t *cut_ns)
{
	char text[CUT_LEN];
	ssize_t len = pread(fd, text, sizeof(text), 0);

	if (len < 0) {
		return -errno;
	}
	return len == sizeof(text) ? -EINVAL : tl_handover_parse_cut(text, (size_t)len, cut_ns);
}

static bool was_replaced(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

static int read_cut(const struct tl_handover *h, uint64_t *cut_ns)
{
	int fd = reopen_cut(h);
	int err = read_number(fd >= 0 ? fd : h->cut_fd, cut_ns);

	if (fd >= 0) {
		close(fd);
	} else if (was_replaced(h->cut_fd)) {
		tl_log_warn("SIGUSR2: --cut %s: replaced, and not to be read by this user: write "
			    "it in place",
			    h->cut_file);
		return -EACCES;
	}
	if (err < 0) {
		tl_log_warn("SIGUSR2: --cut %s: no time in ns since the epoch", h->cut_file);
	}
	return err;
}

static int refuse_cut(const struct tl_handover *h, uint64_t cut_ns, const char *why)
{
	tl_log_warn("SIGUSR2: --cut %s: %llu: %s", h->cut_file, (unsigned long long)cut_ns, why);
	return -EINVAL;
}

/* Whether it could be set now; why not was said. */
static int check_cut(const struct tl_handover *h, uint64_t cut_ns, uint64_t now_ns)
{
	struct tl_span span = tl_handover_span(h);

	if (cut_ns == h->taken_ns) {
		return refuse_cut(h, cut_ns, "taken already");
	}
	if (span.end_ns != UINT64_MAX || (span.begin_ns != UINT64_MAX && span.begin_ns > now_ns)) {
		return refuse_cut(h, cut_ns, "another one is still to come");
	}
	if (cut_ns > now_ns && cut_ns - now_ns > AHEAD_NS) {
		return refuse_cut(h, cut_ns, "more than a minute ahead");
	}
	return 0;
}

int tl_handover_take_cut(struct tl_handover *h, uint64_t now_ns)
{
	uint64_t cut_ns;

	if (h->cut_fd < 0) {
		tl_log_warn("SIGUSR2: there is no --cut FILE");
		return -EINVAL;
	}
	int err = read_cut(h, &cut_ns);
	if (err == 0) {
		err = check_cut(h, cut_ns, now_ns);
	}
	if (err < 0) {
		return err;
	}
	h->taken_ns = cut_ns;
	cut_ns = cut_ns < now_ns ? now_ns : cut_ns;
	bool begins = atomic_load(&h->begin_ns) == UINT64_MAX;
	atomic_store(begins ? &h->begin_ns : &h->end_ns, cut_ns);
	tl_log_info("counting %s %llu", begins ? "from" : "until", (unsigned long long)cut_ns);
	return 0;
}

/* --- what follows from it --------------------------------------------------- */

struct tl_span tl_handover_span(const struct tl_handover *h)
{
	return (struct tl_span){
		.begin_ns = atomic_load_explicit(&h->begin_ns, memory_order_relaxed),
		.end_ns = atomic_load_explicit(&h->end_ns, memory_order_relaxed),
	};
}

static uint64_t stop_at(const struct tl_span *span)
{
	return span->end_ns > UINT64_MAX - ON_THE_WAY_NS ? UINT64_MAX
							 : span->end_ns + ON_THE_WAY_NS;
}

uint64_t tl_handover_due(const struct tl_handover *h, uint64_t now_ns)
{
	struct tl_span span = tl_handover_span(h);
	const uint64_t times[] = {span.begin_ns, span.end_ns, stop_at(&span)};

	for (unsigned int i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (times[i] >= now_ns) {
			return times[i];
		}
	}
	return UINT64_MAX;
}

bool tl_handover_is_over(const struct tl_handover *h, uint64_t now_ns)
{
	struct tl_span span = tl_handover_span(h);

	return now_ns >= stop_at(&span);
}

enum tl_end_reason tl_handover_end_reason(const struct tl_handover *h)
{
	uint64_t stopped_ns = tl_service_stop_ns();
	uint64_t ago_ns = stopped_ns ? tl_clock_mono_ns() - stopped_ns : 0;
	struct tl_span span = tl_handover_span(h);

	return tl_clock_wall_ns() - ago_ns >= span.end_ns ? TL_END_ENGINE_CHANGE : TL_END_SHUTDOWN;
}

/* Between reading one clock and the other this thread may lose its processor: the quickest of a
 * few readings counts. */
static int64_t mono_to_wall_ns(void)
{
	uint64_t quickest = UINT64_MAX;
	int64_t offset_ns = 0;

	for (int i = 0; i < OFFSET_TRIES; i++) {
		uint64_t before = tl_clock_mono_ns();
		uint64_t wall = tl_clock_wall_ns();
		uint64_t took = tl_clock_mono_ns() - before;
		if (took < quickest) {
			quickest = took;
			offset_ns = (int64_t)(wall - before - took / 2);
		}
	}
	return offset_ns;
}

uint64_t tl_handover_mono_ns(uint64_t wall_ns)
{
	if (wall_ns == 0 || wall_ns == UINT64_MAX) {
		return wall_ns;
	}
	return wall_ns - (uint64_t)mono_to_wall_ns();
}

/* --- the state --------------------------------------------------------------- */

void tl_handover_format(const struct tl_counted *counted, char line[TL_HANDOVER_STATE_LEN + 1])
{
	snprintf(line, TL_HANDOVER_STATE_LEN + 1, "first=%020llu last=%020llu packets=%020llu\n",
		 (unsigned long long)counted->first_ns, (unsigned long long)counted->last_ns,
		 (unsigned long long)counted->packets);
}

static struct tl_counted sum_of(const struct tl_handover *h)
{
	struct tl_counted sum = {0};

	for (const struct tl_handover_part *part = h->parts; part; part = part->next) {
		sum.packets += part->counted.packets;
		if (part->counted.first_ns != 0) {
			tl_counted_note(&sum, part->counted.first_ns, part->counted.last_ns);
		}
	}
	return sum;
}

/* Under the lock. */
static void write_line(struct tl_handover *h, uint64_t now_ns)
{
	char line[TL_HANDOVER_STATE_LEN + 1];
	struct tl_counted sum = sum_of(h);

	tl_handover_format(&sum, line);
	bool written = pwrite(h->state_fd, line, TL_HANDOVER_STATE_LEN, 0) == TL_HANDOVER_STATE_LEN;
	if (!written && !h->failed) {
		tl_log_warn("--state %s: cannot write it: %s", h->state_file, strerror(errno));
	}
	h->failed = !written;
	h->stale = false;
	h->written_ns = now_ns;
}

void tl_handover_join(struct tl_handover *h, struct tl_handover_part *part)
{
	pthread_mutex_lock(&h->lock);
	part->handover = h;
	part->next = h->parts;
	h->parts = part;
	pthread_mutex_unlock(&h->lock);
}

void tl_handover_tell(struct tl_handover_part *part, const struct tl_counted *counted)
{
	struct tl_handover *h = part->handover;

	if (h->state_fd < 0) {
		return;
	}
	pthread_mutex_lock(&h->lock);
	uint64_t now_ns = tl_clock_mono_ns();
	bool changed = memcmp(&part->counted, counted, sizeof(*counted)) != 0;
	part->counted = *counted;
	h->stale = h->stale || changed;
	if (h->stale && now_ns - h->written_ns >= WRITE_NS) {
		write_line(h, now_ns);
	}
	pthread_mutex_unlock(&h->lock);
}

void tl_handover_write(struct tl_handover *h)
{
	if (h->state_fd >= 0) {
		pthread_mutex_lock(&h->lock);
		write_line(h, tl_clock_mono_ns());
		pthread_mutex_unlock(&h->lock);
	}
}
