/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Follows files that others write, line by line, through everything that is
 * done to log files: renamed, copied and truncated, compressed, deleted, written
 * anew with the same inode, and all of this also while nobody looked. A file is
 * known by what is in it (identity.h), not by its name.
 *
 * Each incarnation of a file is one stream. The caller numbers the events it
 * makes of the lines, from next_number on, in the order they are handed out, and
 * always in the same way: a line that is read again after a kill then gets the
 * same number. When a batch is safe it says so (tail_safe): what the checkpoint
 * holds is what was safe, so nothing that was not is passed over.
 *
 * The order of use:
 *
 *	tail_open
 *	tail_next ... 1: a line, or the end of a file (TAIL_LINE_END)
 *	tail_safe(file, line.behind, number)   the lines up to there are safe
 *	tail_finish(file)                      its end, too, is safe: `file` is no more
 *	tail_close                             writes the checkpoint
 *
 * When the service stops, files have not ended: their streams go on in the next
 * run, and the caller must not end them.
 *
 * A place is the name of a file, which need not be there yet; a pattern of
 * glob(7); "-" for standard input; the name of a FIFO; or unix:PATH, a stream
 * socket that is made and listened on (Suricata's `filetype: unix_stream` is the
 * side that connects). Of a file and of what a pattern matches, the rotated ones
 * belong to the place: NAME.1, NAME-20261127, NAME.2.gz, NAME-20261127.zst and so
 * on. Those that are there at the first start are left alone; what appears
 * later, and was not seen before, is read from its start.
 *
 * One thread, but tail_safe and tail_finish may be called from any. Logs.
 */
#ifndef EVE_TAIL_TAIL_H
#define EVE_TAIL_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity.h"
#include "wire.h"

enum {
	TAIL_PLACES_MAX = 64,
	TAIL_PADDING = 64, /* readable bytes behind a line (EVE_PADDING) */
	TAIL_MAX_LINE = 1 << 20,
	TAIL_MAX_LINE_LEAST = 1024,
	TAIL_OPEN_MAX = 1024,
};

#define TAIL_ROTATE_WAIT_NS 5000000000ull

enum tail_from {
	TAIL_FROM_CHECKPOINT, /* known files from where they were safe, others from their start */
	TAIL_FROM_START, /* all from their start, as new streams, whatever the checkpoint says */
	TAIL_FROM_END,	 /* as TAIL_FROM_CHECKPOINT; but without a checkpoint, what is there
			    at the first look from its end */
};

struct tail_config {
	const char *places[TAIL_PLACES_MAX]; /* borrowed until tail_close */
	unsigned int place_count;
	enum tail_from from;
	bool once;		 /* ends when all is read, instead of waiting for more */
	const char *checkpoint;	 /* 0 = none: streams are new in each run */
	uint64_t select_hash;	 /* of the options that select lines: another one, and streams are
				    new ones from the safe position on, numbered from 0 */
	uint64_t max_line;	 /* bytes; 0 = TAIL_MAX_LINE */
	uint64_t rotate_wait_ns; /* a renamed file is over when a new one has its name, and nothing
				    was written to it for so long */
	unsigned int open_max;	 /* files held open; 0 = TAIL_OPEN_MAX */
	bool no_inotify;	 /* look each 250 ms only */
	/* For tests. */
	const char *machine_id;		   /* 0 = /etc/machine-id */
	uint64_t (*now_ns)(void *context); /* 0 = monotonic; no time passes while waiting else */
	void *now_context;
};

/* One incarnation of a file. Owned by the tail, there until tail_finish. */
struct tail_file {
	uint8_t stream[TL_WIRE_STREAM_LEN];
	uint64_t next_number; /* of the first event of the first line handed out in this run */
	const char *path;     /* the name it was written under; "-"; the FIFO; unix:PATH */
	void *user;	      /* the caller's; 0 at first */
};

enum tail_line_flag {
	TAIL_LINE_CUT = 1,	/* the file is over, and ended in it: no newline (EVE_LINE_CUT) */
	TAIL_LINE_TOO_LONG = 2, /* its first bytes only (EVE_LINE_TOO_LONG) */
	TAIL_LINE_END = 4,  /* no line: the file is over. The stream ends behind its last event */
	TAIL_LINE_LOST = 8, /* with TAIL_LINE_END: there was more, which is gone. The stream is not
			       ended, so that whoever counts sees it; tail_finish all the same */
};

struct tail_line {
	struct tail_file *file;
	const char *data; /* until the next tail_next; TAIL_PADDING readable bytes follow `len` */
	size_t len;	  /* without the newline */
	uint64_t line_len;
	unsigned int flags;
	struct mark behind; /* the position behind it, for tail_safe */
};

struct tail;

/*
 * Opens nothing but the checkpoint, which is locked, and the sockets. 0; -EINVAL a place or a
 * limit is not possible; -EBUSY another process has the checkpoint; -errno. Logs why.
 */
int tail_open(struct tail **out, const struct tail_config *config);

/*
 * The next line, of several files in turn: 1. 0: none within the time, or a signal is to be looked
 * after (tl_service_take_stats; then tl_service_clear). -ENOENT: all is read and
 * there will be no more (`once`, or standard input was all). -EINTR: the service stops
 * (common/service.h). Other -errno: nothing can be done any more.
 *
 * No line is handed out before the id of its stream is durable. While the checkpoint cannot be
 * written new files wait, which is logged.
 */
int tail_next(struct tail *tail, struct tail_line *line, uint64_t timeout_ns);

/* Looks after the files, without handing out a line: for who cannot take one now. 0 or -errno. */
int tail_keep(struct tail *tail);

/*
 * All lines up to `behind` are safe, as events with numbers below `number`. Earlier positions than
 * one that was said are ignored. The checkpoint is written by tail_next, at most once a second, and
 * by tail_close. Any thread.
 */
void tail_safe(struct tail *tail, struct tail_file *file, struct mark behind, uint64_t number);

/* All of it is safe, its end too (TAIL_LINE_END was handed out). `file` must not be used again. */
void tail_finish(struct tail *tail, struct tail_file *file);

struct tail_counts {
	uint64_t lines; /* handed out */
	uint64_t bytes; /* of them, newlines included */
	uint64_t too_long;
	uint64_t cut;
	uint64_t nul_bytes;	/* at the head of a file that was truncated under its writer */
	uint64_t files;		/* streams begun */
	uint64_t ended;		/* files that were over */
	uint64_t truncated;	/* of them, in place */
	uint64_t lost_files;	/* gone, with lines that were not safe, or not even read */
	uint64_t lost_bytes;	/* of them, as far as is known */
	uint64_t damaged;	/* compressed files that could not be read to their end */
	uint64_t failed_writes; /* of the checkpoint */
	uint64_t open;		/* files held open now */
	uint64_t waiting;	/* files that wait for one of the others to be closed */
};

struct tail_counts tail_counts(const struct tail *tail);

/*
 * False when a file that was named is not there, or something could not be read when it was last
 * looked for; the former is logged now, the latter was.
 */
bool tail_found_all(const struct tail *tail);

/* What is not safe is read again by the next run: there is a checkpoint, and files only. */
bool tail_reads_again(const struct tail *tail);

/* Bytes that are there and were not handed out, of open files; a call of fstat for each. */
uint64_t tail_behind_bytes(const struct tail *tail);

/* Writes the checkpoint. 0, or -errno: then the next run reads again what was safe since. */
int tail_close(struct tail *tail);

#endif
