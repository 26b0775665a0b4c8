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
	CONNECTION_MEMORY = 32 << 10, /* headers and the piece of the body at hand */
	OPTIONS_MAX = 16,
	STEP_MS = 500,
};

static void log_line(void *context, const char *format, va_list arguments)
{
	char line[512];

	(void)context;
	vsnprintf(line, sizeof(line), format, arguments);
	line[strcspn(line, "\n")] = '\0';
	tl_log_debug("http: %s", line);
}

/* MHD cannot go on: neither can we. What was answered is durable. */
static void on_panic(void *context, const char *file, unsigned int line, const char *reason)
{
	(void)context;
	tl_log_err("libmicrohttpd: %s:%u: %s", file, line, reason ? reason : "?");
	abort();
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

static int start_daemon(struct server *s)
{
	const struct server_config *c = &s->config;
	struct MHD_OptionItem more[OPTIONS_MAX] = {0};
	unsigned int count = add_tls(more, c->tls);
	unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
			     (c->tls ? MHD_USE_TLS : 0);

	more[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, 0};
	MHD_set_panic_func(on_panic, 0);
	s->daemon = MHD_start_daemon(
		flags, 0, 0, 0, request_handle, s, MHD_OPTION_EXTERNAL_LOGGER, log_line, (void *)0,
		MHD_OPTION_LISTEN_SOCKET, c->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
		c->max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, c->max_per_address,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)(c->timeout_ns / TL_SECOND_NS),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_NOTIFY_COMPLETED, request_over, s, MHD_OPTION_NOTIFY_CONNECTION,
		tl_visitors_notify, &s->visitors, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
	if (!s->daemon) {
		tl_log_err("cannot start the HTTP server");
		return -EIO;
	}
	return 0;
}

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
	s->visitors.deadline_ns = config->deadline_ns;
	s->visitors.tls = config->tls;
	s->zstd = ZSTD_createDCtx();
	int err = s->zstd ? tl_wire_reader_create(&s->reader) : -ENOMEM;
	if (err == 0 && config->auth) {
		err = tally_create(&s->tally);
	}
	if (err == 0) {
		err = start_daemon(s);
	}
	if (err < 0) {
		destroy(s);
		return err;
	}
	*out = s;
	return 0;
}

/* How long MHD may be left alone; at most a step. */
static int time_to_wait(struct server *s, uint64_t timeout_ns)
{
	MHD_UNSIGNED_LONG_LONG left_ms;
	uint64_t ms = timeout_ns / TL_MS_NS;

	ms = ms < STEP_MS ? ms : STEP_MS;
	if (MHD_get_timeout(s->daemon, &left_ms) == MHD_YES && left_ms < ms) {
		ms = left_ms;
	}
	return (int)ms;
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
		{.fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
		 .events = POLLIN},
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
	if (MHD_run(s->daemon) != MHD_YES) {
		return -EIO;
	}
	tl_visitors_tend(&s->visitors, tl_clock_mono_ns());
	return 0;
}

int server_finish(struct server *s, uint64_t until_ns)
{
	int fd = MHD_quiesce_daemon(s->daemon);
	int err = 0;

	if (fd >= 0) {
		close(fd);
	}
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
		MHD_stop_daemon(s->daemon);
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
		    (unsigned long long)c->other, (unsigned long long)s->visitors.cut_off);
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
