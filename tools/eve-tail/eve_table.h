/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Tapline knows of Suricata's fields: which get another name or a kind of their own, and which
 * pairs of them are edges. docs/man/tapline-wire.5, EVENTS OF SURICATA, says the same; a test
 * compares. A new field or edge is one line in eve_table.c.
 */
#ifndef EVE_TAIL_EVE_TABLE_H
#define EVE_TAIL_EVE_TABLE_H

#include "msgpack.h"

enum eve_kind {
	EVE_PLAIN,     /* under its dotted name, as JSON has it */
	EVE_TIMESTAMP, /* the event's time */
	EVE_TYPE,      /* the event's type */
	EVE_ADDRESS,   /* text of an address -> bin */
	EVE_SRC_IP,    /* the same, and of the 5-tuple */
	EVE_DST_IP,
	EVE_SRC_PORT,
	EVE_DST_PORT,
	EVE_PROTO, /* name -> IANA number */
	EVE_VLAN,  /* ids, outermost first -> vlan, vlan_inner */
	EVE_TIME,  /* text of a time -> time */
	EVE_ICMP_TYPE,
	EVE_ICMP_CODE,
	EVE_COMMUNITY_ID,
};

struct eve_field {
	const char *path; /* dotted, from the root of the line */
	const char *name; /* of the entity */
	enum eve_kind kind;
};

/* Ends with a path of 0. */
extern const struct eve_field eve_fields[];

struct eve_edge {
	const char *from; /* names of entities */
	const char *to;
	const char *unless; /* an entity that says the same and better; 0 */
};

/* Ends with a `from` of 0. */
extern const struct eve_edge eve_edges[];

/* What the table says of a path; 0 when it says nothing. */
const struct eve_field *eve_field_find(struct tl_str path);

#endif
