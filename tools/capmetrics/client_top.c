/* SPDX-License-Identifier: BSD-2-Clause */
#include "client_top.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "client_keys.h"
#include "client_view.h"
#include "clock.h"
#include "log.h"
#include "privilege.h"
#include "screen.h"
#include "service.h"

enum { PLAIN_ROWS = 60, LOOK_MS = 100 };

struct top {
	struct client_http *http;
	struct client_view *view;
	struct client_reply reply;
	struct client_keys keys;
	struct tl_screen screen;
	struct tl_screen_size size; /* of the last frame */
	bool wants_end;
};

static bool has_colours(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no_color && no_color[0]);
}

/* --- asking ---------------------------------------------------------------- */

static const char *const paths[CLIENT_PAGES] = {
	[CLIENT_PAGE_REPORT] = "/capture/metrics",
	[CLIENT_PAGE_LADDER] = "/ladder",
	[CLIENT_PAGE_FLOWS] = "/flows/top",
	[CLIENT_PAGE_EVENTS] = "/events/recent",
};

/* What a server that is as it should be need not have. */
static const char *const absences[CLIENT_PAGES] = {
	[CLIENT_PAGE_LADDER] = "no capladder",
	[CLIENT_PAGE_FLOWS] = "no event stream",
	[CLIENT_PAGE_EVENTS] = "no event stream",
};

/* 0, or why there is no such page, which the view knows then; -EINTR, -ENOMEM. */
static int fetch(struct top *t, enum client_page page)
{
	if (!client_view_has_page(t->view, page)) {
		client_view_miss(t->view, page, absences[page]);
		return -ENOENT;
	}
	int err = client_http_get(t->http, paths[page], &t->reply);
	if (err == 0) {
		return client_view_read(t->view, page, t->reply.body.data, t->reply.body.len);
	}
	bool is_absent = t->reply.status == 404 && absences[page];
	client_view_miss(t->view, page, is_absent ? absences[page] : t->reply.reason);
	return err;
}

static bool is_the_end(int err)
{
	return err == -EINTR || err == -ENOMEM;
}

/* What /capture/metrics gave; without it nothing else is asked for. */
static int fetch_all(struct top *t)
{
	int err = fetch(t, CLIENT_PAGE_REPORT);

	for (int page = 1; page < CLIENT_PAGES && !is_the_end(err); page++) {
		if (err < 0) {
			client_view_miss(t->view, (enum client_page)page, "");
			continue;
		}
		int missing = fetch(t, (enum client_page)page);
		err = is_the_end(missing) ? missing : 0;
	}
	return err;
}

/* --- showing --------------------------------------------------------------- */

static int draw(struct top *t)
{
	struct tl_textbuf lines = {0};

	t->size = tl_screen_size(&t->screen);
	const struct client_frame frame = {
		.url = client_http_url(t->http),
		.rows = t->screen.terminal ? t->size.rows : PLAIN_ROWS,
		.has_colours = has_colours(),
	};
	client_view_write(t->view, &lines, &frame);
	if (!t->screen.terminal) {
		tl_textbuf_add(&lines, "\n", 1);
	}
	int err = tl_screen_draw(&t->screen, &lines);
	tl_textbuf_fini(&lines);
	return err;
}

static bool is_over(void *context)
{
	struct top *t = context;

	t->wants_end = t->wants_end || client_keys_want_end(&t->keys) || tl_service_stopping();
	return t->wants_end;
}

static bool is_resized(const struct top *t)
{
	struct tl_screen_size size = tl_screen_size(&t->screen);

	return size.rows != t->size.rows || size.columns != t->size.columns;
}

/* Until the next second's turn; 0, TL_OUTPUT_GONE or -errno. */
static int rest(struct top *t, uint64_t until_ns)
{
	int err = 0;

	while (err == 0 && !is_over(t) && tl_clock_mono_ns() < until_ns) {
		if (is_resized(t)) {
			err = draw(t);
		}
		tl_service_wait(LOOK_MS * TL_MS_NS);
	}
	return err;
}

static int run(struct top *t)
{
	int err = 0;

	while (err == 0 && !is_over(t)) {
		uint64_t next_ns = tl_clock_mono_ns() + TL_SECOND_NS;
		err = fetch_all(t);
		if (is_the_end(err)) {
			break;
		}
		err = draw(t);
		err = err == 0 ? rest(t, next_ns) : err;
	}
	return err;
}

static int open_top(struct top *t, const struct client_http_config *config)
{
	struct client_http_config mine = *config;

	mine.is_over = is_over;
	mine.context = t;
	int err = client_http_open(&t->http, &mine);
	/* curl reads the files of a certificate again for each connection. */
	err = err < 0 ? err : tl_privilege_drop(0, TL_PRIVILEGE_KEEP_USER);
	return err < 0 ? err : client_view_create(&t->view);
}

static void close_top(struct top *t)
{
	client_view_destroy(t->view);
	client_http_close(t->http);
	client_reply_fini(&t->reply);
}

static enum tl_exit exit_of(int err)
{
	return err == -EINVAL ? TL_EXIT_USAGE : err < 0 ? TL_EXIT_FAILED : TL_EXIT_OK;
}

enum tl_exit client_top_run(const struct client_http_config *config)
{
	struct top t = {0};
	int err = open_top(&t, config);

	if (err < 0) {
		close_top(&t);
		return exit_of(err);
	}
	err = tl_screen_open(&t.screen);
	client_keys_open(&t.keys);
	err = err == 0 ? run(&t) : err;
	client_keys_close(&t.keys);
	int left = tl_screen_leave(&t.screen);
	tl_screen_close(&t.screen);
	close_top(&t);
	err = err == -EINTR ? 0 : err;
	return exit_of(err < 0 ? err : left < 0 ? left : 0);
}

/* --- once ------------------------------------------------------------------ */

static int print_json(struct top *t)
{
	int err = fetch(t, CLIENT_PAGE_REPORT);

	/* As it is, also when it cannot be read. */
	if (t->reply.status == 200) {
		struct tl_textbuf *body = &t->reply.body;
		if (body->len == 0 || body->data[body->len - 1] != '\n') {
			tl_textbuf_add(body, "\n", 1);
		}
		tl_screen_print(&t->screen, body);
	}
	return err;
}

static int print_block(struct top *t)
{
	int err = fetch_all(t);

	return err < 0 ? err : draw(t);
}

static enum tl_exit conclude(const struct top *t, int err)
{
	if (err == 0 || err == TL_OUTPUT_GONE) {
		return client_view_is_healthy(t->view) ? TL_EXIT_OK
						       : (enum tl_exit)CLIENT_EXIT_NOT_HEALTHY;
	}
	if (err != -EINTR) {
		tl_log_err("%s: %s", client_http_url(t->http),
			   t->reply.reason[0] ? t->reply.reason
					      : "the answer is no report of capmetrics");
	}
	return TL_EXIT_FAILED;
}

enum tl_exit client_once_run(const struct client_http_config *config, bool as_json)
{
	struct top t = {0};
	int err = open_top(&t, config);

	if (err < 0) {
		close_top(&t);
		return exit_of(err);
	}
	err = tl_output_open(&t.screen.out, "-");
	if (err == 0) {
		err = as_json ? print_json(&t) : print_block(&t);
	}
	enum tl_exit code = conclude(&t, err);
	tl_screen_close(&t.screen);
	close_top(&t);
	return code;
}
