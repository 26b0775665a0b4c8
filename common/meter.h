/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets in, numbered events out: the part that every user-space engine
 * shares. Parses bursts of frames, remembers fragments, keeps the class
 * accounts, feeds the flow table (or makes packet events with --raw), encodes
 * the events and pushes batches to the stream.
 *
 * A meter belongs to one thread; several may feed one stream. Nothing logs.
 */
#ifndef TL_METER_H
#define TL_METER_H

#include "event.h"
#include "flow_features.h"
#include "flowtab.h"
#include "outbox.h"

enum {
	TL_METER_BURST = 32, /* frames parsed before their flows are touched */
};

/* What the bytes of a frame begin with. */
enum tl_link {
	TL_LINK_ETHERNET,
	TL_LINK_PAYLOAD,   /* `protocol` says what is at `link_len` (raw IP, cooked, null) */
	TL_LINK_RAW,	   /* IPv4 or IPv6 at `link_len`, told by the first nibble */
	TL_LINK_MALFORMED, /* the link header was cut short: counted as malformed_l2 */
};

/* A frame of a ring, a socket or a file; the bytes stay valid during the call. */
struct tl_frame {
	const uint8_t *data;
	uint64_t ns;	   /* since the epoch */
	uint32_t len;	   /* bytes at `data` */
	uint32_t wire_len; /* bytes on the wire, a tag kept outside the frame included */
	uint32_t ifindex;
	uint16_t protocol; /* ethertype, host order, of TL_LINK_PAYLOAD */
	uint16_t link_len; /* bytes of link header of TL_LINK_PAYLOAD and _RAW */
	uint16_t vlan_tci; /* when has_vlan: the tag the kernel kept outside the frame */
	uint16_t gso_segs; /* 0 = unknown */
	uint16_t gso_size; /* payload bytes a segment; 0 = not merged: one wire packet */
	uint8_t link;	   /* enum tl_link */
	uint8_t direction; /* enum tl_direction */
	bool has_vlan;
};

struct tl_meter_config {
	struct tl_stream *stream;		 /* borrowed */
	struct tl_flowtab_config flows;		 /* emit and ctx are the meter's own */
	bool community_id;			 /* in every event of a flow or packet */
	struct tl_flow_features_config features; /* not with raw */
	bool raw;				 /* packet events instead of flows */
	uint32_t payload_max;			 /* --raw: bytes of payload in an event */
	/* --raw: true for a packet that must not become an event: counted as filtered; may be 0 */
	bool (*exclude)(void *ctx, const struct tl_flow_key *key);
	void *exclude_ctx;
};

/* Running totals; filtered is the caller's to add. */
struct tl_meter_counts {
	uint64_t packets; /* wire packets: the sum of the classes */
	uint64_t bytes;
	uint64_t skbs;
	uint64_t class_packets[TL_CLASS_COUNT];
	uint64_t class_bytes[TL_CLASS_COUNT];
	uint64_t frag_hits;
	uint64_t frag_misses;
	struct tl_flowtab_counts flows;
	struct tl_feature_table_counts features;
};

struct tl_meter;

int tl_meter_create(struct tl_meter **out, const struct tl_meter_config *config);
/* Emits nothing; see tl_meter_end. */
void tl_meter_destroy(struct tl_meter *meter);

/* At most TL_METER_BURST frames, in order. */
void tl_meter_add(struct tl_meter *meter, const struct tl_frame *frames, unsigned int count);

/* Moves table time forward: what is idle ends. */
void tl_meter_advance(struct tl_meter *meter, uint64_t now_ns);

/* Ends every flow. */
void tl_meter_end(struct tl_meter *meter, enum tl_end_reason reason);

/*
 * Pushes what is encoded. Full batches are pushed as they fill; the caller
 * calls this when its input is idle, 0.5 ms after a flow_start waits, or
 * after 10 ms (tl_meter_flush_due). 0 or -EPIPE.
 */
int tl_meter_flush(struct tl_meter *meter);

/* Monotonic time by which to flush; UINT64_MAX when nothing waits. */
uint64_t tl_meter_flush_due(const struct tl_meter *meter);

struct tl_meter_counts tl_meter_counts(const struct tl_meter *meter);

/* Adds b to a, for engines with several threads. */
void tl_meter_counts_add(struct tl_meter_counts *a, const struct tl_meter_counts *b);

/* The part of capture_stats that follows from the counts. */
void tl_meter_counts_to_stats(const struct tl_meter_counts *counts, struct tl_capture_stats *stats);

#endif
