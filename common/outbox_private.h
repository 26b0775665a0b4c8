/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of the outbox: outbox_window.c has the window, outbox_lane.c sends it
 * to one place, outbox_acks.c frees and sends again by what that place tells.
 * One lock guards it all; nobody holds it while a hop works.
 */
#ifndef TL_OUTBOX_PRIVATE_H
#define TL_OUTBOX_PRIVATE_H

#include <pthread.h>

#include "intake.h"
#include "outbox.h"
#include "streammap.h"
#include "wire.h"

/* A batch on its way into the window. */
struct tl_outbox_item {
	struct tl_msg *msg;
	struct tl_batch_head head; /* without its texts */
	uint32_t events;
	const struct tl_journal *journal; /* 0 = none */
	uint64_t ticket;
};

/* Takes `item->msg` over in any case. 0, or why it could not be kept: then it is counted. */
int tl_outbox_put(struct tl_outbox *outbox, const struct tl_outbox_item *item);

/* Numbers were used up for events that are in no batch. */
void tl_outbox_lose(struct tl_outbox *outbox, uint64_t events);

/* Bits are lanes. */
struct tl_held {
	struct tl_held *next, *prev;	 /* in the order they came */
	struct tl_held *stream_next;	 /* in the order of their numbers */
	struct tl_outbox_stream *stream; /* 0 in a forwarder */
	struct tl_outbox_item item;
	uint64_t order;
	uint64_t next_number; /* tl_run_next */
	size_t len;	      /* of the message */
	bool ours;	      /* base and after may be rewritten */
	uint8_t sent;	      /* since the lane last went back */
	uint8_t tried;	      /* ever sent */
	uint8_t done;	      /* safe there, or as good as */
	uint8_t busy;	      /* being sent right now: neither dropped nor freed */
	uint8_t again;	      /* the lane went back while it was busy */
	bool lost;	      /* by a lane that broke */
};

/* What one place has told about one stream. */
struct tl_outbox_heard {
	bool known;
	uint64_t safe;
	uint64_t instance;
	uint64_t refused_at;
	uint64_t refused_ns;
	uint64_t moved_ns; /* heard of, went back, or began to wait */
};

struct tl_outbox_stream {
	struct tl_streamnode node;
	struct tl_held *head;
	struct tl_held **tail;
	bool loss_pending; /* that no run has declared yet */
	uint64_t loss_after;
	bool released;	/* without an ack: it may turn out that it never arrived */
	uint64_t end;	/* after the highest number that was put here */
	uint64_t floor; /* all below was settled before the first run that was put here */
	struct tl_outbox_heard heard[TL_OUTBOX_LANES];
};

struct tl_lane {
	struct tl_outbox *outbox;
	const char *place;
	struct tl_hop_out *hop;
	unsigned int index;
	uint8_t bit;
	bool is_url;
	bool silent; /* the peer does not acknowledge: sent is all that can be known */
	bool heard;  /* an ack came since the connection was made */
	bool ever_heard;
	bool acks_up; /* when last looked at */
	bool started;
	bool acks_started;
	pthread_t thread;
	pthread_t acks_thread;
	struct tl_held *next; /* all before it are sent or done here */
	uint64_t pending;     /* batches not done here */
	uint64_t losses;      /* of connections, seen so far */
	uint64_t next_check_ns;
	int error; /* -errno that broke the hop */
	/* The end of acknowledging, in a forwarder (outbox_gate.c). */
	struct tl_intake *intake;
	struct tl_wire_reader *reader;
	uint64_t synced_ns;
	unsigned int unsynced;
};

struct tl_outbox {
	struct tl_outbox_config config;
	struct tl_lane lanes[TL_OUTBOX_LANES];
	unsigned int lane_count;
	uint8_t all_lanes;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct tl_streammap streams;
	struct tl_wire_reader *reader; /* of forwarded batches from other writers */
	struct tl_held *head;
	struct tl_held *tail;
	uint64_t held_bytes;
	uint64_t next_order;
	uint64_t give_up_ns; /* monotonic; UINT64_MAX while open */
	bool closing;
	struct tl_outbox_counts counts;
};

/* --- outbox.c; with the lock held ----------------------------------------- */

bool tl_outbox_forwards(const struct tl_outbox *outbox);
/* In slices of 100 ms: a signal does not wake a condition. */
void tl_outbox_wait(struct tl_outbox *outbox);
bool tl_outbox_too_late(const struct tl_outbox *outbox);

/* --- outbox_window.c; with the lock held ----------------------------------- */

/* Known, or new; 0 without memory. */
struct tl_outbox_stream *tl_window_stream(struct tl_outbox *outbox,
					  const struct tl_batch_head *head);
/* At its end; every lane has it yet to send. */
void tl_window_append(struct tl_outbox *outbox, struct tl_held *held);
/* What could not be declared so far is declared by this batch. */
void tl_window_take_loss(struct tl_outbox_stream *stream, struct tl_held *held);
/* A batch that does not get in: counted, its loss declared by the next. Takes the message over. */
void tl_window_refuse(struct tl_outbox *outbox, struct tl_outbox_stream *stream,
		      const struct tl_outbox_item *item);
/* Makes room by dropping a batch; false when none may be. */
bool tl_window_drop_one(struct tl_outbox *outbox);
/* What is still held when nobody waits any longer. */
void tl_window_drop_rest(struct tl_outbox *outbox);
/* The lane is through with it. May free it. */
void tl_window_done(struct tl_outbox *outbox, struct tl_held *held, uint8_t lane_bit);
/* Frees what every lane is through with. */
void tl_window_release(struct tl_outbox *outbox, struct tl_held *held);

/* --- outbox_lane.c -------------------------------------------------------- */

/* 0 or -errno; logs. */
int tl_lane_open(struct tl_lane *lane, struct tl_outbox *outbox, unsigned int index);
int tl_lane_start(struct tl_lane *lane);
/* After `closing`: waits for its threads, then for what the hop still holds. */
void tl_lane_join(struct tl_lane *lane);
void tl_lane_close(struct tl_lane *lane);

/* --- outbox_acks.c; with the lock held ------------------------------------ */

/* Whether what is sent has to wait for an ack. */
bool tl_lane_waits_for_acks(const struct tl_lane *lane);
/* Nobody has acknowledged there yet, and there is no way to hear it. */
bool tl_lane_is_unheard(const struct tl_lane *lane);
/* Looks at the connection and the clock: goes back, or finds that the peer is silent. */
void tl_lane_look(struct tl_lane *lane, uint64_t now_ns);
/* Without the lock: the thread that hears. */
void *tl_lane_hear(void *lane);

/* --- outbox_gate.c: without the lock; the lane's thread ------------------- */

/* True where a forwarder's acks begin: what is sent there is judged and acknowledged here. With the
 * lock. */
bool tl_gate_is_here(const struct tl_lane *lane);
/* What is to be sent of `msg`, which is taken over: 0 when nothing is. */
struct tl_msg *tl_gate_admit(struct tl_lane *lane, struct tl_msg *msg);
/* It was sent. `idle`: nothing follows at once. */
int tl_gate_passed(struct tl_lane *lane, const struct tl_batch_head *head, uint64_t next,
		   bool idle);
/* Tells what is due; `idle`: what was written is made durable first. 0 or -errno. */
int tl_gate_tell(struct tl_lane *lane, bool idle);

#endif
