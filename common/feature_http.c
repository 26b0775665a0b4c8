/* SPDX-License-Identifier: BSD-2-Clause */
/* HTTP/1 (RFC 9112): method, Host and User-Agent of the first request of a stream. */
#include "feature_private.h"

enum {
	METHOD_MAX = 32,
};

static bool is_method_char(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/* Length of the method, 0 when there is none, UINT32_MAX when it may still become one. */
static uint32_t method_len(struct bytes b)
{
	uint32_t len = 0;

	while (len < bytes_left(&b) && len < METHOD_MAX && is_method_char(b.at[len])) {
		len++;
	}
	if (len == bytes_left(&b) && len < METHOD_MAX) {
		return UINT32_MAX;
	}
	return len >= 3 && len < METHOD_MAX && b.at[len] == ' ' ? len : 0;
}

/* The next line without its ending; false when it is not all there. */
static bool next_line(struct bytes *b, struct bytes *line)
{
	const uint8_t *end = memchr(b->at, '\n', bytes_left(b));

	if (!end) {
		return false;
	}
	*line = (struct bytes){b->at, end};
	if (line->end > line->at && line->end[-1] == '\r') {
		line->end--;
	}
	b->at = end + 1;
	return true;
}

static bool is_http1(struct bytes line)
{
	enum { VERSION_LEN = 9 }; /* " HTTP/1.x" */

	return bytes_left(&line) > VERSION_LEN &&
	       memcmp(line.end - VERSION_LEN, " HTTP/1.", 8) == 0;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* The value, if the line is the header of that name; names are in lower case. */
static bool header_value(struct bytes line, const char *name, struct bytes *value)
{
	uint32_t len = (uint32_t)strlen(name);

	if (bytes_left(&line) <= len || line.at[len] != ':') {
		return false;
	}
	for (uint32_t i = 0; i < len; i++) {
		uint8_t c = line.at[i];
		if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != name[i]) {
			return false;
		}
	}
	line.at += len + 1;
	while (line.at < line.end && is_space(line.at[0])) {
		line.at++;
	}
	while (line.at < line.end && is_space(line.end[-1])) {
		line.end--;
	}
	*value = line;
	return true;
}

struct request {
	struct bytes method;
	struct bytes host;
	struct bytes user_agent;
};

static void read_header(struct request *r, struct bytes line)
{
	if (!r->host.at) {
		header_value(line, "host", &r->host);
	}
	if (!r->user_agent.at) {
		header_value(line, "user-agent", &r->user_agent);
	}
}

static enum verdict put_request(struct tl_feature *f, const struct request *r)
{
	feature_put_text(f, TL_FEATURE_HTTP_METHOD, r->method.at, bytes_left(&r->method));
	if (bytes_left(&r->host) > 0) {
		feature_put_text(f, TL_FEATURE_HTTP_HOSTNAME, r->host.at, bytes_left(&r->host));
	}
	if (bytes_left(&r->user_agent) > 0) {
		feature_put_text(f, TL_FEATURE_HTTP_USER_AGENT, r->user_agent.at,
				 bytes_left(&r->user_agent));
	}
	return VERDICT_DONE;
}

/* Whatever waits for the end of the headers waits until the stream is closed, and no longer. */
static enum verdict decode(const struct feature_input *in, const uint8_t *bytes, uint32_t len,
			   uint32_t *used)
{
	struct bytes b = bytes_of(bytes, len);
	struct request r = {0};
	struct bytes line;

	(void)used;
	uint32_t method = method_len(b);
	if (method == 0) {
		return VERDICT_NOT;
	}
	if (method == UINT32_MAX || !next_line(&b, &line)) {
		return VERDICT_MORE;
	}
	if (!is_http1(line)) {
		return VERDICT_NOT;
	}
	r.method = bytes_of(bytes, method);
	while (next_line(&b, &line)) {
		if (bytes_left(&line) == 0) {
			return put_request(in->f, &r);
		}
		read_header(&r, line);
	}
	if (in->last) {
		in->f->flags |= TL_FEATURE_PARTIAL;
		return put_request(in->f, &r);
	}
	return VERDICT_MORE;
}

const struct feature_decoder feature_http = {"http", decode};
