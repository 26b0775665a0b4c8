/* SPDX-License-Identifier: BSD-2-Clause */
#include "top.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "flows.h"
#include "ids.h"
#include "news.h"
#include "safe.h"
#include "table.h"

enum {
	STREAMS_SHOWN = 8,
	NAME_MAX_LEN = 15,
	ENDPOINT_WIDTH = 24,
};

struct top_stream {
	struct tl_textbuf name;	       /* source/iface, safe */
	struct tl_textbuf mode;	       /* engine/mode, safe */
	struct tl_capture_stats stats; /* engine and mode are in `mode` */
	uint64_t stats_ns;	       /* event time of the last one; 0 = none yet */
	uint64_t lost;		       /* events declared lost */
	struct tl_flow_growth growth;  /* since the last frame */
	double packet_rate;
	double byte_rate;
	bool ended;
};

struct top {
	struct ids ids;
	struct top_stream *streams[IDS_MAX];
	struct tl_flows *flows;
	enum tl_flows_sort sort;
	struct news news;
	uint64_t started_ns;
	uint64_t frame_ns; /* of the last frame */
	uint64_t events;
	uint64_t frame_events;	/* before the last frame */
	uint64_t unseen_events; /* of streams over the limit */
	double event_rate;
};

static enum tl_flows_sort flows_sort(enum evcat_sort sort)
{
	switch (sort) {
	case EVCAT_SORT_PACKETS:
		return TL_FLOWS_BY_PACKETS;
	case EVCAT_SORT_RATE:
		return TL_FLOWS_BY_RATE;
	default:
		return TL_FLOWS_BY_BYTES;
	}
}

int top_create(struct top **out, enum evcat_sort sort)
{
	struct top *top = calloc(1, sizeof(*top));

	if (top) {
		top->sort = flows_sort(sort);
	}
	if (!top || tl_flows_create(&top->flows, top->sort) < 0) {
		free(top);
		return -ENOMEM;
	}
	top->started_ns = top->frame_ns = tl_clock_mono_ns();
	*out = top;
	return 0;
}

void top_destroy(struct top *top)
{
	if (!top) {
		return;
	}
	for (unsigned int i = 0; i < top->ids.count; i++) {
		tl_textbuf_fini(&top->streams[i]->name);
		tl_textbuf_fini(&top->streams[i]->mode);
		free(top->streams[i]);
	}
	tl_flows_destroy(top->flows);
	news_fini(&top->news);
	free(top);
}

/* --- streams --------------------------------------------------------------------- */

/* The index of the stream, or < 0. */
static int stream_of(struct top *top, const struct tl_batch_head *head)
{
	int index = ids_find(&top->ids, head->stream);

	if (index >= 0) {
		return index;
	}
	struct top_stream *s = calloc(1, sizeof(*s));
	index = s ? ids_add(&top->ids, head->stream) : -ENOMEM;
	if (index < 0) {
		free(s);
		return index;
	}
	table_add_origin(&s->name, head->source, head->iface, NAME_MAX_LEN);
	top->streams[index] = s;
	return index;
}

static void take_stats(struct top_stream *s, const struct tl_event *event)
{
	struct tl_capture_stats stats;

	if (event->ts_ns < s->stats_ns || tl_stats_event_decode(event, &stats) < 0) {
		return;
	}
	if (s->stats_ns != 0 && event->ts_ns > s->stats_ns) {
		double seconds = (double)(event->ts_ns - s->stats_ns) / TL_SECOND_NS;
		s->packet_rate = ((double)stats.packets - (double)s->stats.packets) / seconds;
		s->byte_rate = ((double)stats.bytes - (double)s->stats.bytes) / seconds;
	}
	s->mode.len = 0;
	table_add_origin(&s->mode, stats.engine, stats.mode, NAME_MAX_LEN);
	s->stats = stats;
	s->stats.engine = s->stats.mode = TL_STR("");
	s->stats_ns = event->ts_ns;
}

void top_event(struct top *top, const struct tl_batch_head *head, const struct tl_event *event,
	       uint64_t now_ns)
{
	int index = stream_of(top, head);
	struct tl_flow_event flow;

	top->events++;
	if (index < 0) {
		top->unseen_events++;
		return;
	}
	struct top_stream *s = top->streams[index];
	if (tl_flow_event_decode(event, &flow) == 0) {
		struct tl_flow_growth growth =
			tl_flows_update(top->flows, (uint16_t)index, &flow, now_ns);
		s->growth.packets += growth.packets;
		s->growth.bytes += growth.bytes;
	} else if (tl_str_eq(event->type, TL_STR("capture_stats"))) {
		take_stats(s, event);
	} else if (!tl_str_eq(event->type, TL_STR("tail_stats"))) {
		news_take(&top->news, head, event);
	}
}

void top_batch(struct top *top, const struct tl_batch_head *head)
{
	int index = stream_of(top, head);

	if (index >= 0) {
		top->streams[index]->lost += head->first - head->after;
		top->streams[index]->ended |= head->end;
	}
}

/* --- rates ------------------------------------------------------------------------ */

static void update_rates(struct top *top, uint64_t now_ns)
{
	double seconds = (double)(now_ns - top->frame_ns) / TL_SECOND_NS;

	if (seconds < 0.05) {
		return;
	}
	top->event_rate = (double)(top->events - top->frame_events) / seconds;
	for (unsigned int i = 0; i < top->ids.count; i++) {
		struct top_stream *s = top->streams[i];
		if (s->stats_ns == 0) {
			s->packet_rate = (double)s->growth.packets / seconds;
			s->byte_rate = (double)s->growth.bytes / seconds;
		}
		if (s->ended) {
			s->packet_rate = s->byte_rate = 0;
		}
		s->growth = (struct tl_flow_growth){0};
	}
	top->frame_ns = now_ns;
	top->frame_events = top->events;
}

/* --- lines ------------------------------------------------------------------------ */

struct sums {
	double packet_rate;
	double byte_rate;
	uint64_t kernel_drops;
	uint64_t lost;
	uint64_t active;
};

static struct sums sum_up(const struct top *top)
{
	struct sums sums = {0};
	bool all_tell = top->ids.count > 0;

	for (unsigned int i = 0; i < top->ids.count; i++) {
		const struct top_stream *s = top->streams[i];
		sums.packet_rate += s->packet_rate;
		sums.byte_rate += s->byte_rate;
		sums.kernel_drops += s->stats.kernel_drops + s->stats.ring_drops;
		sums.lost += s->lost;
		sums.active += s->ended ? 0 : s->stats.flows_active;
		all_tell = all_tell && s->stats_ns != 0;
	}
	if (!all_tell) {
		sums.active = tl_flows_active(top->flows);
	}
	return sums;
}

static void cell_si(struct tl_textbuf *out, double value, size_t width)
{
	size_t from = out->len;

	tl_safe_add_si(out, value);
	tl_safe_pad_left(out, from, width);
}

static void header(const struct top *top, struct tl_textbuf *out, uint64_t now_ns)
{
	struct sums sums = sum_up(top);
	uint64_t seconds = (now_ns - top->started_ns) / TL_SECOND_NS;

	tl_safe_printf(out, "tapline %llu:%02llu  streams %u  events/s ",
		       (unsigned long long)(seconds / 60), (unsigned long long)(seconds % 60),
		       top->ids.count);
	tl_safe_add_si(out, top->event_rate);
	tl_safe_printf(out, "  packets/s ");
	tl_safe_add_si(out, sums.packet_rate);
	tl_safe_printf(out, "  bits/s ");
	tl_safe_add_si(out, 8 * sums.byte_rate);
	tl_safe_printf(out, "  flows %llu  drops: kernel %llu, window %llu\n",
		       (unsigned long long)sums.active, (unsigned long long)sums.kernel_drops,
		       (unsigned long long)sums.lost);
}

static void cell(struct tl_textbuf *out, const struct tl_textbuf *text, size_t width)
{
	size_t from = out->len;

	if (text->len > 0) {
		tl_textbuf_add(out, text->data, text->len);
	} else {
		tl_safe_printf(out, "-");
	}
	tl_safe_pad(out, from, width);
}

static void stream_line(const struct top_stream *s, struct tl_textbuf *out)
{
	cell(out, &s->name, 24);
	tl_safe_printf(out, " ");
	cell(out, &s->mode, 24);
	cell_si(out, s->packet_rate, 10);
	cell_si(out, 8 * s->byte_rate, 10);
	cell_si(out, (double)s->stats.packets, 9);
	cell_si(out, (double)s->stats.flows_active, 9);
	cell_si(out, (double)(s->stats.kernel_drops + s->stats.ring_drops), 8);
	tl_safe_printf(out, " %5.0f%% %5.0f%%%s\n", 100 * s->stats.ring_utilization,
		       s->stats.cpu_percent, s->ended ? "  ended" : "");
}

static unsigned int stream_lines(const struct top *top, struct tl_textbuf *out)
{
	unsigned int lines = 1;

	tl_safe_printf(out, "%-24s %-24s%10s%10s%9s%9s%8s %6s %6s\n", "STREAM", "ENGINE/MODE",
		       "PACKETS/S", "BITS/S", "PACKETS", "FLOWS", "DROPS", "RING", "CPU");
	/* The newest: older ones have mostly ended. */
	for (unsigned int i = top->ids.count; i > 0 && lines <= STREAMS_SHOWN; i--, lines++) {
		stream_line(top->streams[i - 1], out);
	}
	if (top->ids.count > STREAMS_SHOWN || top->unseen_events > 0) {
		unsigned int more = top->ids.count > lines - 1 ? top->ids.count - (lines - 1) : 0;
		tl_safe_printf(out, "and %u more streams, and %llu events of yet others\n", more,
			       (unsigned long long)top->unseen_events);
		lines++;
	}
	return lines;
}

static void endpoint(struct tl_textbuf *out, const struct tl_flow_key *key, bool dst)
{
	size_t from = out->len;

	table_add_endpoint(out, key, dst);
	if (dst) {
		tl_safe_pad(out, from, ENDPOINT_WIDTH);
	} else {
		tl_safe_pad_left(out, from, ENDPOINT_WIDTH);
	}
}

static void flow_line(const struct top *top, const struct tl_flow_row *row, struct tl_textbuf *out)
{
	const char *reason = row->ended_at_ns ? tl_end_reason_name(row->reason) : 0;
	bool rests = row->ended_at_ns != 0;
	size_t from = out->len;

	table_add_proto(out, row->key.proto);
	tl_safe_pad(out, from, 5);
	tl_safe_printf(out, " ");
	endpoint(out, &row->key, false);
	tl_safe_printf(out, " -> ");
	endpoint(out, &row->key, true);
	cell_si(out, (double)row->packets, 8);
	cell_si(out, (double)row->bytes, 8);
	cell_si(out, rests ? 0 : row->packet_rate, 10);
	cell_si(out, rests ? 0 : 8 * row->byte_rate, 9);
	tl_safe_printf(out, "  %-9s ", rests ? reason ? reason : "ended" : "active");
	tl_textbuf_add(out, top->streams[row->stream]->name.data,
		       top->streams[row->stream]->name.len);
	tl_safe_printf(out, "\n");
}

static void flow_lines(const struct top *top, struct tl_textbuf *out, unsigned int rows)
{
	const struct tl_flow_row *top_rows[TL_FLOWS_TOP_MAX];
	uint64_t unseen = tl_flows_unseen(top->flows);

	tl_safe_printf(out, "%-5s %*s    %-*s%8s%8s%10s%9s  %-9s FROM\n", "PROTO", ENDPOINT_WIDTH,
		       "SOURCE", ENDPOINT_WIDTH, "DESTINATION", "PACKETS", "BYTES", "PACKETS/S",
		       "BITS/S", "STATE");
	if (unseen > 0 && rows > 0) {
		tl_safe_printf(out, "table of %d flows full: %llu flow events not shown\n",
			       TL_FLOWS_MAX, (unsigned long long)unseen);
		rows--;
	}
	rows = rows > TL_FLOWS_TOP_MAX ? TL_FLOWS_TOP_MAX : rows;
	unsigned int count = tl_flows_top(top->flows, top->sort, top_rows, rows);
	for (unsigned int i = 0; i < count; i++) {
		flow_line(top, top_rows[i], out);
	}
}

int top_frame(struct top *top, struct tl_textbuf *out, unsigned int rows, uint64_t now_ns)
{
	update_rates(top, now_ns);
	tl_flows_expire(top->flows, now_ns);
	header(top, out, now_ns);
	unsigned int used = 1 + stream_lines(top, out) + 2;
	tl_safe_printf(out, "\n");
	used += news_lines(&top->news, out);
	flow_lines(top, out, rows > used ? rows - used : 0);
	return 0;
}
