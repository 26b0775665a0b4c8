/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a request is taken: decided from its head, before its body. */
#include "request_private.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PATH_BATCHES "/v1/batches"
#define PATH_HEALTH  "/healthz"

const char *request_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

/* Whether the first word of the header, up to a `;`, is one of the list; also without a header. */
static bool is_one_of(const char *header, const char *const *words)
{
	size_t len = header ? strcspn(header, "; \t") : 0;

	for (; header && *words; words++) {
		if (strlen(*words) == len && strncasecmp(header, *words, len) == 0) {
			return true;
		}
	}
	return !header;
}

static void refuse_token(struct request *r)
{
	struct server *s = r->server;
	char peer[64];
	uint64_t held_back;

	request_decide(r, MHD_HTTP_UNAUTHORIZED, "a valid token is needed\n");
	r->header = MHD_HTTP_HEADER_WWW_AUTHENTICATE;
	r->value = "Bearer";
	if (tl_log_allowed(&s->unauthorized_limit, &held_back)) {
		tl_visitors_describe(r->connection, peer, sizeof(peer));
		tl_log_warn("%s: no valid token (%llu more since)", peer,
			    (unsigned long long)held_back);
	}
}

/* True when it has the right to deliver. */
static bool check_token(struct request *r)
{
	if (!r->server->config.http->auth) {
		return true;
	}
	const char *name = tl_auth_check(r->server->config.http->auth,
					 request_header(r, MHD_HTTP_HEADER_AUTHORIZATION));
	if (!name) {
		refuse_token(r);
		return false;
	}
	snprintf(r->name, sizeof(r->name), "%s", name);
	return true;
}

/* The connection: is it for us, and from whom. */
static bool check_origin(struct request *r)
{
	const struct tl_http *http = r->server->config.http;

	if (!tl_http_is_certified(http, r->connection)) {
		request_decide(r, MHD_HTTP_FORBIDDEN, "a client certificate is needed\n");
		return false;
	}
	if (!tl_http_is_ours(http, r->connection)) {
		request_decide(r, MHD_HTTP_MISDIRECTED_REQUEST, "no such host here\n");
		return false;
	}
	/* What only a browser sends, on behalf of a page that is not ours. */
	if (request_header(r, MHD_HTTP_HEADER_ORIGIN)) {
		request_decide(r, MHD_HTTP_FORBIDDEN, "not for web pages\n");
		return false;
	}
	return true;
}

static void check_form(struct request *r)
{
	static const char *const types[] = {"application/msgpack", "application/octet-stream", 0};
	static const char *const encodings[] = {"identity", "zstd", 0};
	const char *encoding = request_header(r, MHD_HTTP_HEADER_CONTENT_ENCODING);

	if (!is_one_of(request_header(r, MHD_HTTP_HEADER_CONTENT_TYPE), types)) {
		request_decide(r, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			       "Content-Type is application/msgpack or application/octet-stream\n");
	} else if (!is_one_of(encoding, encodings) || (encoding && strpbrk(encoding, ",; \t"))) {
		request_decide(r, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			       "Content-Encoding is zstd or identity\n");
	}
	r->is_packed = encoding && strcasecmp(encoding, "zstd") == 0;
}

uint64_t request_length(const struct request *r)
{
	const char *text = request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t len = 0;

	/* MHD has refused what is no number. */
	return text && tl_opt_parse_number(text, &len) == 0 ? len : 0;
}

static void check_room(struct request *r)
{
	struct server *s = r->server;

	if (s->stopping) {
		request_decide_later(r, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping\n");
	} else if (request_length(r) > s->config.max_body) {
		request_decide(r, MHD_HTTP_CONTENT_TOO_LARGE, "the body is over the limit\n");
	} else if (s->held_bytes >= s->config.backlog) {
		request_decide_later(r, MHD_HTTP_TOO_MANY_REQUESTS,
				     "too much waits for the disk\n");
	}
}

static void check_health(struct request *r)
{
	int err = writer_error(r->server->config.writer);
	char text[REQUEST_TEXT_MAX];

	if (r->server->stopping) {
		request_decide(r, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping\n");
	} else if (err < 0) {
		snprintf(text, sizeof(text), "cannot store: %s\n", strerror(-err));
		request_decide(r, MHD_HTTP_SERVICE_UNAVAILABLE, text);
	} else if (r->server->held_bytes >= r->server->config.backlog) {
		request_decide(r, MHD_HTTP_SERVICE_UNAVAILABLE, "too much waits for the disk\n");
	} else {
		request_decide(r, MHD_HTTP_OK, "ok\n");
	}
}

static void refuse_method(struct request *r, const char *allowed)
{
	request_decide(r, MHD_HTTP_METHOD_NOT_ALLOWED, "no such method here\n");
	r->header = MHD_HTTP_HEADER_ALLOW;
	r->value = allowed;
}

static void check_delivery(struct request *r, const char *method)
{
	if (strcmp(method, MHD_HTTP_METHOD_POST) != 0) {
		refuse_method(r, "POST");
		return;
	}
	if (!check_token(r)) {
		return;
	}
	check_form(r);
	if (r->status == 0) {
		check_room(r);
	}
}

void request_check(struct request *r, const char *url, const char *method)
{
	if (!check_origin(r)) {
		return;
	}
	if (strcmp(url, PATH_BATCHES) == 0) {
		check_delivery(r, method);
	} else if (strcmp(url, PATH_HEALTH) != 0) {
		request_decide(r, MHD_HTTP_NOT_FOUND, "no such path\n");
	} else if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
		   strcmp(method, MHD_HTTP_METHOD_HEAD) == 0) {
		check_health(r);
	} else {
		refuse_method(r, "GET, HEAD");
	}
}
