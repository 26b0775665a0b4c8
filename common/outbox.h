/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies between a producer and its consumers: a window of finished batches
 * and a thread for each place that sends them, so that a slow consumer never
 * stops a capture thread.
 *
 * A batch stays in the window until every place has it: a consumer that
 * acknowledges (common/ack.h) has it when it says that it is safe; a file, a
 * pipe, or a consumer that does not, when it was sent. What is missing there is
 * sent again: from what the consumer says it has got, when the connection was
 * lost, the consumer is another run, refuses because of a gap, or got no
 * further for 30 s.
 *
 * When the window is full a live producer drops a batch (one that was never
 * sent, if there is one, else the oldest) and declares it: the next run of that
 * stream has its `after` lowered; others wait.
 *
 * And the streams: who numbers events. A stream may be fed by several threads.
 */
#ifndef TL_OUTBOX_H
#define TL_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "batch.h"
#include "hop.h"

struct tl_journal;

enum tl_outbox_policy {
	TL_OUTBOX_WAIT,	       /* files and replays */
	TL_OUTBOX_DROP_OLDEST, /* live capture */
};

enum { TL_OUTBOX_WINDOW = 16 << 20, TL_OUTBOX_LANES = 8 };

struct tl_outbox_config {
	const char *places[TL_OUTBOX_LANES]; /* of tl_hop_open_out; each gets everything */
	enum tl_outbox_policy policy;
	uint64_t window; /* bytes */
	struct tl_hop_config hop;
	/*
	 * Not 0: a forwarder. Somebody upstream keeps each batch until it is acknowledged, so what
	 * was sent is forgotten here, and what the place of that index tells is told to these.
	 * Where acknowledging ends (a file, a pipe, a consumer that does not), the acks are made
	 * here: runs are then accepted as any consumer does. `lost`: the connection broke, and
	 * with it what was on its way. `ended`: the place failed for good, and will tell no
	 * more; may be 0, as `lost`. Calls come from threads of the outbox, and must not call it.
	 */
	void (*acked)(void *context, unsigned int place, const struct tl_ack *acks, size_t count);
	void (*lost)(void *context, unsigned int place);
	void (*ended)(void *context, unsigned int place);
	void *context;
	/*
	 * Called about each 100 ms in the thread that waits for room, so that it can go on
	 * telling how it is. It may ask for counts, and nothing else of the outbox. May be 0.
	 */
	void (*waiting)(void *context);
	void *waiting_context;
};

/*
 * The places of -o; stdout when there are none. 0, or -EINVAL after one logged
 * line: too many, or one ack_url for several.
 */
int tl_outbox_set_places(struct tl_outbox_config *config, const struct tl_opt_list *outputs);

/* assigned = safe + held + dropped + unheard + unmade, at any moment. */
struct tl_outbox_counts {
	uint64_t assigned_events; /* numbers used up by the streams; of a forwarder: taken */
	uint64_t safe_events;	  /* everywhere; where nobody acknowledges, sent */
	uint64_t held_events;	  /* in the window now */
	uint64_t unmade_events;	  /* no memory to put them in a batch: declared by the next run */
	uint64_t sent_batches;	  /* by all places, sent again included */
	uint64_t sent_events;
	uint64_t sent_bytes;
	uint64_t resent_batches;
	uint64_t dropped_events; /* window full, or unsent at close: declared in the stream if it
				    goes on */
	uint64_t dropped_batches;
	uint64_t unconfirmed_events; /* of those dropped at close: sent, but never acknowledged */
	uint64_t unheard_events; /* let go in a full window, sent, before anybody acknowledged: what
				    of them got lost the next run declares when it is known */
	uint64_t held_batches;	 /* in the window now */
	bool broken; /* a place failed (not EPIPE); what it did not get counts as dropped */
};

struct tl_outbox;

/* Opens the hops and starts the threads: call after privileges are dropped. Logs. */
int tl_outbox_open(struct tl_outbox **out, const struct tl_outbox_config *config);

/*
 * Sends what is held until it is safe, waits at most `timeout_ns` (UINT64_MAX: as long as it
 * takes, but 5 s after a signal to stop), and stops. What is left is
 * counted as dropped. 0, -ETIMEDOUT when something was left, or the -errno
 * the hop failed with. `counts` may be 0.
 */
int tl_outbox_close(struct tl_outbox *outbox, uint64_t timeout_ns, struct tl_outbox_counts *counts);

struct tl_outbox_counts tl_outbox_counts(struct tl_outbox *outbox);

/*
 * True when every place has all batches that were put before `mark`, which is an
 * earlier tl_outbox_mark. False for good when a place failed: nobody knows what it has.
 */
bool tl_outbox_is_settled(struct tl_outbox *outbox, uint64_t mark);
uint64_t tl_outbox_mark(struct tl_outbox *outbox);

/* -errno when every place has failed: nothing that is put here goes anywhere. */
int tl_outbox_error(struct tl_outbox *outbox);

/*
 * Waits for that much room in the window: true when it is there, or nobody can wait
 * any more (a place failed, the service stops). For who has other things to do meanwhile.
 */
bool tl_outbox_wait_room(struct tl_outbox *outbox, uint64_t bytes, uint64_t timeout_ns);

/* True when the reader of our pipe has gone: a producer then stops cleanly. */
bool tl_outbox_reader_gone(struct tl_outbox *outbox);

/* Sends what a journal kept, under the ticket it has there; takes `msg` over in any case. */
int tl_outbox_resend(struct tl_outbox *outbox, struct tl_msg *msg, uint32_t events,
		     const struct tl_journal *journal, uint64_t ticket);

/*
 * Passes a batch of somebody else's stream on; takes `msg` over in any case.
 * 0, or why it could not be kept: then it is counted.
 */
int tl_outbox_forward(struct tl_outbox *outbox, struct tl_msg *msg, uint32_t events);

/* --- streams -------------------------------------------------------------- */

struct tl_stream;

/*
 * Keeps the batches of a stream where they outlive this process, until they
 * have been sent. Calls come from the threads of the stream and of the outbox,
 * `put` in the order of the numbers; neither may block for long.
 */
struct tl_journal {
	/* Before the batch can be sent: a ticket, not 0; 0 = not kept. */
	uint64_t (*put)(void *context, const struct tl_msg *msg);
	/* It is safe, or as good as (sent where nobody acknowledges); or it was dropped, and its
	   loss declared. */
	void (*done)(void *context, uint64_t ticket, bool sent);
	void *context;
};

struct tl_stream_config {
	struct tl_outbox *outbox;	  /* borrowed */
	const char *source;		  /* program name */
	const char *iface;		  /* interface or file; copied */
	const char *host;		  /* 0 = this host's name; copied */
	const struct tl_journal *journal; /* may be 0; outlives the outbox */
	const uint8_t *id;		  /* of a stream that goes on; 0 = a new random one */
	uint64_t next;			  /* its next number */
};

/* A new stream on this host, numbered from 0 unless it goes on. */
int tl_stream_create(struct tl_stream **out, const struct tl_stream_config *config);
void tl_stream_destroy(struct tl_stream *stream);

/*
 * Numbers the events of `w`, finishes it and hands it to the outbox; `w` is
 * empty again. Nothing happens when it holds no event and `end` is false.
 * `end`: the stream is complete. Thread-safe. 0, -ENOMEM (the events are lost,
 * counted and declared), -EPIPE when the outbox's reader has gone.
 */
int tl_stream_push(struct tl_stream *stream, struct tl_batch_writer *w, bool end);

/* Uses up numbers for events that could not be kept. Thread-safe. */
void tl_stream_lose(struct tl_stream *stream, uint64_t events);

/* Numbers used up so far. */
uint64_t tl_stream_next(struct tl_stream *stream);

#endif
