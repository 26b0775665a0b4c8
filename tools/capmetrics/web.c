/* SPDX-License-Identifier: BSD-2-Clause */
#include "web.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "web_private.h"

enum {
	HEAD_BYTES = 16 << 10,
};

static const char plain_text[] = "text/plain; charset=utf-8";

/* Nothing but what we serve ourselves is run, shown or asked. */
static const char content_policy[] = "default-src 'self'; img-src 'self' data:; object-src 'none'; "
				     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/* --- answers --------------------------------------------------------------- */

static void count_status(struct web_counts *c, unsigned int status)
{
	switch (status) {
	case MHD_HTTP_UNAUTHORIZED:
	case MHD_HTTP_FORBIDDEN:
		c->unauthorized++;
		break;
	case MHD_HTTP_BAD_REQUEST:
	case MHD_HTTP_NOT_FOUND:
	case MHD_HTTP_METHOD_NOT_ALLOWED:
	case MHD_HTTP_MISDIRECTED_REQUEST:
		c->refused++;
		break;
	case MHD_HTTP_TOO_MANY_REQUESTS:
		c->busy++;
		break;
	case MHD_HTTP_INTERNAL_SERVER_ERROR:
		c->failed++;
		break;
	default:
		break;
	}
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (value) {
		MHD_add_response_header(response, name, value);
	}
}

static enum MHD_Result send_response(struct web *web, struct MHD_Connection *connection,
				     unsigned int status, struct MHD_Response *response)
{
	add_header(response, "X-Content-Type-Options", "nosniff");
	add_header(response, "Content-Security-Policy", content_policy);
	add_header(response, "Cross-Origin-Resource-Policy", "same-origin");
	add_header(response, "Referrer-Policy", "no-referrer");
	count_status(&web->counts, status);
	tl_visitors_served(connection);
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static struct MHD_Response *make_response(struct web *web, struct MHD_Connection *connection,
					  struct web_answer *a)
{
	if (a->stream) {
		return web_stream_response(web, connection, a->stream, a->state);
	}
	struct MHD_Response *response = MHD_create_response_from_buffer(
		a->body.len, a->body.data ? a->body.data : (void *)"", MHD_RESPMEM_MUST_COPY);
	tl_textbuf_fini(&a->body);
	return response;
}

/* Takes the body over. */
static enum MHD_Result answer(struct web *web, struct MHD_Connection *connection,
			      struct web_answer *a)
{
	struct MHD_Response *response = make_response(web, connection, a);

	if (!response) {
		return MHD_NO;
	}
	add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
	add_header(response, MHD_HTTP_HEADER_VARY, a->vary);
	add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	add_header(response, a->name ? a->name : "", a->name ? a->value : 0);
	return send_response(web, connection, a->status, response);
}

static enum MHD_Result refuse(struct web *web, struct MHD_Connection *connection,
			      unsigned int status, const char *text, const char *name,
			      const char *value)
{
	struct web_answer a = {.status = status, .type = plain_text, .name = name, .value = value};

	tl_textbuf_add(&a.body, text, strlen(text));
	return answer(web, connection, &a);
}

/* --- who asks --------------------------------------------------------------- */

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

const char *web_header(const struct web_request *request, const char *name)
{
	return header(request->connection, name);
}

const char *web_query(const struct web_request *request, const char *name)
{
	const char *value = 0;
	size_t len;

	if (MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, name,
					  strlen(name), &value, &len) != MHD_YES) {
		return 0;
	}
	return value ? value : "";
}

static bool has_token(struct web *web, struct MHD_Connection *connection)
{
	uint64_t held_back;

	if (!web->config.http->auth ||
	    tl_auth_check(web->config.http->auth,
			  header(connection, MHD_HTTP_HEADER_AUTHORIZATION))) {
		return true;
	}
	if (tl_log_allowed(&web->unauthorized_limit, &held_back)) {
		tl_log_warn("a request without a valid token (%llu more since)",
			    (unsigned long long)held_back);
	}
	return false;
}

/* --- pages ------------------------------------------------------------------ */

static const struct web_page *find_page(const struct web *web, const char *path)
{
	for (const struct web_page *page = web->config.pages; page->path; page++) {
		if (strcmp(page->path, path) == 0) {
			return page;
		}
	}
	return 0;
}

static enum MHD_Result show(struct web *web, struct MHD_Connection *connection,
			    const struct web_page *page)
{
	const struct web_request request = {.connection = connection};
	struct web_answer a = {.status = MHD_HTTP_OK, .type = plain_text};

	if (page->write(web->config.context, &request, &a) < 0) {
		tl_textbuf_fini(&a.body);
		return refuse(web, connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "cannot tell\n", 0,
			      0);
	}
	return answer(web, connection, &a);
}

static enum MHD_Result hand_out(struct web *web, struct MHD_Connection *connection,
				const struct web_asset *asset)
{
	const struct web_request request = {.connection = connection};
	unsigned int status = MHD_HTTP_OK;
	struct MHD_Response *response = web_asset_response(asset, &request, &status);

	return response ? send_response(web, connection, status, response) : MHD_NO;
}

/* From the head alone: what has a body is refused before it comes. */
static enum MHD_Result decide(struct web *web, struct MHD_Connection *connection, const char *path,
			      const char *method)
{
	if (!tl_http_is_certified(web->config.http, connection)) {
		return refuse(web, connection, MHD_HTTP_FORBIDDEN,
			      "a client certificate is needed\n", 0, 0);
	}
	if (!tl_http_is_ours(web->config.http, connection)) {
		return refuse(web, connection, MHD_HTTP_MISDIRECTED_REQUEST, "no such host here\n",
			      0, 0);
	}
	const struct web_page *page = find_page(web, path);
	const struct web_asset *asset = page ? 0 : web_asset_find(web->config.assets, path);
	/* The page has to be there to ask for the token, and tells nothing by itself. */
	bool is_open = asset || (page && page->is_open);
	if (!is_open && !has_token(web, connection)) {
		return refuse(web, connection, MHD_HTTP_UNAUTHORIZED, "a valid token is needed\n",
			      MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	}
	if (!page && !asset) {
		return refuse(web, connection, MHD_HTTP_NOT_FOUND, "no such path\n", 0, 0);
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
		return refuse(web, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "no such method here\n",
			      MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	}
	return page ? show(web, connection, page) : hand_out(web, connection, asset);
}

/* --- for MHD ---------------------------------------------------------------- */

static bool has_body(struct MHD_Connection *connection)
{
	const char *length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return (length && strcmp(length, "0") != 0) ||
	       header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/*
 * Nobody reads a body: who sends one is answered before it comes, which ends the
 * connection. Others are answered when MHD calls again, and may go on.
 */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_len, void **state)
{
	struct web *web = context;

	(void)version;
	(void)upload;
	(void)upload_len;
	if (!*state) {
		*state = web;
		web->counts.requests++;
		return has_body(connection) ? decide(web, connection, url, method) : MHD_YES;
	}
	return decide(web, connection, url, method);
}

static void on_answered(void *context, struct MHD_Connection *connection, void **state,
			enum MHD_RequestTerminationCode code)
{
	struct web *web = context;

	(void)state;
	web->counts.stalled += code == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED;
	tl_visitors_again(connection);
}

/* --- the server ------------------------------------------------------------- */

int web_open(struct web **out, const struct web_config *config)
{
	struct web *web = calloc(1, sizeof(*web));

	if (!web) {
		return -ENOMEM;
	}
	web->config = *config;
	const struct tl_http_handler handler = {on_request, on_answered, web, HEAD_BYTES};
	int err = tl_http_start(config->http, &handler);
	if (err < 0) {
		free(web);
		return err;
	}
	*out = web;
	return 0;
}

void web_close(struct web *web)
{
	if (web) {
		/* It does not stop while connections are suspended. */
		web->closing = true;
		web_wake(web);
		tl_http_step(web->config.http);
		tl_http_stop(web->config.http);
		free(web);
	}
}

struct web_counts web_counts(const struct web *web)
{
	struct web_counts counts = web->counts;

	counts.too_slow = web->config.http->visitors.cut_off;
	counts.connections = web->config.http->visitors.count;
	return counts;
}
