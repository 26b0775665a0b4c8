/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

enum { FOLDERS_MAX = 256 };

#define NAME_EVENTS                                                                                \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |     \
	 IN_IGNORED | IN_Q_OVERFLOW)
#define DATA_EVENTS (IN_MODIFY | IN_CLOSE_WRITE)

/* A time of change is as coarse as a tick, and coarser elsewhere: one as new as that says nothing.
 */
#define COARSE_NS (2 * TL_SECOND_NS)

struct folder {
	char *path;
	int wd; /* -1 = not watched */
	bool there;
	uint64_t changed_ns; /* when it was noted; wall clock */
	uint64_t noted_ns;
};

struct watch {
	int fd;
	struct folder folders[FOLDERS_MAX];
	size_t count;
};

int watch_create(struct watch **out, bool mute)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w) {
		return -ENOMEM;
	}
	w->fd = mute ? -1 : inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	*out = w;
	return 0;
}

void watch_destroy(struct watch *w)
{
	if (!w) {
		return;
	}
	for (size_t i = 0; i < w->count; i++) {
		free(w->folders[i].path);
	}
	if (w->fd >= 0) {
		close(w->fd);
	}
	free(w);
}

int watch_fd(const struct watch *w)
{
	return w->fd;
}

static void arm(const struct watch *w, struct folder *folder)
{
	if (w->fd >= 0 && folder->wd < 0) {
		folder->wd = inotify_add_watch(w->fd, folder->path, NAME_EVENTS | DATA_EVENTS);
	}
}

int watch_folder_of(struct watch *w, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = !slash ? 1 : slash == path ? 1 : (size_t)(slash - path);
	const char *text = slash ? path : ".";

	for (size_t i = 0; i < w->count; i++) {
		if (strlen(w->folders[i].path) == len &&
		    memcmp(w->folders[i].path, text, len) == 0) {
			return 0;
		}
	}
	if (w->count == FOLDERS_MAX) {
		return 0; /* those beyond are looked at now and then all the same */
	}
	char *copy = strndup(text, len);
	if (!copy) {
		return -ENOMEM;
	}
	w->folders[w->count] = (struct folder){.path = copy, .wd = -1};
	arm(w, &w->folders[w->count++]);
	return 0;
}

/* The folder went: another may be at its name. */
static void disarm(struct watch *w, int wd)
{
	for (size_t i = 0; i < w->count; i++) {
		if (w->folders[i].wd == wd) {
			w->folders[i].wd = -1;
		}
	}
}

static unsigned int read_event(struct watch *w, const struct inotify_event *event)
{
	if (event->mask & IN_IGNORED) {
		disarm(w, event->wd);
	}
	if (event->mask & IN_MOVE_SELF) {
		inotify_rm_watch(w->fd, event->wd);
	}
	return (event->mask & NAME_EVENTS ? WATCH_NAMES | WATCH_DATA : 0) |
	       (event->mask & DATA_EVENTS ? WATCH_DATA : 0);
}

unsigned int watch_take(struct watch *w)
{
	enum { ROUNDS = 16 }; /* the rest is told next time */
	char bytes[16 << 10] __attribute__((aligned(__alignof__(struct inotify_event))));
	unsigned int news = 0;

	for (int round = 0; w->fd >= 0 && round < ROUNDS; round++) {
		ssize_t got = read(w->fd, bytes, sizeof(bytes));
		for (char *at = bytes; got > 0 && at < bytes + got;) {
			const struct inotify_event *event = (const struct inotify_event *)at;
			news |= read_event(w, event);
			at += sizeof(*event) + event->len;
		}
		if (got < (ssize_t)(sizeof(bytes) / 2)) {
			break;
		}
	}
	return news;
}

static uint64_t changed_ns(const struct folder *folder, bool *there)
{
	struct stat st;

	*there = stat(folder->path, &st) == 0;
	return *there ? (uint64_t)st.st_mtim.tv_sec * TL_SECOND_NS + (uint64_t)st.st_mtim.tv_nsec
		      : 0;
}

bool watch_changed(const struct watch *w)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct folder *folder = &w->folders[i];
		bool there;
		uint64_t now_ns = changed_ns(folder, &there);
		bool fresh = folder->noted_ns < folder->changed_ns + COARSE_NS;
		if (there != folder->there || now_ns != folder->changed_ns || (there && fresh)) {
			return true;
		}
	}
	return false;
}

void watch_note(struct watch *w)
{
	for (size_t i = 0; i < w->count; i++) {
		struct folder *folder = &w->folders[i];
		folder->changed_ns = changed_ns(folder, &folder->there);
		folder->noted_ns = tl_clock_wall_ns();
		arm(w, folder);
	}
}
