/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of tail share: tail.c and tail_*.c. */
#ifndef EVE_TAIL_TAIL_PRIVATE_H
#define EVE_TAIL_TAIL_PRIVATE_H

#include <pthread.h>

#include "checkpoint.h"
#include "clock.h"
#include "log.h"
#include "names.h"
#include "source.h"
#include "tail.h"
#include "watch.h"

enum place_kind { PLACE_FILE, PLACE_PATTERN, PLACE_STDIN, PLACE_FIFO, PLACE_SOCKET };

struct place {
	enum place_kind kind;
	char *path;   /* absolute; "-" */
	bool settled; /* its older files are known: what is new from now on is read */
	bool begun;   /* a flow: it was opened, or something has connected */
	int fd;	      /* of the socket that listens; -1 */
};

/* A file that is followed or known, or a flow. */
struct file {
	struct tail_file pub; /* the first member */
	struct record rec;
	struct place *flow; /* 0 = a file, with a record */
	struct source source;
	struct lines lines;
	bool unsaved; /* the record must be durable before a line may go out */
	bool started; /* in this run: goes on at rec.seen, else at rec.safe */
	bool at_end;  /* until something wakes it */
	bool final;   /* what is there is all: over at its end */
	bool over;    /* nothing more will come */
	bool hung_up; /* a FIFO: the last writer went, its last line is over */
	bool parked;  /* closed to make room for another */
	bool cut_off; /* truncated: what it had is in another file now, or gone */
	bool lost;    /* not all of it could be read */
	bool ended;   /* TAIL_LINE_END was handed out */
	uint64_t size, changed_ns;

	/* What the last scan found of it. */
	bool present;
	bool looked; /* these are what file_is said yes to: */
	uint64_t looked_dev, looked_ino, looked_size, looked_mtime_ns;

	/* Under the lock of tail: what the caller said. */
	struct mark safe;
	uint64_t safe_number;
	bool finished;
};

struct tail {
	struct tail_config config;
	struct place places[TAIL_PLACES_MAX];
	struct checkpoint *checkpoint; /* 0 = none */
	struct watch *watch;
	char machine[CHECKPOINT_MACHINE_MAX + 1];

	struct file **files;
	size_t count, room;
	size_t turn;		   /* who is asked next */
	struct file *current;	   /* whose lines are in hand */
	bool first;		   /* nothing was known, and nothing was looked at */
	bool rescan;		   /* something calls for a scan */
	bool unreadable;	   /* the last scan could not see all */
	bool news;		   /* something calls for a look */
	size_t empty;		   /* files that had nothing in them at the last scan */
	uint64_t look_ns, scan_ns; /* next due */
	uint64_t looked_ns;
	uint64_t scanned_ns, scan_cost_ns; /* monotonic: when the last scan ended, and its time */
	uint64_t save_ns, retry_ns; /* not before; retry: after a failure, also when a file waits */
	struct tl_log_limit save_limit, read_limit, full_limit;

	pthread_mutex_t lock;
	bool dirty; /* the checkpoint is not what we know; under the lock */
	struct tail_counts counts;
};

static inline uint64_t tail_now(const struct tail *t)
{
	return t->config.now_ns ? t->config.now_ns(t->config.now_context) : tl_clock_mono_ns();
}

static inline bool file_is_open(const struct file *f)
{
	return f->source.fd >= 0;
}

/* A stream whose end is not safe. */
static inline bool record_is_open(const struct record *record)
{
	return record->state == RECORD_LIVE || record->state == RECORD_OVER;
}

/* A file that has more to give, or may have. */
static inline bool file_is_live(const struct file *f)
{
	return !f->ended && (f->flow || record_is_open(&f->rec));
}

/* --- tail_file.c: one file ---------------------------------------------------- */

/* A new one, in t->files; `home` is copied. 0 on no memory. */
struct file *file_create(struct tail *t, const char *home);
void file_destroy(struct file *f);

/* Another stream from `number` 0 on. 0 or -errno. */
int file_renew(struct file *f);

/* What was written behind the end of a file that is done, as a stream of its own. 0 or -errno. */
int file_revive(struct tail *t, struct file *f);

/* Opens it as that candidate, where it goes on. 0, -ENODATA or -ESTALE it is not that one, -errno.
 */
int file_open(struct tail *t, struct file *f, struct candidate *c);

/* Closes it, to be opened again. `cut_off`: it was truncated; what is read of it stays. */
void file_park(struct tail *t, struct file *f);
void file_cut_off(struct tail *t, struct file *f);

/* rec.seen: how far it was read. */
void file_note(struct file *f);

/* Looks whether it is over. */
void file_look(struct tail *t, struct file *f, uint64_t now_ns);

/* The same of one that is closed, as that candidate. False when it need not be opened for now. */
bool file_look_parked(struct tail *t, struct file *f, const struct candidate *c);

/* --- tail_read.c: its lines --------------------------------------------------- */

/* Reads more; true when there may be more at once. */
bool file_fill(struct tail *t, struct file *f);

/* The next line, or the end, if it has one now: 1; 0; *busy when there is more to read. */
int file_next(struct tail *t, struct file *f, struct tail_line *line, bool *busy);

/* Hands out a whole line that was read already. */
bool file_take(struct tail *t, struct file *f, struct tail_line *line);

/* --- tail_scan.c, tail_match.c: which files there are --------------------------- */

/* Finds out what became of the known files, and which are new. 0 or -ENOMEM. */
int tail_scan(struct tail *t);

/* Binds candidates to the files they are, or sets ignored. What is left is new. */
void tail_match(struct tail *t, struct names *names);
/*
 * Cuts off those that were truncated. False when there were some: what looked like no copy of such
 * a file may be one.
 */
bool tail_verify(struct tail *t);
/* Opens the candidate's source and finds its head. 1, 0 nothing is in it yet, -errno. */
int candidate_look(struct candidate *c);

/* A place is, or matches, that name; *settled: what appears there is new. */
bool tail_covers(const struct tail *t, const char *home, bool *settled);

/* --- tail_lost.c ----------------------------------------------------------------- */

/* It is nowhere any more: over, or lost. */
void file_miss(struct tail *t, struct file *f);
/* Bounds what is kept of files that are gone. */
void tail_forget(struct tail *t);

/* --- tail_save.c: what is known, and the checkpoint ------------------------------ */

int tail_load(struct tail *t);
/* Writes it now. 0 or -errno. */
int tail_save(struct tail *t);
/* Writes it if that is due. */
void tail_save_due(struct tail *t, uint64_t now_ns);
/* Takes the files that were finished off the caller's hands. */
void tail_reap(struct tail *t);
void tail_touch(struct tail *t);

/* --- tail_flow.c: what is no regular file ---------------------------------------- */

int flow_listen(struct place *place);
void flow_close(struct place *place);
/* Opens what can be opened now. 0 or -ENOMEM. */
int flow_look(struct tail *t);
/* A FIFO whose writers have gone: waits for further ones. False when it cannot be. */
bool flow_reopen(struct file *f);
/* True when no flow can bring anything any more. */
bool flow_all_over(const struct tail *t);

#endif
