/* SPDX-License-Identifier: BSD-2-Clause */
#include "request_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum {
	DRAIN_MAX = 1 << 20, /* of a refused body: read, so that the answer is */
	RETRY_MAX = 5,
	OVERHEAD = 1024, /* counted for a request beside its body */
};

/* --- answers ---------------------------------------------------------------- */

static void count_status(struct server_counts *c, unsigned int status)
{
	switch (status) {
	case MHD_HTTP_OK:
		break;
	case MHD_HTTP_UNAUTHORIZED:
		c->unauthorized++;
		break;
	case MHD_HTTP_BAD_REQUEST:
		c->malformed++;
		break;
	case MHD_HTTP_CONTENT_TOO_LARGE:
		c->too_big++;
		break;
	case MHD_HTTP_TOO_MANY_REQUESTS:
	case MHD_HTTP_SERVICE_UNAVAILABLE:
		c->busy++;
		break;
	default:
		c->other++;
	}
}

void request_decide(struct request *r, unsigned int status, const char *text)
{
	r->status = status;
	snprintf(r->text, sizeof(r->text), "%s", text);
	count_status(&r->server->counts, status);
}

void request_decide_later(struct request *r, unsigned int status, const char *text)
{
	request_decide(r, status, text);
	snprintf(r->retry, sizeof(r->retry), "%u", 1 + r->server->retry_turn++ % RETRY_MAX);
	r->header = MHD_HTTP_HEADER_RETRY_AFTER;
	r->value = r->retry;
}

static enum MHD_Result answer(struct request *r)
{
	bool is_json = r->text[0] == '{';
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(r->text), r->text, MHD_RESPMEM_MUST_COPY);

	if (!response) {
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				is_json ? "application/json" : "text/plain");
	if (r->header) {
		MHD_add_response_header(response, r->header, r->value);
	}
	if (r->server->stopping) {
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	}
	tl_visitors_served(r->connection);
	enum MHD_Result result = MHD_queue_response(r->connection, r->status, response);
	MHD_destroy_response(response);
	return result;
}

/* --- the body ------------------------------------------------------------------ */

static void hold(struct request *r, uint64_t bytes)
{
	r->server->held_bytes -= r->held;
	r->server->held_bytes += bytes;
	r->held = bytes;
}

static void drop_body(struct request *r)
{
	body_fini(&r->body);
	hold(r, OVERHEAD);
}

/* Bodies that began before the backlog was full may grow over it by as much as one can be. */
static bool is_overfull(const struct server *s, uint64_t more)
{
	uint64_t one = (1 + SERVER_INFLATE_FACTOR) * s->config.max_body;

	return s->held_bytes + more > s->config.backlog + one;
}

static void take(struct request *r, const char *bytes, size_t len)
{
	struct server *s = r->server;
	int err =
		is_overfull(s, len) ? -ENOMEM : body_add(&r->body, bytes, len, s->config.max_body);

	hold(r, OVERHEAD + r->body.room);
	if (err == -E2BIG) {
		request_decide(r, MHD_HTTP_CONTENT_TOO_LARGE, "the body is over the limit\n");
	} else if (err < 0) {
		request_decide_later(r, MHD_HTTP_TOO_MANY_REQUESTS,
				     "too much waits for the disk\n");
	}
	if (err < 0) {
		drop_body(r);
	}
}

static enum MHD_Result upload(struct request *r, const char *bytes, size_t len)
{
	if (r->status == 0) {
		take(r, bytes, len);
		return MHD_YES;
	}
	r->drained += len;
	return r->drained <= DRAIN_MAX ? MHD_YES : MHD_NO;
}

static bool inflate(struct request *r)
{
	struct server *s = r->server;
	struct body plain = {0};
	int err =
		body_inflate(s->zstd, &r->body, SERVER_INFLATE_FACTOR * s->config.max_body, &plain);

	body_fini(&r->body);
	r->body = plain;
	if (err == 0 && is_overfull(s, plain.room)) {
		err = -ENOMEM;
	}
	hold(r, OVERHEAD + plain.room);
	switch (err) {
	case 0:
		return true;
	case -EBADMSG:
		request_decide(r, MHD_HTTP_BAD_REQUEST, "the body is not zstd, or cut short\n");
		return false;
	case -E2BIG:
		request_decide(r, MHD_HTTP_CONTENT_TOO_LARGE,
			       "the decompressed body is over the limit\n");
		return false;
	default:
		request_decide_later(r, MHD_HTTP_TOO_MANY_REQUESTS,
				     "too much waits for the disk\n");
		return false;
	}
}

static void refuse_malformed(struct request *r, const struct tl_wire_error *error)
{
	struct server *s = r->server;
	char text[REQUEST_TEXT_MAX];
	char peer[64];
	uint64_t held_back;

	snprintf(text, sizeof(text), "at byte %u: %s\n", error->offset, error->reason);
	request_decide(r, MHD_HTTP_BAD_REQUEST, text);
	if (tl_log_allowed(&s->malformed_limit, &held_back)) {
		tl_visitors_describe(r->connection, peer, sizeof(peer));
		tl_log_warn("%s %s: malformed delivery, at byte %u: %s (%llu more since)", peer,
			    r->name, error->offset, error->reason, (unsigned long long)held_back);
	}
}

/* Hands the body to the writer, and waits without a thread. */
static bool store(struct request *r)
{
	struct delivery *delivery = calloc(1, sizeof(*delivery));

	if (!delivery) {
		request_decide_later(r, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory\n");
		return false;
	}
	delivery->owner = r;
	delivery->body = r->body;
	r->body = (struct body){0};
	r->server->storing_count++;
	MHD_suspend_connection(r->connection);
	writer_put(r->server->config.writer, delivery);
	return true;
}

/* All of it is here, or stored and answered to. */
static enum MHD_Result finish(struct request *r)
{
	struct tl_wire_error error;

	tl_visitors_served(r->connection);
	if (r->status == 0 && (!r->is_packed || inflate(r))) {
		int err = delivery_check(r->server->reader, r->body.bytes, r->body.len, &error);
		if (err == 0 && store(r)) {
			return MHD_YES;
		}
		if (err < 0) {
			refuse_malformed(r, &error);
		}
	}
	drop_body(r);
	return answer(r);
}

void request_stored(struct server *s, struct delivery *delivery)
{
	struct request *r = delivery->owner;
	char text[REQUEST_TEXT_MAX];

	body_fini(&delivery->body);
	drop_body(r);
	if (delivery->err == 0) {
		snprintf(text, sizeof(text), "{\"events\":%llu,\"duplicates\":%llu}\n",
			 (unsigned long long)delivery->events,
			 (unsigned long long)delivery->duplicates);
		request_decide(r, MHD_HTTP_OK, text);
		if (s->tally) {
			tally_add(s->tally, r->name, delivery->events);
		}
		tl_log_info("%s: %llu events, %llu duplicates", r->name[0] ? r->name : "anyone",
			    (unsigned long long)delivery->events,
			    (unsigned long long)delivery->duplicates);
	} else if (delivery->err == -ENOSPC || delivery->err == -EDQUOT) {
		request_decide_later(r, MHD_HTTP_TOO_MANY_REQUESTS, "the disk is full\n");
	} else {
		snprintf(text, sizeof(text), "cannot store: %s\n", strerror(-delivery->err));
		request_decide_later(r, MHD_HTTP_SERVICE_UNAVAILABLE, text);
	}
	s->storing_count--;
	free(delivery);
	MHD_resume_connection(r->connection);
}

/* --- for MHD -------------------------------------------------------------------- */

static struct request *begin(struct server *s, struct MHD_Connection *connection)
{
	struct request *r = calloc(1, sizeof(*r));

	if (r) {
		r->server = s;
		r->connection = connection;
		hold(r, OVERHEAD);
		s->request_count++;
		s->counts.requests++;
	}
	return r;
}

/* A refused body is read if that is little, so that the answer is not lost with it. */
static bool is_worth_draining(const struct request *r)
{
	return !request_header(r, MHD_HTTP_HEADER_EXPECT) && request_length(r) <= DRAIN_MAX;
}

enum MHD_Result request_handle(void *context, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *bytes,
			       size_t *len, void **state)
{
	struct request *r = *state;

	(void)version;
	if (!r) {
		r = begin(context, connection);
		if (!r) {
			return MHD_NO;
		}
		*state = r;
		request_check(r, url, method);
		return r->status == 0 || is_worth_draining(r) ? MHD_YES : answer(r);
	}
	if (*len > 0) {
		size_t had = *len;
		*len = 0;
		return upload(r, bytes, had);
	}
	return finish(r);
}

void request_over(void *context, struct MHD_Connection *connection, void **state,
		  enum MHD_RequestTerminationCode code)
{
	struct request *r = *state;

	(void)context;
	(void)code;
	tl_visitors_again(connection);
	if (!r) {
		return;
	}
	hold(r, 0);
	r->server->request_count--;
	body_fini(&r->body);
	free(r);
	*state = 0;
}
