/* SPDX-License-Identifier: BSD-2-Clause */
/* Files and pipes: batches end to end, split by their `size`. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "hop_private.h"
#include "log.h"
#include "pipe.h"
#include "service.h"
#include "wire.h"

enum { BUFFER = 2 * TL_WIRE_MAX_BATCH };

struct file_in {
	struct tl_hop_in in;
	int fd;
	bool pollable; /* pipes, sockets, terminals; files are always ready */
	bool at_end;
	uint8_t *buffer;
	size_t start; /* of what is not yet consumed */
	size_t end;
};

struct file_out {
	struct tl_hop_out out;
	int fd;
	bool pollable;
	size_t done; /* bytes written of the message that is being sent */
};

#define SILENCE_NS TL_SECOND_NS /* after which a stopping consumer no longer waits for the end */

static int wait_readable(const struct file_in *f, uint64_t deadline_ns)
{
	if (!f->pollable) {
		return tl_hop_stop_waiting(0, 0) ? -EINTR : 1;
	}
	return tl_hop_wait_readable(f->fd, f->in.last_input_ns, SILENCE_NS, deadline_ns);
}

static int fill(struct file_in *f, uint64_t deadline_ns)
{
	int ready = wait_readable(f, deadline_ns);

	if (ready < 0) {
		return ready;
	}
	if (f->start > BUFFER / 2) {
		memmove(f->buffer, f->buffer + f->start, f->end - f->start);
		f->end -= f->start;
		f->start = 0;
	}
	ssize_t got = read(f->fd, f->buffer + f->end, BUFFER - f->end);
	if (got < 0) {
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	}
	f->at_end = got == 0;
	f->end += (size_t)got;
	return 0;
}

/* No batch starts here: on to the next byte where one may. */
static void skip(struct file_in *f)
{
	size_t at = f->start + 1;

	while (at < f->end) {
		int size = tl_wire_peek(f->buffer + at, f->end - at);
		if (size > 0 || size == -EAGAIN) {
			break;
		}
		at++;
	}
	f->in.counts.skipped_bytes += at - f->start;
	f->start = at;
}

static int take(struct file_in *f, size_t size, struct tl_msg **out)
{
	struct tl_msg *msg = tl_msg_new(size);

	if (!msg) {
		return -ENOMEM;
	}
	memcpy(msg->memory, f->buffer + f->start, size);
	msg->data = msg->memory;
	msg->len = size;
	f->start += size;
	*out = msg;
	return 1;
}

static int file_recv(struct tl_hop_in *in, struct tl_msg **msg, uint64_t timeout_ns)
{
	struct file_in *f = (struct file_in *)in;
	uint64_t deadline = tl_clock_deadline_ns(timeout_ns);

	for (;;) {
		size_t have = f->end - f->start;
		int size = have ? tl_wire_peek(f->buffer + f->start, have) : -EAGAIN;
		if (size > 0 && (size_t)size <= have) {
			return take(f, (size_t)size, msg);
		}
		if (have == 0 && f->at_end) {
			return 0;
		}
		/* What is cut short at the end may hold whole batches: a file gone on with after a
		 * kill. */
		if (f->at_end || (size < 0 && size != -EAGAIN)) {
			f->in.counts.truncated_batches += size > 0;
			skip(f);
			continue;
		}
		int err = fill(f, deadline);
		if (err < 0) {
			return err;
		}
	}
}

static void file_close_in(struct tl_hop_in *in)
{
	struct file_in *f = (struct file_in *)in;

	if (f->fd > STDERR_FILENO) {
		close(f->fd);
	}
	free(f->buffer);
	free(f);
}

static int file_fd(const struct tl_hop_in *in)
{
	return ((const struct file_in *)in)->fd;
}

static const struct tl_hop_in_ops in_ops = {
	.recv = file_recv, .close = file_close_in, .fd = file_fd};

int tl_hop_file_open_in(struct tl_hop_in **out, const char *path)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		int err = -errno;
		tl_log_err("cannot open %s: %s", path, strerror(errno));
		return err;
	}
	if (S_ISDIR(st.st_mode)) {
		tl_log_err("cannot read %s: it is a folder", path);
		close(fd);
		return -EISDIR;
	}
	struct file_in *f = calloc(1, sizeof(*f));
	uint8_t *buffer = malloc(BUFFER);
	if (!f || !buffer) {
		free(f);
		free(buffer);
		return -ENOMEM;
	}
	*f = (struct file_in){
		.in.ops = &in_ops, .fd = fd, .pollable = !S_ISREG(st.st_mode), .buffer = buffer};
	*out = &f->in;
	return 0;
}

/* --- out ------------------------------------------------------------------ */

/* A batch that was begun when the time ran out is gone on with by the next call. */
static int file_send(struct tl_hop_out *out, struct tl_msg *msg, uint64_t timeout_ns)
{
	struct file_out *f = (struct file_out *)out;
	uint64_t deadline = tl_clock_deadline_ns(timeout_ns);

	while (f->done < msg->len) {
		size_t left = msg->len - f->done;
		ssize_t wrote = tl_pipe_write(f->fd, msg->data + f->done, left,
					      f->pollable ? TL_PIPE_PORTION : left, deadline);
		if (wrote == 0 && tl_clock_mono_ns() >= deadline) {
			return -ETIMEDOUT;
		}
		if (wrote < 0) {
			return (int)wrote;
		}
		f->done += (size_t)wrote;
	}
	f->done = 0;
	tl_msg_free(msg);
	return 0;
}

static int file_sync(struct tl_hop_out *out)
{
	struct file_out *f = (struct file_out *)out;

	return f->pollable || fdatasync(f->fd) == 0 ? 0 : -errno;
}

static void file_close_out(struct tl_hop_out *out)
{
	struct file_out *f = (struct file_out *)out;

	if (f->fd > STDERR_FILENO) {
		close(f->fd);
	}
	free(f);
}

static const struct tl_hop_out_ops out_ops = {
	.send = file_send, .sync = file_sync, .close = file_close_out};

/* A descriptor is not opened once more: its file may be out of reach by now. */
static int open_place(const char *path)
{
	uint64_t fd;

	if (strcmp(path, "-") == 0) {
		return STDOUT_FILENO;
	}
	if (strncmp(path, "/dev/fd/", 8) == 0 && tl_opt_parse_number(path + 8, &fd) == 0 &&
	    fd <= INT32_MAX) {
		return fcntl((int)fd, F_GETFD) < 0 ? -1 : (int)fd;
	}
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
}

int tl_hop_file_open_out(struct tl_hop_out **out, const char *path)
{
	int fd = open_place(path);

	if (fd < 0) {
		int err = -errno;
		tl_log_err("cannot write %s: %s", path, strerror(errno));
		return err;
	}
	struct file_out *f = calloc(1, sizeof(*f));
	if (!f) {
		return -ENOMEM;
	}
	*f = (struct file_out){.out.ops = &out_ops, .fd = fd, .pollable = tl_pipe_prepare(fd)};
	*out = &f->out;
	return 0;
}
