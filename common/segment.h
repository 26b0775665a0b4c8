/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A folder of segment files: batches end to end, each file as it is or
 * compressed by zstd, a new one when the last is big or old enough. What
 * evcat reads (after `zstd -dc` where compressed). Used by receiver, and by
 * shipper's file sink.
 *
 * The file that is being written is NAME.open; when complete it is renamed to
 * NAME, so that whoever collects files sees complete ones only. One after a
 * crash is closed at the next start, at the end of the last whole batch.
 * Logs what it found wrong at the start. One thread at a time.
 */
#ifndef TL_SEGMENT_H
#define TL_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

struct tl_segment_config {
	const char *folder;  /* made when it is not there */
	uint64_t max_bytes;  /* of a file, uncompressed; 0 = no limit */
	uint64_t max_age_ns; /* of a file since its first batch; 0 = no limit */
	bool zstd;	     /* each append is a frame of its own, so a torn end is found */
};

struct tl_segment;

/* 0; -EINVAL no folder can be there; other -errno. Logs. */
int tl_segment_open(struct tl_segment **out, const struct tl_segment_config *config);
/* Completes the current file. */
int tl_segment_close(struct tl_segment *segment);

/* 0 or -errno (-ENOSPC, -EIO, ...); on failure nothing of it stays in the file. */
int tl_segment_append(struct tl_segment *segment, const uint8_t *bytes, uint64_t len);

/* Makes all that was appended durable. 0 or -errno. */
int tl_segment_sync(struct tl_segment *segment);

/* Closes the current file when its age says so; call now and then. */
int tl_segment_rotate_due(struct tl_segment *segment, uint64_t now_ns);

/* Completes the current file now (SIGHUP). */
int tl_segment_rotate(struct tl_segment *segment);

struct tl_segment_counts {
	uint64_t files;
	uint64_t bytes; /* as written */
};

struct tl_segment_counts tl_segment_counts(const struct tl_segment *segment);

#endif
