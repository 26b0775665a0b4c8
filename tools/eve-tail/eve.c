/* SPDX-License-Identifier: BSD-2-Clause */
#include "eve_private.h"

#include <stdlib.h>

#include "community_id.h"

enum {
	VALUES_MAX = 9 << 18, /* bytes of the values of one event: "0.5," becomes nine */
	TAIL_LEN = 64,	      /* community_id, lost_fields and the head of raw */
};

static const struct tl_str own_names[EVE_OWN_COUNT] = {
	[EVE_OWN_UNKNOWN] = TL_STR("unknown"),
	[EVE_OWN_PROTO_NAME] = TL_STR("proto_name"),
	[EVE_OWN_VLAN_INNER] = TL_STR("vlan_inner"),
	[EVE_OWN_VLAN_LAYERS] = TL_STR("vlan_layers"),
	[EVE_OWN_COMMUNITY_ID] = TL_STR("community_id"),
	[EVE_OWN_LOST_FIELDS] = TL_STR("lost_fields"),
	[EVE_OWN_RAW] = TL_STR("raw"),
};

/* --- create and destroy -------------------------------------------------------------- */

static void learn_own_names(struct eve *eve)
{
	for (int i = 0; i < EVE_OWN_COUNT; i++) {
		eve->own[i] = (uint16_t)eve_names_intern(&eve->names, own_names[i]);
	}
}

static int make_parse_error(struct eve *eve)
{
	static const struct tl_str names[] = {
		TL_STR("error"),
		TL_STR("raw"),
		TL_STR("line_len"),
		TL_STR("flags"),
	};

	eve->parse_error = tl_shapes_intern(eve->shapes, TL_STR("parse_error"), names, 4, 0, 0);
	if (eve->parse_error < 0) {
		return eve->parse_error;
	}
	eve->definition_len[eve->parse_error] = TL_BATCH_HEADROOM / 64;
	return 0;
}

int eve_create(struct eve **out, const struct eve_config *config)
{
	struct eve *eve = calloc(1, sizeof(*eve));
	int err = -ENOMEM;

	if (!eve) {
		return err;
	}
	eve->config = *config;
	if (eve_index_create(&eve->index) < 0 || tl_shapes_create(&eve->shapes) < 0 ||
	    eve_names_init(&eve->names) < 0 || eve_shapes_init(&eve->cache, eve->shapes) < 0) {
		goto fail;
	}
	err = make_parse_error(eve);
	if (err < 0) {
		goto fail;
	}
	learn_own_names(eve);
	*out = eve;
	return 0;
fail:
	eve_destroy(eve);
	return err;
}

void eve_destroy(struct eve *eve)
{
	if (!eve) {
		return;
	}
	eve_index_destroy(eve->index);
	eve_shapes_fini(&eve->cache);
	tl_shapes_destroy(eve->shapes);
	eve_names_fini(&eve->names);
	free(eve->walk.columns.cells);
	free(eve->scratch);
	free(eve);
}

const struct tl_shapes *eve_shapes(const struct eve *eve)
{
	return eve->shapes;
}

struct eve_counts eve_counts(const struct eve *eve)
{
	return eve->counts;
}

/* --- lines that are no event ----------------------------------------------------------- */

static int put_parse_error(struct eve *eve, struct tl_batch_writer *w, struct tl_str line,
			   uint64_t line_len, unsigned int flags, uint64_t read_ns,
			   const char *reason)
{
	struct eve_walk *walk = &eve->walk;
	struct eve_shape shape = {.id = (uint16_t)eve->parse_error,
				  .definition_len = eve->definition_len[eve->parse_error]};
	struct tl_str error = tl_str_of(reason);

	line.len = line.len < TL_MP_MAX_BLOB ? line.len : TL_MP_MAX_BLOB;
	uint8_t *start = tl_batch_reserve(w, EVE_HEAD_LEN + error.len + line.len + TAIL_LEN);
	if (!start) {
		return w->count ? -ENOSPC : -ENOMEM;
	}
	uint8_t *p = tl_mp_put_str(start + EVE_HEAD_LEN, error);
	p = tl_mp_put_bin(p, line.ptr, line.len);
	p = tl_mp_put_uint(tl_mp_put_uint(p, line_len), flags);
	walk->start = start + EVE_HEAD_LEN;
	walk->out.p = p;
	walk->count = 4;
	walk->ts_ns = read_ns;
	int put = eve_event_commit(eve, w, &shape);
	if (put > 0) {
		eve->counts.events++;
		eve->counts.parse_errors++;
	}
	return put;
}

/* --- entities of our own ----------------------------------------------------------------- */

/* Behind the limits of the line's own entities: there is room. */
static uint16_t open_own(struct eve *eve, enum eve_own_name own)
{
	int name = eve->own[own];

	if (eve_names_used(&eve->names, (uint16_t)name)) {
		name = eve_names_another(&eve->names, (uint16_t)name);
	}
	if (name < 0) {
		return 0;
	}
	eve_names_use(&eve->names, (uint16_t)name);
	return (uint16_t)name;
}

/* The ports of the hash: those of the transport, or ICMP's type and code. False: not known. */
static bool ports_of(const struct eve_tuple *tuple, int *src, int *dst)
{
	bool icmp = tuple->proto == 1 || tuple->proto == 58;

	*src = icmp ? tuple->icmp_type : tuple->src_port;
	*dst = icmp ? tuple->icmp_code : tuple->dst_port;
	return !tl_community_id_has_ports((uint8_t)tuple->proto) || (*src >= 0 && *dst >= 0);
}

static void put_community_id(struct eve *eve)
{
	struct eve_walk *walk = &eve->walk;
	const struct eve_tuple *tuple = &walk->tuple;
	char text[TL_COMMUNITY_ID_LEN];
	int src;
	int dst;

	if (tuple->has_community_id || tuple->proto < 0 || tuple->src_len == 0 ||
	    tuple->src_len != tuple->dst_len || !ports_of(tuple, &src, &dst)) {
		return;
	}
	tl_community_id(text, &(struct tl_community_id){.src = tuple->src,
							.dst = tuple->dst,
							.address_len = tuple->src_len,
							.proto = (uint8_t)tuple->proto,
							.src_port = (uint16_t)src,
							.dst_port = (uint16_t)dst});
	uint16_t name = open_own(eve, EVE_OWN_COMMUNITY_ID);
	if (name) {
		walk->out.p = tl_mp_put_str(walk->out.p, (struct tl_str){text, sizeof(text)});
		eve_entity_close(eve, name);
	}
}

static void put_lost_fields(struct eve *eve)
{
	uint16_t name = open_own(eve, EVE_OWN_LOST_FIELDS);

	if (name) {
		eve->walk.out.p = tl_mp_put_uint(eve->walk.out.p, eve->walk.lost);
		eve_entity_close(eve, name);
	}
}

/* What was lost of a line is in the line, which stays with the event then. */
static void put_own(struct eve *eve, struct tl_str line)
{
	struct eve_walk *walk = &eve->walk;

	if (eve->config.community_id) {
		put_community_id(eve);
	}
	walk->lost += walk->out.cut;
	if (walk->lost > 0) {
		put_lost_fields(eve);
	}
	if (walk->lost > 0 || eve->config.raw) {
		uint16_t name = open_own(eve, EVE_OWN_RAW);
		if (name && eve_value_put_text(&walk->out, line) == 0) {
			eve_entity_close(eve, name);
		}
	}
}

/* --- a line ------------------------------------------------------------------------------ */

static void begin(struct eve *eve, uint64_t read_ns)
{
	struct eve_walk *walk = &eve->walk;

	walk->count = 0;
	walk->name_bytes = 0;
	walk->lost = 0;
	walk->prev = EVE_ROOT;
	walk->guess = 0;
	walk->type = 0;
	walk->has_ts = false;
	walk->ts_ns = read_ns;
	walk->tuple = (struct eve_tuple){
		.proto = -1, .src_port = -1, .dst_port = -1, .icmp_type = -1, .icmp_code = -1};
}

static int walk_line(struct eve *eve)
{
	struct eve_json *json = &eve->walk.json;
	int err = eve_walk_object(eve, EVE_ROOT, 1);

	if (err == 0 && json->at != json->end) {
		return eve_json_bad(json, "text after the object");
	}
	return err;
}

static int finish(struct eve *eve, struct tl_batch_writer *w, struct tl_str line)
{
	struct eve_walk *walk = &eve->walk;
	const struct eve_shape *shape;

	if (walk->type == 0) {
		walk->type = eve->own[EVE_OWN_UNKNOWN];
		if (!eve_walk_is_selected(eve, walk->type)) {
			return EVE_NOT_SELECTED;
		}
	}
	put_own(eve, line);
	walk->name_bytes += TAIL_LEN;
	int err = eve_shapes_find(&eve->cache, &eve->names, walk->type, walk->ids, walk->count,
				  &shape);
	if (err < 0) {
		return err;
	}
	int put = eve_event_commit(eve, w, shape);
	if (put > 0) {
		eve->counts.events++;
		eve->counts.lost_fields += walk->lost;
		if (!shape) {
			eve_shapes_saw(&eve->cache);
		}
	}
	return put;
}

/* Room for whatever the line may become, as an event with a shape. */
static int reserve(struct eve *eve, struct tl_batch_writer *w, size_t len, uint8_t **end)
{
	size_t values = 64 + (len < VALUES_MAX / 9 * 4 ? 9 * len / 4 : VALUES_MAX);
	size_t raw = len < TL_MP_MAX_BLOB ? len : TL_MP_MAX_BLOB;
	size_t room = EVE_HEAD_LEN + values + TAIL_LEN + raw + EVE_OUT_SLACK;
	uint8_t *start = tl_batch_reserve(w, (uint32_t)room);

	if (!start) {
		return w->count ? -ENOSPC : -ENOMEM;
	}
	struct eve_walk *walk = &eve->walk;
	walk->start = start + EVE_HEAD_LEN;
	walk->out = (struct eve_out){.p = walk->start, .limit = walk->start + values};
	*end = start + room - EVE_OUT_SLACK;
	return 0;
}

static int put_object(struct eve *eve, struct tl_batch_writer *w, struct tl_str line,
		      const struct eve_marks *marks, uint64_t read_ns)
{
	uint8_t *end;
	int err = reserve(eve, w, line.len, &end);

	if (err < 0) {
		return err;
	}
	begin(eve, read_ns);
	err = eve_json_open(&eve->walk.json, line.ptr, marks);
	if (err == 0) {
		err = walk_line(eve);
	}
	if (err < 0) {
		return err;
	}
	eve->walk.out.limit = end;
	return finish(eve, w, line);
}

static void begin_names(struct eve *eve)
{
	if (!eve_names_begin(&eve->names)) {
		eve_names_forget(&eve->names);
		eve_shapes_forget(&eve->cache);
		learn_own_names(eve);
		eve_names_begin(&eve->names);
	}
}

int eve_put(struct eve *eve, struct tl_batch_writer *w, const char *text, size_t len,
	    uint64_t line_len, unsigned int flags, uint64_t read_ns)
{
	struct tl_str line = {text, len < UINT32_MAX ? (uint32_t)len : UINT32_MAX};
	const char *reason = "line too long";
	struct eve_marks marks;
	int put = -EBADMSG;

	begin_names(eve);
	if (!(flags & EVE_LINE_TOO_LONG)) {
		put = eve_index_read(eve->index, text, len, &marks, &reason);
		if (put == 0) {
			put = put_object(eve, w, line, &marks, read_ns);
			reason = eve->walk.json.reason;
		}
	}
	if (put == EVE_NOT_SELECTED) {
		eve->counts.unselected++;
		return 0;
	}
	if (put != -EBADMSG) {
		return put;
	}
	if (!(flags & EVE_LINE_TOO_LONG)) {
		line_len = len;
	}
	return put_parse_error(eve, w, line, line_len, flags, read_ns, reason);
}
