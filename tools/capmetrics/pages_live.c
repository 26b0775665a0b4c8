/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes from the event stream: /flows/top, /events, /events/recent. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "jsondoc.h"
#include "pages_private.h"
#include "proto.h"

enum { FLOWS_USUAL = 100, EVENTS_USUAL = 100, ICMP = 1, ICMP6 = 58 };

static int say(struct web_answer *answer, unsigned int status, const char *text)
{
	answer->status = status;
	return tl_textbuf_add(&answer->body, text, strlen(text));
}

static int say_no_feed(struct web_answer *answer)
{
	return say(answer, MHD_HTTP_NOT_FOUND,
		   "no event stream: capmetrics was started without -I\n");
}

/* ?limit=: false when it is no number from 1 to `max`. */
static bool get_limit(const struct web_request *request, unsigned int usual, unsigned int max,
		      unsigned int *limit)
{
	const char *text = web_query(request, "limit");
	uint64_t number = usual;

	if (text && (tl_opt_parse_number(text, &number) < 0 || number < 1 || number > max)) {
		return false;
	}
	*limit = (unsigned int)number;
	return true;
}

/* --- flows ------------------------------------------------------------------- */

static const char *const orders[] = {
	[TL_FLOWS_BY_BYTES] = "bytes",
	[TL_FLOWS_BY_PACKETS] = "packets",
	[TL_FLOWS_BY_RATE] = "rate",
};

static bool get_order(const struct web_request *request, enum tl_flows_sort *sort)
{
	const char *text = web_query(request, "by");

	*sort = TL_FLOWS_BY_BYTES;
	for (unsigned int i = 0; text && i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (strcmp(text, orders[i]) == 0) {
			*sort = (enum tl_flows_sort)i;
			return true;
		}
	}
	return !text;
}

static void put_address(struct jsondoc *d, const char *key, const uint8_t address[16], bool v4)
{
	char text[TL_TEXT_IP_MAX + 1];

	*tl_text_put_ip(text, v4 ? address + 12 : address, v4 ? 4 : 16) = '\0';
	jsondoc_text(d, key, text);
}

static bool is_mapped(const uint8_t address[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(address, mapped, sizeof(mapped)) == 0;
}

/* As in the JSON form of its events. */
static void put_key(struct jsondoc *d, const struct tl_flow_key *key)
{
	bool v4 = is_mapped(key->src) && is_mapped(key->dst);
	bool icmp = key->proto == ICMP || key->proto == ICMP6;
	const uint8_t *type_code = (const uint8_t *)&key->dst_port;
	const char *proto = tl_proto_name(key->proto);

	put_address(d, "src_ip", key->src, v4);
	put_address(d, "dst_ip", key->dst, v4);
	jsondoc_uint(d, "src_port", icmp ? 0 : __builtin_bswap16(key->src_port));
	jsondoc_uint(d, "dst_port", icmp ? 0 : __builtin_bswap16(key->dst_port));
	if (proto) {
		jsondoc_text(d, "proto", proto);
	} else {
		jsondoc_uint(d, "proto", key->proto);
	}
	if (icmp) {
		jsondoc_uint(d, "icmp_type", type_code[0]);
		jsondoc_uint(d, "icmp_code", type_code[1]);
		jsondoc_uint(d, "icmp_id", __builtin_bswap16(key->src_port));
	}
	jsondoc_uint(d, "vlan", key->vlan);
	jsondoc_uint(d, "vlan_inner", key->vlan_inner);
	jsondoc_uint(d, "direction", key->direction & 1);
}

static void put_flow(struct jsondoc *d, const struct feed *feed, const struct tl_flow_row *row)
{
	const struct feed_stream *stream = feed_stream(feed, row->stream);
	bool active = row->ended_at_ns == 0;
	const char *reason = active ? 0 : tl_end_reason_name(row->reason);

	jsondoc_open(d, 0, '{');
	jsondoc_uint(d, "flow_id", row->id);
	put_key(d, &row->key);
	jsondoc_uint(d, "packets", row->packets);
	jsondoc_uint(d, "bytes", row->bytes);
	jsondoc_real(d, "packets_per_second", active ? row->packet_rate : 0);
	jsondoc_real(d, "bytes_per_second", active ? row->byte_rate : 0);
	jsondoc_time(d, "start", row->start_ns);
	jsondoc_time(d, "end", row->end_ns);
	jsondoc_bool(d, "active", active);
	if (reason) {
		jsondoc_text(d, "end_reason", reason);
	} else {
		jsondoc_null(d, "end_reason");
	}
	jsondoc_text(d, "source", stream->source);
	jsondoc_text(d, "host", stream->host);
	jsondoc_text(d, "iface", stream->iface);
	jsondoc_close(d, '}');
}

int pages_write_flows(void *context, const struct web_request *request, struct web_answer *answer)
{
	const struct pages *p = context;
	const struct tl_flow_row *rows[TL_FLOWS_TOP_MAX];
	struct jsondoc d = {.out = &answer->body};
	enum tl_flows_sort sort;
	unsigned int limit;

	if (!p->feed) {
		return say_no_feed(answer);
	}
	if (!get_order(request, &sort) ||
	    !get_limit(request, FLOWS_USUAL, TL_FLOWS_TOP_MAX, &limit)) {
		return say(answer, MHD_HTTP_BAD_REQUEST,
			   "?by= is bytes, packets or rate, ?limit= from 1 to 128\n");
	}
	const struct tl_flows *flows = feed_flows(p->feed);
	unsigned int count = tl_flows_top(flows, sort, rows, limit);
	answer->type = "application/json";
	jsondoc_open(&d, 0, '{');
	jsondoc_time(&d, "time", tl_clock_wall_ns());
	jsondoc_text(&d, "by", orders[sort]);
	jsondoc_uint(&d, "active_flows", tl_flows_active(flows));
	jsondoc_uint(&d, "known_flows", tl_flows_known(flows));
	jsondoc_uint(&d, "unseen_flow_events", tl_flows_unseen(flows));
	jsondoc_open(&d, "flows", '[');
	for (unsigned int i = 0; i < count; i++) {
		put_flow(&d, p->feed, rows[i]);
	}
	jsondoc_close(&d, ']');
	jsondoc_close(&d, '}');
	return jsondoc_end(&d);
}

/* --- events ------------------------------------------------------------------ */

static const char bad_types[] =
	"?types= is up to 8 names with commas between, ?limit= from 1 to 256, "
	"?after= an id\n";

int pages_write_recent(void *context, const struct web_request *request, struct web_answer *answer)
{
	const struct pages *p = context;
	unsigned int limit;

	if (!p->feed) {
		return say_no_feed(answer);
	}
	if (!get_limit(request, EVENTS_USUAL, NEWS_KEPT, &limit)) {
		return say(answer, MHD_HTTP_BAD_REQUEST, bad_types);
	}
	answer->type = "application/json";
	int err = news_write_recent(p->news, web_query(request, "types"), limit, &answer->body);
	if (err == -EINVAL) {
		answer->type = "text/plain; charset=utf-8";
		return say(answer, MHD_HTTP_BAD_REQUEST, bad_types);
	}
	return err;
}

static size_t read_news(void *state, char *to, size_t room)
{
	return news_reader_read(state, tl_clock_mono_ns(), to, room);
}

static void close_news(void *state)
{
	news_reader_close(state);
}

static const struct web_stream news_stream = {.read = read_news, .close = close_news};

/* Where it was cut off, as a browser tells that comes again; or as its URL says. */
static bool get_after(const struct web_request *request, uint64_t *after)
{
	const char *text = web_header(request, "Last-Event-ID");

	*after = 0;
	text = text ? text : web_query(request, "after");
	return !text || tl_opt_parse_number(text, after) == 0;
}

int pages_write_events(void *context, const struct web_request *request, struct web_answer *answer)
{
	const struct pages *p = context;
	struct news_reader *reader;
	uint64_t after;

	if (!p->feed) {
		return say_no_feed(answer);
	}
	if (!get_after(request, &after)) {
		return say(answer, MHD_HTTP_BAD_REQUEST, bad_types);
	}
	int err = news_reader_open(p->news, web_query(request, "types"), after, &reader);
	if (err == -EINVAL) {
		return say(answer, MHD_HTTP_BAD_REQUEST, bad_types);
	}
	if (err == -EUSERS) {
		answer->name = MHD_HTTP_HEADER_RETRY_AFTER;
		answer->value = "10";
		return say(answer, MHD_HTTP_TOO_MANY_REQUESTS, "too many clients of /events\n");
	}
	if (err < 0) {
		return err;
	}
	answer->type = "text/event-stream";
	answer->stream = &news_stream;
	answer->state = reader;
	return 0;
}
