/* SPDX-License-Identifier: BSD-2-Clause */
/* Events as lines of JSON. */
#include <stdlib.h>

#include "json_private.h"

enum {
	PLANS = 256,		  /* by shape id */
	PLAN_MAX = 16 << 10,	  /* bytes of a definition that is worth keeping */
	EDGES_MAX = 4096,	  /* written for one event */
	EDGES_TEXT_MAX = 1 << 20, /* bytes */
	LOOKUPS_MAX = 1 << 18,	  /* names compared to make a plan: a hostile shape costs no more */
	NO_ENTITY = UINT16_MAX,
};

struct key {
	uint32_t at; /* in plan.text: `,"name":` */
	uint32_t len;
	enum tl_json_hint hint;
};

struct edge {
	uint16_t from; /* index of the entity, or NO_ENTITY */
	uint16_t to;
};

/* What every event of one shape has in common, rendered. */
struct plan {
	struct tl_textbuf definition; /* of the shape it was made from; empty: none */
	struct tl_textbuf text;
	uint32_t type_len; /* bytes of text: `","type":"T","timestamp":"` */
	uint32_t key_count;
	uint32_t edge_count;
	bool edges_cut;
	struct key *keys;
	struct edge *edges;
};

/* What every event of one stream has in common. */
struct trailer {
	bool valid;
	uint8_t stream[TL_WIRE_STREAM_LEN];
	char id[37];	       /* event_id of number 0 */
	struct tl_textbuf raw; /* source, host, iface as they came */
	struct tl_textbuf stream_text;
	struct tl_textbuf names_text;
};

struct tl_json {
	struct plan plans[PLANS];
	struct plan scratch; /* open events, and shapes too big to keep */
	struct trailer trailer;
	struct tl_mp_cursor values[TL_WIRE_MAX_ENTITIES];
};

/* --- plans ---------------------------------------------------------------- */

static void clear_plan(struct plan *plan)
{
	tl_textbuf_fini(&plan->definition);
	free(plan->keys);
	free(plan->edges);
	tl_textbuf_fini(&plan->text);
	*plan = (struct plan){0};
}

static int add_key(struct plan *plan, struct tl_str name)
{
	struct key *key = &plan->keys[plan->key_count];

	key->at = (uint32_t)plan->text.len;
	key->hint = tl_json_hint(name);
	if ((plan->key_count > 0 && tl_json_char(&plan->text, ',') < 0) ||
	    tl_json_string(&plan->text, name) < 0 || tl_json_char(&plan->text, ':') < 0) {
		return -ENOMEM;
	}
	key->len = (uint32_t)plan->text.len - key->at;
	plan->key_count++;
	return 0;
}

static uint16_t find_entity(const struct tl_event *event, struct tl_str name)
{
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_str other;

	/* The values need not be walked, but those of an open event lie between its names. */
	for (uint16_t i = 0; i < event->value_count; i++) {
		struct tl_mp_cursor *names = iter.open ? &iter.values : &iter.names;
		tl_mp_get_str(names, &other);
		if (tl_str_eq(other, name)) {
			return i;
		}
		if (iter.open) {
			tl_mp_skip(&iter.values, TL_WIRE_VALUE_DEPTH);
		}
	}
	return NO_ENTITY;
}

static int add_keys(struct plan *plan, const struct tl_event *event)
{
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;

	plan->keys = calloc(event->value_count + 1u, sizeof(*plan->keys));
	if (!plan->keys) {
		return -ENOMEM;
	}
	while (tl_entity_next(&iter, &entity)) {
		if (add_key(plan, entity.name) < 0) {
			return -ENOMEM;
		}
	}
	return 0;
}

static int add_edges(struct plan *plan, const struct tl_event *event)
{
	struct tl_edge_iter iter = tl_event_edges(event);
	struct tl_str from;
	struct tl_str to;

	plan->edges = calloc(event->edge_count + 1u, sizeof(*plan->edges));
	if (!plan->edges) {
		return -ENOMEM;
	}
	for (uint32_t lookups = 0; tl_edge_next(&iter, &from, &to); lookups += event->value_count) {
		if (lookups > LOOKUPS_MAX) {
			plan->edges_cut = true;
			break;
		}
		struct edge edge = {find_entity(event, from), find_entity(event, to)};
		if (edge.from != NO_ENTITY && edge.to != NO_ENTITY) {
			plan->edges[plan->edge_count++] = edge;
		}
	}
	return 0;
}

static int make_plan(struct plan *plan, const struct tl_event *event)
{
	clear_plan(plan);
	if (TL_JSON_LITERAL(&plan->text, "\",\"type\":") < 0 ||
	    tl_json_string(&plan->text, event->type) < 0 ||
	    TL_JSON_LITERAL(&plan->text, ",\"timestamp\":\"") < 0) {
		return -ENOMEM;
	}
	plan->type_len = (uint32_t)plan->text.len;
	return add_keys(plan, event) < 0 || add_edges(plan, event) < 0 ? -ENOMEM : 0;
}

static bool is_of(const struct plan *plan, struct tl_str definition)
{
	return plan->definition.len == definition.len && definition.len > 0 &&
	       memcmp(plan->definition.data, definition.ptr, definition.len) == 0;
}

/* The plan of the event's shape, kept or made; 0 on no memory. */
static const struct plan *plan_of(struct tl_json *json, const struct tl_event *event)
{
	if (!event->shape || event->shape->definition.len > PLAN_MAX) {
		return make_plan(&json->scratch, event) < 0 ? 0 : &json->scratch;
	}
	struct tl_str definition = event->shape->definition;
	struct plan *plan = &json->plans[event->shape->id % PLANS];
	if (is_of(plan, definition)) {
		return plan;
	}
	if (make_plan(plan, event) < 0 ||
	    tl_textbuf_add(&plan->definition, definition.ptr, definition.len) < 0) {
		clear_plan(plan);
		return 0;
	}
	return plan;
}

/* --- edges ---------------------------------------------------------------- */

/* The members of an array, or the value itself: the ends of edges. */
struct ends {
	struct tl_mp_cursor at;
	uint32_t left;
};

static struct ends ends_of(struct tl_mp_cursor value)
{
	struct tl_mp_cursor inside = value;
	struct tl_mp_item item;

	if (tl_mp_get(&inside, &item) == 0 && item.kind == TL_MP_KIND_ARRAY) {
		return (struct ends){inside, item.count};
	}
	return (struct ends){value, 1};
}

/* 1 written, 0 has no text, -ENOMEM. */
static int put_end(struct tl_textbuf *out, struct tl_mp_cursor value, enum tl_json_hint hint)
{
	struct tl_mp_item item;

	if (tl_mp_get(&value, &item) < 0) {
		return 0;
	}
	if (item.kind == TL_MP_KIND_STR) {
		return tl_json_inner(out, item.blob) < 0 ? -ENOMEM : 1;
	}
	char *p = tl_textbuf_reserve(out, TL_TEXT_SCALAR_MAX);
	if (!p) {
		return -ENOMEM;
	}
	p = tl_json_put_scalar(p, &item, hint);
	if (!p) {
		return 0;
	}
	out->len = (size_t)(p - out->data);
	return 1;
}

/* Writes `"from -> to"`, or nothing when one of them has no text. */
static int put_edge(struct tl_textbuf *out, struct tl_mp_cursor from, enum tl_json_hint from_hint,
		    struct tl_mp_cursor to, enum tl_json_hint to_hint, bool first)
{
	size_t before = out->len;
	int err = first ? TL_JSON_LITERAL(out, "\"") : TL_JSON_LITERAL(out, ",\"");
	int put = err < 0 ? err : put_end(out, from, from_hint);

	if (put > 0) {
		put = TL_JSON_LITERAL(out, " -> ") < 0 ? -ENOMEM : put_end(out, to, to_hint);
	}
	if (put > 0) {
		return tl_json_char(out, '"') < 0 ? -ENOMEM : 1;
	}
	out->len = before;
	return put;
}

struct edge_writer {
	struct tl_textbuf *out;
	size_t limit; /* of out->len */
	uint32_t tried;
	uint32_t written;
	bool cut;
};

static int put_product(struct edge_writer *w, const struct tl_mp_cursor *values,
		       const struct plan *plan, struct edge edge)
{
	enum tl_json_hint from_hint = plan->keys[edge.from].hint;
	enum tl_json_hint to_hint = plan->keys[edge.to].hint;
	struct ends from = ends_of(values[edge.from]);

	for (; from.left > 0; from.left--) {
		struct ends to = ends_of(values[edge.to]);
		for (; to.left > 0; to.left--) {
			if (w->tried++ == EDGES_MAX || w->out->len > w->limit) {
				w->cut = true;
				return 0;
			}
			int put = put_edge(w->out, from.at, from_hint, to.at, to_hint,
					   w->written == 0);
			if (put < 0) {
				return put;
			}
			w->written += (uint32_t)put;
			tl_mp_skip(&to.at, TL_WIRE_VALUE_DEPTH);
		}
		tl_mp_skip(&from.at, TL_WIRE_VALUE_DEPTH);
	}
	return 0;
}

static int put_edges(struct tl_textbuf *out, const struct tl_mp_cursor *values,
		     const struct plan *plan)
{
	struct edge_writer w = {
		.out = out, .limit = out->len + EDGES_TEXT_MAX, .cut = plan->edges_cut};
	int err = TL_JSON_LITERAL(out, "},\"edges\":[");

	for (uint32_t i = 0; i < plan->edge_count && err == 0; i++) {
		err = put_product(&w, values, plan, plan->edges[i]);
	}
	if (err < 0) {
		return err;
	}
	return w.cut ? TL_JSON_LITERAL(out, "],\"edges_cut\":true") : TL_JSON_LITERAL(out, "]");
}

/* --- the line ------------------------------------------------------------- */

static int put_named(struct tl_textbuf *out, const char *lead, struct tl_str text)
{
	return tl_textbuf_add(out, lead, strlen(lead)) < 0 ? -ENOMEM : tl_json_string(out, text);
}

static bool trailer_fits(const struct trailer *t, const struct tl_batch_head *head)
{
	size_t source = head->source.len;
	size_t host = head->host.len;
	const char *raw = t->raw.data;

	return t->valid && memcmp(t->stream, head->stream, TL_WIRE_STREAM_LEN) == 0 &&
	       t->raw.len == source + host + head->iface.len + 8 &&
	       memcmp(raw, &head->source.len, 4) == 0 && memcmp(raw + 4, &head->host.len, 4) == 0 &&
	       memcmp(raw + 8, head->source.ptr, source) == 0 &&
	       memcmp(raw + 8 + source, head->host.ptr, host) == 0 &&
	       memcmp(raw + 8 + source + host, head->iface.ptr, head->iface.len) == 0;
}

static int keep_raw(struct tl_textbuf *raw, const struct tl_batch_head *head)
{
	raw->len = 0;
	if (tl_textbuf_add(raw, (const char *)&head->source.len, 4) < 0 ||
	    tl_textbuf_add(raw, (const char *)&head->host.len, 4) < 0 ||
	    tl_textbuf_add(raw, head->source.ptr, head->source.len) < 0 ||
	    tl_textbuf_add(raw, head->host.ptr, head->host.len) < 0) {
		return -ENOMEM;
	}
	return tl_textbuf_add(raw, head->iface.ptr, head->iface.len);
}

static int make_trailer(struct trailer *t, const struct tl_batch_head *head)
{
	char hex[2 * TL_WIRE_STREAM_LEN];

	t->valid = false;
	t->stream_text.len = 0;
	t->names_text.len = 0;
	tl_text_put_hex(hex, head->stream, TL_WIRE_STREAM_LEN);
	if (keep_raw(&t->raw, head) < 0 ||
	    put_named(&t->stream_text, ",\"stream\":", (struct tl_str){hex, sizeof(hex)}) < 0 ||
	    TL_JSON_LITERAL(&t->stream_text, ",\"number\":") < 0 ||
	    put_named(&t->names_text, ",\"source\":", head->source) < 0 ||
	    put_named(&t->names_text, ",\"host\":", head->host) < 0 ||
	    put_named(&t->names_text, ",\"iface\":", head->iface) < 0 ||
	    TL_JSON_LITERAL(&t->names_text, "}\n") < 0) {
		return -ENOMEM;
	}
	memcpy(t->stream, head->stream, TL_WIRE_STREAM_LEN);
	tl_event_id(t->stream, 0, t->id);
	t->valid = true;
	return 0;
}

/* An event_id ends in the low 48 bits of the number; the rest is the stream's, up to 2^48 events.
 */
static char *put_event_id(char *p, const struct trailer *t, uint64_t number)
{
	uint8_t low[8];

	if (number >> 48) {
		char id[37];
		tl_event_id(t->stream, number, id);
		memcpy(p, id, 36);
		return p + 36;
	}
	memcpy(p, t->id, 24);
	tl_mp_put_be64(low, number);
	return tl_text_put_hex(p + 24, low + 2, 6);
}

static int put_opening(struct tl_textbuf *out, const struct plan *plan, const struct trailer *t,
		       const struct tl_event *event)
{
	char *p = tl_textbuf_reserve(out, 128 + plan->type_len);

	if (!p) {
		return -ENOMEM;
	}
	p = put_event_id(stpcpy(p, "{\"event_id\":\""), t, event->number);
	memcpy(p, plan->text.data, plan->type_len);
	p = tl_text_put_time(p + plan->type_len, event->ts_ns);
	p = stpcpy(p, "\",\"entities\":{");
	out->len = (size_t)(p - out->data);
	return 0;
}

/* Name and value; plain numbers, which most are, without a detour. */
static int put_entity(struct tl_textbuf *out, const struct plan *plan, const struct key *key,
		      struct tl_mp_cursor *c)
{
	struct tl_mp_item item;
	char *p = tl_textbuf_reserve(out, key->len + TL_TEXT_UINT_MAX);

	if (!p) {
		return -ENOMEM;
	}
	memcpy(p, plan->text.data + key->at, key->len);
	out->len += key->len;
	if (tl_mp_get(c, &item) < 0) {
		return TL_JSON_LITERAL(out, "null");
	}
	if (item.kind == TL_MP_KIND_UINT && key->hint == TL_JSON_PLAIN) {
		out->len = (size_t)(tl_text_put_uint(p + key->len, item.number) - out->data);
		return 0;
	}
	return tl_json_item(out, &item, c, key->hint);
}

static int put_entities(struct tl_json *json, struct tl_textbuf *out, const struct plan *plan,
			const struct tl_event *event)
{
	struct tl_mp_cursor c = event->values;

	for (uint32_t i = 0; i < plan->key_count; i++) {
		if (!event->shape) {
			tl_mp_skip(&c, 1);
		}
		json->values[i] = c;
		if (put_entity(out, plan, &plan->keys[i], &c) < 0) {
			return -ENOMEM;
		}
	}
	return 0;
}

static int put_closing(struct tl_textbuf *out, const struct trailer *t, uint64_t number)
{
	size_t head = t->stream_text.len;
	size_t names = t->names_text.len;
	char *p = tl_textbuf_reserve(out, head + TL_TEXT_UINT_MAX + names);

	if (!p) {
		return -ENOMEM;
	}
	memcpy(p, t->stream_text.data, head);
	p = tl_text_put_uint(p + head, number);
	memcpy(p, t->names_text.data, names);
	out->len = (size_t)(p + names - out->data);
	return 0;
}

int tl_json_event(struct tl_json *json, struct tl_textbuf *out, const struct tl_batch_head *head,
		  const struct tl_event *event)
{
	size_t before = out->len;
	const struct plan *plan = plan_of(json, event);

	if (!plan ||
	    (!trailer_fits(&json->trailer, head) && make_trailer(&json->trailer, head) < 0)) {
		return -ENOMEM;
	}
	if (put_opening(out, plan, &json->trailer, event) < 0 ||
	    put_entities(json, out, plan, event) < 0 || put_edges(out, json->values, plan) < 0 ||
	    put_closing(out, &json->trailer, event->number) < 0) {
		out->len = before;
		return -ENOMEM;
	}
	return 0;
}

int tl_json_create(struct tl_json **out)
{
	struct tl_json *json = calloc(1, sizeof(*json));

	if (!json) {
		return -ENOMEM;
	}
	*out = json;
	return 0;
}

void tl_json_destroy(struct tl_json *json)
{
	if (!json) {
		return;
	}
	for (unsigned int i = 0; i < PLANS; i++) {
		clear_plan(&json->plans[i]);
	}
	clear_plan(&json->scratch);
	tl_textbuf_fini(&json->trailer.raw);
	tl_textbuf_fini(&json->trailer.stream_text);
	tl_textbuf_fini(&json->trailer.names_text);
	free(json);
}
