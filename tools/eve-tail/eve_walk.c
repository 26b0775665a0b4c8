/* SPDX-License-Identifier: BSD-2-Clause */
/* The members of a line's objects, in order, to entities. */
#include "eve_private.h"

/* --- entities ------------------------------------------------------------------ */

static int open_another(struct eve *eve, uint16_t *name)
{
	int another = eve_names_another(&eve->names, *name);

	*name = (uint16_t)another;
	return another < 0 ? another : 0;
}

int eve_entity_open(struct eve *eve, uint16_t *name)
{
	struct eve_walk *walk = &eve->walk;

	if (__builtin_expect(eve_names_used(&eve->names, *name), 0)) {
		int err = open_another(eve, name);
		if (err < 0) {
			return err;
		}
	}
	uint32_t bytes = walk->name_bytes + eve->names.names[*name].text.len;
	if (walk->count == EVE_ENTITIES_MAX || bytes > EVE_TEXT_MAX) {
		return -ENOSPC;
	}
	walk->name_bytes = bytes;
	eve_names_use(&eve->names, *name);
	return 0;
}

void eve_entity_close(struct eve *eve, uint16_t name)
{
	struct eve_walk *walk = &eve->walk;

	walk->ids[walk->count] = name;
	walk->ends[walk->count++] = (uint32_t)(walk->out.p - walk->start);
}

int eve_entity_lose(struct eve *eve, const uint32_t *mark)
{
	struct eve_walk *walk = &eve->walk;

	walk->out.p = walk->start + (walk->count ? walk->ends[walk->count - 1] : 0);
	walk->json.at = mark;
	walk->lost++;
	return eve_json_skip(&walk->json, EVE_DEPTH_MAX, 0);
}

/* --- fields with a meaning of their own ------------------------------------------- */

bool eve_walk_is_selected(struct eve *eve, uint16_t type)
{
	struct eve_name *name = &eve->names.names[type];

	if (name->selected < 0) {
		const char *const *wanted = eve->config.types;
		name->selected = !wanted;
		for (; wanted && *wanted && !name->selected; wanted++) {
			name->selected = tl_str_eq(name->text, tl_str_of(*wanted));
		}
		if (eve->config.drop_stats && tl_str_eq(name->text, TL_STR("stats"))) {
			name->selected = 0;
		}
	}
	return name->selected;
}

/* 1: it is the type; 0: it becomes an entity. */
static int take_type(struct eve *eve)
{
	struct eve_walk *walk = &eve->walk;
	char scratch[EVE_SHORT_MAX];
	struct tl_str text;

	if (eve_value_peek_string(&walk->json, scratch, &text) < 0 || text.len > EVE_TYPE_MAX) {
		return 0;
	}
	int type = eve_names_intern(&eve->names, text);
	if (type < 0) {
		return 0;
	}
	walk->type = (uint16_t)type;
	walk->guess = (uint32_t)type % EVE_GUESSES;
	walk->json.at++;
	return eve_walk_is_selected(eve, (uint16_t)type) ? 1 : EVE_NOT_SELECTED;
}

static int take_time(struct eve_walk *walk)
{
	if (eve_value_get_time(&walk->json, &walk->minute, &walk->ts_ns) < 0) {
		return 0;
	}
	walk->has_ts = true;
	return 1;
}

static void keep_uint(const struct eve_walk *walk, int max, int *number)
{
	uint64_t value;

	if (eve_value_peek_uint(&walk->json, (uint64_t)max, &value) == 0) {
		*number = (int)value;
	}
}

/* The entity is `name` and already open; -ENOSPC from here loses it. */
static int put_proto(struct eve *eve, uint16_t *name)
{
	struct eve_walk *walk = &eve->walk;
	uint8_t proto;

	if (!eve_out_has(&walk->out, 2)) {
		return -ENOSPC;
	}
	if (eve_value_get_proto(&walk->json, &proto) == 0) {
		walk->tuple.proto = proto;
		walk->out.p = tl_mp_put_uint(walk->out.p, proto);
		return 0;
	}
	if (eve_json_peek(&walk->json) == '"') {
		eve_names_unuse(&eve->names, *name);
		*name = eve->own[EVE_OWN_PROTO_NAME];
		int err = eve_entity_open(eve, name);
		if (err < 0) {
			return err;
		}
	}
	return eve_value_put(&walk->json, &walk->out, TL_WIRE_VALUE_DEPTH);
}

/* The ids of an array of them; the count, 0 when it is none or has more than three. */
static unsigned int peek_vlans(const struct eve_json *json, uint64_t ids[3])
{
	struct eve_json ahead = *json;
	unsigned int count = 0;
	int more;

	if (eve_json_peek(&ahead) != '[') {
		return 0;
	}
	ahead.at++;
	do {
		if (count == 3 || eve_value_peek_uint(&ahead, UINT16_MAX, &ids[count]) < 0) {
			return 0;
		}
		count++;
		ahead.at++;
		more = eve_json_next(&ahead, ']');
	} while (more > 0);
	return more < 0 ? 0 : count;
}

static int put_own_uint(struct eve *eve, enum eve_own_name own, uint64_t number)
{
	uint16_t name = eve->own[own];
	int err = eve_out_has(&eve->walk.out, 9) ? eve_entity_open(eve, &name) : -ENOSPC;

	if (err == 0) {
		eve->walk.out.p = tl_mp_put_uint(eve->walk.out.p, number);
		eve_entity_close(eve, name);
	}
	return err;
}

/* One id to vlan, a second to vlan_inner; where there are three, all of them to vlan_layers. The
 * last of the entities is left open. */
static int put_vlan(struct eve *eve, uint16_t *name)
{
	struct eve_walk *walk = &eve->walk;
	uint64_t ids[3];
	unsigned int count = peek_vlans(&walk->json, ids);

	if (count < 1) {
		return eve_value_put(&walk->json, &walk->out, TL_WIRE_VALUE_DEPTH);
	}
	if (!eve_out_has(&walk->out, 9)) {
		return -ENOSPC;
	}
	walk->out.p = tl_mp_put_uint(walk->out.p, ids[0]);
	if (count > 1) {
		eve_entity_close(eve, *name);
		int err = put_own_uint(eve, EVE_OWN_VLAN_INNER, ids[1]);
		if (err < 0) {
			*name = eve->own[EVE_OWN_VLAN_INNER];
			return err;
		}
		/* Closed already: the caller closes the last one. */
		walk->count--;
		*name = walk->ids[walk->count];
	}
	if (count < 3) {
		return eve_json_skip(&walk->json, EVE_DEPTH_MAX, 0);
	}
	eve_entity_close(eve, *name);
	*name = eve->own[EVE_OWN_VLAN_LAYERS];
	int err = eve_entity_open(eve, name);
	return err < 0 ? err : eve_value_put(&walk->json, &walk->out, TL_WIRE_VALUE_DEPTH);
}

static int put_special(struct eve *eve, enum eve_kind kind, uint16_t *name)
{
	struct eve_walk *walk = &eve->walk;
	struct eve_tuple *tuple = &walk->tuple;
	uint8_t address[16];
	uint32_t len;
	int err = -EINVAL;

	switch (kind) {
	case EVE_SRC_IP:
		err = eve_value_put_address(&walk->json, &walk->out, tuple->src, &tuple->src_len);
		break;
	case EVE_DST_IP:
		err = eve_value_put_address(&walk->json, &walk->out, tuple->dst, &tuple->dst_len);
		break;
	case EVE_ADDRESS:
		err = eve_value_put_address(&walk->json, &walk->out, address, &len);
		break;
	case EVE_SRC_PORT:
		keep_uint(walk, UINT16_MAX, &tuple->src_port);
		break;
	case EVE_DST_PORT:
		keep_uint(walk, UINT16_MAX, &tuple->dst_port);
		break;
	case EVE_ICMP_TYPE:
		keep_uint(walk, UINT8_MAX, &tuple->icmp_type);
		break;
	case EVE_ICMP_CODE:
		keep_uint(walk, UINT8_MAX, &tuple->icmp_code);
		break;
	case EVE_TIME:
		err = eve_value_put_time(&walk->json, &walk->out, &walk->minute);
		break;
	case EVE_COMMUNITY_ID:
		tuple->has_community_id = true;
		break;
	case EVE_PROTO:
		return put_proto(eve, name);
	case EVE_VLAN:
		return put_vlan(eve, name);
	default:
		break;
	}
	return err == 0 ? 0 : eve_value_put(&walk->json, &walk->out, TL_WIRE_VALUE_DEPTH);
}

/* --- values of any field --------------------------------------------------------- */

static bool is_array_of_objects(const struct eve_json *json)
{
	return eve_json_peek(json) == '[' && eve_json_peek_next(json) == '{';
}

static int put_special_field(struct eve *eve, uint16_t name, enum eve_kind kind)
{
	struct eve_walk *walk = &eve->walk;
	const uint32_t *mark = walk->json.at;
	int err = eve_entity_open(eve, &name);

	if (err < 0) {
		return eve_entity_lose(eve, mark);
	}
	err = put_special(eve, kind, &name);
	if (err == -ENOSPC) {
		eve_names_unuse(&eve->names, name);
		return eve_entity_lose(eve, mark);
	}
	if (err == 0) {
		eve_entity_close(eve, name);
	}
	return err;
}

/* Nearly all values. */
static int put_plain(struct eve *eve, uint16_t name)
{
	struct eve_walk *walk = &eve->walk;
	const uint32_t *mark = walk->json.at;
	int err = eve_entity_open(eve, &name);

	if (err < 0) {
		return eve_entity_lose(eve, mark);
	}
	err = eve_json_peek(&walk->json) == '"'
		      ? eve_value_put_string(&walk->json, &walk->out)
		      : eve_value_put(&walk->json, &walk->out, TL_WIRE_VALUE_DEPTH);
	if (__builtin_expect(err == -ENOSPC, 0)) {
		eve_names_unuse(&eve->names, name);
		return eve_entity_lose(eve, mark);
	}
	if (err == 0) {
		eve_entity_close(eve, name);
	}
	return err;
}

static int walk_entity(struct eve *eve, uint32_t node)
{
	struct eve_walk *walk = &eve->walk;
	uint16_t name = eve->names.nodes[node].name;
	enum eve_kind kind = eve->names.nodes[node].kind;

	if (is_array_of_objects(&walk->json)) {
		int err = eve_columns_put(eve, node);
		if (err != -EINVAL) {
			return err;
		}
	}
	if (kind == EVE_PLAIN) {
		return put_plain(eve, name);
	}
	if (eve_names_used(&eve->names, name)) {
		return put_plain(eve, name);
	}
	if (kind == EVE_TIMESTAMP || kind == EVE_TYPE) {
		int taken = kind == EVE_TYPE ? take_type(eve) : take_time(walk);
		if (taken != 0) {
			eve_names_use(&eve->names, name);
			return taken < 0 ? taken : 0;
		}
		return put_plain(eve, name);
	}
	return put_special_field(eve, name, kind);
}

/* --- keys ------------------------------------------------------------------------ */

static int64_t search(struct eve *eve, uint32_t parent, struct tl_str raw)
{
	char text[6 * EVE_NAME_MAX];
	bool cut = false;

	if (!memchr(raw.ptr, '\\', raw.len)) {
		return eve_names_child(&eve->names, parent, raw);
	}
	int64_t len = eve_json_unescape(raw, text, sizeof(text), &cut);
	if (len < 0) {
		return eve_json_bad(&eve->walk.json, "bad escape in a key");
	}
	return cut ? -ENOSPC
		   : eve_names_child(&eve->names, parent, (struct tl_str){text, (uint32_t)len});
}

/* After a wrong guess. */
static __attribute__((noinline)) int64_t learn_node(struct eve *eve, uint32_t parent,
						    struct tl_str raw)
{
	struct eve_walk *walk = &eve->walk;
	int64_t node = search(eve, parent, raw);

	if (node >= 0) {
		eve->names.nodes[walk->prev].next[walk->guess] = (uint32_t)node;
		walk->prev = (uint32_t)node;
	}
	return node;
}

int64_t eve_walk_node(struct eve *eve, uint32_t parent, struct tl_str raw)
{
	struct eve_walk *walk = &eve->walk;
	uint32_t guess = eve->names.nodes[walk->prev].next[walk->guess];

	if (eve_names_is(&eve->names, guess, parent, raw)) {
		walk->prev = guess;
		return guess;
	}
	return learn_node(eve, parent, raw);
}

static bool is_to_flatten(const struct eve_json *json, unsigned int depth)
{
	return eve_json_peek(json) == '{' && depth < EVE_FLATTEN_MAX &&
	       eve_json_peek_next(json) != '}';
}

static int walk_member(struct eve *eve, uint32_t parent, unsigned int depth)
{
	struct eve_walk *walk = &eve->walk;
	struct tl_str raw;

	if (eve_json_key(&walk->json, &raw) < 0) {
		return -EBADMSG;
	}
	int64_t node = eve_walk_node(eve, parent, raw);
	if (node == -ENOSPC) {
		return eve_entity_lose(eve, walk->json.at);
	}
	if (node < 0) {
		return (int)node;
	}
	return is_to_flatten(&walk->json, depth) ? eve_walk_object(eve, (uint32_t)node, depth + 1)
						 : walk_entity(eve, (uint32_t)node);
}

int eve_walk_object(struct eve *eve, uint32_t parent, unsigned int depth)
{
	struct eve_json *json = &eve->walk.json;
	int more;

	json->at++;
	if (eve_json_is_empty(json, '}')) {
		return 0;
	}
	do {
		int err = walk_member(eve, parent, depth);
		if (err < 0) {
			return err;
		}
		more = eve_json_next(json, '}');
	} while (more > 0);
	return more;
}
