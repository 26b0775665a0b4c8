/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint.h"
#include "file.h"
#include "log.h"

/* The folder stays open: the path may mean nothing after privileges are dropped. */
struct checkpoint {
	int folder_fd;
	int lock_fd;
	char *path; /* as given, for what is said */
	char name[NAME_MAX + 1];
	char tmp[NAME_MAX + 1];
	char bad[NAME_MAX + 1];
	char lock[NAME_MAX + 1];
};

static int set_names(struct checkpoint *c, const char *path)
{
	enum { SUFFIX_MAX = 8 };
	char *copy = strdup(path);

	if (!copy) {
		return -ENOMEM;
	}
	const char *name = basename(copy);
	int err = strlen(name) + SUFFIX_MAX > NAME_MAX ? -ENAMETOOLONG : 0;
	if (err == 0) {
		snprintf(c->name, sizeof(c->name), "%s", name);
		snprintf(c->tmp, sizeof(c->tmp), "%.240s.tmp", name);
		snprintf(c->bad, sizeof(c->bad), "%.240s.bad", name);
		snprintf(c->lock, sizeof(c->lock), "%.240s.lock", name);
	}
	free(copy);
	return err;
}

static int open_folder(struct checkpoint *c, const char *path)
{
	char *copy = strdup(path);

	if (!copy) {
		return -ENOMEM;
	}
	c->folder_fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = c->folder_fd < 0 ? -errno : 0;
	free(copy);
	return err;
}

static int take_lock(struct checkpoint *c)
{
	c->lock_fd = openat(c->folder_fd, c->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (c->lock_fd < 0) {
		return -errno;
	}
	if (flock(c->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	}
	return 0;
}

int checkpoint_open(struct checkpoint **out, const char *path)
{
	struct checkpoint *c = calloc(1, sizeof(*c));

	if (!c) {
		return -ENOMEM;
	}
	c->folder_fd = c->lock_fd = -1;
	c->path = strdup(path);
	int err = c->path ? set_names(c, path) : -ENOMEM;
	if (err == 0) {
		err = open_folder(c, path);
	}
	if (err == 0) {
		err = take_lock(c);
	}
	if (err == 0) {
		*out = c;
		return 0;
	}
	if (err == -EBUSY) {
		tl_log_err("checkpoint %s: another process uses it; give each its own", path);
	} else {
		tl_log_err("cannot use checkpoint %s as uid %u: %s", path, geteuid(),
			   strerror(-err));
	}
	checkpoint_close(c);
	return err;
}

void checkpoint_close(struct checkpoint *c)
{
	if (!c) {
		return;
	}
	if (c->lock_fd >= 0) {
		close(c->lock_fd);
	}
	if (c->folder_fd >= 0) {
		close(c->folder_fd);
	}
	free(c->path);
	free(c);
}

/* --- reading --------------------------------------------------------------- */

/* Somebody else's file is not ours to set aside. A crash may leave ours empty, or full of zeros. */
static bool may_be_ours(int fd, const struct stat *st)
{
	static const char ours[] = "tapline-";
	char start[sizeof(ours) - 1];

	if (!S_ISREG(st->st_mode)) {
		return false;
	}
	ssize_t got = pread(fd, start, sizeof(start), 0);
	return got <= 0 || start[0] == '\0' || memcmp(start, ours, (size_t)got) == 0;
}

static int read_book(int fd, struct book *book)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		return -errno;
	}
	if (!may_be_ours(fd, &st)) {
		return -EINVAL;
	}
	if (st.st_size <= 0 || st.st_size > CHECKPOINT_BYTES_MAX) {
		return -EBADMSG;
	}
	char *text = malloc((size_t)st.st_size);
	int err = text ? tl_file_read_exactly(fd, text, (size_t)st.st_size) : -ENOMEM;
	if (err == 0) {
		err = checkpoint_parse(text, (size_t)st.st_size, book);
	}
	free(text);
	return err;
}

static int set_aside(struct checkpoint *c)
{
	if (renameat(c->folder_fd, c->name, c->folder_fd, c->bad) < 0) {
		return -errno;
	}
	tl_log_warn("checkpoint %s is damaged: set aside as %s, and files are followed as on a "
		    "first start",
		    c->path, c->bad);
	return 0;
}

int checkpoint_read(struct checkpoint *c, struct book *book)
{
	int fd = openat(c->folder_fd, c->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int err = fd < 0 ? -errno : read_book(fd, book);

	if (fd >= 0) {
		close(fd);
	}
	if (err == -EBADMSG) {
		err = set_aside(c);
		if (err == 0) {
			return 0;
		}
	}
	if (err < 0 && err != -ENOENT) {
		tl_log_err("cannot read checkpoint %s: %s", c->path,
			   err == -EINVAL ? "it is something else" : strerror(-err));
		return err;
	}
	return err == 0 ? 1 : 0;
}

/* --- writing --------------------------------------------------------------- */

int checkpoint_write(struct checkpoint *c, const struct tl_textbuf *text)
{
	int fd = openat(c->folder_fd, c->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			0640);
	uint64_t at = 0;

	if (fd < 0) {
		return -errno;
	}
	int err = tl_file_write(fd, text->data, text->len, &at);
	if (err == 0 && fdatasync(fd) < 0) {
		err = -errno;
	}
	close(fd);
	if (err == 0 && (renameat(c->folder_fd, c->tmp, c->folder_fd, c->name) < 0 ||
			 fsync(c->folder_fd) < 0)) {
		err = -errno;
	}
	return err;
}
