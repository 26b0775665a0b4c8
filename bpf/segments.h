/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a frame counts for on the wire. With segmentation offload one packet of
 * the kernel stands for several, each of which had the headers once more; for
 * the kernel programs and for user space, so that every engine counts alike.
 */
#ifndef TL_SEGMENTS_H
#define TL_SEGMENTS_H

#include "parse.h"

struct tl_segments {
	__u64 packets;
	__u64 bytes;
	__u64 ip_bytes; /* of all of them */
	__u16 min_len;	/* of one */
	__u16 max_len;
};

/* How the frame came: its length, and what is not in its bytes. */
struct tl_merged {
	__u32 wire_len;	    /* a tag kept outside the frame included */
	__u32 tag_len;	    /* of that tag: 0 or 4 */
	__u32 gso_size;	    /* payload bytes a segment; 0 = not merged: one wire packet */
	__u32 gso_segments; /* 0 = unknown */
};

TL_INLINE __u16 tl_segments_clamp(__u64 len)
{
	return len > 0xffff ? 0xffff : (__u16)len;
}

TL_INLINE void tl_segments_one(const struct tl_packet *pkt, __u32 wire_len, struct tl_segments *out)
{
	out->packets = 1;
	out->bytes = wire_len;
	out->ip_bytes = pkt->ip_bytes;
	out->min_len = out->max_len = tl_segments_clamp(wire_len);
}

TL_INLINE void tl_segments_count(const struct tl_packet *pkt, const struct tl_merged *frame,
				 struct tl_segments *out)
{
	tl_segments_one(pkt, frame->wire_len, out);
	if (frame->gso_size == 0 || pkt->class != TL_CLASS_FLOW)
		return;
	__u64 l3_header = (__u64)pkt->payload_offset - pkt->l3_offset;
	__u64 header = (__u64)pkt->payload_offset + frame->tag_len;
	__u64 payload = pkt->ip_bytes > l3_header ? pkt->ip_bytes - l3_header : 0;
	__u64 segments = frame->gso_segments;

	if (segments == 0)
		segments = (payload + frame->gso_size - 1) / frame->gso_size;
	if (segments < 2)
		return;
	__u64 full = (segments - 1) * frame->gso_size;
	out->packets = segments;
	out->bytes += (segments - 1) * header;
	out->ip_bytes += (segments - 1) * l3_header;
	out->max_len = tl_segments_clamp(header + frame->gso_size);
	out->min_len =
		tl_segments_clamp(header + (payload > full ? payload - full : frame->gso_size));
}

#endif
