/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What outlives this process: of each file that was seen, which it is and how
 * far its lines are safe. Written whole as NAME.tmp, made durable, renamed to
 * NAME; NAME.lock is locked as long as one process uses it.
 *
 * It is text, so that one can look; fields are divided by one space:
 *
 *   tapline-eve-tail 1
 *   machine ID                      (of /etc/machine-id, or -)
 *   place TEXT                      each -r whose older files are known
 *   file STREAM STATE NUMBER SAFE HASH SEEN HASH AT LEN HASH DEV INO BORN PACKED SELECT HOME
 *   sum HASH                        XXH3-64 of all before this line
 *
 * STREAM 32 hex digits; STATE live, over (its end is known), lost (said to be), or done; NUMBER of
 * the first line behind SAFE; SAFE and SEEN (how far it was read) positions, each with the hash of
 * the bytes before it; AT, LEN, HASH its head (identity.h); BORN its time of birth in ns, 0 =
 * unknown; PACKED the size of the compressed file of one that is done, else 0; SELECT the hash of
 * the options that select lines. Numbers are decimal, hashes 16 hex digits. TEXT and HOME are last
 * and have what is not printable, a space, and % written as %XX.
 */
#ifndef EVE_TAIL_CHECKPOINT_H
#define EVE_TAIL_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity.h"
#include "text.h"
#include "wire.h"

enum {
	CHECKPOINT_RECORDS_MAX = 65536,
	CHECKPOINT_PLACES_MAX = 1024,
	CHECKPOINT_BYTES_MAX = 64 << 20,
	CHECKPOINT_PATH_MAX = 4095,
	CHECKPOINT_MACHINE_MAX = 64,
};

enum record_state {
	RECORD_LIVE,
	RECORD_OVER, /* it ends at `seen`, which was told, or is about to be */
	RECORD_LOST, /* was gone when we came back; said once */
	RECORD_DONE, /* all of it is safe: kept so that it is known when it is met again */
};

struct record {
	uint8_t stream[TL_WIRE_STREAM_LEN];
	enum record_state state;
	uint64_t number;
	struct mark safe;
	struct mark seen; /* not before safe; RECORD_OVER, RECORD_DONE: the end (DONE, offset 0:
			     never read) */
	struct head head;
	uint64_t dev, ino, born_ns;
	uint64_t packed_bytes;
	uint64_t select_hash;
	char *home; /* owned */
};

/* What is in a checkpoint. Zero-initialised is empty. */
struct book {
	char machine[CHECKPOINT_MACHINE_MAX + 1];
	char **places;
	size_t place_count;
	struct record *records;
	size_t record_count;
};

void book_fini(struct book *book);

/* --- the text; pure ------------------------------------------------------- */

/* In this order; 0 or -ENOMEM. */
int checkpoint_put_head(struct tl_textbuf *text, const char *machine);
int checkpoint_put_place(struct tl_textbuf *text, const char *place);
int checkpoint_put_record(struct tl_textbuf *text, const struct record *record);
int checkpoint_put_sum(struct tl_textbuf *text);

/* 0, -EBADMSG, -ENOMEM. `book` is empty before, and after a failure. */
int checkpoint_parse(const char *text, size_t len, struct book *book);

/* --- the file (checkpoint_file.c) ------------------------------------------ */

struct checkpoint;

/* Takes the lock. 0, -EBUSY another process has it, -errno. Logs why. */
int checkpoint_open(struct checkpoint **out, const char *path);
void checkpoint_close(struct checkpoint *checkpoint);

/*
 * 1; 0 there is none, or a damaged one, which is set aside as NAME.bad. -errno: it
 * cannot be read. Logs.
 */
int checkpoint_read(struct checkpoint *checkpoint, struct book *book);

/* Durable when it returns 0; on -errno the one before still stands. Nothing logs. */
int checkpoint_write(struct checkpoint *checkpoint, const struct tl_textbuf *text);

#endif
