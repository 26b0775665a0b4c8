/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cursor over one JSON text and the marks of its structure (eve_index.h). Getters move it over
 * what they read and return 0, or -EBADMSG with `reason` set. What a mark promises is not believed
 * twice: strings end at a quote, numbers and words are checked byte by byte. Pure.
 *
 * It needs no look at its end: the last mark is a }, and the one behind it stands for a {, which
 * can follow no }. eve_json_open sees to that.
 */
#ifndef EVE_TAIL_EVE_JSON_H
#define EVE_TAIL_EVE_JSON_H

#include "eve_index.h"
#include "msgpack.h"

enum {
	EVE_DEPTH_MAX = 256, /* of containers; a deeper line is refused */
};

struct eve_json {
	const char *line;
	const uint32_t *at; /* the mark */
	const uint32_t *end;
	const char *reason;
};

/* At the { that begins the text; refuses one that does not begin so or ends in no }. */
int eve_json_open(struct eve_json *json, const char *line, const struct eve_marks *marks);

int eve_json_bad(struct eve_json *json, const char *reason);

/* The byte at the cursor, and at the mark behind it. */
static inline char eve_json_peek(const struct eve_json *json)
{
	return json->line[json->at[0]];
}

static inline char eve_json_peek_next(const struct eve_json *json)
{
	return json->line[json->at[1]];
}

/* What stands at the cursor up to the next mark, without the space at its end. */
static inline struct tl_str eve_json_token(const struct eve_json *json)
{
	const char *start = json->line + json->at[0];
	const char *end = json->line + json->at[1];

	while (end > start && (unsigned char)end[-1] <= ' ') {
		if (end[-1] != ' ' && end[-1] != '\t' && end[-1] != '\r' && end[-1] != '\n') {
			break;
		}
		end--;
	}
	return (struct tl_str){start, (uint32_t)(end - start)};
}

/* The bytes between the quotes as they stand there; the cursor is at the string. */
static inline int eve_json_string(struct eve_json *json, struct tl_str *raw)
{
	struct tl_str token = eve_json_token(json);

	if (token.len < 2 || token.ptr[token.len - 1] != '"') {
		return eve_json_bad(json, "bad string");
	}
	*raw = (struct tl_str){token.ptr + 1, token.len - 2};
	json->at++;
	return 0;
}

/* The same for a key, its colon included. */
static inline int eve_json_key(struct eve_json *json, struct tl_str *raw)
{
	if (eve_json_peek(json) != '"' || eve_json_string(json, raw) < 0 ||
	    eve_json_peek(json) != ':') {
		return eve_json_bad(json, "no key and colon in an object");
	}
	json->at++;
	return 0;
}

/* Over the comma (1) or the end (0) of a container; `end` is its closing bracket. */
static inline int eve_json_next(struct eve_json *json, char end)
{
	char c = eve_json_peek(json);

	json->at++;
	if (c == ',') {
		return 1;
	}
	return c == end ? 0 : eve_json_bad(json, "no comma and no end in a container");
}

/* True after an opening bracket whose closing one follows at once; both are stepped over. */
static inline int eve_json_is_empty(struct eve_json *json, char end)
{
	if (eve_json_peek(json) != end) {
		return 0;
	}
	json->at++;
	return 1;
}

/*
 * Bytes between quotes to text, up to `room` bytes of it, cut between two characters. The length;
 * -EBADMSG: a bad escape, or half a surrogate pair. *cut: it was longer.
 */
int64_t eve_json_unescape(struct tl_str raw, char *text, uint32_t room, bool *cut);

/* Checks the grammar of the value at the cursor and steps over it; `text` (may be 0): its bytes. */
int eve_json_skip(struct eve_json *json, unsigned int depth, struct tl_str *text);

enum eve_number_kind { EVE_NUMBER_UINT, EVE_NUMBER_NEGATIVE, EVE_NUMBER_REAL, EVE_NUMBER_TEXT };

struct eve_number {
	enum eve_number_kind kind; /* TEXT: neither a 64-bit integer nor a finite double */
	union {
		uint64_t whole;
		int64_t negative;
		double real;
	};
};

/* 0; -EBADMSG: no number. */
int eve_json_number(struct tl_str token, struct eve_number *out);

#endif
