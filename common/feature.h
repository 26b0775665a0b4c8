/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is inside a flow: features of its first packets, one direction at a
 * time, as flows are. Packets go in, a bounded state comes out: sizes and
 * times, entropy, the TCP handshake, and what TLS, QUIC, DNS, HTTP/1 and SSH
 * say in the clear. Names, units and edges: feature_columns.c.
 *
 * A state is of fixed size and needs no destructor but tl_feature_close, which
 * gives its reassembly buffer back. Nothing allocates after tl_feature_pool_create,
 * nothing logs. A pool and the states that use it belong to one thread.
 *
 * Which protocol it is, its bytes say, not its ports; but for DNS, which has
 * nothing to know it by.
 */
#ifndef TL_FEATURE_H
#define TL_FEATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "../bpf/parse.h"
#include "flowtab.h"

enum {
	TL_FEATURE_FIRST = 16,		 /* sizes and times that are told one by one */
	TL_FEATURE_ENTROPY_BYTES = 1024, /* of the payload, from its start */
	TL_FEATURE_ITEMS_BYTES = 768,	 /* all texts and addresses of a flow */
	TL_FEATURE_TEXT_MAX = 250,	 /* one of them; longer ones are cut */
	TL_FEATURE_BUFFER_BYTES = 8192,	 /* of a stream put together: no longer hello is read */
	TL_FEATURE_RANGES = 8,		 /* pieces of it between holes */
	TL_FEATURE_TCP_OPTIONS = 40,	 /* kinds: as many as a header can hold */
	TL_FEATURE_QUIC_FAILURES = 3,	 /* Initials that do not decrypt before it is given up */
	TL_FEATURE_QUIC_TRIES = 8, /* decryptions of one flow, some 4 us each (bench_feature) */
	TL_FEATURE_QUIC_INITIAL_MAX = 4096, /* bytes of a protected packet that are decrypted */
	TL_FEATURE_DNS_MESSAGES = 16,	    /* of one flow that are read */
	TL_FEATURE_DNS_RECORDS = 64,	    /* of one message that are walked */
	TL_FEATURE_DNS_NAME_BYTES = 4096,   /* of one message's names that are put together */
};

/* What is known beyond numbers. The order is that of the entities in an event. */
enum tl_feature_field {
	TL_FEATURE_TLS_CLIENT_VERSION,
	TL_FEATURE_TLS_SNI,
	TL_FEATURE_TLS_CLIENT_ALPNS, /* may occur more than once */
	TL_FEATURE_TLS_JA3,
	TL_FEATURE_TLS_JA4,
	TL_FEATURE_TLS_VERSION,
	TL_FEATURE_TLS_SERVER_ALPNS,
	TL_FEATURE_TLS_JA3S,
	TL_FEATURE_TLS_SERVER_CIPHER,
	TL_FEATURE_TLS_SERVER_EXTS,
	TL_FEATURE_QUIC_VERSION,
	TL_FEATURE_QUIC_SNI,
	TL_FEATURE_QUIC_CLIENT_ALPNS,
	TL_FEATURE_QUIC_JA3,
	TL_FEATURE_QUIC_JA4,
	TL_FEATURE_DNS_TYPE,
	TL_FEATURE_DNS_RRNAME,
	TL_FEATURE_DNS_RRTYPE,
	TL_FEATURE_DNS_RCODE,
	TL_FEATURE_DNS_ANSWERS,
	TL_FEATURE_HTTP_METHOD,
	TL_FEATURE_HTTP_HOSTNAME,
	TL_FEATURE_HTTP_USER_AGENT,
	TL_FEATURE_SSH_CLIENT_BANNER,
	TL_FEATURE_SSH_CLIENT_HASSH,
	TL_FEATURE_SSH_SERVER_BANNER,
	TL_FEATURE_SSH_SERVER_HASSH,
	TL_FEATURE_FIELDS,
};

/* Bits of the entity feature_flags: what could not be read in full, and whether that is all. */
enum tl_feature_flag {
	TL_FEATURE_CUT = 1,	  /* a text was cut, or there was no room for it */
	TL_FEATURE_LONG = 2,	  /* a message is longer than the buffer */
	TL_FEATURE_NO_BUFFER = 4, /* others needed the buffer of a message in pieces */
	TL_FEATURE_HOLES = 8,	  /* a message is in more pieces than are kept track of */
	TL_FEATURE_BROKEN = 16,	  /* a message contradicts itself */
	TL_FEATURE_PARTIAL = 32,  /* the rest of a message did not come in time */
	TL_FEATURE_MANY = 64,	  /* more DNS messages or records than are read */
	TL_FEATURE_ENDED = 128,	  /* the flow has ended: sizes and times are of all its packets */
};

/* Running mean and variance (Welford): exact enough whatever the scale. */
struct tl_feature_stats {
	double mean;
	double m2; /* variance = m2 / count, of the population */
	uint64_t min;
	uint64_t max;
	uint64_t count;
};

struct tl_feature_buffer;
struct tl_feature_pool;

struct tl_feature {
	/* Of all packets; side by side, as tl_feature_count needs no more. */
	uint64_t first_ns;
	uint64_t last_ns;
	uint64_t bytes;		      /* on the wire */
	uint64_t payload_bytes;	      /* on the wire, repeated ones too */
	struct tl_feature_stats size; /* bytes on the wire; count: the packets */
	struct tl_feature_stats gap;  /* ns between packets */

	/* Of the first. */
	uint64_t syn_ns;
	uint64_t synack_ns; /* from the other direction's SYN to our SYN-ACK; 0 = unknown */
	uint32_t gaps[TL_FEATURE_FIRST];
	uint16_t sizes[TL_FEATURE_FIRST];

	/* The TCP stream. Offsets count from its first byte. */
	uint32_t origin_seq; /* of offset 0 */
	uint32_t highest;    /* offset behind the last byte seen */
	uint32_t consumed;   /* offset up to which the decoder is done */
	uint32_t syn_seq;
	uint16_t out_of_order; /* packets whose payload does not begin at `highest` */
	uint16_t window;       /* of the SYN, as in the header */
	uint16_t mss;	       /* 0 = no such option */
	uint8_t window_scale;
	bool has_window_scale;
	bool has_syn;
	bool has_ack; /* of the SYN: this is the server's direction */
	bool has_origin;
	uint8_t tries; /* QUIC: decryptions */
	uint8_t option_count;
	uint8_t options[TL_FEATURE_TCP_OPTIONS]; /* kinds in order, the end of the list included */

	uint8_t decoder; /* which one the stream belongs to; 0 = not known yet */
	bool done;	 /* nothing more is looked for in the payload */
	uint8_t phase;	 /* the decoder's */
	uint8_t dcid_len;
	uint8_t dcid[20]; /* QUIC: of the client's first Initial */
	uint8_t flags;	  /* enum tl_feature_flag */
	uint16_t entropy_count;
	uint16_t items_used;
	uint32_t have; /* fields, by bit */
	struct tl_feature_buffer *buffer;

	/* Not cleared when a state begins. */
	uint16_t histogram[256]; /* valid when entropy_count > 0 */
	uint8_t items[TL_FEATURE_ITEMS_BYTES];
};

enum { TL_FEATURE_BYTES = 1792 }; /* a flow never takes more, its buffer aside */
_Static_assert(sizeof(struct tl_feature) <= TL_FEATURE_BYTES, "the memory bound of a flow");
_Static_assert(TL_FEATURE_FIELDS <= 32, "fields are bits of a word");

/* One packet, or several that were merged on their way here, in somebody else's memory. */
struct tl_feature_packet {
	uint64_t ns;
	const struct tl_flow_key *key;
	const uint8_t *tcp;	/* its header; 0 when it is not all there, or no TCP */
	const uint8_t *payload; /* of the transport protocol */
	uint32_t tcp_len;	/* with options */
	uint32_t payload_len;	/* bytes at `payload` */
	uint32_t wire_len;	/* bytes of payload on the wire */
	uint32_t segment_len;	/* bytes of payload a wire packet, when merged; else 0 */
	uint32_t packets;	/* on the wire */
	uint64_t bytes;		/* of them, on the wire */
	uint16_t min_len;	/* of them, in bytes on the wire: the last one's */
	uint16_t max_len;	/* and every other's */
};

/*
 * Fills `out` from what parser and counter know of a frame; `segment_len` as
 * above. Views of `frame`. False when there is nothing to look into (a later
 * fragment, a header cut short): sizes and times are right all the same.
 */
bool tl_feature_packet_of(struct tl_feature_packet *out, const struct tl_packet *pkt,
			  const uint8_t *frame, uint32_t len, const struct tl_flow_delta *delta,
			  uint32_t segment_len);

/* Counted since the pool was made. */
struct tl_feature_counts {
	uint64_t buffers_taken;
	uint64_t buffers_short; /* taken from the flow that had one longest: it gives up */
	uint64_t quic_initials; /* decryptions tried */
	uint64_t quic_failures;
	uint64_t malformed; /* messages given up */
};

/*
 * Reassembly buffers, `count` of them: all the memory there will ever be. When all are
 * in use, the flow that has had one longest gives its up. 0 or -ENOMEM.
 */
int tl_feature_pool_create(struct tl_feature_pool **out, uint32_t count);
/* States that still have a buffer must not be used again, nor moved. */
void tl_feature_pool_destroy(struct tl_feature_pool *pool);
struct tl_feature_counts tl_feature_pool_counts(const struct tl_feature_pool *pool);

/* A state without packets. */
void tl_feature_open(struct tl_feature *f);

/*
 * Adds a packet. `reverse` is the state of the other direction of the same
 * connection, or 0; it is read only for a SYN-ACK (tl_feature_wants_reverse).
 */
void tl_feature_add(struct tl_feature *f, struct tl_feature_pool *pool,
		    const struct tl_feature_packet *packet, const struct tl_feature *reverse);

/* Adds a packet to sizes and times alone. */
void tl_feature_count(struct tl_feature *f, const struct tl_feature_packet *packet);

/* True for the one packet of a flow whose reverse is worth a look-up. */
static inline bool tl_feature_wants_reverse(const struct tl_feature_packet *packet)
{
	enum { FLAGS_AT = 13, SYN_ACK = 0x12 };

	return packet->tcp && (packet->tcp[FLAGS_AT] & SYN_ACK) == SYN_ACK;
}

/* Takes what an unfinished message says so far and gives the buffer back. Once, before encoding. */
void tl_feature_close(struct tl_feature *f, struct tl_feature_pool *pool);

/* Bits a byte, 0 to 8; 0 without payload. */
double tl_feature_entropy(const struct tl_feature *f, const struct tl_feature_pool *pool);

/* Of the population; 0 for fewer than one value. */
double tl_feature_variance(const struct tl_feature_stats *stats);

/* What a value is, and its bytes. */
enum tl_feature_kind {
	TL_FEATURE_TEXT,    /* printable ASCII */
	TL_FEATURE_ADDRESS, /* 4 or 16 bytes of an IP address */
	TL_FEATURE_NUMBERS, /* of 16 bits each, big-endian */
};

/* Walks the values of one field. */
struct tl_feature_item {
	const uint8_t *bytes;
	uint8_t len;
	enum tl_feature_kind kind;
	uint16_t at; /* where to go on; start with a zeroed item */
};

bool tl_feature_next(const struct tl_feature *f, enum tl_feature_field field,
		     struct tl_feature_item *item);

#endif
