/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The events that Tapline's own tools write: flow_start, flow_update,
 * flow_end, packet and capture_stats. All fields of a flow event have a fixed
 * width and order, so encoding is a row of stores and decoding reads by
 * offset; to everybody else it is plain msgpack. Entity names and order:
 * docs/man/tapline-wire.5. Pure; nothing logs.
 */
#ifndef TL_EVENT_H
#define TL_EVENT_H

#include "batch.h"
#include "flowtab.h"
#include "wire.h"

/* Shape ids, the same in every tool, so that runs of one stream join. */
enum tl_event_shape {
	TL_SHAPE_FLOW = 1,	/* + enum tl_flow_kind: start, update, end */
	TL_SHAPE_FLOW_ICMP = 4, /* the same with icmp_type, icmp_code, icmp_id */
	TL_SHAPE_PACKET = 7,
	TL_SHAPE_PACKET_ICMP = 8,
	TL_SHAPE_STATS = 9,
	TL_SHAPE_WITH_ID = 9,	/* + one of 1 to 8: the same with community_id, 10 to 17 */
	TL_SHAPE_FEATURES = 18, /* flow_features: TL_FEATURE_SHAPES of them, 18 to 98 */
	TL_SHAPE_OWN_COUNT = 99,
};

enum {
	TL_FLOW_EVENT_MAX = 192,   /* bytes an encoded flow event, with its id, never exceeds */
	TL_PACKET_EVENT_MAX = 192, /* and a packet event without its payload */
	TL_STATS_EVENT_MAX = 1024,
};

/* The shapes above; built once, never freed, safe to share. 0 on no memory. */
const struct tl_shapes *tl_event_shapes(void);

/* The template of one flow shape, for readers; 0 when `definition` is none of ours. */
const struct tl_flow_shape *tl_flow_shape_find(struct tl_str definition);

enum { TL_FLOW_SHAPE_IDS = 128 }; /* ids of one byte on the wire: what a template can have */

/*
 * How many bytes from `bytes` on are flow events that match their templates
 * to the byte, at most `max` of them; *count is how many. by_id[id] is the
 * template of that shape id, or 0. What does not match may still be good
 * msgpack.
 */
uint32_t tl_flow_events_walk(const struct tl_flow_shape *const by_id[TL_FLOW_SHAPE_IDS],
			     const uint8_t *bytes, size_t len, uint32_t max, uint32_t *count);

/* The length of an event that is known to match. */
uint32_t tl_flow_event_len(const struct tl_flow_shape *shape, const uint8_t *bytes);

struct tl_flow_event {
	enum tl_flow_kind kind;
	enum tl_end_reason reason; /* of flow_end */
	uint64_t ts_ns;
	struct tl_flow flow;   /* key.ifindex is not on the wire: 0 */
	bool has_community_id; /* which follows from the key: tl_event_add_community_id */
};

/* Encodes at `p` (TL_FLOW_EVENT_MAX bytes of room); returns the length, *shape the id. */
uint32_t tl_flow_event_encode(uint8_t *p, const struct tl_flow *flow, enum tl_flow_kind kind,
			      enum tl_end_reason reason, uint64_t ts_ns, unsigned int *shape);

/*
 * Decodes a flow event: by offset when it is ours to the byte, else field by
 * field, in any order, missing ones 0. -ENOMSG when it is no flow event,
 * -EBADMSG when a field has the wrong kind or range.
 */
int tl_flow_event_decode(const struct tl_event *event, struct tl_flow_event *out);

/* "fin", "rst", ... ; 0 for what is no reason. */
const char *tl_end_reason_name(unsigned int reason);

/* What became of --features; not in the event. */
struct tl_capture_features {
	uint64_t told;	       /* flow_features events */
	uint64_t early;	       /* of those: there was no room to wait for more packets */
	uint64_t no_buffer;    /* messages in pieces that found no buffer */
	uint64_t malformed;    /* messages given up */
	uint64_t out_of_order; /* TCP packets whose payload does not follow on */
};

/* A capture_stats event. The counters are running totals of the stream. */
struct tl_capture_stats {
	uint64_t packets; /* wire packets, all classes */
	uint64_t bytes;
	uint64_t class_packets[TL_CLASS_COUNT];
	uint64_t class_bytes[TL_CLASS_COUNT];
	uint64_t skbs;	       /* as the engine got them, merged ones as one */
	uint64_t kernel_drops; /* skbs the kernel dropped because ring or socket buffer were full */
	uint64_t ring_drops;   /* records lost in a BPF ring buffer; 0 on other engines */
	uint64_t events;       /* numbers used up before this event */
	uint64_t flows_active;
	uint64_t flows_evicted;
	uint64_t lost_in_crash;
	double ring_utilization;  /* 0..1, highest since the last event */
	double cpu_percent;	  /* of one core, since the last event */
	int64_t residual_packets; /* what the engine's equation leaves over; must be 0 */
	int64_t residual_bytes;
	struct tl_str engine;
	struct tl_str mode;
	struct tl_capture_features features;
};

uint32_t tl_stats_event_encode(uint8_t *p, const struct tl_capture_stats *stats, uint64_t ts_ns);
/* -ENOMSG when it is no capture_stats; missing fields are 0. */
int tl_stats_event_decode(const struct tl_event *event, struct tl_capture_stats *out);

/* One packet of --raw. */
struct tl_packet_event {
	const struct tl_flow_key *key;
	uint64_t length; /* bytes on the wire, all segments */
	uint64_t ip_bytes;
	uint32_t segments;
	uint8_t tcp_flags, ttl, tos;
	const uint8_t *payload; /* first bytes after the headers */
	uint32_t payload_len;
};

/* Needs TL_PACKET_EVENT_MAX + payload_len bytes at `p`. */
uint32_t tl_packet_event_encode(uint8_t *p, const struct tl_packet_event *packet, uint64_t ts_ns,
				unsigned int *shape);

/*
 * Gives a flow or packet event of that key, just encoded at `p`, its
 * community_id as last entity; returns the new length, within the same room,
 * and sets *shape. A coarse key has none: its addresses are of no packet, and
 * the event stays as it is.
 */
uint32_t tl_event_add_community_id(uint8_t *p, uint32_t len, const struct tl_flow_key *key,
				   unsigned int *shape);

#endif
