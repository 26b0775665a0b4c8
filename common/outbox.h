/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies between a producer and its hop: a window of finished batches and
 * a thread that sends them, so that a slow consumer never stops a capture
 * thread. When the window is full a live producer drops the oldest batch and
 * declares it (the next run of that stream has its `after` lowered); others
 * wait.
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

enum { TL_OUTBOX_WINDOW = 16 << 20 };

struct tl_outbox_config {
	const char *place; /* of tl_hop_open_out */
	enum tl_outbox_policy policy;
	uint64_t window; /* bytes */
	struct tl_hop_config hop;
};

struct tl_outbox_counts {
	uint64_t sent_batches;
	uint64_t sent_events;
	uint64_t sent_bytes;
	uint64_t dropped_events; /* window full, or unsent at close: declared in the stream if it
				    goes on */
	uint64_t dropped_batches;
	uint64_t held_batches; /* in the window now */
	bool broken;	       /* the hop failed (not EPIPE); all later batches count as dropped */
};

struct tl_outbox;

/* Opens the hop and starts the thread: call after privileges are dropped. Logs. */
int tl_outbox_open(struct tl_outbox **out, const struct tl_outbox_config *config);

/*
 * Sends what is held, waits at most `timeout_ns` (UINT64_MAX: as long as it
 * takes, but 5 s after a signal to stop), and stops. What is left is
 * counted as dropped. 0, -ETIMEDOUT when something was left, or the -errno
 * the hop failed with. `counts` may be 0.
 */
int tl_outbox_close(struct tl_outbox *outbox, uint64_t timeout_ns, struct tl_outbox_counts *counts);

struct tl_outbox_counts tl_outbox_counts(struct tl_outbox *outbox);

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
	/* The hop took the batch, or it was dropped and its loss declared. */
	void (*done)(void *context, uint64_t ticket, bool sent);
	void *context;
};

struct tl_stream_config {
	struct tl_outbox *outbox;	  /* borrowed */
	const char *source;		  /* program name */
	const char *iface;		  /* interface or file; copied */
	const char *host;		  /* 0 = this host's name; copied */
	const struct tl_journal *journal; /* may be 0; outlives the outbox */
};

/*
 * A new stream of random id on this host, numbered from 0. Under
 * TL_OUTBOX_DROP_OLDEST it has to outlive the outbox, whose window points to it.
 */
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
