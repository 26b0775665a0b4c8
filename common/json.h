/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The JSON form of an event: one object, one line (docs/man/tapline-wire.5):
 *
 *   event_id, type, timestamp, entities, edges, stream, number, source, host, iface
 *
 * Values: integers exactly; floats with a '.' or an exponent, null when not
 * finite; times as RFC 3339 with nanoseconds; bytes of 4 or 16 as an address
 * where the entity's name ends in _ip, else as base64; `proto` and
 * `end_reason` as keywords where there is one; an extension as
 * {"ext":type,"data":base64}; the keys of a map as strings. Text is valid
 * UTF-8 (U+FFFD for what was not) without control characters (\u00XX).
 *
 * An edge is "from -> to", the values as text; an entity that is an array
 * stands for each of its members. Edges of an entity that is missing or has no
 * text (map, nil) are left out; beyond 4,096 edges or 1 MiB of them the rest
 * is left out and the object says "edges_cut":true.
 *
 * What events of one shape have in common is rendered once and kept, within
 * fixed limits. A writer belongs to one thread. Nothing logs.
 */
#ifndef TL_JSON_H
#define TL_JSON_H

#include "text.h"
#include "wire.h"

struct tl_json;

/* 0 or -ENOMEM. */
int tl_json_create(struct tl_json **out);
void tl_json_destroy(struct tl_json *json);

/* Appends the line, newline included, to `out`. 0; -ENOMEM, and `out` is as it was. */
int tl_json_event(struct tl_json *json, struct tl_textbuf *out, const struct tl_batch_head *head,
		  const struct tl_event *event);

/* What an entity's name says about how its value reads. */
enum tl_json_hint {
	TL_JSON_PLAIN,
	TL_JSON_IP,	/* the name ends in _ip */
	TL_JSON_PROTO,	/* proto */
	TL_JSON_REASON, /* end_reason */
};

enum tl_json_hint tl_json_hint(struct tl_str name);

/* The number that a keyword stands for under that hint; -ENOENT. */
int tl_json_keyword(struct tl_str word, enum tl_json_hint hint);

/* Appends one value of a valid event, moving the cursor over it. 0 or -ENOMEM. */
int tl_json_value(struct tl_textbuf *out, struct tl_mp_cursor *value, enum tl_json_hint hint);

/* Appends text as a JSON string, quotes included. 0 or -ENOMEM. */
int tl_json_string(struct tl_textbuf *out, struct tl_str text);

/*
 * The value as bare text, as in an edge: TL_TEXT_SCALAR_MAX bytes of room at
 * `p`. Returns the byte after; 0 when it is no number, address, keyword, time
 * or bool: strings, other bytes, arrays, maps, nil.
 */
char *tl_json_put_scalar(char *p, const struct tl_mp_item *item, enum tl_json_hint hint);

#endif
