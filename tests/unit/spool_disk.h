/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pessimistic disk. It records what a spool does to its folders, and says what may
 * be there after the power failed at any point of that: bytes that no sync followed
 * are there, cut short, zero or garbage; a name that no sync of its folder followed is
 * there or not, each by itself; a rename is done or not.
 */
#ifndef SPOOL_DISK_H
#define SPOOL_DISK_H

#include <fcntl.h>

#include "../../tools/shipper/spool_private.h"
#include "store_kit.h"

enum { DISK_FOLDERS = 7, DISK_FDS = 256, DISK_NAME = 240 };

static const char *const disk_folders[DISK_FOLDERS] = {"", "tmp", "bad", "rejected", "a", "b", "c"};

enum disk_verb {
	DISK_CREATE,
	DISK_WRITE,
	DISK_SYNC_FILE,
	DISK_LINK,
	DISK_RENAME,
	DISK_UNLINK,
	DISK_SYNC_FOLDER,
	DISK_SYNC_ALL,
};

struct disk_op {
	enum disk_verb verb;
	unsigned int file; /* create, write, sync */
	unsigned int folder;
	unsigned int to;
	char name[DISK_NAME];
	char new_name[DISK_NAME];
	uint8_t *bytes;
	size_t len;
};

struct disk {
	struct spool_io io; /* first */
	const char *root;
	const char *boot;
	bool forget_file_syncs; /* the two negative controls: they are done, and do nothing */
	bool forget_folder_syncs;
	unsigned int files;
	unsigned int file_of[DISK_FDS];
	struct disk_op *ops;
	size_t op_count;
	size_t op_capacity;
};

static inline struct disk *disk_of(const struct spool_io *io)
{
	return (struct disk *)io;
}

static inline struct disk_op *disk_add(struct disk *disk, enum disk_verb verb)
{
	if (disk->op_count == disk->op_capacity) {
		disk->op_capacity = disk->op_capacity ? 2 * disk->op_capacity : 256;
		disk->ops = realloc(disk->ops, disk->op_capacity * sizeof(*disk->ops));
		assert_non_null(disk->ops);
	}
	struct disk_op *op = &disk->ops[disk->op_count++];
	memset(op, 0, sizeof(*op));
	op->verb = verb;
	return op;
}

static inline unsigned int disk_folder(const struct disk *disk, int fd)
{
	char link[64];
	char path[500];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, path, sizeof(path) - 1);
	assert_true(len > 0);
	path[len] = 0;
	size_t root = strlen(disk->root);
	const char *name = path[root] == '/' ? path + root + 1 : "";
	for (unsigned int i = 0; i < DISK_FOLDERS; i++) {
		if (strcmp(name, disk_folders[i]) == 0) {
			return i;
		}
	}
	fail();
	return 0;
}

static inline int disk_create(const struct spool_io *io, int folder, const char *name)
{
	struct disk *disk = disk_of(io);
	int fd = spool_io_system.create(io, folder, name);

	if (fd >= 0) {
		assert_true(fd < DISK_FDS);
		struct disk_op *op = disk_add(disk, DISK_CREATE);
		op->folder = disk_folder(disk, folder);
		op->file = disk->file_of[fd] = disk->files++;
		snprintf(op->name, sizeof(op->name), "%s", name);
	}
	return fd;
}

static inline int disk_write(const struct spool_io *io, int fd, struct iovec *parts, int count)
{
	struct disk *disk = disk_of(io);

	for (int i = 0; i < count; i++) {
		struct disk_op *op = disk_add(disk, DISK_WRITE);
		op->file = disk->file_of[fd];
		op->len = parts[i].iov_len;
		op->bytes = malloc(op->len + 1);
		assert_non_null(op->bytes);
		memcpy(op->bytes, parts[i].iov_base, op->len);
	}
	return spool_io_system.write(io, fd, parts, count);
}

static inline int disk_sync_file(const struct spool_io *io, int fd)
{
	struct disk *disk = disk_of(io);

	if (!disk->forget_file_syncs) {
		disk_add(disk, DISK_SYNC_FILE)->file = disk->file_of[fd];
	}
	return 0;
}

static inline int disk_link(const struct spool_io *io, int from, const char *name, int to,
			    const char *new_name)
{
	int err = spool_io_system.link(io, from, name, to, new_name);

	if (err == 0) {
		struct disk_op *op = disk_add(disk_of(io), DISK_LINK);
		op->folder = disk_folder(disk_of(io), from);
		op->to = disk_folder(disk_of(io), to);
		snprintf(op->name, sizeof(op->name), "%s", name);
		snprintf(op->new_name, sizeof(op->new_name), "%s", new_name);
	}
	return err;
}

static inline int disk_rename(const struct spool_io *io, int from, const char *name, int to,
			      const char *new_name)
{
	int err = spool_io_system.rename(io, from, name, to, new_name);

	if (err == 0) {
		struct disk_op *op = disk_add(disk_of(io), DISK_RENAME);
		op->folder = disk_folder(disk_of(io), from);
		op->to = disk_folder(disk_of(io), to);
		snprintf(op->name, sizeof(op->name), "%s", name);
		snprintf(op->new_name, sizeof(op->new_name), "%s", new_name);
	}
	return err;
}

static inline int disk_unlink(const struct spool_io *io, int folder, const char *name)
{
	int err = spool_io_system.unlink(io, folder, name);

	if (err == 0) {
		struct disk_op *op = disk_add(disk_of(io), DISK_UNLINK);
		op->folder = disk_folder(disk_of(io), folder);
		snprintf(op->name, sizeof(op->name), "%s", name);
	}
	return err;
}

static inline int disk_sync_folder(const struct spool_io *io, int folder)
{
	struct disk *disk = disk_of(io);

	if (!disk->forget_folder_syncs) {
		disk_add(disk, DISK_SYNC_FOLDER)->folder = disk_folder(disk, folder);
	}
	return 0;
}

static inline int disk_sync_all(const struct spool_io *io, int folder)
{
	struct disk *disk = disk_of(io);

	(void)folder;
	if (!disk->forget_folder_syncs && !disk->forget_file_syncs) {
		disk_add(disk, DISK_SYNC_ALL);
	}
	return 0;
}

static inline int disk_boot(const struct spool_io *io, char id[SPOOL_BOOT_LEN])
{
	snprintf(id, SPOOL_BOOT_LEN, "%s", disk_of(io)->boot);
	return 0;
}

static inline void disk_init(struct disk *disk, const char *root, const char *boot)
{
	*disk = (struct disk){.io = spool_io_system, .root = root, .boot = boot};
	disk->io.create = disk_create;
	disk->io.write = disk_write;
	disk->io.sync_file = disk_sync_file;
	disk->io.link = disk_link;
	disk->io.rename = disk_rename;
	disk->io.unlink = disk_unlink;
	disk->io.sync_folder = disk_sync_folder;
	disk->io.sync_all = disk_sync_all;
	disk->io.boot = disk_boot;
}

static inline void disk_fini(struct disk *disk)
{
	for (size_t i = 0; i < disk->op_count; i++) {
		free(disk->ops[i].bytes);
	}
	free(disk->ops);
}

/* --- what is on it ---------------------------------------------------------------------- */

enum { MODEL_ENTRIES = 600, MODEL_FILES = 3000 };

struct model_file {
	uint8_t *bytes;
	size_t len;
	size_t synced;
	bool is_synced;
};

struct model_view {
	struct model_entry {
		unsigned int folder;
		const char *name;
		unsigned int file;
	} entries[MODEL_ENTRIES];
	unsigned int count;
};

/* A change of names that may or may not have reached the disk. */
struct model_change {
	bool adds;
	struct model_entry entry;
	bool removes;
	struct model_entry removed;
};

struct model {
	struct model_file files[MODEL_FILES];
	struct model_view live; /* as programs see it */
	struct model_view disk; /* what is there for certain, before `pending` */
	struct model_change pending[MODEL_ENTRIES * 2];
	unsigned int pending_count;
};

static inline struct model_entry *view_find(struct model_view *view, unsigned int folder,
					    const char *name)
{
	for (unsigned int i = 0; i < view->count; i++) {
		struct model_entry *entry = &view->entries[i];
		if (entry->folder == folder && strcmp(entry->name, name) == 0) {
			return entry;
		}
	}
	return 0;
}

static inline void view_apply(struct model_view *view, const struct model_change *change)
{
	struct model_entry *entry;

	if (change->adds) {
		entry = view_find(view, change->entry.folder, change->entry.name);
		if (!entry) {
			assert_true(view->count < MODEL_ENTRIES);
			entry = &view->entries[view->count++];
		}
		*entry = change->entry;
	}
	if (change->removes) {
		entry = view_find(view, change->removed.folder, change->removed.name);
		if (entry) {
			*entry = view->entries[--view->count];
		}
	}
}

static inline void model_change(struct model *model, struct model_change change)
{
	view_apply(&model->live, &change);
	assert_true(model->pending_count < MODEL_ENTRIES * 2);
	model->pending[model->pending_count++] = change;
}

static inline bool touches(const struct model_change *change, unsigned int folder)
{
	return (change->adds && change->entry.folder == folder) ||
	       (change->removes && change->removed.folder == folder);
}

/* `folder` DISK_FOLDERS: all. */
static inline void model_sync(struct model *model, unsigned int folder)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < model->pending_count; i++) {
		if (folder == DISK_FOLDERS || touches(&model->pending[i], folder)) {
			view_apply(&model->disk, &model->pending[i]);
		} else {
			model->pending[left++] = model->pending[i];
		}
	}
	model->pending_count = left;
}

static inline void file_append(struct model_file *file, const struct disk_op *op)
{
	file->bytes = realloc(file->bytes, file->len + op->len + 1);
	assert_non_null(file->bytes);
	memcpy(file->bytes + file->len, op->bytes, op->len);
	file->len += op->len;
}

static inline struct model_entry model_lookup(struct model *model, const struct disk_op *op)
{
	const struct model_entry *entry = view_find(&model->live, op->folder, op->name);

	assert_non_null(entry);
	return *entry;
}

static inline void model_names(struct model *model, const struct disk_op *op)
{
	struct model_change change = {0};

	if (op->verb == DISK_CREATE) {
		assert_true(op->file < MODEL_FILES);
		change.adds = true;
		change.entry = (struct model_entry){op->folder, op->name, op->file};
	} else {
		struct model_entry entry = model_lookup(model, op);
		change.adds = op->verb != DISK_UNLINK;
		change.entry = (struct model_entry){op->to, op->new_name, entry.file};
		change.removes = op->verb != DISK_LINK;
		change.removed = entry;
	}
	model_change(model, change);
}

static inline void model_step(struct model *model, const struct disk_op *op)
{
	switch (op->verb) {
	case DISK_WRITE:
		file_append(&model->files[op->file], op);
		break;
	case DISK_SYNC_FILE:
		model->files[op->file].synced = model->files[op->file].len;
		model->files[op->file].is_synced = true;
		break;
	case DISK_SYNC_FOLDER:
		model_sync(model, op->folder);
		break;
	case DISK_SYNC_ALL:
		model_sync(model, DISK_FOLDERS);
		for (unsigned int i = 0; i < MODEL_FILES; i++) {
			model->files[i].synced = model->files[i].len;
			model->files[i].is_synced = true;
		}
		break;
	default:
		model_names(model, op);
	}
}

/* Not random(): what the session did is not to depend on what is looked at. */
static inline uint32_t model_random(uint64_t *state, uint32_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 33) % below;
}

/* What may be in a file that was not synced, or not since its last byte. */
static inline size_t torn(const struct model_file *file, uint8_t *bytes, uint64_t *rng)
{
	size_t left = file->len - file->synced;

	if (file->len > 0) {
		memcpy(bytes, file->bytes, file->len);
	}
	switch (model_random(rng, 5)) {
	case 0:
		return file->synced;
	case 1:
		return file->synced + model_random(rng, (uint32_t)left + 1);
	case 2:
		memset(bytes + file->synced, 0, left);
		return file->len;
	case 3:
		if (left > 0) {
			bytes[file->synced + model_random(rng, (uint32_t)left)] ^= 0x5a;
		}
		return file->len;
	default:
		return file->len;
	}
}

static inline void write_entry(const char *root, const struct model_entry *entry,
			       const uint8_t *bytes, size_t len)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s/%s", root, disk_folders[entry->folder], entry->name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/* Into an empty folder, what a start after a failure of power finds, or (`killed`) of the process.
 */
static inline void model_put(struct model *model, const char *root, bool killed, uint64_t *rng)
{
	struct model_view *view = malloc(sizeof(*view));
	uint8_t bytes[16384];

	assert_non_null(view);
	*view = killed ? model->live : model->disk;
	for (unsigned int i = 0; i < model->pending_count && !killed; i++) {
		if (model_random(rng, 2)) {
			view_apply(view, &model->pending[i]);
		}
	}
	uint64_t content = *rng;
	for (unsigned int i = 0; i < view->count; i++) {
		const struct model_file *file = &model->files[view->entries[i].file];
		/* One file under several names is the same under all. */
		uint64_t own = content + view->entries[i].file * 0x9e3779b97f4a7c15ull + 1;
		assert_true(file->len <= sizeof(bytes));
		size_t len = killed ? file->len : torn(file, bytes, &own);
		write_entry(root, &view->entries[i], killed ? file->bytes : bytes, len);
	}
	free(view);
}

static inline void model_free(struct model *model)
{
	for (unsigned int i = 0; i < MODEL_FILES; i++) {
		free(model->files[i].bytes);
	}
	free(model);
}

#endif
