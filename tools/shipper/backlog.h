/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lists behind a store: for each sink what waits, in order, and for each
 * stream and sink what is not yet done. All is found in constant time but a
 * place among the oldest, which is searched from the front. About 130 bytes a batch and
 * sink. No I/O, no lock, nothing logs.
 */
#ifndef SHIPPER_BACKLOG_H
#define SHIPPER_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "msg.h"
#include "wire.h"

enum {
	BACKLOG_LINES = 8,
	BACKLOG_FILE_BLOCK = 4096,
};

/* What a batch is called by. `count` 0: it has no events, it declares a loss or an end. */
struct backlog_run {
	uint64_t order; /* of arrival */
	uint64_t after;
	uint64_t first;
	uint32_t count;
	bool end;
	const uint8_t *stream; /* TL_WIRE_STREAM_LEN bytes */
};

/* A batch in memory, shared by sinks and parcels. */
struct backlog_bytes {
	struct tl_msg *msg;
	unsigned int refs;
};

enum backlog_state {
	BACKLOG_WAITING,
	BACKLOG_CLAIMED, /* waiting in the list, but somebody is replacing it */
	BACKLOG_TAKEN,	 /* by the lane */
};

struct backlog_stream;

struct backlog_item {
	TAILQ_ENTRY(backlog_item) link;	  /* among waiting or taken */
	TAILQ_ENTRY(backlog_item) victim; /* among waiting with events */
	TAILQ_ENTRY(backlog_item) kin;	  /* among those of the stream for this sink */
	struct backlog_stream *owner;
	struct backlog_run run;
	uint64_t start;	   /* with all before it done, the stream is done below this */
	uint64_t since_ns; /* realtime of its arrival */
	struct backlog_bytes *bytes;
	uint32_t size;	 /* of the batch, bytes */
	uint32_t pieces; /* of its events, those that became items of their own */
	enum backlog_state state;
	bool virtual; /* there is no file of it */
	bool unsure;  /* written before a power failure, perhaps never acknowledged */
};

TAILQ_HEAD(backlog_list, backlog_item);

/* Texts of a stream, for declarations; both are bounded. */
enum { BACKLOG_TEXTS_MAX = 768 };

struct backlog_stream {
	struct backlog_stream *hash_next;
	uint8_t id[TL_WIRE_STREAM_LEN];
	unsigned int refs; /* items */
	bool has_texts;
	uint64_t next; /* tl_run_next of the last put */
	uint64_t told; /* safe */
	struct tl_str source;
	struct tl_str host;
	struct tl_str iface;
	char *texts; /* what the three point to */
	struct backlog_list kin[BACKLOG_LINES];
};

struct backlog_line {
	struct backlog_list waiting; /* by order; claimed ones too */
	struct backlog_list taken;
	struct backlog_list victims;
	uint64_t batches;
	uint64_t events;
	uint64_t ever_events; /* appended since it was opened */
	uint64_t block;	      /* bytes that sizes are rounded up to: a file system's, or 1 */
	uint64_t bytes;	      /* rounded up */
	uint64_t empty_bytes; /* of these, of runs of no events */
};

struct backlog {
	struct backlog_stream **slots;
	uint64_t slot_count;
	uint64_t stream_count;
	uint64_t bytes; /* of all backlog_bytes */
};

static inline uint64_t backlog_next(const struct backlog_run *run)
{
	return run->first + run->count + (run->end ? 1 : 0);
}

static inline uint64_t backlog_blocks(uint64_t bytes, uint64_t block)
{
	return (bytes + block - 1) / block * block;
}

int backlog_init(struct backlog *backlog);
void backlog_fini(struct backlog *backlog);
void backlog_line_init(struct backlog_line *line, uint64_t block);
/* Frees its items. */
void backlog_line_fini(struct backlog *backlog, struct backlog_line *line, unsigned int index);

/* The stream, made when it is not there; a reference to it. 0 on no memory. */
struct backlog_stream *backlog_stream_get(struct backlog *backlog,
					  const uint8_t id[TL_WIRE_STREAM_LEN]);
void backlog_stream_put(struct backlog *backlog, struct backlog_stream *stream);
/* Keeps a copy of the texts when it has none yet and they are of usual length. */
void backlog_stream_learn(struct backlog_stream *stream, const struct tl_batch_head *head);

/* Over `msg`, owned from then on; one reference. 0 on no memory. */
struct backlog_bytes *backlog_bytes_new(struct backlog *backlog, struct tl_msg *msg);
void backlog_bytes_put(struct backlog *backlog, struct backlog_bytes *bytes);

/* A new item behind all others. The reference to the stream is taken over. */
void backlog_append(struct backlog_line *line, unsigned int index, struct backlog_item *item,
		    struct backlog_stream *stream);
/* Events of the item that are not in a piece of their own. */
static inline uint32_t backlog_own_events(const struct backlog_item *item)
{
	return item->run.count - item->pieces;
}

/*
 * A new item, claimed, of events that are in `behind`, right behind it and what has its order
 * number already.
 */
void backlog_insert(struct backlog_line *line, unsigned int index, struct backlog_item *item,
		    struct backlog_item *behind);

/* The oldest that waits, from then on taken; or 0. */
struct backlog_item *backlog_take(struct backlog_line *line);
void backlog_back(struct backlog_line *line, struct backlog_item *item);
/* A taken one, to be replaced. */
void backlog_claim_taken(struct backlog_line *line, struct backlog_item *item);
/* The oldest that waits with events, claimed; or 0. */
struct backlog_item *backlog_claim_victim(struct backlog_line *line);
/* The oldest that waits without, claimed, where those are most of what there is; or 0. */
struct backlog_item *backlog_claim_declaration(struct backlog_line *line);
/* What waits right before it in its stream and only declares what it goes on from; claimed; or 0.
 */
struct backlog_item *backlog_claim_adjoining(struct backlog_item *item);
/* A claimed one without events waits again. */
void backlog_unclaim(struct backlog_item *item);

/* A claimed one becomes another run, of no events, and waits. `bytes` may be 0; taken over. */
void backlog_replace(struct backlog *backlog, struct backlog_line *line, struct backlog_item *item,
		     const struct backlog_run *run, uint32_t size, struct backlog_bytes *bytes);

/* Takes it out of every list and frees it. */
void backlog_remove(struct backlog *backlog, struct backlog_line *line, unsigned int index,
		    struct backlog_item *item);

/* All of the stream below is done by the sinks. */
uint64_t backlog_done(const struct backlog_stream *stream, unsigned int line_count);

/* The time of the oldest that waits or is taken, 0 = none. */
uint64_t backlog_since(const struct backlog_line *line);

#endif
