/* SPDX-License-Identifier: BSD-2-Clause */
#include "segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>
#include <zstd.h>

#include "clock.h"
#include "file.h"
#include "log.h"
#include "segment_private.h"

enum {
	OUT_BYTES = 128 << 10,
	SEQUENCE_MAX = 1000000,
	ZSTD_LEVEL = 3,
};

struct tl_segment {
	char *folder;
	int folder_fd; /* locked as long as it is open */
	uint64_t max_bytes, max_age_ns;
	char last[TL_SEGMENT_NAME_MAX]; /* completed */
	uint64_t stamp_ns;		/* of the newest name */
	unsigned int sequence;
	struct tl_segment_counts counts;
	ZSTD_CCtx *zstd; /* 0 = plain */
	uint8_t *out;

	/* The current file; fd -1 = none. */
	int fd;
	char name[TL_SEGMENT_NAME_MAX];
	uint64_t end;	      /* of what was appended */
	uint64_t synced;      /* of what is durable */
	uint64_t plain_bytes; /* appended, uncompressed */
	uint64_t first_ns;    /* monotonic, of the first append */
	bool entry_synced;    /* its name is durable */
	bool dirty;	      /* length or bytes differ from what is durable */
	bool torn;	      /* there is more in the file than `end` */
};

/* --- the folder ----------------------------------------------------------- */

static int open_folder(struct tl_segment *s)
{
	int err = tl_segment_make_folder(s->folder);

	if (err == 0) {
		s->folder_fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		err = s->folder_fd < 0 ? -errno : 0;
	}
	if (err == 0 && faccessat(s->folder_fd, ".", W_OK | X_OK, AT_EACCESS) < 0) {
		err = -errno;
	}
	if (err == 0 && flock(s->folder_fd, LOCK_EX | LOCK_NB) < 0) {
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	}
	if (err == -EBUSY) {
		tl_log_err("%s: another process writes there", s->folder);
	} else if (err < 0) {
		tl_log_err("cannot write files in %s as uid %u: %s", s->folder, geteuid(),
			   strerror(-err));
	}
	return err == -ENOENT || err == -ENOTDIR ? -EINVAL : err;
}

/* --- completing ------------------------------------------------------------ */

/* Takes away what lies behind `end`. */
static int mend(struct tl_segment *s)
{
	if (s->torn && ftruncate(s->fd, (off_t)s->end) < 0) {
		return -errno;
	}
	s->dirty |= s->torn;
	s->torn = false;
	return 0;
}

static int sync_file(struct tl_segment *s)
{
	int err = mend(s);

	if (err == 0 && s->dirty && fdatasync(s->fd) < 0) {
		err = -errno;
	}
	if (err == 0 && !s->entry_synced && fsync(s->folder_fd) < 0) {
		err = -errno;
	}
	if (err == 0) {
		s->dirty = false;
		s->entry_synced = true;
		s->synced = s->end;
	}
	return err;
}

static int name_file(struct tl_segment *s)
{
	int err = tl_segment_rename(s->folder_fd, s->name);

	if (err == 0) {
		snprintf(s->last, sizeof(s->last), "%s", s->name);
	}
	return err;
}

/* Closes the current file, of which all is durable, under its own name. */
static int complete(struct tl_segment *s)
{
	int err = s->fd < 0 ? 0 : s->end > 0 ? sync_file(s) : 0;

	if (s->fd < 0) {
		return 0;
	}
	if (err == 0) {
		err = s->end > 0 ? name_file(s) : tl_segment_remove(s->folder_fd, s->name);
	}
	if (err < 0) {
		tl_log_err("%s/%s" TL_SEGMENT_OPEN
			   ": cannot be completed (%s); the next start does",
			   s->folder, s->name, strerror(-err));
	}
	close(s->fd);
	s->fd = -1;
	return err;
}

static int find_last(struct tl_segment *s)
{
	char **names;
	int count = tl_segment_list(s->folder_fd, "", &names);

	if (count < 0) {
		return count;
	}
	if (count > 0) {
		uint64_t stamp_ns = tl_segment_stamp(names[count - 1]);
		snprintf(s->last, sizeof(s->last), "%s", names[count - 1]);
		s->stamp_ns = stamp_ns > s->stamp_ns ? stamp_ns : s->stamp_ns;
	}
	tl_segment_free_list(names, count);
	return 0;
}

/* --- opening and closing --------------------------------------------------- */

static void destroy(struct tl_segment *s)
{
	if (s->folder_fd >= 0) {
		close(s->folder_fd);
	}
	ZSTD_freeCCtx(s->zstd);
	free(s->out);
	free(s->folder);
	free(s);
}

static int set_up_zstd(struct tl_segment *s)
{
	s->zstd = ZSTD_createCCtx();
	s->out = malloc(OUT_BYTES);
	if (!s->zstd || !s->out) {
		return -ENOMEM;
	}
	ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	/* What tells a torn frame whose bytes were never written. */
	ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_checksumFlag, 1);
	return 0;
}

static int set_up(struct tl_segment *s, const struct tl_segment_config *config)
{
	s->folder = strdup(config->folder);
	int err = s->folder ? 0 : -ENOMEM;

	if (err == 0 && config->zstd) {
		err = set_up_zstd(s);
	}
	if (err == 0) {
		err = open_folder(s);
	}
	if (err < 0) {
		return err;
	}
	err = tl_segment_recover(s->folder, s->folder_fd, &s->stamp_ns);
	if (err == 0) {
		err = find_last(s);
	}
	if (err < 0) {
		tl_log_err("cannot read %s: %s", s->folder, strerror(-err));
	}
	return err;
}

int tl_segment_open(struct tl_segment **out, const struct tl_segment_config *config)
{
	struct tl_segment *s = calloc(1, sizeof(*s));

	if (!s) {
		return -ENOMEM;
	}
	s->folder_fd = -1;
	s->fd = -1;
	s->max_bytes = config->max_bytes;
	s->max_age_ns = config->max_age_ns;
	int err = set_up(s, config);
	if (err < 0) {
		destroy(s);
		return err;
	}
	*out = s;
	return 0;
}

int tl_segment_close(struct tl_segment *s)
{
	if (!s) {
		return 0;
	}
	int err = tl_segment_rotate(s);
	destroy(s);
	return err;
}

/* --- writing --------------------------------------------------------------- */

static int begin_file(struct tl_segment *s)
{
	char open_name[TL_SEGMENT_NAME_MAX + sizeof(TL_SEGMENT_OPEN)];
	char stamp[TL_SEGMENT_STAMP_LEN];
	uint64_t now_ns = tl_clock_wall_ns();

	s->stamp_ns = now_ns > s->stamp_ns ? now_ns : s->stamp_ns + 1;
	s->sequence = (s->sequence + 1) % SEQUENCE_MAX;
	tl_segment_put_stamp(stamp, s->stamp_ns);
	snprintf(s->name, sizeof(s->name), "%.*s-%06u.tap%s", TL_SEGMENT_STAMP_LEN, stamp,
		 s->sequence, s->zstd ? ".zst" : "");
	snprintf(open_name, sizeof(open_name), "%s" TL_SEGMENT_OPEN, s->name);
	int fd = openat(s->folder_fd, open_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0) {
		return -errno;
	}
	s->fd = fd;
	s->end = s->synced = s->plain_bytes = 0;
	s->entry_synced = s->dirty = s->torn = false;
	s->counts.files++;
	return 0;
}

/* Writes at *at, which it moves. */
static int write_frame(struct tl_segment *s, const uint8_t *bytes, uint64_t len, uint64_t *at)
{
	ZSTD_inBuffer in = {bytes, len, 0};
	size_t left;

	ZSTD_CCtx_reset(s->zstd, ZSTD_reset_session_only);
	ZSTD_CCtx_setPledgedSrcSize(s->zstd, len);
	do {
		ZSTD_outBuffer out = {s->out, OUT_BYTES, 0};
		left = ZSTD_compressStream2(s->zstd, &out, &in, ZSTD_e_end);
		int err = ZSTD_isError(left) ? -ENOMEM : tl_file_write(s->fd, s->out, out.pos, at);
		if (err < 0) {
			return err;
		}
	} while (left > 0);
	return 0;
}

/* A file with something in it that is durable, which `len` bytes more would make too big. */
static bool is_full(const struct tl_segment *s, uint64_t len)
{
	return s->fd >= 0 && s->max_bytes > 0 && s->end > 0 && s->end == s->synced &&
	       s->plain_bytes + len > s->max_bytes;
}

int tl_segment_append(struct tl_segment *s, const uint8_t *bytes, uint64_t len)
{
	if (is_full(s, len)) {
		complete(s); /* what is in it is durable, whatever its name */
	}
	int err = s->fd < 0 ? begin_file(s) : mend(s);
	if (err < 0) {
		return err;
	}
	uint64_t at = s->end;
	s->torn = true; /* until all of it is there */
	err = s->zstd ? write_frame(s, bytes, len, &at) : tl_file_write(s->fd, bytes, len, &at);
	if (err < 0) {
		mend(s); /* or before the next append: the room is needed now */
		return err;
	}
	if (s->end == 0) {
		s->first_ns = tl_clock_mono_ns();
	}
	s->torn = false;
	s->dirty = true;
	s->counts.bytes += at - s->end;
	s->plain_bytes += len;
	s->end = at;
	return 0;
}

int tl_segment_sync(struct tl_segment *s)
{
	if (s->fd < 0 || (s->end == s->synced && s->entry_synced)) {
		return 0;
	}
	int err = sync_file(s);
	if (err < 0) {
		/* The kernel forgets what it could not write: nothing more goes to this file. */
		s->counts.bytes -= s->end - s->synced;
		s->end = s->synced;
		s->torn = true;
		complete(s);
	}
	return err;
}

int tl_segment_rotate(struct tl_segment *s)
{
	int err = tl_segment_sync(s);

	return err < 0 ? err : complete(s);
}

int tl_segment_rotate_due(struct tl_segment *s, uint64_t now_ns)
{
	bool due = s->fd >= 0 && s->max_age_ns > 0 && s->end > 0 &&
		   now_ns >= s->first_ns + s->max_age_ns;

	return due ? tl_segment_rotate(s) : 0;
}

const char *tl_segment_last(const struct tl_segment *s)
{
	return s->last;
}

struct tl_segment_counts tl_segment_counts(const struct tl_segment *s)
{
	return s->counts;
}
