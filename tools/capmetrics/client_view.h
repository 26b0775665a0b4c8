/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a server says, as lines for people: whether all is well, the engine and
 * why, rates, drops by reason, the hops, the equations, flows, alerts and changes
 * of engine. Pure: texts in, text out. What comes from the server is shown so that it
 * cannot reach the terminal as commands. One thread; nothing logs.
 */
#ifndef CAPMETRICS_CLIENT_VIEW_H
#define CAPMETRICS_CLIENT_VIEW_H

#include "text.h"

enum client_page {
	CLIENT_PAGE_REPORT, /* /capture/metrics */
	CLIENT_PAGE_LADDER, /* /ladder */
	CLIENT_PAGE_FLOWS,  /* /flows/top */
	CLIENT_PAGE_EVENTS, /* /events/recent */
	CLIENT_PAGES,
};

struct client_view;

/* 0 or -ENOMEM. */
int client_view_create(struct client_view **out);
void client_view_destroy(struct client_view *view);

/*
 * The JSON of a page, which is copied. 0; -EBADMSG, -E2BIG: no JSON object, and
 * then the page is as if missing; -ENOMEM.
 */
int client_view_read(struct client_view *view, enum client_page page, const char *json, size_t len);
/* There is none; `reason` (safe, may be empty) is shown in its place. */
void client_view_miss(struct client_view *view, enum client_page page, const char *reason);

/* Whether the report that was read last has nothing to say against asking for the page. */
bool client_view_has_page(const struct client_view *view, enum client_page page);

/* Of the report that was read last; false without one. */
bool client_view_is_healthy(const struct client_view *view);

struct client_frame {
	const char *url;   /* shown in the first line */
	unsigned int rows; /* lines to fill; what does not fit is summed up */
	bool has_colours;
};

/* Appends the lines; without memory, fewer. */
void client_view_write(struct client_view *view, struct tl_textbuf *out,
		       const struct client_frame *frame);

#endif
