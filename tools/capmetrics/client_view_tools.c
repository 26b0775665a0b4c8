/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tools tell: drops by reason, what each hop does, whether the equations hold. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client_view_private.h"

enum { DROPS_MAX = 256, WHERE_WIDTH = 40, TOOL_WIDTH = 12, PLACE_WIDTH = 22 };

static struct tl_jsonwalk over_tools(const struct client_view *v)
{
	return tl_jsonwalk_over(tl_jsonnode_member(v->pages[CLIENT_PAGE_REPORT], "tools"));
}

static bool begins(struct tl_str text, const char *with)
{
	size_t len = strlen(with);

	return text.len >= len && memcmp(text.ptr, with, len) == 0;
}

/* --- drops ----------------------------------------------------------------- */

struct drop {
	struct tl_jsonnode tool;
	struct tl_jsonnode sample;
	double value;
	bool is_grave; /* lost, not set aside */
};

/* As the page has it: counters with a reason, and the classes that are no flow. */
static bool is_drop(struct tl_jsonnode sample)
{
	struct tl_jsonnode labels = tl_jsonnode_member(sample, "labels");
	struct tl_str class = view_text(labels, "class");

	if (!tl_str_eq(view_text(sample, "type"), TL_STR("counter"))) {
		return false;
	}
	return tl_jsonnode_kind(tl_jsonnode_member(labels, "reason")) == TL_JSONKIND_TEXT ||
	       (tl_str_eq(view_text(sample, "name"), TL_STR("class_packets")) &&
		(begins(class, "malformed") || begins(class, "unattributed")));
}

static size_t gather_drops(const struct client_view *v, struct drop drops[DROPS_MAX])
{
	struct tl_jsonwalk tools = over_tools(v);
	struct tl_jsonnode tool, sample;
	size_t count = 0;

	while (tl_jsonwalk_next(&tools, &tool)) {
		struct tl_jsonwalk samples = tl_jsonwalk_over(tl_jsonnode_member(tool, "metrics"));
		while (count < DROPS_MAX && tl_jsonwalk_next(&samples, &sample)) {
			struct tl_str name = view_text(sample, "name");
			double value = view_real(sample, "value");
			if (value > 0 && is_drop(sample)) {
				bool is_grave = begins(name, "lost_") || begins(name, "dropped_");
				drops[count++] = (struct drop){tool, sample, value, is_grave};
			}
		}
	}
	return count;
}

static int by_weight(const void *a, const void *b)
{
	const struct drop *x = a;
	const struct drop *y = b;

	if (x->is_grave != y->is_grave) {
		return x->is_grave ? -1 : 1;
	}
	return x->value < y->value ? 1 : x->value > y->value ? -1 : 0;
}

/* "batcher lost_events sink=a", as wide as WHERE_WIDTH. */
static void put_where(struct client_view *v, const struct drop *d)
{
	struct tl_jsonwalk labels = tl_jsonwalk_over(tl_jsonnode_member(d->sample, "labels"));
	struct tl_jsonnode label;
	size_t from = v->out->len;

	view_cell(v, view_text(d->tool, "tool"), 0);
	tl_safe_printf(v->out, " ");
	view_cell(v, view_text(d->sample, "name"), 0);
	while (tl_jsonwalk_next(&labels, &label)) {
		if (!tl_str_eq(labels.name, TL_STR("reason")) &&
		    !tl_str_eq(labels.name, TL_STR("class"))) {
			tl_safe_printf(v->out, " ");
			view_cell(v, tl_jsonnode_text(label), 0);
		}
	}
	tl_safe_pad(v->out, from, WHERE_WIDTH);
}

static void put_drop(struct client_view *v, const struct drop *d)
{
	struct tl_jsonnode labels = tl_jsonnode_member(d->sample, "labels");
	struct tl_str reason = view_text(labels, "reason");
	struct tl_textbuf more = {0};

	tl_jsonnode_write(&more, labels);
	view_colour(v, d->is_grave ? COLOUR_BAD : COLOUR_WARN);
	view_cell(v, reason.len > 0 ? reason : view_text(labels, "class"), 24);
	view_plain(v);
	tl_safe_printf(v->out, " ");
	put_where(v, d);
	view_number(v, d->value, 9);
	view_number(v,
		    view_rate(v, d->tool, "drop", (struct tl_str){more.data, (uint32_t)more.len},
			      d->value),
		    9);
	tl_safe_printf(v->out, "\n");
	tl_textbuf_fini(&more);
}

void view_write_drops(struct client_view *v)
{
	struct drop drops[DROPS_MAX];
	size_t count = gather_drops(v, drops);
	size_t shown = v->is_short ? 3 : 8;

	view_head(v, "DROPS BY REASON");
	if (count == 0) {
		tl_safe_printf(v->out, "          none\n");
		return;
	}
	tl_safe_printf(v->out, "%*s\n", 24 + 1 + WHERE_WIDTH + 9 + 9 - 15, "IN ALL    PER S");
	qsort(drops, count, sizeof(*drops), by_weight);
	for (size_t i = 0; i < count && i < shown; i++) {
		put_drop(v, &drops[i]);
	}
	view_more(v, count > shown ? count - shown : 0, "reasons");
}

/* --- hops ------------------------------------------------------------------ */

/* The first of the names that the tool counts. */
static double rate_of(struct client_view *v, struct tl_jsonnode tool, const char *const *names)
{
	for (; *names; names++) {
		double sum = view_sum(tool, *names);
		if (isfinite(sum)) {
			return view_rate(v, tool, *names, TL_STR(""), sum);
		}
	}
	return NAN;
}

static double add(double a, double b)
{
	return isnan(a) ? b : isnan(b) ? a : a + b;
}

static void put_state(struct client_view *v, struct tl_str state)
{
	view_colour(v, tl_str_eq(state, TL_STR("live"))	    ? COLOUR_GOOD
		       : tl_str_eq(state, TL_STR("silent")) ? COLOUR_BAD
							    : COLOUR_FAINT);
	view_cell(v, state, 7);
	view_plain(v);
}

static void put_tool(struct client_view *v, struct tl_jsonnode tool)
{
	static const char *const in[] = {"received_packets", "read_lines",	"received_events",
					 "taken_events",     "assigned_events", 0};
	static const char *const out[] = {"sent_events",    "delivered_events", "stored_events",
					  "written_events", "safe_events",	0};
	double cpu = view_real(tool, "cpu_percent");
	double lost = add(view_sum(tool, "dropped_skbs"), view_sum(tool, "lost_events"));

	view_cell(v, view_text(tool, "tool"), TOOL_WIDTH);
	tl_safe_printf(v->out, " ");
	view_cell(v, view_text(tool, "place"), PLACE_WIDTH);
	tl_safe_printf(v->out, " ");
	put_state(v, view_text(tool, "state"));
	tl_safe_printf(v->out, "%5.0f%%", isfinite(cpu) ? cpu : 0);
	view_number(v, view_real(tool, "resident_bytes"), 8);
	view_number(v, rate_of(v, tool, in), 9);
	view_number(v, rate_of(v, tool, out), 9);
	view_number(v, view_sum(tool, "held_events"), 8);
	view_colour(v, lost > 0 ? COLOUR_BAD : COLOUR_FAINT);
	view_number(v, lost, 8);
	view_plain(v);
	tl_safe_printf(v->out, "\n");
}

void view_write_hops(struct client_view *v)
{
	struct tl_jsonwalk tools = over_tools(v);
	struct tl_jsonnode tool;
	size_t shown = v->is_short ? 6 : 14;
	size_t count = 0;

	view_head(v, "TOOL");
	tl_safe_printf(v->out, "%*s %-*s %-7s%6s%8s%9s%9s%8s%8s\n", TOOL_WIDTH - 4, "", PLACE_WIDTH,
		       "PLACE", "STATE", "CPU", "MEMORY", "IN/S", "OUT/S", "HELD", "LOST");
	while (tl_jsonwalk_next(&tools, &tool)) {
		if (count++ < shown) {
			put_tool(v, tool);
		}
	}
	view_more(v, count > shown ? count - shown : 0, "tools");
}

/* --- books ----------------------------------------------------------------- */

static bool is_red(struct tl_jsonnode book)
{
	return !tl_jsonnode_bool(tl_jsonnode_member(book, "balanced"));
}

static void put_term(struct client_view *v, const char *before, const char *name,
		     struct tl_jsonnode book)
{
	struct tl_jsonnode value = tl_jsonnode_member(book, name);

	tl_safe_printf(v->out, "%s%s ", before, name);
	/* Exactly: an equation is no place for rounding. */
	if (value.document && tl_jsonnode_kind(value) <= TL_JSONKIND_REAL) {
		tl_jsonnode_write(v->out, value);
	} else {
		tl_safe_printf(v->out, "-");
	}
}

static void put_book(struct client_view *v, struct tl_jsonnode book, bool is_hop)
{
	bool is_even = tl_jsonnode_int(tl_jsonnode_member(book, "residual")) == 0;

	if (is_red(book)) {
		view_word(v, COLOUR_BAD, "OFF      ");
	} else {
		view_word(v, is_even ? COLOUR_GOOD : COLOUR_WARN,
			  is_even ? "balanced " : "settling ");
	}
	view_cell(v, view_text(book, "tool"), TOOL_WIDTH);
	tl_safe_printf(v->out, " ");
	view_cell(v, view_text(book, is_hop ? "sink" : "iface"), 16);
	tl_safe_printf(v->out, " ");
	view_cell(v, view_text(book, "unit"), 7);
	put_term(v, " ", is_hop ? "assigned" : "received", book);
	if (is_hop) {
		put_term(v, " = ", "safe", book);
		put_term(v, " + ", "held", book);
		put_term(v, " + ", "lost", book);
	} else {
		put_term(v, " = ", "classified", book);
	}
	put_term(v, ", ", "residual", book);
	tl_safe_printf(v->out, "\n");
}

/* Those that are `red`, or those that are not; how many there were. */
static size_t put_books(struct client_view *v, const char *list, bool red, size_t room)
{
	struct tl_jsonnode books = tl_jsonnode_member(v->pages[CLIENT_PAGE_REPORT], "books");
	struct tl_jsonwalk walk = tl_jsonwalk_over(tl_jsonnode_member(books, list));
	struct tl_jsonnode book;
	size_t count = 0;

	while (tl_jsonwalk_next(&walk, &book)) {
		if (is_red(book) == red && count++ < room) {
			put_book(v, book, strcmp(list, "hops") == 0);
		}
	}
	return count;
}

static size_t less(size_t room, size_t taken)
{
	return room > taken ? room - taken : 0;
}

/* What does not balance comes first, so that it is never among those left out. */
void view_write_books(struct client_view *v)
{
	size_t shown = v->is_short ? 6 : 14;
	size_t count = 0;

	view_head(v, "EQUATIONS");
	tl_safe_printf(v->out, "\n");
	for (int red = 1; red >= 0; red--) {
		count += put_books(v, "engines", red, less(shown, count));
		count += put_books(v, "hops", red, less(shown, count));
	}
	if (count == 0) {
		tl_safe_printf(v->out, "         none yet\n");
	}
	view_more(v, less(count, shown), "equations");
}
