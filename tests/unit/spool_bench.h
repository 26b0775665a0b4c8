/* SPDX-License-Identifier: BSD-2-Clause */
/* A spool in a folder of its own, on a disk that is quick, and refuses when told to. */
#ifndef SPOOL_BENCH_H
#define SPOOL_BENCH_H

#include <dirent.h>
#include <fcntl.h>

#include "../../tools/shipper/spool_private.h"
#include "store_world.h"

/* --- a disk that is quick, and refuses when told to -------------------------------- */

struct disk {
	struct spool_io io; /* first */
	unsigned int refuse_percent;
	uint64_t free_bytes;
	const char *boot;
	int sync_error;
};

static inline bool refuses(const struct spool_io *io)
{
	return kit_random(100) < ((const struct disk *)io)->refuse_percent;
}

static inline int disk_create(const struct spool_io *io, int folder, const char *name)
{
	return refuses(io) ? -ENOSPC : spool_io_system.create(io, folder, name);
}

static inline int disk_write(const struct spool_io *io, int fd, struct iovec *parts, int count)
{
	if (refuses(io)) {
		parts[0].iov_len = kit_random((uint32_t)parts[0].iov_len);
		spool_io_system.write(io, fd, parts, 1);
		return kit_random(2) ? -ENOSPC : -EDQUOT;
	}
	return spool_io_system.write(io, fd, parts, count);
}

static inline int disk_link(const struct spool_io *io, int from, const char *name, int to,
			    const char *new_name)
{
	return refuses(io) ? -ENOSPC : spool_io_system.link(io, from, name, to, new_name);
}

static inline int disk_rename(const struct spool_io *io, int from, const char *name, int to,
			      const char *new_name)
{
	return refuses(io) ? -ENOSPC : spool_io_system.rename(io, from, name, to, new_name);
}

static inline int disk_sync(const struct spool_io *io, int fd)
{
	(void)fd;
	return ((const struct disk *)io)->sync_error;
}

static inline int disk_space(const struct spool_io *io, int folder, uint64_t *free_bytes)
{
	(void)folder;
	*free_bytes = ((const struct disk *)io)->free_bytes;
	return 0;
}

static inline int disk_boot(const struct spool_io *io, char id[SPOOL_BOOT_LEN])
{
	snprintf(id, SPOOL_BOOT_LEN, "%s", ((const struct disk *)io)->boot);
	return 0;
}

static inline struct disk new_disk(void)
{
	struct disk disk = {.io = spool_io_system, .free_bytes = UINT64_MAX, .boot = "one"};

	disk.io.create = disk_create;
	disk.io.write = disk_write;
	disk.io.link = disk_link;
	disk.io.rename = disk_rename;
	disk.io.sync_file = disk.io.sync_folder = disk.io.sync_all = disk_sync;
	disk.io.space = disk_space;
	disk.io.boot = disk_boot;
	return disk;
}

/* --- a spool ------------------------------------------------------------------------ */

struct bench {
	struct world w; /* first: the context */
	struct disk disk;
	struct store_config config;
	char *folder;
	uint64_t found[KIT_STREAMS];
};

static inline void on_found(void *context, const uint8_t *id, uint64_t next)
{
	struct bench *b = context;

	b->found[kit_stream(id)] = next;
}

static inline struct bench *bench_new(unsigned int sinks, uint64_t quota, enum store_policy policy)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->folder = kit_folder();
	b->disk = new_disk();
	b->w.on_disk = true;
	b->w.sink_count = sinks;
	b->config = (struct store_config){
		.folder = b->folder,
		.sinks = {"a", "b", "c"},
		.sink_count = sinks,
		.quota = quota,
		.policy = policy,
		.safe = on_safe,
		.found = on_found,
		.context = b,
	};
	return b;
}

static inline void bench_open(struct bench *b)
{
	assert_int_equal(spool_open_with(&b->w.store, &b->config, &b->disk.io), 0);
}

static inline struct bench *bench_opened(unsigned int sinks, uint64_t quota,
					 enum store_policy policy)
{
	struct bench *b = bench_new(sinks, quota, policy);

	bench_open(b);
	return b;
}

/* As a kill does it: what is in flight is given up, nothing is synced. */
static inline void bench_kill(struct bench *b)
{
	for (unsigned int s = 0; s < b->w.sink_count; s++) {
		struct store_counts counts = store_counts(b->w.store, s);
		b->w.lost_events[s] += world_lost(&counts);
		while (b->w.held_count[s] > 0) {
			struct held held = pick(&b->w, s);
			store_back(b->w.store, s, held.parcel);
		}
	}
	store_close(b->w.store);
	b->w.store = 0;
}

static inline void bench_free(struct bench *b)
{
	store_close(b->w.store);
	kit_remove(b->folder);
	free(b->folder);
	free(b);
}

static inline void put_ok(struct bench *b, unsigned int stream, uint32_t count)
{
	uint64_t at = b->w.next[stream];

	assert_int_equal(kit_put(b->w.store, stream, at, at, count, false), 0);
	b->w.next[stream] = at + count;
}

static inline void take_is(struct bench *b, unsigned int sink, uint64_t after, uint64_t first,
			   uint32_t count)
{
	struct parcel *parcel = kit_take(b->w.store, sink);

	assert_non_null(parcel);
	assert_true(kit_is_intact(parcel));
	assert_int_equal(parcel->after, after);
	assert_int_equal(parcel->first, first);
	assert_int_equal(parcel->count, count);
	store_done(b->w.store, sink, parcel);
}

/* The names in a folder of the spool, but dots: how many; *name, to be freed, is the first. */
static inline unsigned int list(const struct bench *b, const char *folder, char **name)
{
	char path[300];
	unsigned int count = 0;
	const struct dirent *entry;

	snprintf(path, sizeof(path), "%s/%s", b->folder, folder);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	if (name) {
		*name = 0;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.') {
			continue;
		}
		count++;
		if (name && (!*name || strcmp(entry->d_name, *name) < 0)) {
			free(*name);
			*name = strdup(entry->d_name);
		}
	}
	closedir(dir);
	return count;
}

static inline void path_of(const struct bench *b, const char *folder, const char *name,
			   char path[400])
{
	snprintf(path, 400, "%s/%s/%s", b->folder, folder, name);
}

static inline void write_file(const struct bench *b, const char *folder, const char *name,
			      const void *bytes, size_t len)
{
	char path[400];

	path_of(b, folder, name, path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

static inline size_t read_file(const struct bench *b, const char *folder, const char *name,
			       uint8_t *bytes, size_t max)
{
	char path[400];

	path_of(b, folder, name, path);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t len = fread(bytes, 1, max, file);
	fclose(file);
	return len;
}

#endif
