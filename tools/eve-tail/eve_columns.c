/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An array of objects, as entities: dns.answers [{"rrname":..., "rdata":...}, ...] becomes
 * dns.answers.rrname and dns.answers.rdata, arrays of the same length. So its values have names
 * that queries and edges can use, and member k of each still belongs together.
 */
#include "eve_private.h"

#include <stdlib.h>

enum { FIRST_CELLS = 256, SPARSE_FACTOR = 4, SPARSE_FREE = 256 };

static int add_cell(struct eve_columns *c, struct eve_column *column, const uint32_t *mark,
		    uint32_t member)
{
	if (c->cell_count >= c->capacity) {
		uint32_t capacity = c->capacity ? 2 * c->capacity : FIRST_CELLS;
		struct eve_cell *cells = realloc(c->cells, capacity * sizeof(*cells));
		if (!cells) {
			return -ENOMEM;
		}
		c->cells = cells;
		c->capacity = capacity;
	}
	uint32_t cell = c->cell_count++;
	c->cells[cell] = (struct eve_cell){.mark = mark, .member = member};
	if (column->first == 0) {
		column->first = cell;
	} else {
		c->cells[column->last].next = cell;
	}
	column->last = cell;
	return 0;
}

/* Objects repeat their keys in order: the column after the last one used is asked first. */
static struct eve_column *find_column(struct eve_columns *c, uint32_t node, uint32_t *at)
{
	for (uint32_t i = 0; i < c->count; i++) {
		uint32_t k = (*at + i) % c->count;
		if (c->column[k].node == node) {
			*at = k + 1;
			return &c->column[k];
		}
	}
	if (c->count == EVE_COLUMNS_MAX) {
		return 0;
	}
	c->column[c->count] = (struct eve_column){.node = node};
	*at = c->count + 1;
	return &c->column[c->count++];
}

static int gather_object(struct eve *eve, uint32_t parent, uint32_t member, unsigned int depth,
			 uint32_t *at);

/* -EINVAL: it does not fit into columns. */
static int gather_value(struct eve *eve, uint32_t node, uint32_t member, unsigned int depth,
			uint32_t *at)
{
	struct eve_json *json = &eve->walk.json;
	struct eve_columns *c = &eve->walk.columns;
	char first = eve_json_peek(json);

	if (first == '{' && eve_json_peek_next(json) != '}') {
		return depth < EVE_FLATTEN_MAX ? gather_object(eve, node, member, depth + 1, at)
					       : -EINVAL;
	}
	struct eve_column *column = find_column(c, node, at);
	/* nil says that the key is missing, and one key has one value. */
	if (first == 'n' || !column || (column->first && c->cells[column->last].member == member)) {
		return -EINVAL;
	}
	int err = add_cell(c, column, json->at, member);
	return err < 0 ? err : eve_json_skip(json, EVE_DEPTH_MAX, 0);
}

static int gather_object(struct eve *eve, uint32_t parent, uint32_t member, unsigned int depth,
			 uint32_t *at)
{
	struct eve_json *json = &eve->walk.json;
	struct tl_str raw;
	int more;

	json->at++;
	if (eve_json_is_empty(json, '}')) {
		return 0;
	}
	do {
		if (eve_json_key(json, &raw) < 0) {
			return -EBADMSG;
		}
		int64_t node = eve_walk_node(eve, parent, raw);
		if (node < 0) {
			return node == -ENOSPC ? -EINVAL : (int)node;
		}
		int err = gather_value(eve, (uint32_t)node, member, depth, at);
		if (err < 0) {
			return err;
		}
		more = eve_json_next(json, '}');
	} while (more > 0);
	return more;
}

/* The number of members; -EINVAL when one of them is no object. */
static int64_t gather(struct eve *eve, uint32_t node)
{
	struct eve_json *json = &eve->walk.json;
	struct eve_columns *c = &eve->walk.columns;
	uint32_t members = 0;
	uint32_t at = 0;
	int more;

	c->count = 0;
	c->cell_count = 1;
	json->at++;
	do {
		if (eve_json_peek(json) != '{') {
			return -EINVAL;
		}
		int err = gather_object(eve, node, members, 1, &at);
		if (err < 0) {
			return err;
		}
		members++;
		more = eve_json_next(json, ']');
	} while (more > 0);
	return more < 0 ? more : (int64_t)members;
}

static int put_column(struct eve *eve, const struct eve_column *column, uint32_t members)
{
	struct eve_walk *walk = &eve->walk;
	uint8_t *start = walk->out.p;
	uint32_t cell = column->first;

	if (!eve_out_has(&walk->out, 1)) {
		return -ENOSPC;
	}
	walk->out.p++;
	for (uint32_t member = 0; member < members; member++) {
		int err = 0;
		if (cell && walk->columns.cells[cell].member == member) {
			walk->json.at = walk->columns.cells[cell].mark;
			err = eve_value_put(&walk->json, &walk->out, TL_WIRE_VALUE_DEPTH - 1);
			cell = walk->columns.cells[cell].next;
		} else if (eve_out_has(&walk->out, 1)) {
			walk->out.p = tl_mp_put_byte(walk->out.p, TL_MP_NIL);
		} else {
			err = -ENOSPC;
		}
		if (err < 0) {
			return err;
		}
	}
	return eve_value_close(&walk->out, start, members, false);
}

static int put_columns(struct eve *eve, uint32_t members)
{
	struct eve_columns *c = &eve->walk.columns;

	for (uint32_t i = 0; i < c->count; i++) {
		uint16_t name = eve->names.nodes[c->column[i].node].name;
		int err = eve_entity_open(eve, &name);
		if (err == 0) {
			err = put_column(eve, &c->column[i], members);
			if (err == -ENOSPC) {
				eve_names_unuse(&eve->names, name);
			}
		}
		if (err == -ENOSPC) {
			err = eve_entity_lose(eve, c->cells[c->column[i].first].mark);
		} else if (err == 0) {
			eve_entity_close(eve, name);
		}
		if (err < 0) {
			return err;
		}
	}
	return 0;
}

int eve_columns_put(struct eve *eve, uint32_t node)
{
	struct eve_walk *walk = &eve->walk;
	struct eve_columns *c = &walk->columns;
	const uint32_t *start = walk->json.at;
	uint32_t prev = walk->prev;
	int64_t members = gather(eve, node);
	const uint32_t *end = walk->json.at;

	if (members >= 0 &&
	    (c->count == 0 || (uint64_t)members * c->count >
				      SPARSE_FREE + SPARSE_FACTOR * (uint64_t)c->cell_count)) {
		members = -EINVAL;
	}
	if (members < 0) {
		walk->json.at = start;
		walk->prev = prev;
		return (int)members;
	}
	int err = put_columns(eve, (uint32_t)members);
	walk->json.at = end;
	return err;
}
