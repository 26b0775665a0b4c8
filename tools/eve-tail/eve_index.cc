/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Not On-Demand: its code is fixed when the program is compiled (on amd64 without -mavx2, byte by
 * byte), and it tells neither the length of a key nor that of a string. The first stage is chosen
 * at run time within libsimdjson, and marks tell both.
 */
#include "eve_index.h"

#include <simdjson.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <new>

using simdjson::internal::dom_parser_implementation;

enum { FIRST_CAPACITY = 64 << 10, MAX_DEPTH = 1 };

struct eve_index {
	std::unique_ptr<dom_parser_implementation> parser;
};

extern "C" int eve_index_create(struct eve_index **out)
{
	struct eve_index *index = new (std::nothrow) eve_index();

	if (!index) {
		return -ENOMEM;
	}
	if (simdjson::get_active_implementation()->create_dom_parser_implementation(
		    FIRST_CAPACITY, MAX_DEPTH, index->parser) != simdjson::SUCCESS) {
		delete index;
		return -ENOMEM;
	}
	*out = index;
	return 0;
}

extern "C" void eve_index_destroy(struct eve_index *index)
{
	delete index;
}

static const char *reason_of(simdjson::error_code error)
{
	switch (error) {
	case simdjson::EMPTY:
		return "empty line";
	case simdjson::UTF8_ERROR:
		return "not UTF-8";
	case simdjson::UNESCAPED_CHARS:
		return "control character in a string";
	case simdjson::UNCLOSED_STRING:
		return "string without an end";
	default:
		return "no JSON";
	}
}

extern "C" int eve_index_read(struct eve_index *index, const char *text, size_t len,
			      struct eve_marks *out, const char **reason)
{
	dom_parser_implementation &parser = *index->parser;

	if (len == 0) {
		*reason = reason_of(simdjson::EMPTY);
		return -EBADMSG;
	}
	if (len > parser.capacity() && parser.set_capacity(len + len / 2) != simdjson::SUCCESS) {
		return -ENOMEM;
	}
	simdjson::error_code error =
		parser.stage1((const uint8_t *)text, len, simdjson::stage1_mode::regular);
	if (error != simdjson::SUCCESS) {
		*reason = reason_of(error);
		return -EBADMSG;
	}
	out->at = parser.structural_indexes.get();
	out->count = parser.n_structural_indexes;
	return 0;
}

extern "C" int eve_index_real(const char *number, size_t len, double *real)
{
	std::from_chars_result result = std::from_chars(number, number + len, *real);

	return result.ec == std::errc() && result.ptr == number + len ? 0 : -ERANGE;
}

extern "C" const char *eve_index_kernel(void)
{
	static const std::string name = simdjson::get_active_implementation()->name();

	return name.c_str();
}
