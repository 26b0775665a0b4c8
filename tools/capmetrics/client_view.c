/* SPDX-License-Identifier: BSD-2-Clause */
#include "client_view.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "client_view_private.h"

enum { SHORT_ROWS = 45, FLOW_ROWS_MIN = 4 };

int client_view_create(struct client_view **out)
{
	struct client_view *v = calloc(1, sizeof(*v));
	int err = v ? client_rates_create(&v->rates) : -ENOMEM;

	for (int i = 0; i < CLIENT_PAGES && err == 0; i++) {
		err = tl_jsontree_create(&v->trees[i]);
	}
	if (err < 0) {
		client_view_destroy(v);
		return err;
	}
	*out = v;
	return 0;
}

void client_view_destroy(struct client_view *v)
{
	if (!v) {
		return;
	}
	for (int i = 0; i < CLIENT_PAGES; i++) {
		tl_jsontree_destroy(v->trees[i]);
	}
	client_rates_destroy(v->rates);
	tl_textbuf_fini(&v->key);
	free(v);
}

void client_view_miss(struct client_view *v, enum client_page page, const char *reason)
{
	v->pages[page] = (struct tl_jsonnode){0};
	snprintf(v->missing[page], VIEW_REASON_LEN, "%s", reason);
}

int client_view_read(struct client_view *v, enum client_page page, const char *json, size_t len)
{
	struct tl_jsonnode root;
	int err = tl_jsontree_read(v->trees[page], json, len, &root);

	if (err == 0 && tl_jsonnode_kind(root) != TL_JSONKIND_OBJECT) {
		err = -EBADMSG;
	}
	if (err < 0) {
		client_view_miss(v, page, "the answer is no JSON of capmetrics");
		return err;
	}
	v->pages[page] = root;
	return 0;
}

bool client_view_has_page(const struct client_view *v, enum client_page page)
{
	static const char *const names[CLIENT_PAGES] = {
		[CLIENT_PAGE_LADDER] = "ladder",
		[CLIENT_PAGE_FLOWS] = "flows",
		[CLIENT_PAGE_EVENTS] = "events",
	};
	struct tl_jsonnode sources = tl_jsonnode_member(v->pages[CLIENT_PAGE_REPORT], "sources");
	struct tl_jsonnode has =
		names[page] ? tl_jsonnode_member(sources, names[page]) : (struct tl_jsonnode){0};

	return tl_jsonnode_kind(has) != TL_JSONKIND_BOOL || tl_jsonnode_bool(has);
}

bool client_view_is_healthy(const struct client_view *v)
{
	return tl_jsonnode_bool(tl_jsonnode_member(v->pages[CLIENT_PAGE_REPORT], "healthy"));
}

/* --- text ------------------------------------------------------------------ */

void view_colour(struct client_view *v, enum colour colour)
{
	static const char *const codes[] = {"\x1b[32m", "\x1b[1;31m", "\x1b[33m", "\x1b[1m",
					    "\x1b[2m"};

	if (v->has_colours) {
		tl_textbuf_add(v->out, codes[colour], strlen(codes[colour]));
	}
}

void view_plain(struct client_view *v)
{
	if (v->has_colours) {
		tl_textbuf_add(v->out, "\x1b[0m", 4);
	}
}

void view_word(struct client_view *v, enum colour colour, const char *word)
{
	view_colour(v, colour);
	tl_safe_printf(v->out, "%s", word);
	view_plain(v);
}

void view_head(struct client_view *v, const char *name)
{
	tl_safe_printf(v->out, "\n");
	view_word(v, COLOUR_HEAD, name);
}

/* The bytes of the first `width` characters. */
static uint32_t cut(struct tl_str text, unsigned int width)
{
	unsigned int seen = 0;

	for (uint32_t at = 0; at < text.len; at++) {
		if (((uint8_t)text.ptr[at] & 0xc0) != 0x80 && seen++ == width) {
			return at;
		}
	}
	return text.len;
}

void view_cell(struct client_view *v, struct tl_str text, unsigned int width)
{
	size_t from = v->out->len;

	text.len = cut(text, width > 0 ? width : 400);
	tl_safe_add(v->out, text.len > 0 ? text : TL_STR("-"));
	if (width > 0) {
		tl_safe_pad(v->out, from, width);
	}
}

void view_number(struct client_view *v, double value, unsigned int width)
{
	size_t from = v->out->len;

	if (!isfinite(value)) {
		tl_safe_printf(v->out, "-");
	} else if (value > 0 && value < 0.5) {
		tl_safe_printf(v->out, "%.1g", value);
	} else {
		tl_safe_add_si(v->out, value);
	}
	tl_safe_pad_left(v->out, from, width);
}

void view_more(struct client_view *v, size_t count, const char *what)
{
	if (count > 0) {
		view_colour(v, COLOUR_FAINT);
		tl_safe_printf(v->out, "         and %zu more %s", count, what);
		view_plain(v);
		tl_safe_printf(v->out, "\n");
	}
}

/* --- what the server says -------------------------------------------------- */

struct tl_str view_text(struct tl_jsonnode node, const char *member)
{
	return tl_jsonnode_text(tl_jsonnode_member(node, member));
}

double view_real(struct tl_jsonnode node, const char *member)
{
	struct tl_jsonnode value = tl_jsonnode_member(node, member);
	enum tl_jsonkind kind = tl_jsonnode_kind(value);
	bool is_number =
		kind == TL_JSONKIND_UINT || kind == TL_JSONKIND_INT || kind == TL_JSONKIND_REAL;

	return is_number ? tl_jsonnode_real(value) : NAN;
}

double view_sum(struct tl_jsonnode tool, const char *metric)
{
	struct tl_jsonwalk walk = tl_jsonwalk_over(tl_jsonnode_member(tool, "metrics"));
	struct tl_jsonnode sample;
	double sum = NAN;

	while (tl_jsonwalk_next(&walk, &sample)) {
		double value = view_real(sample, "value");
		if (isfinite(value) && tl_str_eq(view_text(sample, "name"), tl_str_of(metric))) {
			sum = isnan(sum) ? value : sum + value;
		}
	}
	return sum;
}

static void add_key(struct client_view *v, struct tl_str text)
{
	tl_textbuf_add(&v->key, text.ptr, text.len);
	tl_textbuf_add(&v->key, "", 1);
}

double view_rate(struct client_view *v, struct tl_jsonnode tool, const char *metric,
		 struct tl_str more, double value)
{
	uint64_t time_ns;

	if (!isfinite(value) || tl_text_get_time(view_text(tool, "reported"), &time_ns) < 0) {
		return NAN;
	}
	if (!tl_str_eq(view_text(tool, "state"), TL_STR("live"))) {
		return 0;
	}
	v->key.len = 0;
	add_key(v, view_text(tool, "tool"));
	add_key(v, view_text(tool, "instance"));
	add_key(v, tl_str_of(metric));
	add_key(v, more);
	return client_rates_take(v->rates, XXH3_64bits(v->key.data, v->key.len), value, time_ns);
}

/* --- a frame --------------------------------------------------------------- */

static unsigned int count_lines(const struct tl_textbuf *out, size_t from)
{
	unsigned int lines = 0;

	for (size_t i = from; i < out->len; i++) {
		lines += out->data[i] == '\n';
	}
	return lines;
}

void client_view_write(struct client_view *v, struct tl_textbuf *out,
		       const struct client_frame *frame)
{
	size_t from = out->len;

	v->out = out;
	v->has_colours = frame->has_colours;
	v->is_short = frame->rows < SHORT_ROWS;
	view_write_verdict(v, frame->url);
	if (v->pages[CLIENT_PAGE_REPORT].document) {
		view_write_engine(v);
		view_write_drops(v);
		view_write_hops(v);
		view_write_books(v);
	}
	view_write_changes(v);
	view_write_events(v);
	unsigned int used = count_lines(out, from) + 2;
	view_write_flows(v,
			 frame->rows > used + FLOW_ROWS_MIN ? frame->rows - used : FLOW_ROWS_MIN);
}
