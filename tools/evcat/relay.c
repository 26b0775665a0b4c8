/* SPDX-License-Identifier: BSD-2-Clause */
#include "relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "batch.h"
#include "clock.h"
#include "ids.h"
#include "log.h"
#include "outbox.h"
#include "service.h"
#include "shaped.h"

enum {
	STREAMS_MAX = 256, /* open at a time; the one idle longest is ended for another */
	FULL = TL_WIRE_MAX_BATCH / 2, /* bytes of events and shapes after which a batch goes */
};

struct out_stream {
	struct tl_batch_head head; /* strings owned */
	struct tl_shapes *shapes;
	struct tl_batch_writer writer;
	struct shaper shaper;
	uint64_t next; /* number of the next event */
	uint64_t used_at;
	uint32_t definitions_len; /* of the shapes in the writer, at most */
};

struct relay {
	struct tl_outbox *outbox;
	struct ids ids;
	struct out_stream *streams[STREAMS_MAX];
	struct out_stream *current;
	uint64_t clock; /* counts relay_begin */
	uint64_t lost_events;
	int step; /* what the last send said, for good */
};

int relay_open(struct relay **out, const char *place, const struct tl_hop_config *hop)
{
	struct tl_outbox_config config = {.places = {place},
					  .policy = TL_OUTBOX_WAIT,
					  .window = TL_OUTBOX_WINDOW,
					  .hop = *hop};
	struct relay *relay = calloc(1, sizeof(*relay));

	if (!relay) {
		return -ENOMEM;
	}
	int err = tl_outbox_open(&relay->outbox, &config);
	if (err < 0) {
		free(relay);
		return err;
	}
	*out = relay;
	return 0;
}

/* --- sending ------------------------------------------------------------------- */

static int deliver(struct relay *relay, struct tl_msg *msg, uint32_t events)
{
	if (relay->step != EVCAT_MORE) {
		tl_msg_free(msg);
		relay->lost_events += relay->step < 0 ? events : 0;
		return relay->step;
	}
	int err = tl_outbox_forward(relay->outbox, msg, events);
	if (err == -EPIPE) {
		relay->step = EVCAT_DONE;
	} else if (err < 0) {
		relay->step = err;
	}
	return relay->step;
}

int relay_pass(struct relay *relay, struct tl_msg **msg, uint32_t events)
{
	struct tl_msg *taken = *msg;

	*msg = 0;
	return deliver(relay, taken, events);
}

uint64_t relay_mark(struct relay *relay)
{
	return tl_outbox_mark(relay->outbox);
}

/* What could not be passed on is not told to be here: the producer still has it. */
bool relay_is_settled(struct relay *relay, uint64_t mark)
{
	return relay->step == EVCAT_MORE && tl_outbox_is_settled(relay->outbox, mark);
}

static int finish_batch(struct relay *relay, struct out_stream *s, bool end)
{
	struct tl_msg *msg;
	uint32_t count = s->writer.count;

	if (count == 0 && !end) {
		return EVCAT_MORE;
	}
	s->head.end = end;
	s->head.first = s->next - count;
	int err = tl_batch_finish(&s->writer, &s->head, &msg);
	s->definitions_len = 0;
	if (err < 0) {
		/* Over the size of a batch. The numbers stay used: the next one declares the loss.
		 */
		tl_batch_fini(&s->writer);
		relay->lost_events += count;
		return err == -E2BIG ? EVCAT_MORE : err;
	}
	s->head.after = s->next;
	return deliver(relay, msg, count);
}

/* --- streams ------------------------------------------------------------------- */

static void free_stream(struct out_stream *s)
{
	if (!s) {
		return;
	}
	free((void *)s->head.source.ptr);
	free((void *)s->head.host.ptr);
	free((void *)s->head.iface.ptr);
	tl_batch_fini(&s->writer);
	tl_shapes_destroy(s->shapes);
	shaper_fini(&s->shaper);
	free(s);
}

static int copy(struct tl_str *to, struct tl_str from)
{
	char *text = malloc(from.len + 1u);

	if (!text) {
		return -ENOMEM;
	}
	memcpy(text, from.ptr, from.len);
	to->ptr = text;
	to->len = from.len;
	return 0;
}

static int new_stream(struct out_stream **out, const struct tl_batch_head *head)
{
	struct out_stream *s = calloc(1, sizeof(*s));

	if (!s || copy(&s->head.source, head->source) < 0 || copy(&s->head.host, head->host) < 0 ||
	    copy(&s->head.iface, head->iface) < 0 || tl_shapes_create(&s->shapes) < 0 ||
	    getrandom(s->head.stream, TL_WIRE_STREAM_LEN, 0) != TL_WIRE_STREAM_LEN) {
		free_stream(s);
		return -ENOMEM;
	}
	tl_batch_init(&s->writer, s->shapes);
	s->shaper.shapes = s->shapes;
	*out = s;
	return 0;
}

static int close_stream(struct relay *relay, unsigned int index)
{
	struct out_stream *s = relay->streams[index];

	if (!s) {
		return EVCAT_MORE;
	}
	int step = finish_batch(relay, s, true);
	relay->streams[index] = 0;
	if (relay->current == s) {
		relay->current = 0;
	}
	free_stream(s);
	return step;
}

/* A place for another stream: free, or that of the one idle longest. */
static unsigned int choose_place(const struct relay *relay)
{
	unsigned int oldest = 0;

	for (unsigned int i = 0; i < STREAMS_MAX; i++) {
		if (!relay->streams[i]) {
			return i;
		}
		if (relay->streams[i]->used_at < relay->streams[oldest]->used_at) {
			oldest = i;
		}
	}
	return oldest;
}

static int add_stream(struct relay *relay, const struct tl_batch_head *head)
{
	unsigned int index = choose_place(relay);
	int step = close_stream(relay, index);

	if (step != EVCAT_MORE) {
		return step;
	}
	if (index == relay->ids.count) {
		ids_add(&relay->ids, head->stream);
	} else {
		ids_replace(&relay->ids, index, head->stream);
	}
	int err = new_stream(&relay->streams[index], head);
	relay->current = relay->streams[index];
	return err;
}

int relay_begin(struct relay *relay, const struct tl_batch_head *head)
{
	int index = ids_find(&relay->ids, head->stream);
	int step = EVCAT_MORE;

	if (index >= 0 && relay->streams[index]) {
		relay->current = relay->streams[index];
	} else {
		step = add_stream(relay, head);
	}
	if (step == EVCAT_MORE) {
		relay->current->used_at = ++relay->clock;
		shaper_next_batch(&relay->current->shaper);
	}
	return step;
}

int relay_end(struct relay *relay)
{
	for (unsigned int i = 0; i < STREAMS_MAX; i++) {
		if (relay->streams[i] && relay->streams[i] == relay->current) {
			return close_stream(relay, i);
		}
	}
	return EVCAT_MORE;
}

/* --- events -------------------------------------------------------------------- */

static void put_event(struct out_stream *s, const struct shaped *event, uint8_t *at)
{
	memcpy(at, event->prefix, event->prefix_len);
	memcpy(at + event->prefix_len, event->tail, event->tail_len);
	tl_batch_commit(&s->writer, event->id, event->prefix_len + event->tail_len);
	s->next++;
}

static bool is_new_shape(const struct out_stream *s, unsigned int id)
{
	return id != 0 && !(s->writer.used[id / 64] >> (id % 64) & 1);
}

static int write_event(struct relay *relay, struct out_stream *s, const struct shaped *event)
{
	uint32_t len = event->prefix_len + event->tail_len;
	uint32_t definition = is_new_shape(s, event->id) ? event->definition_len + 8 : 0;
	uint8_t *at = 0;

	if (tl_batch_len(&s->writer) + s->definitions_len + len + definition <= FULL) {
		at = tl_batch_reserve(&s->writer, len);
	}
	if (!at) {
		int step = finish_batch(relay, s, false);
		if (step != EVCAT_MORE) {
			return step;
		}
		definition = event->id ? event->definition_len + 8 : 0;
		at = tl_batch_reserve(&s->writer, len);
	}
	if (!at) {
		s->next++;
		relay->lost_events++;
		return EVCAT_MORE;
	}
	s->definitions_len += definition;
	put_event(s, event, at);
	return EVCAT_MORE;
}

int relay_event(struct relay *relay, const struct tl_event *event)
{
	struct shaped shaped;
	int err = shaper_shape(&relay->current->shaper, event, &shaped);

	return err < 0 ? err : write_event(relay, relay->current, &shaped);
}

/* A place may fail when everything was handed to it. */
static void look_at_outbox(struct relay *relay)
{
	int err = tl_outbox_error(relay->outbox);

	if (relay->step == EVCAT_MORE && err < 0) {
		relay->step = err == -EPIPE ? EVCAT_DONE : err;
	}
}

int relay_flush(struct relay *relay)
{
	look_at_outbox(relay);
	int step = relay->step;

	for (unsigned int i = 0; i < STREAMS_MAX && step == EVCAT_MORE; i++) {
		if (relay->streams[i]) {
			step = finish_batch(relay, relay->streams[i], false);
		}
	}
	return step;
}

int relay_close(struct relay *relay)
{
	struct tl_outbox_counts counts;

	for (unsigned int i = 0; i < STREAMS_MAX; i++) {
		close_stream(relay, i);
	}
	uint64_t wait_ns = tl_service_stopping() ? EVCAT_STOP_S * TL_SECOND_NS : UINT64_MAX;
	int err = tl_outbox_close(relay->outbox, wait_ns, &counts);
	bool reader_gone = err == -EPIPE || relay->step == EVCAT_DONE;
	uint64_t lost = relay->lost_events + (reader_gone ? 0 : counts.dropped_events);
	err = reader_gone ? 0 : err < 0 ? err : relay->step < 0 ? relay->step : lost > 0 ? -EIO : 0;
	free(relay);
	if (lost > 0) {
		tl_log_err("%llu events were not sent (%llu of them sent, but not acknowledged)",
			   (unsigned long long)lost, (unsigned long long)counts.unconfirmed_events);
	}
	return err;
}
