/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the view share. */
#ifndef CAPMETRICS_CLIENT_VIEW_PRIVATE_H
#define CAPMETRICS_CLIENT_VIEW_PRIVATE_H

#include "client_rates.h"
#include "client_view.h"
#include "jsontree.h"
#include "safe.h"

enum { VIEW_REASON_LEN = 256, VIEW_ALL = 1000 };

struct client_view {
	struct tl_jsontree *trees[CLIENT_PAGES];
	struct tl_jsonnode pages[CLIENT_PAGES]; /* absent: missing */
	char missing[CLIENT_PAGES][VIEW_REASON_LEN];
	struct client_rates *rates;
	struct tl_textbuf key; /* of a counter */

	/* Of the frame at hand. */
	struct tl_textbuf *out;
	bool has_colours;
	bool is_short; /* the frame: lists show their first lines */
};

enum colour { COLOUR_GOOD, COLOUR_BAD, COLOUR_WARN, COLOUR_HEAD, COLOUR_FAINT };

void view_colour(struct client_view *view, enum colour colour);
void view_plain(struct client_view *view);

/* A word or a line's beginning in colour; trusted text. */
void view_word(struct client_view *view, enum colour colour, const char *word);
/* "\n" and the name of a section. */
void view_head(struct client_view *view, const char *name);

/* Text of the server, cut to `width` columns and filled up to them; 0 = as long as it is. */
void view_cell(struct client_view *view, struct tl_str text, unsigned int width);
/* "1.23M" at the right of `width` columns; "-" when not finite. */
void view_number(struct client_view *view, double value, unsigned int width);
/* "and N more" in a line of its own. */
void view_more(struct client_view *view, size_t count, const char *what);

struct tl_str view_text(struct tl_jsonnode node, const char *member);
double view_real(struct tl_jsonnode node, const char *member);

/* The sum of a tool's samples of that name; NAN = it has none. */
double view_sum(struct tl_jsonnode tool, const char *metric);
/* Per second; `more` tells samples of one name apart. NAN = not known. */
double view_rate(struct client_view *view, struct tl_jsonnode tool, const char *metric,
		 struct tl_str more, double value);

/* Parts of a frame. */
void view_write_verdict(struct client_view *view, const char *url);
void view_write_engine(struct client_view *view);
void view_write_drops(struct client_view *view);
void view_write_hops(struct client_view *view);
void view_write_books(struct client_view *view);
void view_write_changes(struct client_view *view);
void view_write_events(struct client_view *view);
void view_write_flows(struct client_view *view, unsigned int rows);

#endif
