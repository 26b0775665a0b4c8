/* SPDX-License-Identifier: BSD-2-Clause */
/* The head of a frame: whether all is well, what captures, why, and how much. */
#include <math.h>
#include <string.h>

#include "client_view_private.h"

enum { REASONS_SHOWN = 6, BAR_WIDTH = 20, CLOCK_AT = 11, CLOCK_LEN = 8 };

/* Hours, minutes and seconds of an RFC 3339 time (UTC). */
static void put_clock(struct client_view *v, struct tl_str time)
{
	uint64_t ns;

	if (tl_text_get_time(time, &ns) == 0 && time.len > CLOCK_AT + CLOCK_LEN) {
		view_cell(v, (struct tl_str){time.ptr + CLOCK_AT, CLOCK_LEN}, 0);
		tl_safe_printf(v->out, " UTC");
	}
}

static void put_reasons(struct client_view *v, struct tl_jsonnode report)
{
	struct tl_jsonwalk walk = tl_jsonwalk_over(tl_jsonnode_member(report, "reasons"));
	struct tl_jsonnode reason;
	size_t count = 0;

	while (tl_jsonwalk_next(&walk, &reason)) {
		if (count++ < REASONS_SHOWN) {
			view_word(v, COLOUR_BAD, "         ! ");
			view_cell(v, view_text(reason, "text"), 0);
			tl_safe_printf(v->out, "\n");
		}
	}
	view_more(v, count > REASONS_SHOWN ? count - REASONS_SHOWN : 0, "reasons");
}

void view_write_verdict(struct client_view *v, const char *url)
{
	struct tl_jsonnode report = v->pages[CLIENT_PAGE_REPORT];

	if (!report.document) {
		view_word(v, COLOUR_BAD, "NO ANSWER");
		tl_safe_printf(v->out, " from capmetrics at %.200s\n         %s\n", url,
			       v->missing[CLIENT_PAGE_REPORT]);
		return;
	}
	bool is_healthy = client_view_is_healthy(v);
	view_word(v, is_healthy ? COLOUR_GOOD : COLOUR_BAD, is_healthy ? "HEALTHY" : "NOT HEALTHY");
	tl_safe_printf(v->out, "  capmetrics at %.200s  ", url);
	put_clock(v, view_text(report, "time"));
	tl_safe_printf(v->out, "\n");
	put_reasons(v, report);
}

/* --- the engine and why ---------------------------------------------------- */

static void put_ifaces(struct client_view *v, struct tl_jsonnode report)
{
	struct tl_jsonwalk walk = tl_jsonwalk_over(tl_jsonnode_member(report, "ifaces"));
	struct tl_jsonnode iface;
	const char *between = " on ";

	while (tl_jsonwalk_next(&walk, &iface)) {
		tl_safe_printf(v->out, "%s", between);
		view_cell(v, tl_jsonnode_text(iface), 0);
		between = ", ";
	}
}

static void put_engine(struct client_view *v, struct tl_jsonnode report)
{
	struct tl_str engine = view_text(report, "engine");

	tl_safe_printf(v->out, "engine   ");
	if (engine.len == 0) {
		view_word(v, COLOUR_BAD, "none");
		tl_safe_printf(v->out, ": no capture tool has reported\n");
		return;
	}
	view_colour(v, COLOUR_HEAD);
	view_cell(v, engine, 0);
	view_plain(v);
	if (view_text(report, "mode").len > 0) {
		tl_safe_printf(v->out, " by ");
		view_cell(v, view_text(report, "mode"), 0);
	}
	put_ifaces(v, report);
	if (!tl_jsonnode_bool(tl_jsonnode_member(report, "running"))) {
		tl_safe_printf(v->out, ": ");
		view_word(v, COLOUR_BAD, "does not run");
	}
	tl_safe_printf(v->out, "\n");
}

/* The rungs above the one that runs, and what keeps them from it. */
static unsigned int put_refused(struct client_view *v, struct tl_jsonnode ladder)
{
	struct tl_jsonwalk walk = tl_jsonwalk_over(tl_jsonnode_member(ladder, "rungs"));
	struct tl_str engine = view_text(ladder, "engine");
	struct tl_jsonnode rung;
	unsigned int count = 0;

	while (tl_jsonwalk_next(&walk, &rung) && !tl_str_eq(view_text(rung, "name"), engine)) {
		struct tl_jsonnode usable = tl_jsonnode_member(rung, "usable");
		if (tl_jsonnode_kind(usable) != TL_JSONKIND_BOOL || tl_jsonnode_bool(usable)) {
			continue;
		}
		tl_safe_printf(v->out, "%s", count++ == 0 ? "why      " : "         ");
		view_cell(v, view_text(rung, "name"), 0);
		tl_safe_printf(v->out, " is refused: ");
		view_cell(v, view_text(rung, "reason"), 0);
		tl_safe_printf(v->out, "\n");
	}
	return count;
}

static void put_why(struct client_view *v)
{
	struct tl_jsonnode ladder = v->pages[CLIENT_PAGE_LADDER];

	if (!ladder.document) {
		tl_safe_printf(v->out, "why      %s\n", v->missing[CLIENT_PAGE_LADDER]);
	} else if (put_refused(v, ladder) == 0) {
		tl_safe_printf(v->out, "why      %s; the ladder is ",
			       view_text(ladder, "engine").len > 0 ? "the best that works here"
								   : "no rung captures");
		view_cell(v, view_text(ladder, "state"), 0);
		tl_safe_printf(v->out, "\n");
	}
}

/* --- how much -------------------------------------------------------------- */

/* The rates of the engine's instances, added. */
static double engine_rate(struct client_view *v, struct tl_jsonnode report, const char *metric)
{
	struct tl_jsonwalk walk = tl_jsonwalk_over(tl_jsonnode_member(report, "tools"));
	struct tl_jsonnode tool;
	struct tl_str engine = view_text(report, "engine");
	double sum = NAN;

	while (engine.len > 0 && tl_jsonwalk_next(&walk, &tool)) {
		if (!tl_str_eq(view_text(tool, "engine"), engine)) {
			continue;
		}
		double rate = view_rate(v, tool, metric, TL_STR(""), view_sum(tool, metric));
		if (isfinite(rate)) {
			sum = isnan(sum) ? rate : sum + rate;
		}
	}
	return sum;
}

static void put_value(struct client_view *v, const char *name, double value)
{
	tl_safe_printf(v->out, "  %s ", name);
	view_number(v, value, 0);
}

static void put_ring(struct client_view *v, double fill)
{
	char bar[BAR_WIDTH + 1];

	if (!(fill >= 0 && fill <= 1)) {
		return;
	}
	int full = (int)(fill * BAR_WIDTH + 0.5);
	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', (size_t)full);
	bar[BAR_WIDTH] = '\0';
	tl_safe_printf(v->out, "  ring [");
	view_word(v, fill > 0.8 ? COLOUR_BAD : fill > 0.5 ? COLOUR_WARN : COLOUR_GOOD, bar);
	tl_safe_printf(v->out, "] %.0f%%", 100 * fill);
}

static void put_loss(struct client_view *v, const char *name, double value)
{
	view_colour(v, value > 0 ? COLOUR_BAD : COLOUR_GOOD);
	put_value(v, name, value);
	view_plain(v);
}

void view_write_engine(struct client_view *v)
{
	struct tl_jsonnode report = v->pages[CLIENT_PAGE_REPORT];
	double cpu = view_real(report, "cpu_percent");

	put_engine(v, report);
	put_why(v);
	tl_safe_printf(v->out, "now    ");
	put_value(v, "packets/s", engine_rate(v, report, "received_packets"));
	put_value(v, "bits/s", 8 * engine_rate(v, report, "received_bytes"));
	put_value(v, "events/s", engine_rate(v, report, "assigned_events"));
	put_ring(v, view_real(report, "ring_utilization"));
	tl_safe_printf(v->out, "  cpu %.0f%%\nin all ", isfinite(cpu) ? cpu : 0);
	put_value(v, "packets", view_real(report, "packets_processed"));
	put_value(v, "bytes", view_real(report, "bytes_processed"));
	put_value(v, "events", view_real(report, "events_emitted"));
	put_loss(v, "dropped", view_real(report, "dropped"));
	put_loss(v, "events lost", view_real(report, "events_lost"));
	tl_safe_printf(v->out, "\n");
}
