/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A folder of segment files: batches end to end, each file as it is or
 * compressed by zstd, a new one when the last is big or old enough. What
 * evcat reads (after `zstd -dc` where compressed). Used by receiver, and by
 * shipper's file sink.
 *
 * The file that is being written is NAME.open; when complete it is renamed to
 * NAME, so that whoever collects files sees complete ones only. One after a
 * crash is closed at the next start, at the end of the last whole batch. NAME is
 * 20261126T233012.123456789Z-000001.tap or .tap.zst: names sort in the order the
 * files were begun, also when the clock was set back between two runs.
 *
 * Logs what it found wrong at the start, and a file that could not be completed.
 * One thread at a time; one process has a folder at a time.
 */
#ifndef TL_SEGMENT_H
#define TL_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

enum { TL_SEGMENT_NAME_MAX = 64 }; /* with its NUL */

struct tl_segment_config {
	const char *folder;  /* made when it is not there */
	uint64_t max_bytes;  /* of a file, uncompressed; 0 = no limit. What is appended between two
				syncs is in one file, which may then be bigger */
	uint64_t max_age_ns; /* of a file since its first batch; 0 = no limit */
	bool zstd;	     /* each append is a frame of its own, so a torn end is found */
};

struct tl_segment;

/*
 * Makes the folder when it is not there; if started as root, owned by the user
 * that privileges are dropped to. Call it before that. 0 or -errno. Nothing logs.
 */
int tl_segment_make_folder(const char *folder);

/*
 * 0; -EINVAL no folder can be there; -EBUSY another process has it; other
 * -errno. Logs. No file is made before the first append.
 */
int tl_segment_open(struct tl_segment **out, const struct tl_segment_config *config);
/* Completes the current file. 0, or -errno: what was not synced may not be there. */
int tl_segment_close(struct tl_segment *segment);

/* 0 or -errno (-ENOSPC, -EIO, ...); on failure nothing of it stays in the file. */
int tl_segment_append(struct tl_segment *segment, const uint8_t *bytes, uint64_t len);

/*
 * Makes all that was appended durable. 0, or -errno: then nothing of what was
 * appended since the last success stays, so it can be appended again.
 */
int tl_segment_sync(struct tl_segment *segment);

/* Closes the current file when its age says so; call now and then with the monotonic time. */
int tl_segment_rotate_due(struct tl_segment *segment, uint64_t now_ns);

/* Completes the current file now (SIGHUP), which also syncs. As tl_segment_sync. */
int tl_segment_rotate(struct tl_segment *segment);

/* The name of the last file that was completed in this folder, by any run; "" when none was. */
const char *tl_segment_last(const struct tl_segment *segment);

struct tl_segment_counts {
	uint64_t files;
	uint64_t bytes; /* as written */
};

struct tl_segment_counts tl_segment_counts(const struct tl_segment *segment);

/* --- reading them back (segment_scan.c) ----------------------------------- */

/* What is called for each batch, in order; < 0 ends the scan. */
typedef int tl_segment_each(void *context, const struct tl_batch *batch);

/*
 * Reads the file from its start, compressed if its name says so, and calls
 * `each` (may be 0) for every valid batch; *whole_bytes (may be 0) is the length
 * of the file up to the last whole batch, or the last frame of whole batches.
 * 0 when that is all of it; -EBADMSG when something else follows; -errno of
 * reading it, -ENOMEM, or what `each` said. In bounded memory. Nothing logs.
 */
int tl_segment_scan(int folder_fd, const char *name, tl_segment_each *each, void *context,
		    uint64_t *whole_bytes);

/*
 * The names of the complete files of a folder that sort after `after` ("" =
 * all), in order. A count or -errno.
 */
int tl_segment_list(int folder_fd, const char *after, char ***names);
void tl_segment_free_list(char **names, int count);

#endif
