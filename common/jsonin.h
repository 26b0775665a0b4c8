/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The JSON form of an event (common/json.h) back to an event. simdjson does
 * the reading; only common/jsonin.cc knows it, and only programs that use
 * this link with C++.
 *
 * Wanted: type, timestamp (RFC 3339), entities. May be missing: source, host,
 * iface, edges (an event with src_ip and dst_ip then gets that one); whatever
 * else is there is ignored, event_id, stream and number too: who writes an
 * event numbers it. JSON has fewer kinds than msgpack, so names decide:
 *
 *   *_ip               a string that is an address becomes bytes
 *   proto, end_reason  a keyword becomes its number
 *   start, end         a string that is an RFC 3339 time becomes a time
 *   payload            of type packet: base64 becomes bytes
 *
 * A reader belongs to one thread. Nothing logs.
 */
#ifndef TL_JSONIN_H
#define TL_JSONIN_H

#ifdef __cplusplus
extern "C" {
#endif

#include "wire.h"

enum {
	TL_JSONIN_LINE_MAX = 1 << 20, /* bytes of one line */
	TL_JSONIN_PADDING = 64,	      /* readable bytes after it */
};

struct tl_jsonin;

/* Points into the reader and the line; valid until the next call. */
struct tl_jsonin_event {
	struct tl_event event; /* of the open shape, complete: `bytes` is as on the wire */
	struct tl_str stream;  /* text, for telling streams apart; may be empty */
	struct tl_str source;
	struct tl_str host;
	struct tl_str iface;
	uint32_t edges_lost; /* edges whose ends are no entity of the event */
};

int tl_jsonin_create(struct tl_jsonin **out);
void tl_jsonin_destroy(struct tl_jsonin *in);

/*
 * Reads one line (without its newline), which lies in memory with
 * TL_JSONIN_PADDING bytes to spare. 0; -EBADMSG or -E2BIG, *reason (static
 * text) says why; -ENOMEM.
 */
int tl_jsonin_read(struct tl_jsonin *in, const char *line, size_t len, struct tl_jsonin_event *out,
		   const char **reason);

#ifdef __cplusplus
}
#endif

#endif
