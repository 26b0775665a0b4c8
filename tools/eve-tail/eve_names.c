/* SPDX-License-Identifier: BSD-2-Clause */
#include "eve_names.h"

#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
	NODE_SLOTS = EVE_NODES_MAX,
	NAME_SLOTS = 2 * EVE_NAMES_MAX,
};

int eve_names_init(struct eve_names *names)
{
	*names = (struct eve_names){
		.nodes = malloc(EVE_NODES_MAX * sizeof(*names->nodes)),
		.names = malloc(EVE_NAMES_MAX * sizeof(*names->names)),
		.node_slots = malloc(NODE_SLOTS * sizeof(*names->node_slots)),
		.name_slots = malloc(NAME_SLOTS * sizeof(*names->name_slots)),
		.bytes = malloc(EVE_NAME_BYTES_MAX),
	};
	if (!names->nodes || !names->names || !names->node_slots || !names->name_slots ||
	    !names->bytes) {
		eve_names_fini(names);
		return -ENOMEM;
	}
	eve_names_forget(names);
	return 0;
}

void eve_names_fini(struct eve_names *names)
{
	free(names->nodes);
	free(names->names);
	free(names->node_slots);
	free(names->name_slots);
	free(names->bytes);
	*names = (struct eve_names){0};
}

bool eve_names_begin(struct eve_names *names)
{
	names->stamp++;
	return names->stamp < UINT32_MAX && names->node_count <= EVE_NODES_MAX / 4 * 3 &&
	       names->name_count <= EVE_NAMES_MAX / 4 * 3 &&
	       names->byte_count <= EVE_NAME_BYTES_MAX / 4 * 3;
}

void eve_names_forget(struct eve_names *names)
{
	memset(names->node_slots, 0, NODE_SLOTS * sizeof(*names->node_slots));
	memset(names->name_slots, 0, NAME_SLOTS * sizeof(*names->name_slots));
	names->nodes[EVE_ROOT] = (struct eve_node){.key_len = UINT32_MAX};
	names->node_count = 1;
	names->name_count = 1;
	names->byte_count = 0;
	names->stamp = 0;
}

static const char *keep(struct eve_names *names, struct tl_str text)
{
	char *copy = names->bytes + names->byte_count;

	if (text.len > EVE_NAME_BYTES_MAX - names->byte_count) {
		return 0;
	}
	memcpy(copy, text.ptr, text.len);
	names->byte_count += text.len;
	return copy;
}

/* --- names ------------------------------------------------------------------- */

/* Where the name is, or the free slot where it belongs. */
static uint32_t name_slot(const struct eve_names *names, struct tl_str text)
{
	uint32_t slot = XXH3_64bits(text.ptr, text.len) % NAME_SLOTS;

	while (names->name_slots[slot] &&
	       !tl_str_eq(names->names[names->name_slots[slot]].text, text)) {
		slot = (slot + 1) % NAME_SLOTS;
	}
	return slot;
}

uint16_t eve_names_find(const struct eve_names *names, struct tl_str text)
{
	return names->name_slots[name_slot(names, text)];
}

int eve_names_intern(struct eve_names *names, struct tl_str text)
{
	uint32_t slot = name_slot(names, text);

	if (names->name_slots[slot]) {
		return names->name_slots[slot];
	}
	if (text.len > EVE_NAME_MAX || names->name_count == EVE_NAMES_MAX) {
		return -ENOSPC;
	}
	const char *copy = keep(names, text);
	if (!copy) {
		return -ENOSPC;
	}
	uint16_t id = (uint16_t)names->name_count++;
	names->names[id] = (struct eve_name){.text = {copy, text.len}, .selected = -1};
	names->name_slots[slot] = id;
	return id;
}

int eve_names_another(struct eve_names *names, uint16_t name)
{
	struct tl_str text = names->names[name].text;
	char other[EVE_NAME_MAX + 16];

	memcpy(other, text.ptr, text.len);
	while (names->names[name].again < UINT16_MAX) {
		int more = snprintf(other + text.len, 16, "#%d", ++names->names[name].again);
		int id = eve_names_intern(names, (struct tl_str){other, text.len + (uint32_t)more});
		if (id < 0 || !eve_names_used(names, (uint16_t)id)) {
			return id;
		}
	}
	return -ENOSPC;
}

/* --- nodes ------------------------------------------------------------------- */

/* parent.key; the root has no name. -ENOSPC when it is too long. */
static int path_of(const struct eve_names *names, uint32_t parent, struct tl_str key, char *path)
{
	uint32_t len = 0;

	for (uint32_t up = parent; up != EVE_ROOT; up = names->nodes[up].parent) {
		len += names->nodes[up].key_len + 1;
		if (len > EVE_NAME_MAX) {
			return -ENOSPC;
		}
	}
	if (len + key.len > EVE_NAME_MAX) {
		return -ENOSPC;
	}
	memcpy(path + len, key.ptr, key.len);
	char *p = path + len;
	for (uint32_t up = parent; up != EVE_ROOT; up = names->nodes[up].parent) {
		*--p = '.';
		p -= names->nodes[up].key_len;
		memcpy(p, names->nodes[up].key, names->nodes[up].key_len);
	}
	return (int)(len + key.len);
}

static bool ends_in_ip(struct tl_str path)
{
	return path.len > 3 && memcmp(path.ptr + path.len - 3, "_ip", 3) == 0;
}

static int64_t add_node(struct eve_names *names, uint32_t parent, struct tl_str key, uint32_t *slot)
{
	char path[EVE_NAME_MAX];
	int len = path_of(names, parent, key, path);

	if (len < 0 || names->node_count == EVE_NODES_MAX) {
		return -ENOSPC;
	}
	struct tl_str text = {path, (uint32_t)len};
	const struct eve_field *field = eve_field_find(text);
	int name = eve_names_intern(names, field ? tl_str_of(field->name) : text);
	const char *copy = name < 0 ? 0 : keep(names, key);
	if (!copy) {
		return -ENOSPC;
	}
	uint32_t id = names->node_count++;
	struct eve_node *node = &names->nodes[id];
	*node = (struct eve_node){
		.key = copy,
		.key_len = key.len,
		.parent = parent,
		.chain = *slot,
		.name = (uint16_t)name,
		.kind = (uint8_t)(field		     ? field->kind
				  : ends_in_ip(text) ? EVE_ADDRESS
						     : EVE_PLAIN),
		.verbatim = !memchr(key.ptr, '\\', key.len),
	};
	memcpy(node->head, key.ptr, key.len < EVE_KEY_HEAD ? key.len : EVE_KEY_HEAD);
	*slot = id;
	return id;
}

int64_t eve_names_child(struct eve_names *names, uint32_t parent, struct tl_str key)
{
	uint64_t hash = XXH3_64bits_withSeed(key.ptr, key.len, parent);
	uint32_t *slot = &names->node_slots[hash % NODE_SLOTS];

	for (uint32_t id = *slot; id; id = names->nodes[id].chain) {
		const struct eve_node *node = &names->nodes[id];
		if (node->parent == parent &&
		    tl_str_eq((struct tl_str){node->key, node->key_len}, key)) {
			return id;
		}
	}
	return add_node(names, parent, key, slot);
}
