/* SPDX-License-Identifier: BSD-2-Clause */
/* What is on the wire: changes of engine, alerts, flows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client_view_private.h"

enum { RING_MAX = 16, FLOWS_MAX = 1024, ENDPOINT_WIDTH = 28, CLOCK_AT = 11, CLOCK_LEN = 8 };

static void put_clock(struct client_view *v, struct tl_str time)
{
	if (time.len > CLOCK_AT + CLOCK_LEN) {
		time = (struct tl_str){time.ptr + CLOCK_AT, CLOCK_LEN};
	}
	view_cell(v, time, CLOCK_LEN);
	tl_safe_printf(v->out, " ");
}

/* The last nodes of a list, as many as are shown. */
struct last {
	struct tl_jsonnode nodes[RING_MAX];
	size_t count; /* of all */
};

static void keep(struct last *last, struct tl_jsonnode node)
{
	last->nodes[last->count++ % RING_MAX] = node;
}

/* The i-th, newest first. */
static struct tl_jsonnode newest(const struct last *last, size_t i)
{
	return last->nodes[(last->count - 1 - i) % RING_MAX];
}

/* --- changes of engine ------------------------------------------------------ */

static void put_change(struct client_view *v, struct tl_jsonnode change)
{
	double gap_ms = view_real(change, "gap_ms");
	struct tl_str kind = view_text(change, "change");
	bool is_grave = tl_str_eq(kind, TL_STR("fallback")) || tl_str_eq(kind, TL_STR("restart")) ||
			tl_str_eq(kind, TL_STR("none"));

	put_clock(v, view_text(change, "time"));
	view_colour(v, is_grave ? COLOUR_WARN : COLOUR_GOOD);
	view_cell(v, kind, 9);
	view_plain(v);
	tl_safe_printf(v->out, " ");
	view_cell(v, view_text(change, "from"), 0);
	tl_safe_printf(v->out, " -> ");
	view_cell(v, view_text(change, "to"), 0);
	if (view_text(change, "reason").len > 0) {
		tl_safe_printf(v->out, ": ");
		view_cell(v, view_text(change, "reason"), 0);
	}
	if (isfinite(gap_ms)) {
		tl_safe_printf(v->out, ", gap %.0f ms", gap_ms);
	}
	tl_safe_printf(v->out, "\n");
}

void view_write_changes(struct client_view *v)
{
	struct tl_jsonwalk walk =
		tl_jsonwalk_over(tl_jsonnode_member(v->pages[CLIENT_PAGE_LADDER], "changes"));
	struct tl_jsonnode change;
	struct last last = {.count = 0};
	size_t shown = v->is_short ? 2 : 4;

	while (tl_jsonwalk_next(&walk, &change)) {
		keep(&last, change);
	}
	if (last.count == 0) {
		return;
	}
	view_head(v, "CHANGES OF ENGINE");
	tl_safe_printf(v->out, "\n");
	for (size_t i = 0; i < last.count && i < shown; i++) {
		put_change(v, newest(&last, i));
	}
}

/* --- alerts ----------------------------------------------------------------- */

/* Events that somebody should look at; changes of engine are in the ladder. */
static bool is_news(struct tl_jsonnode event)
{
	static const char *const types[] = {"alert", "anomaly", "parse_error", "gap", 0};
	struct tl_str type = view_text(event, "type");

	for (const char *const *t = types; *t; t++) {
		if (tl_str_eq(type, tl_str_of(*t))) {
			return true;
		}
	}
	return false;
}

static struct tl_str title_of(struct tl_jsonnode entities)
{
	static const char *const names[] = {"alert.signature", "signature", "error", "reason", 0};

	for (const char *const *n = names; *n; n++) {
		struct tl_str text = view_text(entities, *n);
		if (text.len > 0) {
			return text;
		}
	}
	return TL_STR("");
}

static void put_endpoint(struct client_view *v, struct tl_jsonnode of, const char *ip,
			 const char *port)
{
	uint64_t number = tl_jsonnode_uint(tl_jsonnode_member(of, port));
	struct tl_str address = view_text(of, ip);
	bool is_v6 = address.len > 0 && memchr(address.ptr, ':', address.len);

	tl_safe_printf(v->out, "%s", is_v6 && number ? "[" : "");
	view_cell(v, address, 0);
	tl_safe_printf(v->out, "%s", is_v6 && number ? "]" : "");
	if (number) {
		tl_safe_printf(v->out, ":%llu", (unsigned long long)number);
	}
}

static void put_event(struct client_view *v, struct tl_jsonnode event)
{
	struct tl_jsonnode entities = tl_jsonnode_member(event, "entities");

	put_clock(v, view_text(event, "timestamp"));
	view_colour(v, COLOUR_WARN);
	view_cell(v, view_text(event, "type"), 11);
	view_plain(v);
	tl_safe_printf(v->out, " ");
	view_cell(v, title_of(entities), 0);
	if (view_text(entities, "src_ip").len > 0) {
		tl_safe_printf(v->out, "  ");
		put_endpoint(v, entities, "src_ip", "src_port");
		tl_safe_printf(v->out, " -> ");
		put_endpoint(v, entities, "dst_ip", "dst_port");
	}
	tl_safe_printf(v->out, "\n");
}

void view_write_events(struct client_view *v)
{
	struct tl_jsonwalk walk =
		tl_jsonwalk_over(tl_jsonnode_member(v->pages[CLIENT_PAGE_EVENTS], "events"));
	struct tl_jsonnode event;
	struct last last = {.count = 0};
	size_t shown = v->is_short ? 3 : 8;

	while (tl_jsonwalk_next(&walk, &event)) {
		if (is_news(event)) {
			keep(&last, event);
		}
	}
	if (last.count == 0) {
		return;
	}
	view_head(v, "ALERTS");
	tl_safe_printf(v->out, "\n");
	for (size_t i = 0; i < last.count && i < shown; i++) {
		put_event(v, newest(&last, i));
	}
	view_more(v, last.count > shown ? last.count - shown : 0, "before");
}

/* --- flows ------------------------------------------------------------------ */

struct flow {
	struct tl_jsonnode node;
	double bytes;
};

static int by_bytes(const void *a, const void *b)
{
	double x = ((const struct flow *)a)->bytes;
	double y = ((const struct flow *)b)->bytes;

	return x < y ? 1 : x > y ? -1 : 0;
}

static size_t gather_flows(const struct client_view *v, struct flow flows[FLOWS_MAX])
{
	struct tl_jsonwalk walk =
		tl_jsonwalk_over(tl_jsonnode_member(v->pages[CLIENT_PAGE_FLOWS], "flows"));
	struct tl_jsonnode node;
	size_t count = 0;

	while (count < FLOWS_MAX && tl_jsonwalk_next(&walk, &node)) {
		double bytes = view_real(node, "bytes");
		flows[count++] = (struct flow){node, isfinite(bytes) ? bytes : 0};
	}
	qsort(flows, count, sizeof(*flows), by_bytes);
	return count;
}

static void put_flow(struct client_view *v, struct tl_jsonnode flow)
{
	struct tl_jsonnode active = tl_jsonnode_member(flow, "active");
	bool rests = tl_jsonnode_kind(active) == TL_JSONKIND_BOOL && !tl_jsonnode_bool(active);
	size_t from;

	view_cell(v, view_text(flow, "proto"), 6);
	from = v->out->len;
	put_endpoint(v, flow, "src_ip", "src_port");
	tl_safe_pad_left(v->out, from, ENDPOINT_WIDTH);
	tl_safe_printf(v->out, " -> ");
	from = v->out->len;
	put_endpoint(v, flow, "dst_ip", "dst_port");
	tl_safe_pad(v->out, from, ENDPOINT_WIDTH);
	view_number(v, view_real(flow, "packets"), 9);
	view_number(v, view_real(flow, "bytes"), 9);
	view_number(v, rests ? 0 : 8 * view_real(flow, "bytes_per_second"), 9);
	tl_safe_printf(v->out, "  %s\n", rests ? "ended" : "active");
}

void view_write_flows(struct client_view *v, unsigned int rows)
{
	struct flow *flows = calloc(FLOWS_MAX, sizeof(*flows));
	size_t count = flows ? gather_flows(v, flows) : 0;

	view_head(v, "FLOW");
	if (!v->pages[CLIENT_PAGE_FLOWS].document) {
		tl_safe_printf(v->out, "     %s\n", v->missing[CLIENT_PAGE_FLOWS]);
	} else {
		tl_safe_printf(v->out, "  %*s    %-*s%9s%9s%9s  STATE\n", ENDPOINT_WIDTH, "SOURCE",
			       ENDPOINT_WIDTH, "DESTINATION", "PACKETS", "BYTES", "BITS/S");
	}
	for (size_t i = 0; i < count && i < rows; i++) {
		put_flow(v, flows[i].node);
	}
	free(flows);
}
