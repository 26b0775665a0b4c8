/* SPDX-License-Identifier: BSD-2-Clause */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "inflate.h"

void source_init(struct source *source)
{
	*source = (struct source){.fd = -1};
}

/* O_NONBLOCK: what was a file may have become a FIFO since it was looked at. */
int source_open(struct source *source, const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int err = fd < 0 ? -errno : 0;

	source_init(source);
	if (err == 0 && fstat(fd, st) < 0) {
		err = -errno;
	} else if (err == 0 && !S_ISREG(st->st_mode)) {
		err = -EINVAL;
	} else if (err == 0 && inflate_knows(fd)) {
		err = inflate_create(&source->inflate, fd);
	}
	if (err < 0 && fd >= 0) {
		close(fd);
	}
	if (err == 0) {
		source->fd = fd;
	}
	return err;
}

void source_close(struct source *source)
{
	inflate_destroy(source->inflate);
	if (source->fd >= 0 && !source->borrowed) {
		close(source->fd);
	}
	source_init(source);
}

/* --- by position ------------------------------------------------------------ */

static ssize_t read_plain(int fd, uint8_t *bytes, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = pread(fd, bytes + done, len - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0) {
			return -errno;
		}
		if (got == 0) {
			break;
		}
		done += (size_t)got;
	}
	return (ssize_t)done;
}

static ssize_t inflate_on(struct source *source, void *bytes, size_t len)
{
	ssize_t got = inflate_read(source->inflate, bytes, len);

	source->at += got > 0 ? (uint64_t)got : 0;
	return got;
}

/* 1; 0 it ends before `offset`; -errno. */
static int inflate_to(struct source *source, uint64_t offset)
{
	uint8_t scratch[32 << 10];

	if (offset < source->at) {
		inflate_rewind(source->inflate);
		source->at = 0;
	}
	while (source->at < offset) {
		uint64_t left = offset - source->at;
		ssize_t got = inflate_on(source, scratch,
					 left < sizeof(scratch) ? left : sizeof(scratch));
		if (got <= 0) {
			return (int)got;
		}
	}
	return 1;
}

ssize_t source_read_at(struct source *source, void *bytes, size_t len, uint64_t offset)
{
	if (!source->inflate) {
		return read_plain(source->fd, bytes, len, offset);
	}
	int there = inflate_to(source, offset);
	if (there <= 0) {
		return there;
	}
	size_t done = 0;
	while (done < len) {
		ssize_t got = inflate_on(source, (uint8_t *)bytes + done, len - done);
		if (got < 0) {
			return got;
		}
		if (got == 0) {
			break;
		}
		done += (size_t)got;
	}
	return (ssize_t)done;
}

uint64_t source_skip_hole(const struct source *source, uint64_t offset)
{
	off_t data = source->inflate ? -1 : lseek(source->fd, (off_t)offset, SEEK_DATA);

	return data > (off_t)offset ? (uint64_t)data : offset;
}

/* --- line by line ----------------------------------------------------------- */

int source_start(struct source *source, struct lines *lines, uint64_t offset)
{
	uint8_t before[MARK_MAX];
	size_t len = mark_len(offset);
	ssize_t got = source_read_at(source, before, len, offset - len);

	if (got < 0) {
		return (int)got;
	}
	return (size_t)got < len ? -ENODATA : lines_start(lines, offset, before);
}

/*
 * The bytes before the position are read again with those behind it: if they are others now, the
 * file was truncated and has grown since, which its size would not tell.
 */
static ssize_t fill_plain(struct source *source, struct lines *lines, uint8_t *at, size_t room)
{
	uint8_t before[MARK_MAX];
	size_t len = mark_len(lines->offset);
	ssize_t got;

	memcpy(before, at - len, len);
	do {
		got = pread(source->fd, at - len, len + room, (off_t)(lines->offset - len));
	} while (got < 0 && errno == EINTR);
	int err = got < 0 ? -errno : 0;
	if (err == 0 && ((size_t)got < len || memcmp(before, at - len, len) != 0)) {
		err = -ESTALE;
	}
	if (err < 0) {
		memcpy(at - len, before, len);
		return err;
	}
	return got - (ssize_t)len;
}

/* Standard input may be blocking, and is not ours to change. */
static ssize_t fill_flow(const struct source *source, uint8_t *at, size_t room)
{
	struct pollfd pfd = {.fd = source->fd, .events = POLLIN};

	if (poll(&pfd, 1, 0) <= 0) {
		return -EAGAIN;
	}
	ssize_t got = read(source->fd, at, room);
	return got < 0 ? (errno == EINTR ? -EAGAIN : -errno) : got;
}

ssize_t source_fill(struct source *source, struct lines *lines, uint64_t most)
{
	uint8_t *at;
	size_t room;
	int err = lines_room(lines, &at, &room);

	if (err < 0) {
		return err;
	}
	room = room < most ? room : most;
	ssize_t got = source->flow	? fill_flow(source, at, room)
		      : source->inflate ? inflate_on(source, at, room)
					: fill_plain(source, lines, at, room);
	if (got > 0) {
		lines_add(lines, (size_t)got);
	}
	return got;
}
