/* SPDX-License-Identifier: BSD-2-Clause */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "log.h"
#include "service.h"

enum { CHUNK = 128 << 10, IDLE_MS = 10 };

enum wrapping { PLAIN, GZIP, ZSTD };

struct tl_source {
	int fd;
	bool live;
	bool at_end; /* of the descriptor */
	enum wrapping wrapping;
	tl_source_idle *idle;
	void *idle_ctx;
	z_stream gzip;
	bool gzip_open; /* inside a member */
	ZSTD_DStream *zstd;
	size_t zstd_left; /* 0 between frames */
	size_t start;	  /* of what is not yet consumed in `raw` */
	size_t end;
	uint8_t raw[CHUNK];
};

static int wait_live(struct tl_source *s)
{
	struct pollfd fds[] = {
		{.fd = s->fd, .events = POLLIN},
		{.fd = tl_service_fd(), .events = POLLIN},
	};

	for (;;) {
		int ready = poll(fds, 2, IDLE_MS);
		if (ready < 0 && errno != EINTR) {
			return -errno;
		}
		if (tl_service_stopping()) {
			return -EINTR;
		}
		if (ready > 0 && fds[0].revents) {
			return 0;
		}
		tl_service_clear();
		if (s->idle) {
			s->idle(s->idle_ctx);
		}
	}
}

/* More raw bytes: 1, 0 at the end, -errno. */
static int refill(struct tl_source *s)
{
	if (s->start > 0) {
		memmove(s->raw, s->raw + s->start, s->end - s->start);
		s->end -= s->start;
		s->start = 0;
	}
	while (!s->at_end && s->end < CHUNK) {
		int err = s->live ? wait_live(s) : 0;
		if (err < 0) {
			return err;
		}
		ssize_t got = read(s->fd, s->raw + s->end, CHUNK - s->end);
		if (got < 0 && errno != EINTR && errno != EAGAIN) {
			return -errno;
		}
		s->at_end = got == 0;
		if (got > 0) {
			s->end += (size_t)got;
			return 1;
		}
	}
	return 0;
}

static int detect(struct tl_source *s)
{
	while (s->end < 4) {
		int got = refill(s);
		if (got <= 0) {
			return got;
		}
	}
	if (s->raw[0] == 0x1f && s->raw[1] == 0x8b) {
		s->wrapping = GZIP;
		/* 16: gzip only. */
		return inflateInit2(&s->gzip, 16 + MAX_WBITS) == Z_OK ? 0 : -ENOMEM;
	}
	if (memcmp(s->raw, "\x28\xb5\x2f\xfd", 4) == 0) {
		s->wrapping = ZSTD;
		s->zstd = ZSTD_createDStream();
		/* A frame may ask for a window of 2 GiB; zstd's own default limit is 128 MiB. */
		return s->zstd ? 0 : -ENOMEM;
	}
	return 0;
}

int tl_source_open(struct tl_source **out, const char *path, tl_source_idle *idle, void *ctx)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode)) {
		int err = fd < 0 ? -errno : -EISDIR;
		tl_log_err("cannot read %s: %s", path, strerror(-err));
		return err;
	}
	struct tl_source *s = calloc(1, sizeof(*s));
	if (!s) {
		return -ENOMEM;
	}
	s->fd = fd;
	s->live = !S_ISREG(st.st_mode);
	s->idle = idle;
	s->idle_ctx = ctx;
	int err = detect(s);
	if (err < 0) {
		if (err != -EINTR) {
			tl_log_err("cannot read %s: %s", path, strerror(-err));
		}
		tl_source_close(s);
		return err;
	}
	*out = s;
	return 0;
}

void tl_source_close(struct tl_source *s)
{
	if (!s) {
		return;
	}
	if (s->wrapping == GZIP) {
		inflateEnd(&s->gzip);
	}
	ZSTD_freeDStream(s->zstd);
	if (s->fd > STDERR_FILENO) {
		close(s->fd);
	}
	free(s);
}

int tl_source_is_live(const struct tl_source *s)
{
	return s->live;
}

static ssize_t read_plain(struct tl_source *s, uint8_t *to, size_t len)
{
	if (s->start == s->end && len >= CHUNK && !s->live) {
		ssize_t got = read(s->fd, to, len);
		return got < 0 ? -errno : got;
	}
	if (s->start == s->end) {
		int got = refill(s);
		if (got <= 0) {
			return got;
		}
	}
	size_t have = s->end - s->start < len ? s->end - s->start : len;
	memcpy(to, s->raw + s->start, have);
	s->start += have;
	return (ssize_t)have;
}

/* Decompresses what is there: bytes made, or -EBADMSG. Members and frames may follow each other. */
static ssize_t inflate_some(struct tl_source *s, uint8_t *to, size_t len)
{
	z_stream *z = &s->gzip;

	z->next_in = s->raw + s->start;
	z->avail_in = (unsigned int)(s->end - s->start);
	z->next_out = to;
	z->avail_out = (unsigned int)(len > INT32_MAX ? INT32_MAX : len);
	unsigned int room = z->avail_out;
	s->gzip_open = s->gzip_open || z->avail_in > 0;
	int result = inflate(z, Z_NO_FLUSH);
	s->start = s->end - z->avail_in;
	if (result == Z_STREAM_END) {
		s->gzip_open = false;
		inflateReset(z);
	} else if (result != Z_OK && result != Z_BUF_ERROR) {
		return -EBADMSG;
	}
	return room - z->avail_out;
}

static ssize_t unzstd_some(struct tl_source *s, uint8_t *to, size_t len)
{
	ZSTD_inBuffer in = {s->raw + s->start, s->end - s->start, 0};
	ZSTD_outBuffer out = {to, len, 0};

	if (in.size == 0 && s->zstd_left == 0) {
		return 0;
	}
	size_t left = ZSTD_decompressStream(s->zstd, &out, &in);
	s->start += in.pos;
	if (ZSTD_isError(left)) {
		return -EBADMSG;
	}
	s->zstd_left = left;
	return (ssize_t)out.pos;
}

static bool is_inside(const struct tl_source *s)
{
	return s->wrapping == GZIP ? s->gzip_open : s->zstd_left != 0;
}

ssize_t tl_source_read(struct tl_source *s, uint8_t *to, size_t len)
{
	if (s->wrapping == PLAIN) {
		return read_plain(s, to, len);
	}
	for (;;) {
		ssize_t got =
			s->wrapping == GZIP ? inflate_some(s, to, len) : unzstd_some(s, to, len);
		if (got != 0) {
			return got;
		}
		if (s->start < s->end && !s->at_end && s->end < CHUNK) {
			continue;
		}
		int more = refill(s);
		if (more < 0) {
			return more;
		}
		if (more == 0 && s->start == s->end) {
			return is_inside(s) ? -EBADMSG : 0;
		}
	}
}
