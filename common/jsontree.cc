/* SPDX-License-Identifier: BSD-2-Clause */
#include "jsontree.h"

#include <simdjson.h>

#include <cstring>
#include <new>
#include <string>
#include <type_traits>

namespace dom = simdjson::dom;

struct tl_jsontree {
	dom::parser parser{TL_JSONTREE_LEN_MAX};
};

enum { FIRST_CAPACITY = 64 << 10 };

/* Where simdjson is in a document: what its elements and iterators consist of. */
struct Place {
	const void *document;
	size_t place;
};

template <typename T> static Place place_of(const T &from)
{
	static_assert(sizeof(T) == sizeof(Place) && std::is_trivially_copyable<T>::value,
		      "simdjson keeps more than a place");
	Place place;
	memcpy(&place, static_cast<const void *>(&from), sizeof(place));
	return place;
}

template <typename T> static T at_place(const void *document, size_t where)
{
	static_assert(sizeof(T) == sizeof(Place) && std::is_trivially_copyable<T>::value,
		      "simdjson keeps more than a place");
	Place place = {document, where};
	T to;
	memcpy(static_cast<void *>(&to), &place, sizeof(place));
	return to;
}

static struct tl_jsonnode node_of(dom::element element)
{
	Place place = place_of(element);

	return {place.document, place.place};
}

static dom::element element_of(struct tl_jsonnode node)
{
	return at_place<dom::element>(node.document, node.place);
}

static struct tl_str str_of(std::string_view view)
{
	return {view.data(), (uint32_t)view.size()};
}

/* --- reading ----------------------------------------------------------------- */

extern "C" int tl_jsontree_create(struct tl_jsontree **out)
{
	struct tl_jsontree *tree = new (std::nothrow) tl_jsontree();

	if (!tree ||
	    tree->parser.allocate(FIRST_CAPACITY, TL_JSONTREE_DEPTH_MAX) != simdjson::SUCCESS) {
		delete tree;
		return -ENOMEM;
	}
	*out = tree;
	return 0;
}

extern "C" void tl_jsontree_destroy(struct tl_jsontree *tree)
{
	delete tree;
}

static int code_of(simdjson::error_code error)
{
	switch (error) {
	case simdjson::SUCCESS:
		return 0;
	case simdjson::MEMALLOC:
		return -ENOMEM;
	case simdjson::CAPACITY:
	case simdjson::DEPTH_ERROR:
		return -E2BIG;
	default:
		return -EBADMSG;
	}
}

extern "C" int tl_jsontree_read(struct tl_jsontree *tree, const char *json, size_t len,
				struct tl_jsonnode *root)
{
	dom::element element;

	*root = {};
	if (len == 0 || len > TL_JSONTREE_LEN_MAX) {
		return len == 0 ? -EBADMSG : -E2BIG;
	}
	int err = code_of(tree->parser.parse(json, len).get(element));
	if (err == 0) {
		*root = node_of(element);
	}
	return err;
}

/* --- nodes ------------------------------------------------------------------- */

extern "C" enum tl_jsonkind tl_jsonnode_kind(struct tl_jsonnode node)
{
	if (!node.document) {
		return TL_JSONKIND_ABSENT;
	}
	switch (element_of(node).type()) {
	case dom::element_type::ARRAY:
		return TL_JSONKIND_ARRAY;
	case dom::element_type::OBJECT:
		return TL_JSONKIND_OBJECT;
	case dom::element_type::INT64:
		return element_of(node).get_int64().value_unsafe() < 0 ? TL_JSONKIND_INT
								       : TL_JSONKIND_UINT;
	case dom::element_type::UINT64:
		return TL_JSONKIND_UINT;
	case dom::element_type::DOUBLE:
		return TL_JSONKIND_REAL;
	case dom::element_type::STRING:
		return TL_JSONKIND_TEXT;
	case dom::element_type::BOOL:
		return TL_JSONKIND_BOOL;
	default:
		return TL_JSONKIND_NULL;
	}
}

extern "C" struct tl_jsonnode tl_jsonnode_member(struct tl_jsonnode node, const char *name)
{
	dom::element member;

	if (tl_jsonnode_kind(node) != TL_JSONKIND_OBJECT ||
	    element_of(node)[std::string_view(name)].get(member) != simdjson::SUCCESS) {
		return {};
	}
	return node_of(member);
}

/* The value, or none when there is no such or it is of another kind. */
template <typename T> static T value_of(struct tl_jsonnode node, T none)
{
	T value;

	if (!node.document || element_of(node).get(value) != simdjson::SUCCESS) {
		return none;
	}
	return value;
}

extern "C" struct tl_str tl_jsonnode_text(struct tl_jsonnode node)
{
	return str_of(value_of<std::string_view>(node, ""));
}

extern "C" uint64_t tl_jsonnode_uint(struct tl_jsonnode node)
{
	return value_of<uint64_t>(node, 0);
}

extern "C" int64_t tl_jsonnode_int(struct tl_jsonnode node)
{
	return value_of<int64_t>(node, 0);
}

extern "C" double tl_jsonnode_real(struct tl_jsonnode node)
{
	return value_of<double>(node, 0);
}

extern "C" bool tl_jsonnode_bool(struct tl_jsonnode node)
{
	return value_of<bool>(node, false);
}

extern "C" int tl_jsonnode_write(struct tl_textbuf *out, struct tl_jsonnode node)
{
	if (!node.document) {
		return tl_textbuf_add(out, "null", 4);
	}
	try {
		std::string text = simdjson::to_string(element_of(node));
		return tl_textbuf_add(out, text.data(), text.size());
	} catch (const std::bad_alloc &) {
		return -ENOMEM;
	}
}

/* --- walks ------------------------------------------------------------------- */

template <typename T> static struct tl_jsonwalk walk_over(T container, bool is_object)
{
	Place begin = place_of(container.begin());

	return {begin.document, begin.place, place_of(container.end()).place, is_object, {}};
}

extern "C" struct tl_jsonwalk tl_jsonwalk_over(struct tl_jsonnode node)
{
	switch (tl_jsonnode_kind(node)) {
	case TL_JSONKIND_ARRAY:
		return walk_over(element_of(node).get_array().value_unsafe(), false);
	case TL_JSONKIND_OBJECT:
		return walk_over(element_of(node).get_object().value_unsafe(), true);
	default:
		return {};
	}
}

template <typename T> static T step(struct tl_jsonwalk *walk)
{
	T here = at_place<T>(walk->document, walk->place);
	T next = here;

	walk->place = place_of(++next).place;
	return here;
}

extern "C" bool tl_jsonwalk_next(struct tl_jsonwalk *walk, struct tl_jsonnode *value)
{
	if (walk->place == walk->end) {
		return false;
	}
	if (walk->is_object) {
		auto member = step<dom::object::iterator>(walk);
		walk->name = str_of(member.key());
		*value = node_of(member.value());
	} else {
		*value = node_of(*step<dom::array::iterator>(walk));
	}
	return true;
}
