/* SPDX-License-Identifier: BSD-2-Clause */
#include "checkpoint.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "file.h"
#include "log.h"

#define FILE_NAME "checkpoint"
#define MAGIC	  "TLRECV1\n"

enum {
	MAGIC_LEN = 8,
	HEAD_LEN = MAGIC_LEN + TL_SEGMENT_NAME_MAX + 8,
	STREAM_LEN = TL_WIRE_STREAM_LEN + 4 * DEDUP_SETS,
	RANGE_LEN = 16,
	HASH_LEN = 8,
	FILE_MAX = 512 << 20, /* more than all limits allow to be written */
};

/* --- writing --------------------------------------------------------------- */

struct sheet {
	FILE *file;
	XXH3_state_t *hash;
};

static void put(struct sheet *s, const void *bytes, size_t len)
{
	XXH3_64bits_update(s->hash, bytes, len);
	fwrite(bytes, 1, len, s->file); /* ferror tells at the end */
}

static void put_ranges(struct sheet *s, const struct tl_ranges *set)
{
	uint8_t bytes[RANGE_LEN];

	for (uint32_t i = 0; i < set->count; i++) {
		tl_mp_put_be64(tl_mp_put_be64(bytes, set->items[i].from), set->items[i].to);
		put(s, bytes, sizeof(bytes));
	}
}

static void put_stream(struct sheet *s, const struct dedup_stream *stream)
{
	uint8_t bytes[STREAM_LEN];

	memcpy(bytes, stream->node.stream, TL_WIRE_STREAM_LEN);
	uint8_t *p = bytes + TL_WIRE_STREAM_LEN;
	for (int i = 0; i < DEDUP_SETS; i++) {
		p = tl_mp_put_be32(p, stream->sets[i].count);
	}
	put(s, bytes, sizeof(bytes));
	for (int i = 0; i < DEDUP_SETS; i++) {
		put_ranges(s, &stream->sets[i]);
	}
}

static void put_all(struct sheet *s, const struct dedup *dedup, const char *last)
{
	char name[TL_SEGMENT_NAME_MAX] = {0};
	uint8_t bytes[8];

	snprintf(name, sizeof(name), "%s", last);
	put(s, MAGIC, MAGIC_LEN);
	put(s, name, sizeof(name));
	tl_mp_put_be64(bytes, dedup_counts(dedup).streams);
	put(s, bytes, sizeof(bytes));
	for (const struct dedup_stream *stream = dedup_next(dedup, 0); stream;
	     stream = dedup_next(dedup, stream)) {
		put_stream(s, stream);
	}
	tl_mp_put_be64(bytes, XXH3_64bits_digest(s->hash));
	fwrite(bytes, 1, sizeof(bytes), s->file);
}

static int write_file(int folder_fd, const struct dedup *dedup, const char *last)
{
	int fd =
		openat(folder_fd, FILE_NAME ".tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	struct sheet s = {.file = fd >= 0 ? fdopen(fd, "w") : 0, .hash = XXH3_createState()};
	int err = fd < 0 ? -errno : s.file && s.hash ? 0 : -ENOMEM;

	if (err == 0) {
		XXH3_64bits_reset(s.hash);
		put_all(&s, dedup, last);
		errno = EIO;
		if (fflush(s.file) != 0 || ferror(s.file) || fsync(fd) < 0) {
			err = -errno;
		}
	}
	XXH3_freeState(s.hash);
	if (s.file) {
		fclose(s.file);
	} else if (fd >= 0) {
		close(fd);
	}
	return err;
}

int checkpoint_write(int folder_fd, const struct dedup *dedup, const char *last)
{
	int err = write_file(folder_fd, dedup, last);

	if (err == 0 && (renameat(folder_fd, FILE_NAME ".tmp", folder_fd, FILE_NAME) < 0 ||
			 fsync(folder_fd) < 0)) {
		err = -errno;
	}
	if (err < 0) {
		unlinkat(folder_fd, FILE_NAME ".tmp", 0);
		tl_log_warn("cannot write the checkpoint: %s; the next start reads more segments",
			    strerror(-err));
	}
	return err;
}

/* --- reading --------------------------------------------------------------- */

static int parse_ranges(struct tl_mp_cursor *c, uint32_t count, struct dedup *dedup,
			struct dedup_stream *stream, enum dedup_set set)
{
	uint64_t above = 0;

	if (count > TL_RANGES_MAX || (size_t)(c->end - c->at) < (size_t)count * RANGE_LEN) {
		return -EBADMSG;
	}
	for (uint32_t i = 0; i < count; i++, c->at += RANGE_LEN) {
		struct tl_range range = {tl_mp_be64(c->at), tl_mp_be64(c->at + 8)};
		if (range.from >= range.to || (i > 0 && range.from <= above)) {
			return -EBADMSG;
		}
		above = range.to;
		if (dedup_restore_range(dedup, stream, set, range) < 0) {
			return -ENOMEM;
		}
	}
	return 0;
}

static int parse_stream(struct tl_mp_cursor *c, struct dedup *dedup)
{
	if (c->end - c->at < STREAM_LEN) {
		return -EBADMSG;
	}
	const uint8_t *at = c->at;
	if (dedup_has(dedup, at)) {
		return -EBADMSG;
	}
	struct dedup_stream *stream = dedup_restore(dedup, at);
	if (!stream) {
		return -ENOMEM;
	}
	c->at += STREAM_LEN;
	at += TL_WIRE_STREAM_LEN;
	int err = 0;
	for (enum dedup_set set = 0; err == 0 && set < DEDUP_SETS; set++) {
		err = parse_ranges(c, tl_mp_be32(at + 4 * set), dedup, stream, set);
	}
	return err;
}

int checkpoint_parse(const uint8_t *bytes, size_t len, struct dedup *dedup,
		     char last[TL_SEGMENT_NAME_MAX])
{
	if (len < HEAD_LEN + HASH_LEN || memcmp(bytes, MAGIC, MAGIC_LEN) != 0 ||
	    XXH3_64bits(bytes, len - HASH_LEN) != tl_mp_be64(bytes + len - HASH_LEN)) {
		return -EBADMSG;
	}
	struct tl_mp_cursor c = {bytes + HEAD_LEN, bytes + len - HASH_LEN};
	memcpy(last, bytes + MAGIC_LEN, TL_SEGMENT_NAME_MAX);
	if (last[TL_SEGMENT_NAME_MAX - 1] != '\0') {
		return -EBADMSG;
	}
	int err = 0;
	for (uint64_t left = tl_mp_be64(bytes + HEAD_LEN - 8); err == 0 && left > 0; left--) {
		err = parse_stream(&c, dedup);
	}
	return err == 0 && c.at != c.end ? -EBADMSG : err;
}

static int read_file(int folder_fd, struct dedup *dedup, char last[TL_SEGMENT_NAME_MAX])
{
	int fd = openat(folder_fd, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	uint8_t *bytes = 0;
	int err = 0;

	if (fd < 0) {
		return errno == ENOENT ? 0 : -errno;
	}
	if (fstat(fd, &st) < 0) {
		err = -errno;
	} else if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > FILE_MAX) {
		err = -EBADMSG;
	} else {
		bytes = malloc((size_t)st.st_size);
		err = bytes ? tl_file_read_exactly(fd, bytes, (size_t)st.st_size) : -ENOMEM;
	}
	if (err == 0) {
		err = checkpoint_parse(bytes, (size_t)st.st_size, dedup, last);
	}
	free(bytes);
	close(fd);
	return err;
}

static int set_aside(int folder_fd)
{
	tl_log_warn("the checkpoint is bad: set aside as " FILE_NAME
		    ".bad, all segments are read instead");
	return renameat(folder_fd, FILE_NAME, folder_fd, FILE_NAME ".bad") < 0 ? -errno : 0;
}

static int add_batch(void *context, const struct tl_batch *batch)
{
	struct dedup *dedup = context;
	int err = dedup_add(dedup, &batch->head, batch->event_count);

	dedup_keep(dedup);
	return err;
}

/* The segments after `last`. A bad one is known as far as it can be read. */
static int read_segments(int folder_fd, struct dedup *dedup, char last[TL_SEGMENT_NAME_MAX],
			 int *count)
{
	char **names;
	int err = 0;

	*count = tl_segment_list(folder_fd, last, &names);
	if (*count < 0) {
		return *count;
	}
	for (int i = 0; err != -ENOMEM && i < *count; i++) {
		err = tl_segment_scan(folder_fd, names[i], add_batch, dedup, 0);
		if (err < 0) {
			tl_log_warn("%s: cannot be read to its end (%s): what is not known may be "
				    "stored twice",
				    names[i], strerror(-err));
		}
		snprintf(last, TL_SEGMENT_NAME_MAX, "%s", names[i]);
	}
	tl_segment_free_list(names, *count);
	return err == -ENOMEM ? err : 0;
}

static int load(int folder_fd, struct dedup **dedup, size_t stream_max,
		char last[TL_SEGMENT_NAME_MAX])
{
	int err = read_file(folder_fd, *dedup, last);

	if (err == -EBADMSG) {
		dedup_destroy(*dedup);
		*dedup = 0;
		last[0] = '\0';
		err = set_aside(folder_fd);
		if (err == 0) {
			err = dedup_create(dedup, stream_max);
		}
	}
	return err;
}

int checkpoint_load(int folder_fd, struct dedup **out, size_t stream_max)
{
	char last[TL_SEGMENT_NAME_MAX] = {0};
	struct dedup *dedup;
	int count = 0;
	int err = dedup_create(&dedup, stream_max);

	if (err < 0) {
		return err;
	}
	err = load(folder_fd, &dedup, stream_max, last);
	if (err == 0) {
		err = read_segments(folder_fd, dedup, last, &count);
	}
	if (err < 0) {
		tl_log_err("cannot find out what is stored: %s", strerror(-err));
		dedup_destroy(dedup);
		return err;
	}
	tl_log_info("%llu streams are known, %d segments were read for it",
		    (unsigned long long)dedup_counts(dedup).streams, count);
	if (count > 0) {
		checkpoint_write(folder_fd, dedup, last);
	}
	*out = dedup;
	return 0;
}
