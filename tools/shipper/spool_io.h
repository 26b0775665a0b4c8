/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the spool does to the disk, as a table, so that tests can record it, lose
 * it and refuse it. Folders are descriptors. All return 0 or -errno unless
 * said; nothing logs. Thread-safe.
 */
#ifndef SHIPPER_SPOOL_IO_H
#define SHIPPER_SPOOL_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum { SPOOL_BOOT_LEN = 40 };

struct spool_io {
	/* A new file, 0640: its descriptor; -EEXIST. */
	int (*create)(const struct spool_io *io, int folder, const char *name);
	/* All of it. `parts` is used up. */
	int (*write)(const struct spool_io *io, int fd, struct iovec *parts, int count);
	int (*sync_file)(const struct spool_io *io, int fd);
	int (*close)(const struct spool_io *io, int fd);
	int (*link)(const struct spool_io *io, int from, const char *name, int to,
		    const char *new_name);
	int (*rename)(const struct spool_io *io, int from, const char *name, int to,
		      const char *new_name);
	int (*unlink)(const struct spool_io *io, int folder, const char *name);
	int (*sync_folder)(const struct spool_io *io, int folder);
	/* All of the file system. */
	int (*sync_all)(const struct spool_io *io, int folder);
	/* Bytes that are free for us. */
	int (*space)(const struct spool_io *io, int folder, uint64_t *free_bytes);
	/* What changes whenever the machine starts. */
	int (*boot)(const struct spool_io *io, char id[SPOOL_BOOT_LEN]);
};

extern const struct spool_io spool_io_system;

#endif
