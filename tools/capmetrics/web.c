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
	CONNECTION_MEMORY = 16 << 10, /* a request's head is at most this */
	OPTIONS_MAX = 4,
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

static bool is_certified(const struct web *web, struct MHD_Connection *connection)
{
	if (!web->config.tls) {
		return true;
	}
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	return tl_tls_client_is_certified(web->config.tls, info->tls_session);
}

static bool is_for_us(const struct web *web, struct MHD_Connection *connection)
{
	const struct web_config *c = &web->config;

	return !c->address.is_loopback ||
	       tl_listen_host_is_ours(&c->address, c->hosts,
				      header(connection, MHD_HTTP_HEADER_HOST));
}

static bool has_token(struct web *web, struct MHD_Connection *connection)
{
	uint64_t held_back;

	if (!web->config.auth ||
	    tl_auth_check(web->config.auth, header(connection, MHD_HTTP_HEADER_AUTHORIZATION))) {
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
	if (!is_certified(web, connection)) {
		return refuse(web, connection, MHD_HTTP_FORBIDDEN,
			      "a client certificate is needed\n", 0, 0);
	}
	if (!is_for_us(web, connection)) {
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

static void log_line(void *context, const char *format, va_list arguments)
{
	char line[512];

	(void)context;
	vsnprintf(line, sizeof(line), format, arguments);
	line[strcspn(line, "\n")] = '\0';
	tl_log_debug("http: %s", line);
}

static unsigned int add_tls(struct MHD_OptionItem *o, const struct tl_tls *tls)
{
	unsigned int count = 0;

	if (!tls) {
		return 0;
	}
	o[count++] =
		(struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)tl_tls_retrieve};
	o[count++] =
		(struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)tl_tls_priorities};
	if (tl_tls_client_ca(tls)) {
		o[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0,
						     (void *)tl_tls_client_ca(tls)};
	}
	return count;
}

static struct MHD_Daemon *start_daemon(struct web *web)
{
	const struct web_config *c = &web->config;
	struct MHD_OptionItem more[OPTIONS_MAX] = {0};
	unsigned int count = add_tls(more, c->tls);
	unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
			     (c->tls ? MHD_USE_TLS : 0);

	more[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, 0};
	return MHD_start_daemon(
		flags, 0, 0, 0, on_request, web, MHD_OPTION_EXTERNAL_LOGGER, log_line, (void *)0,
		MHD_OPTION_LISTEN_SOCKET, c->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
		c->max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, c->max_per_address,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)(c->timeout_ns / TL_SECOND_NS),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_NOTIFY_COMPLETED, on_answered, web, MHD_OPTION_NOTIFY_CONNECTION,
		tl_visitors_notify, &web->visitors, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
}

/* --- the server ------------------------------------------------------------- */

int web_open(struct web **out, const struct web_config *config)
{
	struct web *web = calloc(1, sizeof(*web));

	if (!web) {
		close(config->listen_fd);
		return -ENOMEM;
	}
	web->config = *config;
	web->visitors.deadline_ns = config->deadline_ns;
	web->visitors.tls = config->tls;
	web->daemon = start_daemon(web);
	if (!web->daemon) {
		tl_log_err("cannot start the HTTP server");
		close(config->listen_fd);
		free(web);
		return -EIO;
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
		MHD_run(web->daemon);
		MHD_stop_daemon(web->daemon);
		free(web);
	}
}

int web_fd(const struct web *web)
{
	return MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int web_wait_ms(struct web *web, int most_ms)
{
	MHD_UNSIGNED_LONG_LONG left_ms;

	if (MHD_get_timeout(web->daemon, &left_ms) == MHD_YES &&
	    left_ms < (MHD_UNSIGNED_LONG_LONG)most_ms) {
		return (int)left_ms;
	}
	return most_ms;
}

int web_step(struct web *web)
{
	if (MHD_run(web->daemon) != MHD_YES) {
		return -EIO;
	}
	tl_visitors_tend(&web->visitors, tl_clock_mono_ns());
	return 0;
}

struct web_counts web_counts(const struct web *web)
{
	struct web_counts counts = web->counts;

	counts.too_slow = web->visitors.cut_off;
	counts.connections = web->visitors.count;
	return counts;
}
