/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One capture engine taking over from another without a packet between them or
 * in both: what capladder and an engine tell each other through two files.
 *
 * The state (--state FILE) is one line of fixed width, what this run has
 * counted over all interfaces:
 *	first=%020llu last=%020llu packets=%020llu
 * times of the earliest and the latest packet in ns since the epoch, 0 as long
 * as there is none. It is there from the start, is written at most every 10 ms
 * and at least every 100 ms while packets are counted, and is exact after a
 * clean stop. It is written in place by one system call, so a kill never
 * leaves half of a line. (Stores to a mapped file would; and a full disk would
 * kill the engine.)
 *
 * The cut (--cut FILE) is one decimal number, a time T in ns since the epoch,
 * read on SIGUSR2. An engine that counts ends with the packets before T; one
 * that was started with --standby begins with those from T on, and may later
 * be given another T to end. T that has passed already is the time at which it
 * is read. Nothing changes, but for a warning, when the file is bad, T is more
 * than a minute ahead, T is the one that was taken last, or another one is
 * still to come.
 *
 * The file is opened, and made where there is none, before privileges are
 * given up, and read by that descriptor: writing it in place always works. One
 * that a rename put there instead is found where the user of the engine may
 * search the folder and read the file; otherwise the warning says so.
 *
 * The main thread opens, takes cuts and closes; spans may be asked for and
 * counts told by any thread. Open logs, and so do cuts that are not taken.
 */
#ifndef TL_HANDOVER_H
#define TL_HANDOVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtab.h"

enum { TL_HANDOVER_STATE_LEN = 82 }; /* bytes of the line, its newline included */

/* Packets are counted whose time t has begin_ns <= t < end_ns; since the epoch. */
struct tl_span {
	uint64_t begin_ns; /* 0: since ever; UINT64_MAX: not yet known */
	uint64_t end_ns;   /* UINT64_MAX: not yet known */
};

static inline bool tl_span_has(const struct tl_span *span, uint64_t ns)
{
	return ns >= span->begin_ns && ns < span->end_ns;
}

/* Nothing is left out: no packet's time need be looked at. */
static inline bool tl_span_is_all(const struct tl_span *span)
{
	return span->begin_ns == 0 && span->end_ns == UINT64_MAX;
}

struct tl_counted {
	uint64_t first_ns; /* 0: no packet */
	uint64_t last_ns;
	uint64_t packets;
};

/* A time of a packet that was counted. */
static inline void tl_counted_note(struct tl_counted *counted, uint64_t first_ns, uint64_t last_ns)
{
	if (counted->first_ns == 0 || first_ns < counted->first_ns) {
		counted->first_ns = first_ns;
	}
	if (last_ns > counted->last_ns) {
		counted->last_ns = last_ns;
	}
}

/* The part of one thread in the state; zero before tl_handover_join. */
struct tl_handover_part {
	struct tl_handover *handover;
	struct tl_handover_part *next;
	struct tl_counted counted; /* under the handover's lock */
};

struct tl_handover {
	int state_fd; /* -1: nobody asked */
	const char *state_file;
	pthread_mutex_t lock; /* of what follows */
	struct tl_handover_part *parts;
	uint64_t written_ns; /* monotonic */
	bool stale;	     /* something was told since */
	bool failed;	     /* the line could not be written, which was said */

	int cut_fd; /* -1: none */
	int cut_folder;
	const char *cut_file;
	uint64_t taken_ns; /* the last T as it was in the file; 0: none */
	_Atomic uint64_t begin_ns, end_ns;
};

struct tl_handover_config {
	const char *state_file; /* 0: none */
	const char *cut_file;	/* 0: none */
	bool standby;		/* count nothing before a cut */
};

/* 0; -EINVAL or -ENOMEM after one logged line. The names are borrowed. */
int tl_handover_open(struct tl_handover *handover, const struct tl_handover_config *config);
/* Accepts one that open failed on. */
void tl_handover_close(struct tl_handover *handover);

/* --- the cut --------------------------------------------------------------- */

/* For SIGUSR2: reads the file. 0, or -errno after a warning: nothing has changed. */
int tl_handover_take_cut(struct tl_handover *handover, uint64_t now_ns);

struct tl_span tl_handover_span(const struct tl_handover *handover);

/* The next time at or after `now_ns` when something is to be done: begin, end, or stopping;
 * UINT64_MAX: none. */
uint64_t tl_handover_due(const struct tl_handover *handover, uint64_t now_ns);

/* The end has passed, and so have packets that were on their way: time to stop. */
bool tl_handover_is_over(const struct tl_handover *handover, uint64_t now_ns);

/* Why flows end that are open when the service stops: engine_change if that was past the end. */
enum tl_end_reason tl_handover_end_reason(const struct tl_handover *handover);

/* A time since the epoch on the clock of intervals, as exactly as the two can be read; 0 and
 * UINT64_MAX stay what they are. */
uint64_t tl_handover_mono_ns(uint64_t wall_ns);

/* One decimal number, blanks around it allowed: 0; -EINVAL, -ERANGE beyond INT64_MAX. Pure. */
int tl_handover_parse_cut(const char *text, size_t len, uint64_t *cut_ns);

/* --- the state ------------------------------------------------------------- */

/* Before the thread's first tell; the part must stay until close. */
void tl_handover_join(struct tl_handover *handover, struct tl_handover_part *part);

/* What the part counted so far. Writes the line when it is due. Nothing when nobody asked. */
void tl_handover_tell(struct tl_handover_part *part, const struct tl_counted *counted);

/* Writes the line now. */
void tl_handover_write(struct tl_handover *handover);

/* Of the sum; `line` takes TL_HANDOVER_STATE_LEN and a NUL. Pure. */
void tl_handover_format(const struct tl_counted *counted, char line[TL_HANDOVER_STATE_LEN + 1]);

#endif
