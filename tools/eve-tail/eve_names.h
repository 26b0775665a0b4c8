/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys seen so far. A node is a key within its parent (the path of keys from the root); its
 * dotted path is its name, and two paths may share a name ({"a":{"b":1}}, {"a.b":1}). Each node
 * remembers the one that followed it, so that the next line's keys are found by comparing each
 * once. What is kept is bounded; when it is full it is forgotten between two lines, and learnt
 * anew.
 *
 * Belongs to one thread. Nothing logs.
 */
#ifndef EVE_TAIL_EVE_NAMES_H
#define EVE_TAIL_EVE_NAMES_H

#include <stdbool.h>
#include <string.h>

#include "eve_table.h"

enum {
	EVE_NAME_MAX = 1024, /* bytes of a dotted name */
	EVE_NODES_MAX = 1 << 16,
	EVE_NAMES_MAX = 1 << 15,
	EVE_NAME_BYTES_MAX = 4 << 20, /* of all names and keys */
	EVE_ROOT = 0,		      /* the node without a key */
	EVE_KEY_HEAD = 16,	      /* bytes of a key that lie in its node */
	EVE_GUESSES = 6,	      /* followers kept of a node, by the event's type */
};

struct eve_name {
	struct tl_str text;
	uint32_t stamp;	 /* the line that used it last */
	uint16_t again;	 /* how often in that line */
	int8_t selected; /* as a type: 1, 0; -1 not asked yet */
};

struct eve_node {
	char head[EVE_KEY_HEAD]; /* of the key, zeros behind */
	const char *key;
	uint32_t key_len;
	uint32_t parent;
	uint32_t chain; /* the next with its hash */
	uint32_t next[EVE_GUESSES];
	uint16_t name;
	uint8_t kind;  /* enum eve_kind */
	bool verbatim; /* no backslash in the key: bytes in JSON are the key itself */
};

struct eve_names {
	struct eve_node *nodes;
	struct eve_name *names;
	uint32_t *node_slots; /* heads of the chains by hash */
	uint16_t *name_slots; /* open addressing, 0 = free */
	char *bytes;
	uint32_t node_count;
	uint32_t name_count; /* name 0 is not used */
	uint32_t byte_count;
	uint32_t stamp; /* of this line */
};

/* 0 or -ENOMEM. */
int eve_names_init(struct eve_names *names);
void eve_names_fini(struct eve_names *names);

/* A line begins: no name is used yet. False when room runs out: forget, and begin again. */
bool eve_names_begin(struct eve_names *names);
/* Between lines. All ids become invalid. */
void eve_names_forget(struct eve_names *names);

/* The node of a key within `parent`, new or known; -ENOSPC: no room, or its name is too long. */
int64_t eve_names_child(struct eve_names *names, uint32_t parent, struct tl_str key);

/* The id of a name by itself; -ENOSPC. */
int eve_names_intern(struct eve_names *names, struct tl_str text);
/* 0 when it is not known. */
uint16_t eve_names_find(const struct eve_names *names, struct tl_str text);

/* The id for a second value under the name in this line: name#2, #3, ...; -ENOSPC. */
int eve_names_another(struct eve_names *names, uint16_t name);

static inline bool eve_names_used(const struct eve_names *names, uint16_t name)
{
	return names->names[name].stamp == names->stamp;
}

static inline void eve_names_use(struct eve_names *names, uint16_t name)
{
	names->names[name].stamp = names->stamp;
	names->names[name].again = 1;
}

static inline void eve_names_unuse(struct eve_names *names, uint16_t name)
{
	names->names[name].stamp = names->stamp - 1;
}

/* The first 16 bytes at both, as far as `len` reaches; both are readable as far. */
static inline bool eve_names_head_eq(const char *a, const char *b, uint32_t len)
{
	static const uint8_t masks[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint64_t x[2];
	uint64_t y[2];
	uint64_t mask[2];

	memcpy(x, a, 16);
	memcpy(y, b, 16);
	memcpy(mask, masks + 16 - (len < 16 ? len : 16), 16);
	return (((x[0] ^ y[0]) & mask[0]) | ((x[1] ^ y[1]) & mask[1])) == 0;
}

/*
 * The same for a key as it stands in the line, 16 readable bytes behind, without a backslash, when
 * `guess` is it; 0 when it is not.
 */
static inline bool eve_names_is(const struct eve_names *names, uint32_t guess, uint32_t parent,
				struct tl_str key)
{
	const struct eve_node *node = &names->nodes[guess];

	return node->key_len == key.len && node->parent == parent && node->verbatim &&
	       eve_names_head_eq(node->head, key.ptr, key.len) &&
	       (key.len <= EVE_KEY_HEAD || memcmp(node->key, key.ptr, key.len) == 0);
}

#endif
