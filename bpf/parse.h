/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The one packet parser, compiled for the kernel (clang -target bpf) and for
 * user space, so that every engine sees the same flows.
 *
 * Understood: Ethernet, up to two VLAN tags (0x8100, 0x88a8, 0x9100), PPPoE
 * session, MPLS, IPv4 with options, IPv6 with up to six extension headers
 * (hop-by-hop, routing, fragment, destination, AH, mobility), ports of TCP,
 * UDP, SCTP, DCCP and UDP-Lite, type, code and echo id of ICMP and ICMPv6.
 * Outermost IP header only.
 *
 * Pure: bytes in, struct tl_packet out; no allocation, no state, no I/O.
 * Nothing is read past `end`, past the IP datagram (Ethernet padding is not
 * taken for a transport header), or beyond TL_PARSE_MAX_OFFSET, which bounds
 * what the kernel's verifier has to follow and is kept in user space so that
 * both give the same answer.
 *
 * Sources: IEEE 802.1Q, RFC 2516 (PPPoE), RFC 3032 (MPLS), RFC 791, RFC 8200
 * (IPv6), RFC 4302 (AH), RFC 6275 (mobility), RFC 9293, 768, 9260, 4340, 3828.
 */
#ifndef TL_PARSE_H
#define TL_PARSE_H

#include "flow.h"

#ifdef __bpf__
#include <bpf/bpf_endian.h>
#define TL_NTOHS(x) bpf_ntohs(x)
#define TL_HTONS(x) bpf_htons(x)
#define TL_HTONL(x) bpf_htonl(x)
#define TL_INLINE   static __attribute__((always_inline)) inline
#else
#include <arpa/inet.h>
#define TL_NTOHS(x) ntohs(x)
#define TL_HTONS(x) htons(x)
#define TL_HTONL(x) htonl(x)
#define TL_INLINE   static inline
#endif
#ifdef __clang__
#define TL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define TL_UNROLL
#endif

enum {
	TL_PARSE_MAX_OFFSET = 4000, /* bytes of headers followed */
	TL_PARSE_MAX_LABELS = 8,    /* MPLS */
	TL_PARSE_MAX_EXT = 6,	    /* IPv6 extension headers */
	TL_PARSE_MAX_OPTIONS = 8,   /* of one such header that are looked at */
};

enum tl_frag {
	TL_FRAG_NONE,
	TL_FRAG_FIRST, /* carries the ports of the datagram */
	TL_FRAG_LATER, /* ports unknown: look them up by frag_id */
};

/* Ethertypes the parser branches on, host order. */
enum {
	TL_ETH_IPV4 = 0x0800,
	TL_ETH_ARP = 0x0806,
	TL_ETH_VLAN = 0x8100,
	TL_ETH_QINQ_OLD = 0x9100,
	TL_ETH_QINQ = 0x88a8,
	TL_ETH_IPV6 = 0x86dd,
	TL_ETH_MPLS = 0x8847,
	TL_ETH_MPLS_MC = 0x8848,
	TL_ETH_PPPOE = 0x8864,
};

enum {
	TL_PROTO_HOPOPTS = 0,
	TL_PROTO_ICMP = 1,
	TL_PROTO_TCP = 6,
	TL_PROTO_UDP = 17,
	TL_PROTO_DCCP = 33,
	TL_PROTO_ROUTING = 43,
	TL_PROTO_FRAGMENT = 44,
	TL_PROTO_AH = 51,
	TL_PROTO_ICMPV6 = 58,
	TL_PROTO_DSTOPTS = 60,
	TL_PROTO_SCTP = 132,
	TL_PROTO_MOBILITY = 135,
	TL_PROTO_UDPLITE = 136,
};

/*
 * One parsed frame. Valid beyond `class` only when class is TL_CLASS_FLOW.
 * The caller fills key.ifindex and key.direction.
 */
struct tl_packet {
	struct tl_flow_key key;
	__u32 ip_bytes;	      /* IPv4 total length; 40 + payload length for IPv6 */
	__u32 frag_id;	      /* an opaque value; meaningful unless frag is TL_FRAG_NONE */
	__u16 l3_offset;      /* bytes from the start of the frame */
	__u16 payload_offset; /* first byte after the headers that GSO repeats */
	__u8 class;	      /* enum tl_class */
	__u8 frag;	      /* enum tl_frag */
	__u8 frag_proto;      /* protocol as the fragment headers name it */
	__u8 tcp_flags;
	__u8 ttl; /* or hop limit */
	__u8 tos; /* or traffic class */
	__u8 ipv6;
	__u8 tags; /* VLAN tags in the key so far */
	__u8 cut;  /* something was looked for behind the end of the bytes at hand */
};

/* Where the frame's bytes are, and where the IP datagram ends. */
struct tl_frame_bytes {
	const __u8 *data;
	const __u8 *end;
	__u32 limit; /* no transport header is read beyond this offset */
	__u32 cut;   /* see tl_packet */
};

/* The `len` bytes at `offset`, or 0 when they are not all there. */
TL_INLINE const __u8 *tl_parse_at(struct tl_frame_bytes *b, __u32 offset, __u32 len)
{
#ifdef __bpf__
	/* The barrier keeps clang from proving the test away and leaving the
	 * verifier with an unbounded register. */
	__asm__ volatile("" : "+r"(offset));
#endif
	if (offset > TL_PARSE_MAX_OFFSET)
		return 0;
	const __u8 *at = b->data + offset;
#ifdef __bpf__
	if (at + len <= b->end)
		return at;
#else
	if (offset + len <= (__u32)(b->end - b->data))
		return at;
#endif
	b->cut = 1;
	return 0;
}

/* The same within the IP datagram. */
TL_INLINE const __u8 *tl_parse_l4(struct tl_frame_bytes *b, __u32 offset, __u32 len)
{
	if (offset + len > b->limit)
		return 0;
	return tl_parse_at(b, offset, len);
}

/*
 * Makes the verifier forget what `offset` can be. Each tag, label and header
 * on the way here would else be a state of its own for all that follows:
 * 987,127 instructions to verify without this, of 1,000,000 allowed. `unknown`
 * is any scalar the verifier knows nothing about. The value does not change.
 */
TL_INLINE __u32 tl_parse_forget(__u32 offset, __u32 unknown)
{
#ifdef __bpf__
	__u64 wide = offset;
	__u64 noise = unknown;
	__asm__ volatile("%0 += %1; %0 -= %1" : "+r"(wide) : "r"(noise));
	return (__u32)wide;
#else
	(void)unknown;
	return offset;
#endif
}

/*
 * Bytes of the packet by whole words. clang knows nothing of their alignment and
 * would go byte by byte; the machines that verify such programs need none. And
 * what the map's hash loads in one word must have been stored in one, or the
 * load waits for the stores: 20 ns a packet.
 */
TL_INLINE __u16 tl_parse_be16(const __u8 *at)
{
#ifdef __bpf__
	return TL_NTOHS(*(const __u16 *)at);
#else
	return (__u16)(at[0] << 8 | at[1]);
#endif
}

/* `len` is a constant: 2, 4 or 16. */
TL_INLINE void tl_parse_copy(void *to, const void *from, unsigned int len)
{
#ifdef __bpf__
	if (len == 16) {
		((__u64 *)to)[0] = ((const __u64 *)from)[0];
		((__u64 *)to)[1] = ((const __u64 *)from)[1];
	} else if (len == 4) {
		*(__u32 *)to = *(const __u32 *)from;
	} else {
		*(__u16 *)to = *(const __u16 *)from;
	}
#else
	__builtin_memcpy(to, from, len);
#endif
}

/* Starts a packet: nothing known, no tags. */
TL_INLINE void tl_parse_begin(struct tl_packet *pkt)
{
	__builtin_memset(pkt, 0, sizeof(*pkt));
}

/* Adds the tag that the kernel or the capture file kept outside the frame, or one found in it. */
TL_INLINE void tl_parse_tag(struct tl_packet *pkt, __u16 tci)
{
	__be16 id = TL_HTONS(tci & 0xfff);
	if (pkt->tags == 0)
		pkt->key.vlan = id;
	else
		pkt->key.vlan_inner = id;
	pkt->tags++;
}

TL_INLINE void tl_parse_icmp(struct tl_frame_bytes *b, __u32 offset, struct tl_packet *pkt)
{
	const __u8 *h = tl_parse_l4(b, offset, 4);
	if (!h)
		return;
	__u8 type = h[0];
	int echo = pkt->ipv6 ? type == 128 || type == 129 : type == 8 || type == 0;
	tl_parse_copy(&pkt->key.dst_port, h, 2);
	h = tl_parse_l4(b, offset, 8);
	if (!h)
		return;
	pkt->payload_offset = (__u16)(offset + 8);
	if (echo)
		tl_parse_copy(&pkt->key.src_port, h + 4, 2);
}

TL_INLINE void tl_parse_tcp(struct tl_frame_bytes *b, __u32 offset, struct tl_packet *pkt)
{
	const __u8 *h = tl_parse_l4(b, offset, 14);
	if (!h)
		return;
	__u32 header = (__u32)(h[12] >> 4) * 4;
	pkt->tcp_flags = h[13];
	pkt->payload_offset = (__u16)(offset + (header < 20 ? 20 : header));
}

/* Ports, flags and ICMP fields; a transport header that is cut short leaves what is missing 0. */
TL_INLINE void tl_parse_transport(struct tl_frame_bytes *b, __u32 offset, struct tl_packet *pkt)
{
	__u8 proto = pkt->key.proto;

	pkt->payload_offset = (__u16)offset;
	if (proto == TL_PROTO_ICMP || proto == TL_PROTO_ICMPV6) {
		tl_parse_icmp(b, offset, pkt);
		return;
	}
	if (proto != TL_PROTO_TCP && proto != TL_PROTO_UDP && proto != TL_PROTO_SCTP &&
	    proto != TL_PROTO_DCCP && proto != TL_PROTO_UDPLITE)
		return;
	const __u8 *h = tl_parse_l4(b, offset, 4);
	if (!h)
		return;
	tl_parse_copy(&pkt->key.src_port, h, 4); /* both: they lie as in the key */
	if (proto == TL_PROTO_TCP)
		tl_parse_tcp(b, offset, pkt);
	else if (proto == TL_PROTO_UDP || proto == TL_PROTO_UDPLITE)
		pkt->payload_offset = (__u16)(offset + 8);
}

TL_INLINE int tl_parse_ipv4(struct tl_frame_bytes *b, __u32 offset, __u32 wire_len,
			    struct tl_packet *pkt)
{
	const __u8 *h = tl_parse_at(b, offset, 20);
	if (!h || h[0] >> 4 != 4)
		return TL_CLASS_MALFORMED_L3;
	__u32 header = (__u32)(h[0] & 0xf) * 4;
	__u32 total = tl_parse_be16(h + 2);
	/* 0: a segmentation-offload packet of more than 64 KiB. */
	if (total == 0)
		total = wire_len - offset;
	if (header < 20 || total < header)
		return TL_CLASS_MALFORMED_L3;

	const __u32 mapped = TL_HTONL(0xffff);
	tl_parse_copy(pkt->key.src + 8, &mapped, 4);
	tl_parse_copy(pkt->key.dst + 8, &mapped, 4);
	tl_parse_copy(pkt->key.src + 12, h + 12, 4);
	tl_parse_copy(pkt->key.dst + 12, h + 16, 4);
	pkt->key.proto = h[9];
	pkt->frag_proto = h[9];
	pkt->tos = h[1];
	pkt->ttl = h[8];
	pkt->ip_bytes = total;
	__u16 frag = tl_parse_be16(h + 6);
	pkt->frag_id = (__u32)tl_parse_be16(h + 4);
	if (!tl_parse_at(b, offset, header))
		return TL_CLASS_MALFORMED_L3;
	b->limit = offset + total;
	if (frag & 0x1fff) {
		pkt->frag = TL_FRAG_LATER;
		pkt->payload_offset = (__u16)(offset + header);
		return TL_CLASS_FLOW;
	}
	if (frag & 0x2000)
		pkt->frag = TL_FRAG_FIRST;
	tl_parse_transport(b, offset + header, pkt);
	return TL_CLASS_FLOW;
}

TL_INLINE int tl_parse_is_ext(__u8 proto)
{
	return proto == TL_PROTO_HOPOPTS || proto == TL_PROTO_ROUTING ||
	       proto == TL_PROTO_FRAGMENT || proto == TL_PROTO_DSTOPTS || proto == TL_PROTO_AH ||
	       proto == TL_PROTO_MOBILITY;
}

/*
 * Walks one extension header. Returns its length in bytes, 0 when it is cut
 * short. Sets *next to what follows it.
 */
TL_INLINE __u32 tl_parse_ext(struct tl_frame_bytes *b, __u32 offset, __u8 proto,
			     struct tl_packet *pkt, __u8 *next)
{
	const __u8 *h = tl_parse_l4(b, offset, 8);
	if (!h)
		return 0;
	*next = h[0];
	if (proto == TL_PROTO_FRAGMENT) {
		__u16 frag = tl_parse_be16(h + 2);
		pkt->frag_proto = h[0];
		tl_parse_copy(&pkt->frag_id, h + 4, 4);
		if (frag & 0xfff8)
			pkt->frag = TL_FRAG_LATER;
		else if (frag & 1)
			pkt->frag = TL_FRAG_FIRST;
		return 8;
	}
	if (proto == TL_PROTO_AH)
		return ((__u32)h[1] + 2) * 4;
	return ((__u32)h[1] + 1) * 8;
}

/*
 * Options (RFC 8200, section 4.2) lie within their header. One that runs past
 * its end means that what follows the header cannot be trusted to be what the
 * header says.
 */
TL_INLINE int tl_parse_options_fit(struct tl_frame_bytes *b, __u32 at, __u32 end, __u32 unknown)
{
	TL_UNROLL
	for (int i = 0; i < TL_PARSE_MAX_OPTIONS; i++) {
		at = tl_parse_forget(at, unknown);
		if (at + 1 >= end)
			break;
		const __u8 *option = tl_parse_at(b, at, 2);
		if (!option) /* captured short: nothing behind it will be read anyway */
			break;
		at += option[0] == 0 ? 1 : 2 + (__u32)option[1];
		if (at > end)
			return 0;
	}
	return 1;
}

TL_INLINE int tl_parse_ipv6(struct tl_frame_bytes *b, __u32 offset, __u32 wire_len,
			    struct tl_packet *pkt)
{
	const __u8 *h = tl_parse_at(b, offset, 40);
	if (!h || h[0] >> 4 != 6)
		return TL_CLASS_MALFORMED_L3;
	__u8 proto = h[6];
	__u32 payload = tl_parse_be16(h + 4);
	/* Jumbogram (RFC 2675): the length is in a hop-by-hop option; the frame tells it too. */
	if (payload == 0 && proto == TL_PROTO_HOPOPTS)
		payload = wire_len - offset - 40;

	tl_parse_copy(pkt->key.src, h + 8, 16);
	tl_parse_copy(pkt->key.dst, h + 24, 16);
	pkt->ipv6 = 1;
	pkt->tos = (__u8)(h[0] << 4 | h[1] >> 4);
	pkt->ttl = h[7];
	pkt->ip_bytes = 40 + payload;
	b->limit = offset + 40 + payload;
	offset += 40;

	TL_UNROLL
	for (int i = 0; i < TL_PARSE_MAX_EXT; i++) {
		offset = tl_parse_forget(offset, wire_len);
		if (pkt->frag == TL_FRAG_LATER || !tl_parse_is_ext(proto))
			break;
		int has_options = proto == TL_PROTO_HOPOPTS || proto == TL_PROTO_DSTOPTS;
		__u32 len = tl_parse_ext(b, offset, proto, pkt, &proto);
		if (len == 0)
			return TL_CLASS_MALFORMED_L3;
		if (has_options && !tl_parse_options_fit(b, offset + 2, offset + len, wire_len))
			b->limit = 0; /* no transport header, but the protocol is known */
		offset += len;
		if (b->limit == 0)
			break;
	}
	offset = tl_parse_forget(offset, wire_len);
	pkt->key.proto = proto;
	pkt->payload_offset = (__u16)offset;
	if (pkt->frag != TL_FRAG_LATER)
		tl_parse_transport(b, offset, pkt);
	return TL_CLASS_FLOW;
}

TL_INLINE int tl_parse_ip(struct tl_frame_bytes *b, __u16 ethertype, __u32 offset, __u32 wire_len,
			  struct tl_packet *pkt)
{
	offset = tl_parse_forget(offset, wire_len);
	pkt->l3_offset = (__u16)offset;
	if (ethertype == TL_ETH_IPV4)
		return tl_parse_ipv4(b, offset, wire_len, pkt);
	if (ethertype == TL_ETH_IPV6)
		return tl_parse_ipv6(b, offset, wire_len, pkt);
	return ethertype == TL_ETH_ARP ? TL_CLASS_ARP : TL_CLASS_OTHER_L3;
}

/*
 * Steps over an MPLS label stack. What is below is not named: it is told by
 * its first nibble (RFC 4928), and anything but 4 and 6 is no IP.
 * Returns a class below 0 to go on, *ethertype and *offset moved.
 */
TL_INLINE int tl_parse_mpls(struct tl_frame_bytes *b, __u16 *ethertype, __u32 *offset)
{
	int bottom = 0;

	TL_UNROLL
	for (int i = 0; i < TL_PARSE_MAX_LABELS; i++) {
		if (bottom)
			break;
		const __u8 *label = tl_parse_at(b, *offset, 4);
		if (!label)
			return TL_CLASS_MALFORMED_L2;
		bottom = label[2] & 1;
		*offset += 4;
	}
	if (!bottom)
		return TL_CLASS_OTHER_L3;
	const __u8 *first = tl_parse_at(b, *offset, 1);
	if (!first)
		return TL_CLASS_MALFORMED_L2;
	*ethertype = first[0] >> 4 == 4 ? TL_ETH_IPV4 : first[0] >> 4 == 6 ? TL_ETH_IPV6 : 0;
	return -1;
}

TL_INLINE int tl_parse_pppoe(struct tl_frame_bytes *b, __u16 *ethertype, __u32 *offset)
{
	const __u8 *h = tl_parse_at(b, *offset, 8);
	if (!h || h[0] != 0x11)
		return TL_CLASS_MALFORMED_L2;
	__u16 protocol = tl_parse_be16(h + 6);
	*offset += 8;
	*ethertype = protocol == 0x0021	  ? TL_ETH_IPV4
		     : protocol == 0x0057 ? TL_ETH_IPV6
		     : protocol == 0x0281 ? TL_ETH_MPLS
					  : 0;
	return -1;
}

TL_INLINE int tl_parse_is_tag(__u16 ethertype)
{
	return ethertype == TL_ETH_VLAN || ethertype == TL_ETH_QINQ || ethertype == TL_ETH_QINQ_OLD;
}

TL_INLINE int tl_parse_below_l2(struct tl_frame_bytes *b, __u16 ethertype, __u32 offset,
				__u32 wire_len, struct tl_packet *pkt)
{
	int class = -1;

	TL_UNROLL
	for (int i = 0; i < 2; i++) {
		if (!tl_parse_is_tag(ethertype) || pkt->tags >= 2)
			break;
		const __u8 *tag = tl_parse_at(b, offset, 4);
		if (!tag)
			return TL_CLASS_MALFORMED_L2;
		tl_parse_tag(pkt, tl_parse_be16(tag));
		ethertype = tl_parse_be16(tag + 2);
		offset += 4;
	}
	offset = tl_parse_forget(offset, wire_len);
	if (ethertype == TL_ETH_PPPOE)
		class = tl_parse_pppoe(b, &ethertype, &offset);
	if (class < 0 && (ethertype == TL_ETH_MPLS || ethertype == TL_ETH_MPLS_MC))
		class = tl_parse_mpls(b, &ethertype, &offset);
	if (class >= 0)
		return class;
	return tl_parse_ip(b, ethertype, offset, wire_len, pkt);
}

/*
 * Parses what follows a link header of `offset` bytes whose protocol field
 * says `ethertype` (host order). Ethernet II, cooked captures and raw IP all
 * come down to this. `pkt` was begun, and tags kept outside the frame added,
 * by the caller. `wire_len` is the frame's length on the wire, without those.
 * Sets and returns pkt->class.
 */
TL_INLINE int tl_parse_payload(const void *data, const void *end, __u32 wire_len, __u16 ethertype,
			       __u32 offset, struct tl_packet *pkt)
{
	struct tl_frame_bytes b = {.data = data, .end = end, .limit = 0};
	int class = tl_parse_below_l2(&b, ethertype, offset, wire_len, pkt);

	pkt->class = (__u8) class;
	pkt->cut = (__u8)b.cut;
	return class;
}

/* Parses an Ethernet II frame; see tl_parse_payload. */
TL_INLINE int tl_parse_ethernet(const void *data, const void *end, __u32 wire_len,
				struct tl_packet *pkt)
{
	struct tl_frame_bytes b = {.data = data, .end = end, .limit = 0};
	const __u8 *h = tl_parse_at(&b, 0, 14);
	if (!h) {
		pkt->class = TL_CLASS_MALFORMED_L2;
		pkt->cut = 1;
		return TL_CLASS_MALFORMED_L2;
	}
	return tl_parse_payload(data, end, wire_len, tl_parse_be16(h + 12), 14, pkt);
}

/* Which datagram the fragment `pkt` belongs to; its key must have ifindex and direction. */
TL_INLINE void tl_parse_datagram(const struct tl_packet *pkt, struct tl_datagram *d)
{
	__builtin_memcpy(d->src, pkt->key.src, sizeof(d->src));
	__builtin_memcpy(d->dst, pkt->key.dst, sizeof(d->dst));
	d->id = pkt->frag_id;
	d->ifindex = pkt->key.ifindex;
	d->vlan = pkt->key.vlan;
	d->vlan_inner = pkt->key.vlan_inner;
	d->proto = pkt->frag_proto;
	d->direction = pkt->key.direction;
	d->zero = 0;
}

#endif
