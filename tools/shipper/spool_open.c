/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening a spool: its folders, its lock, and whether the machine was started anew since. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_private.h"

enum { FOLDER_MODE = 0750 };

static int explain(const struct spool *spool, const char *what, const char *name, int err)
{
	tl_log_err("cannot %s %s/%s: %s", what, spool_path(spool), name, strerror(-err));
	return err;
}

/* --- folders -------------------------------------------------------------- */

static bool is_sink_name(const char *name)
{
	static const char *const ours[] = {"tmp", "bad", "rejected", "lock", "boot"};
	size_t len = strlen(name);

	if (len == 0 || len >= SPOOL_SINK_NAME_MAX || name[0] == '.' || strchr(name, '/') ||
	    (len >= 6 && strcmp(name + len - 6, ".state") == 0)) {
		return false;
	}
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (strcmp(name, ours[i]) == 0) {
			return false;
		}
	}
	return true;
}

static int check_names(const struct store_config *config)
{
	for (unsigned int i = 0; i < config->sink_count; i++) {
		if (!is_sink_name(config->sinks[i])) {
			tl_log_err(
				"'%s' cannot be the name of a sink: up to %d characters, no /, "
				"no leading dot, none of tmp, bad, rejected, lock, boot, *.state",
				config->sinks[i], SPOOL_SINK_NAME_MAX - 1);
			return -EINVAL;
		}
		for (unsigned int k = 0; k < i; k++) {
			if (strcmp(config->sinks[i], config->sinks[k]) == 0) {
				tl_log_err("two sinks are called %s", config->sinks[i]);
				return -EINVAL;
			}
		}
	}
	return 0;
}

static int open_root(struct spool *spool)
{
	const char *path = spool_path(spool);
	bool made = mkdir(path, FOLDER_MODE) == 0;

	if (!made && errno != EEXIST) {
		int err = -errno;
		tl_log_err("cannot make the spool %s: %s", path, strerror(-err));
		return err;
	}
	spool->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool->root < 0) {
		int err = -errno;
		tl_log_err("cannot open the spool %s: %s", path, strerror(-err));
		return err;
	}
	if (made) {
		int parent = openat(spool->root, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (parent >= 0) {
			fsync(parent);
			close(parent);
		}
	}
	return 0;
}

static int take_lock(struct spool *spool)
{
	spool->lock = openat(spool->root, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (spool->lock < 0) {
		return explain(spool, "open", "lock", -errno);
	}
	if (flock(spool->lock, LOCK_EX | LOCK_NB) == 0) {
		return 0;
	}
	if (errno != EWOULDBLOCK) {
		return explain(spool, "lock", "lock", -errno);
	}
	tl_log_err("the spool %s is in use by another shipper: one each", spool_path(spool));
	return -EBUSY;
}

static int open_folder(struct spool *spool, const char *name, int *fd)
{
	if (mkdirat(spool->root, name, FOLDER_MODE) < 0 && errno != EEXIST) {
		return explain(spool, "make", name, -errno);
	}
	*fd = openat(spool->root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *fd < 0 ? explain(spool, "open", name, -errno) : 0;
}

static int open_folders(struct spool *spool)
{
	int err = open_folder(spool, "tmp", &spool->tmp);

	err = err < 0 ? err : open_folder(spool, "bad", &spool->bad);
	err = err < 0 ? err : open_folder(spool, "rejected", &spool->rejected);
	for (unsigned int i = 0; i < spool->store.config.sink_count && err == 0; i++) {
		err = open_folder(spool, spool->store.config.sinks[i], &spool->folders[i]);
	}
	if (err == 0) {
		err = spool->io->sync_folder(spool->io, spool->root);
		err = err < 0 ? explain(spool, "sync", "", err) : 0;
	}
	return err;
}

int spool_find_folders(struct spool *spool)
{
	int err = check_names(&spool->store.config);

	err = err < 0 ? err : open_root(spool);
	err = err < 0 ? err : take_lock(spool);
	return err < 0 ? err : open_folders(spool);
}

/* --- the machine's start --------------------------------------------------- */

static const char *mode_of(enum store_sync sync)
{
	return sync == STORE_SYNC_BATCH	     ? "batch"
	       : sync == STORE_SYNC_INTERVAL ? "interval"
					     : "none";
}

static void read_boot(const struct spool *spool, char line[SPOOL_BOOT_LEN + 16])
{
	int fd = openat(spool->root, "boot", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, line, SPOOL_BOOT_LEN + 15);

	line[len > 0 ? len : 0] = 0;
	if (fd >= 0) {
		close(fd);
	}
}

static int write_boot(struct spool *spool, const char *line)
{
	const struct spool_io *io = spool->io;
	struct iovec part = {.iov_base = (void *)line, .iov_len = strlen(line)};
	int err = spool_create(spool, spool->tmp, "boot", &part, 1, true);

	err = err < 0 ? err : io->rename(io, spool->tmp, "boot", spool->root, "boot");
	err = err < 0 ? err : io->sync_folder(io, spool->root);
	/* On a full disk it stays as it was, and the next start is careful. */
	if (err == -ENOSPC) {
		tl_log_warn("%s: no room for its file boot", spool_path(spool));
		return 0;
	}
	return err < 0 ? explain(spool, "write", "boot", err) : 0;
}

int spool_find_boot(struct spool *spool)
{
	char was[SPOOL_BOOT_LEN + 16];
	char is[SPOOL_BOOT_LEN + 16];
	char id[SPOOL_BOOT_LEN] = "";

	read_boot(spool, was);
	if (spool->io->boot(spool->io, id) < 0) {
		snprintf(id, sizeof(id), "unknown");
	}
	size_t len = strlen(id);
	spool->same_boot =
		strcmp(id, "unknown") != 0 && strncmp(was, id, len) == 0 && was[len] == ' ';
	bool was_synced = strstr(was, " batch\n") != 0;
	spool->unsure = was[0] && !spool->same_boot && !was_synced;
	snprintf(is, sizeof(is), "%s %s\n", id, mode_of(spool->store.config.sync));
	if (strcmp(was, is) == 0) {
		return 0;
	}
	/* From now on what is there counts as synced, if we sync. */
	if (was[0] && !was_synced && spool->io->sync_all(spool->io, spool->root) < 0) {
		tl_log_warn("%s: cannot sync what an earlier run wrote", spool_path(spool));
	}
	return write_boot(spool, is);
}

/* --- opening -------------------------------------------------------------- */

static void forget_descriptors(struct spool *spool)
{
	spool->lock = spool->root = spool->tmp = spool->bad = spool->rejected = -1;
	for (unsigned int i = 0; i < STORE_SINKS_MAX; i++) {
		spool->folders[i] = -1;
	}
}

int spool_open_with(struct store **out, const struct store_config *config,
		    const struct spool_io *io)
{
	struct spool *spool = calloc(1, sizeof(*spool));

	if (!spool) {
		return -ENOMEM;
	}
	spool->io = io;
	forget_descriptors(spool);
	int err = store_init(&spool->store, config, &spool_ops);
	if (err < 0) {
		free(spool);
		return err;
	}
	err = spool_find_folders(spool);
	err = err < 0 ? err : spool_find_boot(spool);
	spool_yard_open(&spool->bad_yard, io, "bad", spool->bad);
	spool_yard_open(&spool->rejected_yard, io, "rejected", spool->rejected);
	err = err < 0 ? err : spool_scan(spool);
	if (err < 0) {
		store_close(&spool->store);
		return err;
	}
	*out = &spool->store;
	return 0;
}
