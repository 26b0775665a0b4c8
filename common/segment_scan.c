/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading segment files back: which there are, and what is whole in them. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "file.h"
#include "segment_private.h"

enum {
	READ_BYTES = 128 << 10,
	WINDOW_LOG_MAX = 23, /* of a frame; ours need 21 */
};

/* --- names ---------------------------------------------------------------- */

/* What follows the stamp and the count is *rest. */
static bool is_ours(const char *name, const char **rest)
{
	static const char pattern[] = "ddddddddTdddddd.dddddddddZ-dddddd";

	for (const char *p = pattern; *p; p++, name++) {
		bool fits = *p == 'd' ? *name >= '0' && *name <= '9' : *name == *p;
		if (!fits) {
			return false;
		}
	}
	*rest = name;
	return true;
}

static bool is_wanted(const char *name, const char *after, bool open)
{
	const char *rest;

	if (!is_ours(name, &rest) || strncmp(rest, ".tap", 4) != 0) {
		return false;
	}
	rest += 4;
	if (strncmp(rest, ".zst", 4) == 0) {
		rest += 4;
	}
	return strcmp(rest, open ? TL_SEGMENT_OPEN : "") == 0 && strcmp(name, after) > 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void tl_segment_free_list(char **names, int count)
{
	for (int i = 0; i < count; i++) {
		free(names[i]);
	}
	free(names);
}

static int add_name(char ***names, int count, const char *name)
{
	/* Doubles at each power of two. */
	if ((count & (count - 1)) == 0) {
		char **more = realloc(*names, (count ? 2 * (size_t)count : 1) * sizeof(*more));
		if (!more) {
			return -ENOMEM;
		}
		*names = more;
	}
	(*names)[count] = strdup(name);
	return (*names)[count] ? 0 : -ENOMEM;
}

int tl_segment_list_kind(int folder_fd, const char *after, bool open, char ***names)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : 0;
	char **found = 0;
	int count = 0;
	int err = 0;

	if (!dir) {
		err = -errno;
		if (fd >= 0) {
			close(fd);
		}
		return err;
	}
	for (struct dirent *entry; err == 0 && (entry = readdir(dir));) {
		if (is_wanted(entry->d_name, after, open)) {
			err = add_name(&found, count, entry->d_name);
			count += err == 0;
		}
	}
	closedir(dir);
	if (err < 0) {
		tl_segment_free_list(found, count);
		return err;
	}
	if (count > 0) {
		qsort(found, (size_t)count, sizeof(*found), by_name);
	}
	*names = found;
	return count;
}

int tl_segment_list(int folder_fd, const char *after, char ***names)
{
	return tl_segment_list_kind(folder_fd, after, false, names);
}

/* --- what is in a file ---------------------------------------------------- */

struct scan {
	int fd;
	struct tl_wire_reader *reader;
	tl_segment_each *each;
	void *context;
	uint8_t *held; /* plain bytes that are not a whole batch yet */
	size_t held_len;
	uint64_t whole;
};

enum { HELD_MAX = TL_WIRE_MAX_BATCH + READ_BYTES };

/* Hands out the whole batches that are held. 0 or why not. */
static int take_batches(struct scan *s)
{
	size_t at = 0;
	int err = 0;

	while (at < s->held_len) {
		struct tl_batch batch;
		int size = tl_wire_peek(s->held + at, s->held_len - at);
		if (size == -EAGAIN || (size > 0 && (size_t)size > s->held_len - at)) {
			break;
		}
		err = size < 0 ? -EBADMSG
			       : tl_wire_read(s->reader, s->held + at, (size_t)size, &batch, 0);
		if (err < 0) {
			err = -EBADMSG;
			break;
		}
		at += (size_t)size;
		err = s->each ? s->each(s->context, &batch) : 0;
		if (err < 0) {
			break;
		}
	}
	memmove(s->held, s->held + at, s->held_len - at);
	s->held_len -= at;
	return err;
}

static int scan_plain(struct scan *s)
{
	uint64_t total = 0;
	ssize_t got;
	int err = 0;

	while (err == 0 && (got = tl_file_read(s->fd, s->held + s->held_len, READ_BYTES)) != 0) {
		if (got < 0) {
			return (int)got;
		}
		total += (uint64_t)got;
		s->held_len += (size_t)got;
		err = take_batches(s);
		s->whole = total - s->held_len;
	}
	return err < 0 ? err : s->held_len > 0 ? -EBADMSG : 0;
}

/* Decompresses what was read; `before` is the length of the file that lies before `in`. */
static int inflate(struct scan *s, ZSTD_DCtx *zstd, ZSTD_inBuffer *in, uint64_t before,
		   bool *between)
{
	for (;;) {
		ZSTD_outBuffer out = {s->held + s->held_len, READ_BYTES, 0};
		size_t left = ZSTD_decompressStream(zstd, &out, in);
		if (ZSTD_isError(left)) {
			return -EBADMSG;
		}
		s->held_len += out.pos;
		int err = take_batches(s);
		if (err < 0) {
			return err;
		}
		*between = left == 0;
		if (*between && s->held_len == 0) {
			s->whole = before + in->pos;
		}
		if (in->pos == in->size && (*between || out.pos < out.size)) {
			return 0;
		}
	}
}

static int scan_frames(struct scan *s, ZSTD_DCtx *zstd, uint8_t *bytes)
{
	uint64_t total = 0;
	bool between = true;
	ssize_t got;

	ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	while ((got = tl_file_read(s->fd, bytes, READ_BYTES)) != 0) {
		if (got < 0) {
			return (int)got;
		}
		ZSTD_inBuffer in = {bytes, (size_t)got, 0};
		int err = inflate(s, zstd, &in, total, &between);
		if (err < 0) {
			return err;
		}
		total += (uint64_t)got;
	}
	return between && s->held_len == 0 ? 0 : -EBADMSG;
}

static int scan_zstd(struct scan *s)
{
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	uint8_t *bytes = malloc(READ_BYTES);
	int err = zstd && bytes ? scan_frames(s, zstd, bytes) : -ENOMEM;

	free(bytes);
	ZSTD_freeDCtx(zstd);
	return err;
}

static int open_regular(int folder_fd, const char *name)
{
	struct stat st;
	/* Not blocking: a fifo of that name is no file, and nothing to wait for. */
	int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		return -errno;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

int tl_segment_scan(int folder_fd, const char *name, tl_segment_each *each, void *context,
		    uint64_t *whole_bytes)
{
	struct scan s = {.each = each, .context = context};

	s.fd = open_regular(folder_fd, name);
	if (s.fd < 0) {
		return s.fd;
	}
	s.held = malloc(HELD_MAX);
	int err = s.held && tl_wire_reader_create(&s.reader) == 0 ? 0 : -ENOMEM;
	if (err == 0) {
		err = strstr(name, ".tap.zst") ? scan_zstd(&s) : scan_plain(&s);
	}
	if (whole_bytes) {
		*whole_bytes = s.whole;
	}
	tl_wire_reader_destroy(s.reader);
	free(s.held);
	close(s.fd);
	return err;
}
