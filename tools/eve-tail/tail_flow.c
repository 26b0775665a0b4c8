/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tail_private.h"

enum { CONNECTIONS_MAX = 64, BACKLOG = 16 };

#define SOCKET_PREFIX "unix:"

/* --- the socket -------------------------------------------------------------------- */

static int fill_address(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (*path == '\0' || strlen(path) >= sizeof(address->sun_path)) {
		return -ENAMETOOLONG;
	}
	strcpy(address->sun_path, path);
	return 0;
}

/* A socket file that nobody listens on is what a killed process left. */
static int remove_stale(const struct sockaddr_un *address)
{
	struct stat st;

	if (lstat(address->sun_path, &st) < 0) {
		return errno == ENOENT ? 0 : -errno;
	}
	if (!S_ISSOCK(st.st_mode)) {
		return -EEXIST;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return -errno;
	}
	int result = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	int err = result < 0 ? -errno : 0;
	close(fd);
	if (err != -ECONNREFUSED) {
		return -EADDRINUSE;
	}
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int bind_socket(int fd, const struct sockaddr_un *address)
{
	mode_t before = umask(0117); /* 0660 from the start */
	int result = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	int err = result < 0 ? -errno : 0;

	umask(before);
	return err < 0 ? err : listen(fd, BACKLOG) < 0 ? -errno : 0;
}

int flow_listen(struct place *p)
{
	struct sockaddr_un address;
	int err = fill_address(&address, p->path + strlen(SOCKET_PREFIX));

	if (err == 0) {
		err = remove_stale(&address);
	}
	if (err == 0) {
		p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		err = p->fd < 0 ? -errno : bind_socket(p->fd, &address);
	}
	if (err < 0) {
		tl_log_err("cannot listen on %s as uid %u: %s", p->path, geteuid(), strerror(-err));
	}
	/* Of the name: no other try will help. */
	return err == -ENAMETOOLONG || err == -EEXIST ? -EINVAL : err;
}

void flow_close(struct place *p)
{
	if (p->fd < 0) {
		return;
	}
	close(p->fd);
	p->fd = -1;
	unlink(p->path + strlen(SOCKET_PREFIX));
}

/* --- opening ------------------------------------------------------------------------- */

/* Takes `fd` over. 0 or -ENOMEM. */
static int add_flow(struct tail *t, struct place *p, int fd, bool borrowed)
{
	struct file *f = file_create(t, p->path);

	if (!f) {
		if (!borrowed) {
			close(fd);
		}
		return -ENOMEM;
	}
	f->flow = p;
	f->source.fd = fd;
	f->source.flow = true;
	f->source.borrowed = borrowed;
	f->started = true;
	p->begun = true;
	t->counts.files++;
	t->counts.open++;
	int err = file_renew(f);
	memcpy(f->pub.stream, f->rec.stream, sizeof(f->pub.stream));
	f->unsaved = false;
	return err;
}

static int open_fifo(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0 && (fstat(fd, &st) < 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

/* The new one is open before the old one is closed: a writer never finds nobody. */
bool flow_reopen(struct file *f)
{
	int fd = open_fifo(f->flow->path);

	if (fd < 0) {
		return false;
	}
	close(f->source.fd);
	f->source.fd = fd;
	return true;
}

static size_t connections(const struct tail *t)
{
	size_t count = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct file *f = t->files[i];
		count += f->flow && f->flow->kind == PLACE_SOCKET && !f->ended;
	}
	return count;
}

/* Beyond the limit they wait in the queue of the socket. */
static int accept_all(struct tail *t, struct place *p)
{
	int err = 0;

	while (err == 0 && connections(t) < CONNECTIONS_MAX) {
		int fd = accept4(p->fd, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			break;
		}
		err = add_flow(t, p, fd, false);
	}
	return err;
}

static int begin_fifo(struct tail *t, struct place *p)
{
	int fd = open_fifo(p->path);
	uint64_t held_back;

	if (fd < 0) {
		if (tl_log_allowed(&t->read_limit, &held_back)) {
			tl_log_err("%s: cannot be read: %s", p->path, strerror(errno));
		}
		return 0;
	}
	return add_flow(t, p, fd, false);
}

int flow_look(struct tail *t)
{
	int err = 0;

	for (unsigned int i = 0; err == 0 && i < t->config.place_count; i++) {
		struct place *p = &t->places[i];
		if (p->kind == PLACE_SOCKET) {
			err = accept_all(t, p);
		} else if (p->kind == PLACE_FIFO && !p->begun) {
			err = begin_fifo(t, p);
		} else if (p->kind == PLACE_STDIN && !p->begun) {
			err = add_flow(t, p, STDIN_FILENO, true);
		}
	}
	return err;
}

bool flow_all_over(const struct tail *t)
{
	for (unsigned int i = 0; i < t->config.place_count; i++) {
		const struct place *p = &t->places[i];
		bool file = p->kind == PLACE_FILE || p->kind == PLACE_PATTERN;
		if (!file && (!p->begun || (p->kind != PLACE_STDIN && !t->config.once))) {
			return false;
		}
	}
	for (size_t i = 0; i < t->count; i++) {
		if (t->files[i]->flow && !t->files[i]->ended) {
			return false;
		}
	}
	return true;
}
