/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int error_of(int result)
{
	return result < 0 ? -errno : 0;
}

static int system_create(const struct spool_io *io, int folder, const char *name)
{
	(void)io;
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	return fd < 0 ? -errno : fd;
}

static void step_over(struct iovec **part, int *count, size_t len)
{
	while (*count > 0 && len >= (*part)->iov_len) {
		len -= (*part)->iov_len;
		(*part)++;
		(*count)--;
	}
	if (*count > 0) {
		(*part)->iov_base = (uint8_t *)(*part)->iov_base + len;
		(*part)->iov_len -= len;
	}
}

static int system_write(const struct spool_io *io, int fd, struct iovec *parts, int count)
{
	(void)io;
	while (count > 0) {
		ssize_t wrote = writev(fd, parts, count);
		if (wrote < 0 && errno != EINTR) {
			return -errno;
		}
		step_over(&parts, &count, wrote > 0 ? (size_t)wrote : 0);
	}
	return 0;
}

static int system_sync_file(const struct spool_io *io, int fd)
{
	(void)io;
	return error_of(fdatasync(fd));
}

static int system_close(const struct spool_io *io, int fd)
{
	(void)io;
	return error_of(close(fd));
}

static int system_link(const struct spool_io *io, int from, const char *name, int to,
		       const char *new_name)
{
	(void)io;
	return error_of(linkat(from, name, to, new_name, 0));
}

static int system_rename(const struct spool_io *io, int from, const char *name, int to,
			 const char *new_name)
{
	(void)io;
	return error_of(renameat(from, name, to, new_name));
}

static int system_unlink(const struct spool_io *io, int folder, const char *name)
{
	(void)io;
	return error_of(unlinkat(folder, name, 0));
}

static int system_sync_folder(const struct spool_io *io, int folder)
{
	(void)io;
	return error_of(fsync(folder));
}

static int system_sync_all(const struct spool_io *io, int folder)
{
	(void)io;
	return error_of(syncfs(folder));
}

static int system_space(const struct spool_io *io, int folder, uint64_t *free_bytes)
{
	struct statvfs fs;

	(void)io;
	if (fstatvfs(folder, &fs) < 0) {
		return -errno;
	}
	*free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

static int system_boot(const struct spool_io *io, char id[SPOOL_BOOT_LEN])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	(void)io;
	if (fd < 0) {
		return -errno;
	}
	ssize_t len = read(fd, id, SPOOL_BOOT_LEN - 1);
	close(fd);
	if (len <= 0) {
		return -EIO;
	}
	id[len] = 0;
	id[strcspn(id, "\n")] = 0;
	return 0;
}

const struct spool_io spool_io_system = {
	.create = system_create,
	.write = system_write,
	.sync_file = system_sync_file,
	.close = system_close,
	.link = system_link,
	.rename = system_rename,
	.unlink = system_unlink,
	.sync_folder = system_sync_folder,
	.sync_all = system_sync_all,
	.space = system_space,
	.boot = system_boot,
};
