/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bounded reader of the wire format; docs/man/tapline-wire.5 is the
 * format. A batch is validated whole, in one pass, before the caller sees any
 * of it: every later access to it needs no check. Views point into the
 * caller's bytes and live as long as those do. Nothing logs.
 *
 * A reader belongs to one thread.
 */
#ifndef TL_WIRE_H
#define TL_WIRE_H

#include "msgpack.h"

enum {
	TL_WIRE_VERSION = 1,
	TL_WIRE_STREAM_LEN = 16,
	TL_WIRE_MAX_BATCH = 4 << 20, /* bytes */
	TL_WIRE_MAX_EVENTS = 65535,
	TL_WIRE_MAX_SHAPES = 4096, /* id 0 is the open shape */
	TL_WIRE_MAX_ENTITIES = 4096,
	TL_WIRE_VALUE_DEPTH = 3, /* an event's value is the 4th level of a batch, of 6 allowed */
	TL_WIRE_PEEK = 11,	 /* bytes that tell the size of a batch */
};

/* `base` of a producer that waits for no acknowledgement: it says nothing about what arrived. */
#define TL_WIRE_NO_BASE ((1ull << 62) - 1)

/* What a batch says about itself. */
struct tl_batch_head {
	uint8_t stream[TL_WIRE_STREAM_LEN];
	uint64_t base;	/* all below is acknowledged or declared lost; or TL_WIRE_NO_BASE */
	uint64_t after; /* number that followed the previous kept event; first - after is declared
			   loss */
	uint64_t first; /* number of the first event */
	bool end;	/* the producer stopped cleanly after this run */
	struct tl_str source;
	struct tl_str host;
	struct tl_str iface;
};

/* A valid batch in somebody else's memory. */
struct tl_batch {
	struct tl_batch_head head;
	const uint8_t *bytes;
	uint32_t size;
	uint32_t event_count;
	uint32_t shape_count;
	bool all_fixed;		    /* every event is a flow event of ours to the byte */
	bool has_unknown_keys;	    /* forwarded as they are, never joined */
	struct tl_mp_cursor shapes; /* the definitions, one after the other */
	struct tl_mp_cursor events; /* the events, one after the other */
};

struct tl_flow_shape;

/* What events of one id have in common. */
struct tl_shape {
	uint16_t id;
	struct tl_str type;
	uint32_t name_count;
	uint32_t edge_count;
	struct tl_mp_cursor names; /* name_count strings */
	struct tl_mp_cursor edges; /* edge_count pairs of strings */
	struct tl_str definition;  /* the bytes from `type` on: equal bytes, equal shape */
	const struct tl_flow_shape
		*flow; /* not 0: a flow event of ours, read by offset (event.h) */
};

/* One event of a valid batch. */
struct tl_event {
	uint64_t number;
	uint64_t ts_ns;
	const struct tl_shape *shape; /* 0 for the open shape */
	struct tl_str type;
	const uint8_t *bytes; /* the whole event */
	uint32_t len;
	uint32_t value_count; /* entities */
	bool fixed;	      /* a flow event of ours to the byte: fields lie at fixed offsets */
	struct tl_mp_cursor tail; /* from the time on: what stays the same under another shape id */
	struct tl_mp_cursor values; /* values; of the open shape names and values in turn */
	struct tl_mp_cursor edges;  /* of the open shape */
	uint32_t edge_count;
};

struct tl_wire_error {
	uint32_t offset;    /* bytes from the start of the batch */
	const char *reason; /* static text */
};

struct tl_wire_reader;

int tl_wire_reader_create(struct tl_wire_reader **out);
void tl_wire_reader_destroy(struct tl_wire_reader *reader);

/*
 * The size of the batch that starts at `bytes`: > 0; -EAGAIN when fewer than
 * TL_WIRE_PEEK bytes are there and they may still become one; -EBADMSG when
 * no batch starts here; -E2BIG when it says to be over TL_WIRE_MAX_BATCH.
 */
int tl_wire_peek(const uint8_t *bytes, size_t len);

/*
 * Validates the batch that fills `bytes`. 0; -EBADMSG malformed; -E2BIG over
 * a limit; *error (may be 0) says where and why, and then *out holds the head
 * as far as `head_ok` of the reader says (tl_wire_head_readable).
 */
int tl_wire_read(struct tl_wire_reader *reader, const uint8_t *bytes, size_t len,
		 struct tl_batch *out, struct tl_wire_error *error);

/* After a refused batch: its stream, first number and event count could be read. */
bool tl_wire_head_readable(const struct tl_wire_reader *reader);

/* The shape of that id in the last batch read, 0 when it has none. */
const struct tl_shape *tl_wire_shape(const struct tl_wire_reader *reader, unsigned int id);

/* Walks the events of the last batch read: */
struct tl_event_iter {
	const struct tl_wire_reader *reader;
	struct tl_mp_cursor at;
	uint64_t number;
	bool all_fixed;
};

struct tl_event_iter tl_wire_events(const struct tl_wire_reader *reader,
				    const struct tl_batch *batch);
/* True and *event, false after the last. */
bool tl_event_next(struct tl_event_iter *iter, struct tl_event *event);

/* Walks the entities of an event, of any shape. */
struct tl_entity_iter {
	struct tl_mp_cursor names;
	struct tl_mp_cursor values;
	uint32_t left;
	bool open;
};

struct tl_entity {
	struct tl_str name;
	struct tl_mp_cursor value; /* exactly the one value, with all that is in it */
};

struct tl_entity_iter tl_event_entities(const struct tl_event *event);
bool tl_entity_next(struct tl_entity_iter *iter, struct tl_entity *entity);

/* Walks the edges of an event, of any shape. */
struct tl_edge_iter {
	struct tl_mp_cursor at;
	uint32_t left;
};

struct tl_edge_iter tl_event_edges(const struct tl_event *event);
bool tl_edge_next(struct tl_edge_iter *iter, struct tl_str *from, struct tl_str *to);

/* The event_id: a UUIDv8 of stream and number, 36 characters and a NUL. */
void tl_event_id(const uint8_t stream[TL_WIRE_STREAM_LEN], uint64_t number, char text[37]);

/*
 * True when base, after and first lie where our writer puts them: only then may
 * they be rewritten. Another writer's batch becomes such a one by tl_run_cut.
 */
bool tl_wire_head_is_ours(const uint8_t *batch, size_t len);

/* Stream, base, after, first and end of such a batch. */
void tl_wire_get_head(const uint8_t *batch, struct tl_batch_head *head);

/* Rewrite fields of a batch whose head is ours, in place. */
void tl_wire_set_size(uint8_t *batch, uint32_t size);
void tl_wire_set_after(uint8_t *batch, uint64_t after);
void tl_wire_set_base(uint8_t *batch, uint64_t base);

#endif
