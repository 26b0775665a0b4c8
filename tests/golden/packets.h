/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The project's own packets. A packet is built from layers; each layer writes
 * its number into the field of the layer below that names what follows, and
 * closing the packet fills in lengths and IPv4 header checksums. A golden
 * row is a list of layers and what the parser must make of it; the expected
 * values are written by hand, not computed by the code under test.
 *
 * Addresses are always 10.0.0.1 to 10.0.0.2, or 2001:db8::1 to 2001:db8::2,
 * unless a layer says otherwise. Nothing allocates, nothing logs.
 */
#ifndef TL_TEST_PACKETS_H
#define TL_TEST_PACKETS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PACKET_MAX = 4608,
	PACKET_MAX_LAYERS = 16,
	PACKET_MAX_IP = 4, /* nested IP headers */
};

enum layer_kind {
	LAYER_END,
	LAYER_ETH,
	LAYER_TAG, /* a: TPID, b: TCI */
	LAYER_PPPOE,
	LAYER_MPLS, /* a: label */
	LAYER_IP4,  /* a: bytes of options, b: fragment field (flags, offset / 8), c: id */
	LAYER_IP6,
	LAYER_EXT,   /* a: protocol number, b: bytes, a multiple of 8 */
	LAYER_FRAG6, /* a: fragment field (offset in bytes, bit 0 more), b: id */
	LAYER_AH,    /* a: bytes, a multiple of 4, at least 8 */
	LAYER_TCP,   /* a: source port, b: destination port, c: flags */
	LAYER_PORTS, /* a: source port, b: destination port, c: protocol number, d: header bytes */
	LAYER_ICMP,  /* a: type, b: code, c: id, d: 1 (IPv4) or 58 (IPv6) */
	LAYER_GRE,
	LAYER_NAMED,   /* a: number of what follows, as the layer below counts; no bytes */
	LAYER_PAYLOAD, /* a: bytes */
};

struct layer {
	enum layer_kind kind;
	uint32_t a, b, c, d;
};

/* Which numbers the field that names the next layer holds. */
enum packet_naming {
	NAMING_NONE,
	NAMING_ETHERTYPE,
	NAMING_PPP,
	NAMING_IP,
	NAMING_MPLS, /* no field, but a bottom-of-stack bit */
};

struct packet {
	uint8_t bytes[PACKET_MAX];
	uint32_t len;
	uint32_t next; /* offset of the field that names the next layer */
	enum packet_naming naming;
	uint32_t ip[PACKET_MAX_IP]; /* offsets of IP headers */
	unsigned int ip_count;
	uint32_t udp; /* offset of the last UDP header; 0 = none */
};

void packet_begin(struct packet *p);
void packet_push(struct packet *p, const struct layer *layer);
/* Replaces the addresses of the last IP header: 4 or 16 bytes each. */
void packet_set_addresses(struct packet *p, const uint8_t *src, const uint8_t *dst);
/* Fills in IP and UDP lengths and IPv4 checksums. */
void packet_close(struct packet *p);

struct golden_poke {
	uint16_t offset; /* 0 = none */
	uint8_t value;
};

struct golden_row {
	const char *name;
	struct layer layers[PACKET_MAX_LAYERS];
	struct golden_poke poke[8]; /* bytes set after closing */
	uint32_t snap;		    /* bytes captured; 0 = all */
	uint32_t wire_len;	    /* 0 = as built */
	/* what must come out; with a class other than flow only that is checked */
	uint8_t class;
	uint8_t ip; /* 4 or 6: which addresses */
	uint8_t proto;
	uint16_t sport, dport; /* as in struct tl_flow_key, but host order */
	uint16_t vlan, vlan_inner;
	uint32_t ip_bytes;
	uint8_t tcp_flags;
	uint8_t frag; /* enum tl_frag */
	uint32_t frag_id;
	uint16_t payload; /* offset; 0 = not checked */
};

/* All rows are Ethernet frames. */
extern const struct golden_row golden_rows[];
extern const unsigned int golden_row_count;

/* A built row: what was captured, and how long it was on the wire. */
struct golden_frame {
	struct packet packet;
	uint32_t len; /* captured */
	uint32_t wire_len;
};

void golden_build(const struct golden_row *row, struct golden_frame *frame);

/* The 16-byte addresses (v4-mapped for IPv4) that the key of the row must have. */
void golden_addresses(const struct golden_row *row, uint8_t src[16], uint8_t dst[16]);

#endif
