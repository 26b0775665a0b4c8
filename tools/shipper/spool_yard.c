/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool_yard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backlog.h"

struct yard_file {
	char *name;
	uint64_t bytes;
};

struct yard_list {
	struct yard_file *files;
	size_t count;
	size_t capacity;
};

static int add(struct yard_list *list, const char *name, uint64_t bytes)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 64;
		struct yard_file *files = realloc(list->files, capacity * sizeof(*files));
		if (!files) {
			return -ENOMEM;
		}
		list->files = files;
		list->capacity = capacity;
	}
	struct yard_file *file = &list->files[list->count];
	file->name = strdup(name);
	file->bytes = bytes;
	if (!file->name) {
		return -ENOMEM;
	}
	list->count++;
	return 0;
}

static void list_free(struct yard_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->files[i].name);
	}
	free(list->files);
}

/* Of what does not fit in memory the rest is left for the next time. */
static uint64_t list_read(const struct spool_yard *yard, struct yard_list *list)
{
	int fd = openat(yard->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? 0 : fdopendir(fd);
	const struct dirent *entry;
	uint64_t bytes = 0;
	struct stat st;

	if (!dir) {
		if (fd >= 0) {
			close(fd);
		}
		return 0;
	}
	while ((entry = readdir(dir))) {
		if (fstatat(yard->folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode)) {
			continue;
		}
		uint64_t blocks = backlog_blocks((uint64_t)st.st_size, BACKLOG_FILE_BLOCK);
		if (add(list, entry->d_name, blocks) < 0) {
			break;
		}
		bytes += blocks;
	}
	closedir(dir);
	return bytes;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct yard_file *)a)->name, ((const struct yard_file *)b)->name);
}

/* To three quarters, so that the folder is not read for each file. */
static void tidy(struct spool_yard *yard)
{
	struct yard_list list = {0};
	uint64_t removed = 0;
	uint64_t held_back;

	yard->bytes = list_read(yard, &list);
	if (list.count > 0) {
		qsort(list.files, list.count, sizeof(*list.files), by_name);
	}
	for (size_t i = 0; i < list.count && yard->bytes > yard->quota / 4 * 3; i++) {
		if (yard->io->unlink(yard->io, yard->folder, list.files[i].name) == 0) {
			yard->bytes -= list.files[i].bytes;
			removed++;
		}
	}
	list_free(&list);
	yard->removed_files += removed;
	if (removed > 0 && tl_log_allowed(&yard->limit, &held_back)) {
		tl_log_warn("%s/ is full: its %" PRIu64 " oldest files were removed (%" PRIu64
			    " since the start)",
			    yard->name, removed, yard->removed_files);
	}
}

void spool_yard_open(struct spool_yard *yard, const struct spool_io *io, const char *name,
		     int folder)
{
	struct yard_list list = {0};

	*yard = (struct spool_yard){
		.io = io, .name = name, .folder = folder, .quota = SPOOL_YARD_BYTES};
	pthread_mutex_init(&yard->lock, 0);
	yard->bytes = list_read(yard, &list);
	list_free(&list);
}

void spool_yard_close(struct spool_yard *yard)
{
	pthread_mutex_destroy(&yard->lock);
}

void spool_yard_added(struct spool_yard *yard, uint64_t bytes)
{
	pthread_mutex_lock(&yard->lock);
	yard->bytes += backlog_blocks(bytes, BACKLOG_FILE_BLOCK);
	if (yard->bytes > yard->quota) {
		tidy(yard);
	}
	pthread_mutex_unlock(&yard->lock);
}
