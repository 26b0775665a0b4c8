/* SPDX-License-Identifier: BSD-2-Clause */
#include "feed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "log.h"

enum { BATCHES_A_STEP = 32 };

#define STEP_NS (20 * TL_MS_NS)

struct feed {
	struct tl_hop_in *in; /* 0 once it has ended */
	struct tl_wire_reader *reader;
	struct tl_json *json;
	struct tl_flows *flows;
	struct news *news;
	struct tl_textbuf line;
	struct feed_counts counts;
	struct tl_hop_counts last; /* when the input ended */
	struct tl_log_limit limit;
	unsigned int latest; /* streams come in runs */
	struct feed_stream streams[FEED_STREAMS_MAX];
};

int feed_open(struct feed **out, const char *place, const struct tl_hop_config *hop,
	      struct news *news)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (!f) {
		return -ENOMEM;
	}
	f->news = news;
	int err = tl_wire_reader_create(&f->reader);
	if (err == 0) {
		err = tl_json_create(&f->json);
	}
	if (err == 0) {
		err = tl_flows_create(&f->flows, TL_FLOWS_BY_BYTES);
	}
	if (err == 0) {
		err = tl_hop_open_in(&f->in, place, hop);
	}
	if (err < 0) {
		feed_close(f);
		return err;
	}
	*out = f;
	return 0;
}

void feed_close(struct feed *f)
{
	if (!f) {
		return;
	}
	tl_hop_close_in(f->in);
	tl_flows_destroy(f->flows);
	tl_json_destroy(f->json);
	tl_wire_reader_destroy(f->reader);
	tl_textbuf_fini(&f->line);
	free(f);
}

int feed_fd(const struct feed *f)
{
	return f->in ? tl_hop_in_fd(f->in) : -1;
}

const struct tl_flows *feed_flows(const struct feed *f)
{
	return f->flows;
}

const struct feed_stream *feed_stream(const struct feed *f, unsigned int index)
{
	return &f->streams[index];
}

struct feed_counts feed_counts(const struct feed *f)
{
	struct tl_hop_counts hop = f->in ? tl_hop_in_counts(f->in) : f->last;
	struct feed_counts counts = f->counts;

	counts.skipped_bytes = hop.skipped_bytes;
	counts.refused_peers = hop.refused_peers;
	return counts;
}

void feed_tend(struct feed *f, uint64_t now_ns)
{
	tl_flows_expire(f->flows, now_ns);
}

/* --- streams --------------------------------------------------------------- */

static void copy_name(char out[FEED_NAME_MAX], struct tl_str text)
{
	snprintf(out, FEED_NAME_MAX, "%.*s", (int)text.len, text.ptr);
}

/* Its place: a free one, or that of the stream that was silent longest. */
static unsigned int find_stream(struct feed *f, const uint8_t id[TL_WIRE_STREAM_LEN])
{
	unsigned int oldest = 0;

	if (f->counts.streams > 0 &&
	    memcmp(f->streams[f->latest].id, id, TL_WIRE_STREAM_LEN) == 0) {
		return f->latest;
	}
	for (unsigned int i = 0; i < f->counts.streams; i++) {
		if (memcmp(f->streams[i].id, id, TL_WIRE_STREAM_LEN) == 0) {
			return i;
		}
		oldest = f->streams[i].seen_ns < f->streams[oldest].seen_ns ? i : oldest;
	}
	unsigned int place = f->counts.streams < FEED_STREAMS_MAX ? f->counts.streams++ : oldest;
	f->streams[place] = (struct feed_stream){0};
	return place;
}

static struct feed_stream *stream_of(struct feed *f, const struct tl_batch_head *head,
				     uint64_t now_ns)
{
	f->latest = find_stream(f, head->stream);
	struct feed_stream *s = &f->streams[f->latest];
	if (s->seen_ns == 0) {
		memcpy(s->id, head->stream, TL_WIRE_STREAM_LEN);
		copy_name(s->source, head->source);
		copy_name(s->host, head->host);
		copy_name(s->iface, head->iface);
	}
	s->seen_ns = now_ns;
	return s;
}

/* --- events ---------------------------------------------------------------- */

static void tell(struct feed *f, const struct tl_batch_head *head, const struct tl_event *event)
{
	f->line.len = 0;
	if (tl_json_event(f->json, &f->line, head, event) == 0) {
		news_add(f->news, event->type, f->line.data, f->line.len);
	}
}

static void take_event(struct feed *f, const struct tl_batch_head *head,
		       const struct tl_event *event, uint64_t now_ns)
{
	struct tl_flow_event flow;

	f->counts.events++;
	if (tl_flow_event_decode(event, &flow) == 0) {
		tl_flows_update(f->flows, (uint16_t)f->latest, &flow, now_ns);
	}
	if (news_wants(f->news, event->type)) {
		tell(f, head, event);
	}
}

static void take_batch(struct feed *f, const struct tl_batch *batch, uint64_t now_ns)
{
	struct feed_stream *s = stream_of(f, &batch->head, now_ns);
	struct tl_event_iter iter = tl_wire_events(f->reader, batch);
	struct tl_event event;

	f->counts.batches++;
	while (tl_event_next(&iter, &event)) {
		if (event.number < s->next) {
			f->counts.duplicate_events++;
			continue;
		}
		s->next = event.number + 1;
		take_event(f, &batch->head, &event, now_ns);
	}
}

static void take_message(struct feed *f, const struct tl_msg *msg, uint64_t now_ns)
{
	struct tl_wire_error error;
	struct tl_batch batch;
	uint64_t held_back;

	if (tl_wire_read(f->reader, msg->data, msg->len, &batch, &error) == 0) {
		take_batch(f, &batch, now_ns);
		return;
	}
	f->counts.refused_batches++;
	if (tl_log_allowed(&f->limit, &held_back)) {
		tl_log_warn("batch of %zu bytes refused at offset %u: %s (%llu more since)",
			    msg->len, error.offset, error.reason, (unsigned long long)held_back);
	}
}

static int end_input(struct feed *f)
{
	f->last = tl_hop_in_counts(f->in);
	tl_hop_close_in(f->in);
	f->in = 0;
	tl_log_note("the input has ended; what it told stays to be seen");
	return 0;
}

int feed_step(struct feed *f, uint64_t now_ns)
{
	uint64_t until_ns = now_ns + STEP_NS;

	for (unsigned int i = 0; f->in && i < BATCHES_A_STEP; i++) {
		struct tl_msg *msg;
		int got = tl_hop_recv(f->in, &msg, 0);
		if (got == -ETIMEDOUT || got == -EINTR) {
			return 0;
		}
		if (got <= 0) {
			return got == 0 ? end_input(f) : got;
		}
		take_message(f, msg, now_ns);
		tl_msg_free(msg);
		if (tl_clock_mono_ns() >= until_ns) {
			break;
		}
	}
	return f->in ? 1 : 0;
}
