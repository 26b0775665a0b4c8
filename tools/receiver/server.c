/* SPDX-License-Identifier: BSD-2-Clause */
#include "server.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "clock.h"
#include "request.h"
#include "service.h"

enum {
	HEAD_BYTES = 32 << 10, /* and the piece of the body at hand */
	STEP_MS = 500,
};

static void destroy(struct server *s)
{
	tl_wire_reader_destroy(s->reader);
	ZSTD_freeDCtx(s->zstd);
	tally_destroy(s->tally);
	free(s);
}

int server_open(struct server **out, const struct server_config *config)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s) {
		return -ENOMEM;
	}
	s->config = *config;
	s->zstd = ZSTD_createDCtx();
	int err = s->zstd ? tl_wire_reader_create(&s->reader) : -ENOMEM;
	if (err == 0 && config->http->auth) {
		err = tally_create(&s->tally);
	}
	if (err == 0) {
		const struct tl_http_handler handler = {request_handle, request_over, s,
							HEAD_BYTES};
		err = tl_http_start(config->http, &handler);
	}
	if (err < 0) {
		destroy(s);
		return err;
	}
	*out = s;
	return 0;
}

static int time_to_wait(struct server *s, uint64_t timeout_ns)
{
	uint64_t ms = timeout_ns / TL_MS_NS;

	return tl_http_wait_ms(s->config.http, ms < STEP_MS ? (int)ms : STEP_MS);
}

static void take_stored(struct server *s)
{
	struct delivery *list = writer_take_done(s->config.writer);

	while (list) {
		struct delivery *next = list->next;
		request_stored(s, list);
		list = next;
	}
}

int server_step(struct server *s, int fd, uint64_t timeout_ns)
{
	struct pollfd fds[] = {
		{.fd = tl_http_fd(s->config.http), .events = POLLIN},
		{.fd = writer_fd(s->config.writer), .events = POLLIN},
		{.fd = s->stopping ? -1 : tl_service_fd(), .events = POLLIN},
		{.fd = fd, .events = POLLIN},
	};

	if (poll(fds, sizeof(fds) / sizeof(fds[0]), time_to_wait(s, timeout_ns)) < 0 &&
	    errno != EINTR) {
		return -errno;
	}
	tl_service_clear();
	take_stored(s);
	return tl_http_step(s->config.http);
}

int server_finish(struct server *s, uint64_t until_ns)
{
	int err = 0;

	tl_http_quiesce(s->config.http);
	s->stopping = true;
	while (err == 0 && s->request_count > 0) {
		uint64_t now_ns = tl_clock_mono_ns();
		if (now_ns >= until_ns) {
			break;
		}
		err = server_step(s, -1, until_ns - now_ns);
	}
	if (s->request_count > 0) {
		tl_log_warn("%llu requests were not finished in time, and not answered",
			    (unsigned long long)s->request_count);
	}
	return err < 0 ? err : s->storing_count > 0 ? -ETIMEDOUT : 0;
}

void server_close(struct server *s)
{
	if (s) {
		tl_http_stop(s->config.http);
		destroy(s);
	}
}

void server_log_counts(const struct server *s)
{
	const struct server_counts *c = &s->counts;
	struct writer_counts w = writer_counts(s->config.writer);

	tl_log_note("%llu deliveries, %llu events, %llu duplicates, %llu syncs, %llu not stored; "
		    "%llu requests, refused: %llu unauthorized, %llu malformed, %llu too big, %llu "
		    "busy, %llu otherwise; cut off %llu",
		    (unsigned long long)w.deliveries, (unsigned long long)w.events,
		    (unsigned long long)w.duplicates, (unsigned long long)w.syncs,
		    (unsigned long long)w.failed, (unsigned long long)c->requests,
		    (unsigned long long)c->unauthorized, (unsigned long long)c->malformed,
		    (unsigned long long)c->too_big, (unsigned long long)c->busy,
		    (unsigned long long)c->other,
		    (unsigned long long)s->config.http->visitors.cut_off);
	tl_log_note("%llu streams, %llu ranges, forgotten: %llu streams, %llu ranges; %llu "
		    "segments, %llu bytes; %llu bytes of bodies wait",
		    (unsigned long long)w.dedup.streams, (unsigned long long)w.dedup.ranges,
		    (unsigned long long)w.dedup.forgotten_streams,
		    (unsigned long long)w.dedup.forgotten_ranges,
		    (unsigned long long)w.output.files, (unsigned long long)w.output.bytes,
		    (unsigned long long)s->held_bytes);
	if (s->tally) {
		tally_log(s->tally);
	}
}
