/* SPDX-License-Identifier: BSD-2-Clause */
#include "jsonin.h"

#include <simdjson.h>

#include <new>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

extern "C" {
#include "json.h"
#include "text.h"
}

namespace ondemand = simdjson::ondemand;

static_assert(TL_JSONIN_PADDING >= simdjson::SIMDJSON_PADDING, "padding");

/* What refuses a line; caught in tl_jsonin_read. */
struct Refusal {
	int code;
	const char *reason;
};

struct tl_jsonin {
	ondemand::parser parser;
	struct tl_textbuf entities = {};
	struct tl_textbuf edges = {};
	struct tl_textbuf bytes = {};
	/* The text of each scalar value, and of each member of an array, to the entity it is of. */
	std::unordered_map<std::string, uint32_t> texts;
	std::vector<struct tl_str> names;

	~tl_jsonin()
	{
		tl_textbuf_fini(&entities);
		tl_textbuf_fini(&edges);
		tl_textbuf_fini(&bytes);
	}
};

static struct tl_str str_of(std::string_view view)
{
	return {view.data(), (uint32_t)view.size()};
}

template <typename T> static T must(simdjson::simdjson_result<T> result, const char *reason)
{
	T value;

	if (std::move(result).get(value) != simdjson::SUCCESS) {
		throw Refusal{-EBADMSG, reason};
	}
	return value;
}

/* --- writing msgpack into a buffer ------------------------------------------- */

static uint8_t *reserve(struct tl_textbuf *buf, size_t len)
{
	char *p = tl_textbuf_reserve(buf, len);

	if (!p) {
		throw std::bad_alloc();
	}
	return (uint8_t *)p;
}

static void commit(struct tl_textbuf *buf, const uint8_t *end)
{
	buf->len = (size_t)((const char *)end - buf->data);
}

static void put_str(struct tl_textbuf *buf, struct tl_str text)
{
	commit(buf, tl_mp_put_str(reserve(buf, 5 + text.len), text));
}

static void put_bin(struct tl_textbuf *buf, const uint8_t *bytes, uint32_t len)
{
	commit(buf, tl_mp_put_bin(reserve(buf, 5 + len), bytes, len));
}

static void put_uint(struct tl_textbuf *buf, uint64_t number)
{
	commit(buf, tl_mp_put_uint(reserve(buf, 9), number));
}

/* A header whose count is put when it is known. */
static size_t open_container(struct tl_textbuf *buf, uint8_t marker)
{
	size_t at = buf->len;
	uint8_t *p = reserve(buf, 5);

	commit(buf, tl_mp_put_be32(tl_mp_put_byte(p, marker), 0));
	return at;
}

static void close_container(struct tl_textbuf *buf, size_t at, uint32_t count)
{
	tl_mp_put_be32((uint8_t *)buf->data + at + 1, count);
}

/* --- values ------------------------------------------------------------------ */

struct Context {
	struct tl_str type;
	struct tl_str name; /* of the entity, or of the innermost map key */
	enum tl_json_hint hint;
};

static bool put_payload(struct tl_textbuf *buf, struct tl_str text)
{
	std::string bytes(text.len / 4 * 3 + 3, '\0');
	uint32_t len;

	if (tl_text_get_base64(text, (uint8_t *)bytes.data(), &len) < 0) {
		return false;
	}
	put_bin(buf, (const uint8_t *)bytes.data(), len);
	return true;
}

/* True when the name says that this text stands for something else, and it does. */
static bool put_by_name(struct tl_textbuf *buf, struct tl_str text, const Context &ctx)
{
	uint8_t address[16];
	uint32_t len;
	uint64_t ns;

	if (ctx.hint == TL_JSON_IP && tl_text_get_ip(text, address, &len) == 0) {
		put_bin(buf, address, len);
		return true;
	}
	int number = tl_json_keyword(text, ctx.hint);
	if (number >= 0) {
		put_uint(buf, (uint64_t)number);
		return true;
	}
	if ((tl_str_eq(ctx.name, TL_STR("start")) || tl_str_eq(ctx.name, TL_STR("end"))) &&
	    tl_text_get_time(text, &ns) == 0) {
		commit(buf, tl_mp_put_time(reserve(buf, 10), ns));
		return true;
	}
	return tl_str_eq(ctx.name, TL_STR("payload")) && tl_str_eq(ctx.type, TL_STR("packet")) &&
	       put_payload(buf, text);
}

/* Integers beyond 64 bits become floats, as JSON readers do. */
static void put_number(struct tl_textbuf *buf, ondemand::value value)
{
	ondemand::number number;

	if (value.get_number().get(number) != simdjson::SUCCESS) {
		double real = must(value.get_double(), "bad number");
		commit(buf, tl_mp_put_f64(reserve(buf, 9), real));
	} else if (number.is_uint64()) {
		put_uint(buf, number.get_uint64());
	} else if (number.is_int64()) {
		commit(buf, tl_mp_put_int(reserve(buf, 9), number.get_int64()));
	} else {
		commit(buf, tl_mp_put_f64(reserve(buf, 9), number.get_double()));
	}
}

static void put_value(struct tl_textbuf *buf, ondemand::value value, const Context &ctx,
		      unsigned int depth);

static void put_array(struct tl_textbuf *buf, ondemand::array array, const Context &ctx,
		      unsigned int depth)
{
	size_t at = open_container(buf, TL_MP_ARRAY32);
	uint32_t count = 0;

	for (auto element : array) {
		put_value(buf, must<ondemand::value>(std::move(element), "bad array"), ctx, depth);
		count++;
	}
	close_container(buf, at, count);
}

static void put_map(struct tl_textbuf *buf, ondemand::object object, const Context &ctx,
		    unsigned int depth)
{
	size_t at = open_container(buf, TL_MP_MAP32);
	uint32_t count = 0;

	for (auto result : object) {
		ondemand::field field = must<ondemand::field>(std::move(result), "bad object");
		struct tl_str name = str_of(must(field.unescaped_key(), "bad key"));
		put_str(buf, name);
		put_value(buf, field.value(), Context{ctx.type, name, tl_json_hint(name)}, depth);
		count++;
	}
	close_container(buf, at, count);
}

static void put_value(struct tl_textbuf *buf, ondemand::value value, const Context &ctx,
		      unsigned int depth)
{
	auto type = must(value.type(), "bad value");

	if (depth == 0 &&
	    (type == ondemand::json_type::array || type == ondemand::json_type::object)) {
		throw Refusal{-E2BIG, "a value is nested deeper than 3"};
	}
	switch (type) {
	case ondemand::json_type::array:
		put_array(buf, must(value.get_array(), "bad array"), ctx, depth - 1);
		return;
	case ondemand::json_type::object:
		put_map(buf, must(value.get_object(), "bad object"), ctx, depth - 1);
		return;
	case ondemand::json_type::number:
		put_number(buf, value);
		return;
	case ondemand::json_type::boolean:
		commit(buf, tl_mp_put_bool(reserve(buf, 1), must(value.get_bool(), "bad bool")));
		return;
	case ondemand::json_type::null:
		if (!must(value.is_null(), "bad null")) {
			throw Refusal{-EBADMSG, "bad null"};
		}
		commit(buf, tl_mp_put_byte(reserve(buf, 1), TL_MP_NIL));
		return;
	default: {
		struct tl_str text = str_of(must(value.get_string(), "bad string"));
		if (!put_by_name(buf, text, ctx)) {
			put_str(buf, text);
		}
	}
	}
}

/* --- entities ------------------------------------------------------------------ */

static uint32_t put_entities(struct tl_jsonin *in, ondemand::object object, struct tl_str type)
{
	for (auto result : object) {
		ondemand::field field = must<ondemand::field>(std::move(result), "bad entities");
		struct tl_str name = str_of(must(field.unescaped_key(), "bad entity name"));
		if (in->names.size() == TL_WIRE_MAX_ENTITIES) {
			throw Refusal{-E2BIG, "more than 4096 entities"};
		}
		in->names.push_back(name);
		put_str(&in->entities, name);
		put_value(&in->entities, field.value(), Context{type, name, tl_json_hint(name)},
			  TL_WIRE_VALUE_DEPTH);
	}
	return (uint32_t)in->names.size();
}

/* --- edges --------------------------------------------------------------------- */

static void learn_text(struct tl_jsonin *in, struct tl_mp_cursor *c, uint32_t entity,
		       enum tl_json_hint hint)
{
	struct tl_mp_cursor ahead = *c;
	struct tl_mp_item item;
	char scalar[TL_TEXT_SCALAR_MAX];

	tl_mp_get(&ahead, &item);
	tl_mp_skip(c, TL_WIRE_VALUE_DEPTH);
	if (item.kind == TL_MP_KIND_STR) {
		in->texts.emplace(std::string(item.blob.ptr, item.blob.len), entity);
		return;
	}
	const char *end = tl_json_put_scalar(scalar, &item, hint);
	if (end) {
		in->texts.emplace(std::string(scalar, (size_t)(end - scalar)), entity);
	}
}

static void learn_texts(struct tl_jsonin *in)
{
	struct tl_mp_cursor c = {(const uint8_t *)in->entities.data,
				 (const uint8_t *)in->entities.data + in->entities.len};

	in->texts.clear();
	for (uint32_t i = 0; i < in->names.size(); i++) {
		enum tl_json_hint hint = tl_json_hint(in->names[i]);
		struct tl_mp_item item;
		tl_mp_skip(&c, 1);
		struct tl_mp_cursor inside = c;
		tl_mp_get(&inside, &item);
		if (item.kind != TL_MP_KIND_ARRAY) {
			learn_text(in, &c, i, hint);
			continue;
		}
		for (uint32_t member = 0; member < item.count; member++) {
			learn_text(in, &inside, i, hint);
		}
		c = inside;
	}
}

/* The two entities whose texts are left and right of one of the arrows; 0 for none. */
static bool find_ends(const struct tl_jsonin *in, std::string_view text, uint64_t *pair)
{
	static const std::string_view arrow = " -> ";

	for (size_t at = text.find(arrow); at != text.npos; at = text.find(arrow, at + 1)) {
		auto from = in->texts.find(std::string(text.substr(0, at)));
		auto to = in->texts.find(std::string(text.substr(at + arrow.size())));
		if (from != in->texts.end() && to != in->texts.end()) {
			*pair = (uint64_t)from->second << 32 | to->second;
			return true;
		}
	}
	return false;
}

static void put_edge(struct tl_jsonin *in, struct tl_str from, struct tl_str to)
{
	commit(&in->edges, tl_mp_put_array(reserve(&in->edges, 5), 2));
	put_str(&in->edges, from);
	put_str(&in->edges, to);
}

static uint32_t put_edges(struct tl_jsonin *in, ondemand::array array, uint32_t *lost)
{
	std::unordered_set<uint64_t> seen;

	learn_texts(in);
	for (auto element : array) {
		ondemand::value value = must<ondemand::value>(std::move(element), "bad edges");
		std::string_view text = must(value.get_string(), "an edge is no string");
		uint64_t pair;
		if (!find_ends(in, text, &pair) || seen.size() == TL_WIRE_MAX_ENTITIES) {
			*lost += 1;
		} else if (seen.insert(pair).second) {
			put_edge(in, in->names[pair >> 32], in->names[pair & UINT32_MAX]);
		}
	}
	return (uint32_t)seen.size();
}

static bool has_name(const struct tl_jsonin *in, struct tl_str name)
{
	for (struct tl_str other : in->names) {
		if (tl_str_eq(other, name)) {
			return true;
		}
	}
	return false;
}

static uint32_t put_usual_edge(struct tl_jsonin *in)
{
	if (!has_name(in, TL_STR("src_ip")) || !has_name(in, TL_STR("dst_ip"))) {
		return 0;
	}
	put_edge(in, TL_STR("src_ip"), TL_STR("dst_ip"));
	return 1;
}

/* --- the line ------------------------------------------------------------------ */

/* Whether an optional key is there as wanted. After an error of the JSON itself its reader is dead.
 */
static bool has(simdjson::error_code error)
{
	if (error != simdjson::SUCCESS && error != simdjson::NO_SUCH_FIELD &&
	    error != simdjson::INCORRECT_TYPE) {
		throw Refusal{-EBADMSG, "malformed JSON"};
	}
	return error == simdjson::SUCCESS;
}

static struct tl_str optional_string(ondemand::object &object, const char *key)
{
	std::string_view text;

	return has(object[key].get_string().get(text)) ? str_of(text) : TL_STR("");
}

static uint64_t read_timestamp(ondemand::object &object)
{
	std::string_view text =
		must(object["timestamp"].get_string(), "no timestamp, or it is no string");
	uint64_t ns;

	/* The 34 bits of seconds of a timestamp end in 2514. */
	if (tl_text_get_time(str_of(text), &ns) < 0 || ns / 1000000000 >> 34) {
		throw Refusal{-EBADMSG, "timestamp is no RFC 3339 time from 1970 to 2514"};
	}
	return ns;
}

/* [0, ts, type, {name: value}, [[from, to]...]], with views of its parts. */
static void assemble(struct tl_jsonin *in, struct tl_event *event)
{
	struct tl_textbuf *b = &in->bytes;
	size_t room = 64 + event->type.len + in->entities.len + in->edges.len;
	uint8_t *start = reserve(b, room);
	uint8_t *p = tl_mp_put_uint(tl_mp_put_array(start, 5), 0);

	event->bytes = start;
	event->tail.at = p;
	p = tl_mp_put_str(tl_mp_put_time(p, event->ts_ns), event->type);
	p = tl_mp_put_map(p, event->value_count);
	event->values.at = p;
	if (in->entities.len > 0) {
		memcpy(p, in->entities.data, in->entities.len);
	}
	p += in->entities.len;
	event->values.end = p;
	p = tl_mp_put_array(p, event->edge_count);
	event->edges.at = p;
	if (in->edges.len > 0) {
		memcpy(p, in->edges.data, in->edges.len);
	}
	p += in->edges.len;
	event->edges.end = p;
	event->tail.end = p;
	event->len = (uint32_t)(p - start);
}

/* What was not looked at must be JSON as well, and nothing may follow. */
static void check_rest(ondemand::document &doc, ondemand::object &object)
{
	if (object.reset().error() != simdjson::SUCCESS) {
		throw Refusal{-EBADMSG, "malformed JSON"};
	}
	for (auto field : object) {
		must<ondemand::field>(std::move(field), "malformed JSON");
	}
	if (doc.current_location().error() == simdjson::SUCCESS) {
		throw Refusal{-EBADMSG, "text after the object"};
	}
}

static void read_line(struct tl_jsonin *in, const char *line, size_t len,
		      struct tl_jsonin_event *out)
{
	ondemand::document doc =
		must(in->parser.iterate(line, len, len + TL_JSONIN_PADDING), "no JSON");
	ondemand::object object = must(doc.get_object(), "no JSON object");
	struct tl_event *event = &out->event;

	in->entities.len = in->edges.len = in->bytes.len = 0;
	in->names.clear();
	event->type = str_of(must(object["type"].get_string(), "no type, or it is no string"));
	event->ts_ns = read_timestamp(object);
	event->value_count =
		put_entities(in, must(object["entities"].get_object(), "no entities, or no object"),
			     event->type);
	ondemand::array edges;
	bool has_edges = has(object["edges"].get_array().get(edges));
	event->edge_count = has_edges ? put_edges(in, edges, &out->edges_lost) : put_usual_edge(in);
	out->stream = optional_string(object, "stream");
	out->source = optional_string(object, "source");
	out->host = optional_string(object, "host");
	out->iface = optional_string(object, "iface");
	check_rest(doc, object);
	assemble(in, event);
}

extern "C" int tl_jsonin_create(struct tl_jsonin **out)
{
	struct tl_jsonin *in = new (std::nothrow) tl_jsonin();

	if (!in) {
		return -ENOMEM;
	}
	*out = in;
	return 0;
}

extern "C" void tl_jsonin_destroy(struct tl_jsonin *in)
{
	delete in;
}

extern "C" int tl_jsonin_read(struct tl_jsonin *in, const char *line, size_t len,
			      struct tl_jsonin_event *out, const char **reason)
{
	*out = {};
	if (len > TL_JSONIN_LINE_MAX) {
		*reason = "line over 1 MiB";
		return -E2BIG;
	}
	try {
		read_line(in, line, len, out);
		return 0;
	} catch (const Refusal &refusal) {
		*reason = refusal.reason;
		return refusal.code;
	} catch (const std::exception &) {
		return -ENOMEM;
	}
}
