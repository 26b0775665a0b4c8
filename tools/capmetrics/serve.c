/* SPDX-License-Identifier: BSD-2-Clause */
#include "serve.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assets.h"
#include "capabilities.h"
#include "clock.h"
#include "exit.h"
#include "log.h"
#include "metrics.h"
#include "pages.h"
#include "privilege.h"
#include "self.h"
#include "service.h"

enum { TICK_MS = 1000 };

#define RUN_URL "ipc://" TL_RUN_FOLDER "/"

struct server {
	const struct options *options;
	struct tl_http http;
	struct tl_textbuf capabilities;
	struct ledger *ledger;
	struct news *news;
	struct inbox *inbox;
	struct feed *feed; /* 0 = no -I */
	struct web *web;
	struct pages pages;
	struct self self;
	uint64_t tick_ns;
};

/* --- what needs the caller's rights ------------------------------------------- */

static void ask_engines(struct server *s)
{
	char path[PATH_MAX] = "";
	const char *folder = s->options->engines;
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (!folder && len > 0) {
		path[len] = '\0';
		folder = dirname(path);
	}
	if (folder && capabilities_read(&s->capabilities, folder, capabilities_engines) <= 0) {
		tl_log_info("%s: no engine there says what it can do", folder);
	}
}

static int open_feed(struct server *s)
{
	const struct options *o = s->options;
	/* Nobody has to wait for who only looks. */
	const struct tl_hop_config hop = {
		.insecure = o->insecure, .no_acks = true, .allow_uid = &o->allow_uid};

	return feed_open(&s->feed, o->input, &hop, s->news);
}

static bool reads_file(const struct options *o)
{
	return o->input && !tl_hop_is_url(o->input);
}

static int open_first(struct server *s)
{
	const struct options *o = s->options;

	ask_engines(s);
	int err = tl_http_open(&s->http, &o->http, &o->address);
	if (err == 0 && reads_file(o)) {
		err = open_feed(s);
	}
	if (err == 0 && strncmp(o->stats_url, RUN_URL, sizeof(RUN_URL) - 1) == 0) {
		tl_privilege_make_run_folder();
	}
	return err;
}

/* --- what starts threads, or sees what others send ------------------------------ */

static int open_inputs(struct server *s)
{
	const struct options *o = s->options;
	const struct tl_hop_config hop = {
		.insecure = o->insecure, .no_acks = true, .allow_uid = &o->allow_uid};
	int err = inbox_open(&s->inbox, o->stats_url, &hop, s->ledger);

	return err == 0 && o->input && !reads_file(o) ? open_feed(s) : err;
}

static int open_web(struct server *s)
{
	const struct web_config config = {
		.http = &s->http,
		.pages = pages_table,
		.context = &s->pages,
		.assets = assets_table(),
	};

	s->pages = (struct pages){
		.ledger = s->ledger,
		.ladder_path = s->options->ladder,
		.capabilities = s->capabilities.data,
		.capabilities_len = s->capabilities.len,
		.news = s->news,
		.feed = s->feed,
	};
	return web_open(&s->web, &config);
}

static int open_self(struct server *s)
{
	s->self = (struct self){
		.web = s->web,
		.inbox = s->inbox,
		.news = s->news,
		.feed = s->feed,
		.ledger = s->ledger,
		.place = s->options->http.listen,
	};
	return self_open(&s->self);
}

static int open_stores(struct server *s)
{
	const struct ledger_config config = ledger_defaults();
	int err = ledger_create(&s->ledger, &config);

	return err < 0 ? err
		       : news_create(&s->news, (unsigned int)s->options->max_clients,
				     tl_clock_wall_ns());
}

static int server_open(struct server *s)
{
	int err = open_stores(s);

	if (err == 0) {
		err = open_first(s);
	}
	if (err == 0) {
		err = tl_privilege_drop(TL_PRIVILEGE_USER, 0);
	}
	if (err == 0) {
		err = open_inputs(s);
	}
	if (err == 0) {
		err = open_web(s);
	}
	return err == 0 ? open_self(s) : err;
}

static void server_close(struct server *s)
{
	self_close(&s->self);
	web_close(s->web); /* which closes the readers of the news */
	feed_close(s->feed);
	inbox_close(s->inbox);
	news_destroy(s->news);
	ledger_destroy(s->ledger);
	tl_textbuf_fini(&s->capabilities);
	tl_http_close(&s->http);
}

/* --- running ---------------------------------------------------------------------- */

static int wait_for_work(struct server *s, bool more)
{
	struct pollfd fds[] = {
		{.fd = tl_http_fd(&s->http), .events = POLLIN},
		{.fd = inbox_fd(s->inbox), .events = POLLIN},
		{.fd = s->feed ? feed_fd(s->feed) : -1, .events = POLLIN},
		{.fd = s->http.hangup_fd, .events = POLLIN},
		{.fd = tl_service_fd(), .events = POLLIN},
	};
	int wait_ms = more ? 0 : tl_http_wait_ms(&s->http, TICK_MS);

	if (poll(fds, sizeof(fds) / sizeof(fds[0]), wait_ms) < 0 && errno != EINTR) {
		return -errno;
	}
	tl_service_clear();
	return 0;
}

/* 1 there is more to take in, 0, or -errno. */
static int take_in(struct server *s, uint64_t now_ns)
{
	uint64_t before = news_counts(s->news).events;
	int reports = inbox_step(s->inbox, now_ns);
	int events = reports >= 0 && s->feed ? feed_step(s->feed, now_ns) : 0;

	if (news_counts(s->news).events != before) {
		web_wake(s->web);
	}
	return reports < 0 ? reports : events < 0 ? events : reports || events;
}

/* Once a second. */
static void tick(struct server *s, uint64_t now_ns)
{
	tl_metrics_tick(s->self.metrics);
	if (now_ns < s->tick_ns + TL_SECOND_NS) {
		return;
	}
	s->tick_ns = now_ns;
	if (s->feed) {
		feed_tend(s->feed, now_ns);
	}
	web_wake(s->web);
}

static int serve(struct server *s)
{
	int more = 0;
	int err = 0;

	tl_log_note("serving at %s://%s/, reports come in at %s", s->http.tls ? "https" : "http",
		    s->http.address.text, s->options->stats_url);
	tl_service_ready((int)s->options->ready_fd);
	while (err == 0 && !tl_service_stopping()) {
		err = wait_for_work(s, more > 0);
		uint64_t now_ns = tl_clock_mono_ns();
		more = err == 0 ? take_in(s, now_ns) : err;
		if (more < 0) {
			return more;
		}
		tick(s, now_ns);
		err = tl_http_step(&s->http);
		tl_http_take_hangup(&s->http);
		if (tl_service_take_stats()) {
			self_log(&s->self);
		}
	}
	return err;
}

int serve_run(const struct options *options)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s) {
		return TL_EXIT_FAILED;
	}
	s->options = options;
	tl_http_init(&s->http);
	int err = server_open(s);
	if (err == 0) {
		err = serve(s);
		self_log(&s->self);
	}
	server_close(s);
	free(s);
	return tl_exit_of(err);
}
