/* SPDX-License-Identifier: BSD-2-Clause */
#include "puback.h"

#include <errno.h>
#include <string.h>

enum {
	DEPTH_MAX = 8,
	KEY_LEN = 16, /* longer ones are none of ours */
};

struct cursor {
	const char *at;
	const char *end;
};

/* A member of the answer, its cursor at the value, which it moves over. */
struct reader {
	struct puback *out;
	bool has_stream;
	bool has_error;
	int (*member)(struct reader *reader, struct cursor *c, const char *key);
};

static void skip_space(struct cursor *c)
{
	while (c->at < c->end && strchr(" \t\r\n", *c->at) && *c->at) {
		c->at++;
	}
}

static bool take(struct cursor *c, char wanted)
{
	skip_space(c);
	if (c->at == c->end || *c->at != wanted) {
		return false;
	}
	c->at++;
	return true;
}

/* Cuts what does not fit. Escapes other than of a quote or backslash become '?'. */
static int get_string(struct cursor *c, char *text, size_t size)
{
	size_t len = 0;

	if (!take(c, '"')) {
		return -EBADMSG;
	}
	while (c->at < c->end && *c->at != '"') {
		char byte = *c->at++;
		if (byte == '\\') {
			if (c->at == c->end) {
				return -EBADMSG;
			}
			char escaped = *c->at++;
			byte = escaped == '"' || escaped == '\\' || escaped == '/' ? escaped : '?';
		}
		if (len + 1 < size) {
			text[len++] = byte >= ' ' && byte <= '~' ? byte : '?';
		}
	}
	if (size > 0) {
		text[len] = 0;
	}
	return take(c, '"') ? 0 : -EBADMSG;
}

static int get_uint(struct cursor *c, uint64_t *value)
{
	skip_space(c);
	const char *start = c->at;
	uint64_t v = 0;
	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
		unsigned int digit = (unsigned int)(*c->at - '0');
		if (v > (UINT64_MAX - digit) / 10) {
			return -EBADMSG;
		}
		v = v * 10 + digit;
	}
	*value = v;
	return c->at > start ? 0 : -EBADMSG;
}

/* A number, true, false or null: what it is does not matter. */
static int skip_word(struct cursor *c)
{
	const char *start = c->at;

	while (c->at < c->end && *c->at && strchr("+-.0123456789Eaeflnrstu", *c->at)) {
		c->at++;
	}
	return c->at > start ? 0 : -EBADMSG;
}

/* Depth is bounded by DEPTH_MAX. */
static int skip_value(struct cursor *c, unsigned int depth) // NOLINT(misc-no-recursion)
{
	skip_space(c);
	if (c->at == c->end || depth == DEPTH_MAX) {
		return -EBADMSG;
	}
	if (*c->at == '"') {
		return get_string(c, 0, 0);
	}
	if (*c->at != '{' && *c->at != '[') {
		return skip_word(c);
	}
	bool object = *c->at++ == '{';
	char close = object ? '}' : ']';
	if (take(c, close)) {
		return 0;
	}
	do {
		if (object && (get_string(c, 0, 0) < 0 || !take(c, ':'))) {
			return -EBADMSG;
		}
		if (skip_value(c, depth + 1) < 0) {
			return -EBADMSG;
		}
	} while (take(c, ','));
	return take(c, close) ? 0 : -EBADMSG;
}

static int read_object(struct reader *reader, struct cursor *c)
{
	char key[KEY_LEN];

	if (!take(c, '{')) {
		return -EBADMSG;
	}
	if (take(c, '}')) {
		return 0;
	}
	do {
		if (get_string(c, key, sizeof(key)) < 0 || !take(c, ':') ||
		    reader->member(reader, c, key) < 0) {
			return -EBADMSG;
		}
	} while (take(c, ','));
	return take(c, '}') ? 0 : -EBADMSG;
}

static int error_member(struct reader *reader, struct cursor *c, const char *key)
{
	struct puback *out = reader->out;

	if (strcmp(key, "code") == 0) {
		return get_uint(c, &out->code);
	}
	if (strcmp(key, "err_code") == 0) {
		return get_uint(c, &out->error_code);
	}
	if (strcmp(key, "description") == 0) {
		return get_string(c, out->text, sizeof(out->text));
	}
	return skip_value(c, 2);
}

static int get_bool(struct cursor *c, bool *value)
{
	skip_space(c);
	*value = c->end - c->at >= 4 && memcmp(c->at, "true", 4) == 0;
	return skip_word(c);
}

static int read_error(struct reader *reader, struct cursor *c)
{
	struct reader inner = {.out = reader->out, .member = error_member};

	reader->has_error = true;
	return read_object(&inner, c);
}

static int member(struct reader *reader, struct cursor *c, const char *key)
{
	char name[2];

	if (strcmp(key, "error") == 0) {
		return read_error(reader, c);
	}
	if (strcmp(key, "seq") == 0) {
		return get_uint(c, &reader->out->seq);
	}
	if (strcmp(key, "duplicate") == 0) {
		return get_bool(c, &reader->out->duplicate);
	}
	if (strcmp(key, "stream") == 0) {
		int err = get_string(c, name, sizeof(name));
		reader->has_stream = err == 0 && name[0];
		return err;
	}
	return skip_value(c, 1);
}

int puback_read(struct puback *out, const char *text, size_t len)
{
	struct cursor c = {.at = text, .end = text + len};
	struct reader reader = {.out = out, .member = member};

	*out = (struct puback){0};
	if (read_object(&reader, &c) < 0) {
		return -EBADMSG;
	}
	skip_space(&c);
	if (c.at != c.end) {
		return -EBADMSG;
	}
	if (reader.has_error && out->code == 0) {
		out->code = 500; /* whatever it is, it is not stored */
	}
	out->stored = !reader.has_error && reader.has_stream && out->seq > 0;
	return out->stored || reader.has_error ? 0 : -EBADMSG;
}
