/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of eve.h between themselves: one line on its way from JSON to an event. */
#ifndef EVE_TAIL_EVE_PRIVATE_H
#define EVE_TAIL_EVE_PRIVATE_H

#include "batch.h"
#include "eve.h"
#include "eve_names.h"
#include "eve_shape.h"
#include "eve_value.h"

enum {
	EVE_HEAD_LEN = 16,    /* of an event: array, shape id and time in fixed width */
	EVE_OWN_ENTITIES = 4, /* that eve.c adds behind those of the line */
	EVE_ENTITIES_MAX = TL_WIRE_MAX_ENTITIES - EVE_OWN_ENTITIES,
	EVE_TEXT_MAX = 256 << 10,      /* bytes of the names of one event */
	EVE_FLATTEN_MAX = 16,	       /* levels of objects that become dotted names */
	EVE_TYPE_MAX = 256,	       /* bytes of an event type */
	EVE_COLUMNS_MAX = 64,	       /* keys of an array of objects that become entities */
	EVE_NOT_SELECTED = -ECANCELED, /* of the walk */
};

/* Names that eve.c gives itself. */
enum eve_own_name {
	EVE_OWN_UNKNOWN, /* the type of a line without one */
	EVE_OWN_PROTO_NAME,
	EVE_OWN_VLAN_INNER,
	EVE_OWN_VLAN_LAYERS,
	EVE_OWN_COMMUNITY_ID,
	EVE_OWN_LOST_FIELDS,
	EVE_OWN_RAW,
	EVE_OWN_COUNT,
};

/* What community_id needs. */
struct eve_tuple {
	uint8_t src[16];
	uint8_t dst[16];
	uint32_t src_len; /* 0, 4 or 16 */
	uint32_t dst_len;
	int proto; /* -1: not known; so the others */
	int src_port;
	int dst_port;
	int icmp_type;
	int icmp_code;
	bool has_community_id;
};

/* A value of an array's member, by its column. */
struct eve_cell {
	const uint32_t *mark; /* where it stands */
	uint32_t member;
	uint32_t next; /* of the column; 0 = none */
};

struct eve_column {
	uint32_t node;
	uint32_t first; /* cells */
	uint32_t last;
};

struct eve_columns {
	struct eve_column column[EVE_COLUMNS_MAX];
	struct eve_cell *cells; /* 0 is not used */
	uint32_t capacity;
	uint32_t cell_count;
	uint32_t count;
};

struct eve_walk {
	struct eve_json json;
	struct eve_out out;
	uint8_t *start;			     /* of the values */
	uint16_t ids[TL_WIRE_MAX_ENTITIES];  /* names of the entities so far */
	uint32_t ends[TL_WIRE_MAX_ENTITIES]; /* of their values, from `start` */
	uint32_t count;
	uint32_t name_bytes;
	uint32_t lost;
	uint32_t prev;	/* node of the last key */
	uint32_t guess; /* which of its followers to expect */
	uint16_t type;	/* name; 0: not known */
	bool has_ts;
	uint64_t ts_ns;
	struct eve_minute minute; /* kept from line to line, as is columns */
	struct eve_tuple tuple;
	struct eve_columns columns;
};

struct eve {
	struct eve_config config;
	struct eve_index *index;
	struct eve_names names;
	struct tl_shapes *shapes;
	struct eve_shapes cache;
	int parse_error; /* shape */
	uint16_t own[EVE_OWN_COUNT];
	uint32_t definition_len[TL_WIRE_MAX_SHAPES];
	struct eve_counts counts;
	struct eve_walk walk;
	uint8_t *scratch; /* values of an open event */
	size_t scratch_len;
};

/*
 * The object at the cursor: its members as entities behind those there are. 0; -EBADMSG; -ENOMEM;
 * EVE_NOT_SELECTED: its type is not wanted.
 */
int eve_walk_object(struct eve *eve, uint32_t parent, unsigned int depth);

/* Whether events of the type are wanted. */
bool eve_walk_is_selected(struct eve *eve, uint16_t type);

/* The node of a key within `parent`; -ENOSPC (no room for it) or -EBADMSG. */
int64_t eve_walk_node(struct eve *eve, uint32_t parent, struct tl_str raw);

/*
 * An array of objects as one entity a path of keys: an array of the values there, nil where a
 * member has none. 0; -EINVAL: it does not fit that form, nothing moved; else as eve_walk_object.
 */
int eve_columns_put(struct eve *eve, uint32_t node);

/* Opens an entity under a name, or under name#2 and so on: it may fail for a limit (-ENOSPC). */
int eve_entity_open(struct eve *eve, uint16_t *name);
/* What was written since belongs to it. */
void eve_entity_close(struct eve *eve, uint16_t name);
/*
 * What is written is an event of the walk: its head at `at`, its values behind. Under a shape, or
 * the open one when `shape` is 0, which takes more room. 1; -ENOSPC: the batch is full; -ENOMEM.
 */
int eve_event_commit(struct eve *eve, struct tl_batch_writer *w, const struct eve_shape *shape);

/* What was written since is dropped; the value at the mark is stepped over and counted as lost. */
int eve_entity_lose(struct eve *eve, const uint32_t *mark);

#endif
