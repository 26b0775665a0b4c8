/* SPDX-License-Identifier: BSD-2-Clause */
#include "delivery.h"

#include "run.h"

/* Of a batch that is cut: parts at most, and their size beside its own. */
enum { PARTS_MAX = 64, PARTS_FACTOR = 4, PARTS_ROOM = 4096 };

int delivery_check(struct tl_wire_reader *reader, const uint8_t *bytes, size_t len,
		   struct tl_wire_error *error)
{
	struct tl_batch batch;
	size_t at = 0;

	*error = (struct tl_wire_error){0, "no batch"};
	if (len == 0) {
		return -EBADMSG;
	}
	while (at < len) {
		int size = tl_wire_peek(bytes + at, len - at);
		*error = (struct tl_wire_error){(uint32_t)at, "no batch begins here"};
		if (size == -E2BIG) {
			error->reason = "batch over 4 MiB";
		}
		if (size == -EAGAIN || (size > 0 && (size_t)size > len - at)) {
			error->reason = "the batch is cut short";
			return -EBADMSG;
		}
		if (size < 0) {
			return -EBADMSG;
		}
		if (tl_wire_read(reader, bytes + at, (size_t)size, &batch, error) < 0) {
			error->offset += (uint32_t)at;
			return -EBADMSG;
		}
		at += (size_t)size;
	}
	return 0;
}

/* --- picking out what is new ------------------------------------------------ */

struct sift {
	struct tl_wire_reader *reader;
	struct dedup *dedup;
	struct body *made;
};

static int put_msg(struct sift *s, struct tl_msg *msg)
{
	int err = body_add(s->made, msg->data, msg->len, SIZE_MAX);

	tl_msg_free(msg);
	return err;
}

static int put_cut(struct sift *s, const struct tl_batch *batch, uint64_t from, uint64_t to)
{
	struct tl_msg *msg;
	int err = tl_run_cut(s->reader, batch, from, to, &msg);

	return err < 0 ? err : put_msg(s, msg);
}

/*
 * Each part is looked for from the first event on, and holds all that the batch
 * says beside events: with a gap behind each event that takes a thousand times the
 * time and the room. `len` is of the parts so far.
 */
static bool is_worth_cutting(const struct tl_batch *batch, unsigned int parts, size_t len)
{
	return parts <= PARTS_MAX && len <= PARTS_FACTOR * (size_t)batch->size + PARTS_ROOM;
}

static int put_loss(struct sift *s, const struct tl_batch_head *head)
{
	struct tl_msg *msg;
	int err = tl_run_declare(head, head->after, head->first, &msg);

	return err < 0 ? err : put_msg(s, msg);
}

/* The parts that are missing; what is declared goes with the first and the last event. */
static int put_parts(struct sift *s, const struct tl_batch *batch, struct dedup_news news)
{
	const struct tl_batch_head *head = &batch->head;
	uint64_t to = head->first + batch->event_count;
	uint64_t at = head->first;
	size_t before = s->made->len;
	unsigned int parts = 0;
	struct tl_range gap;
	int err = 0;
	bool begun = false; /* the first event is among them */
	bool ended = false;

	while (err == 0 && dedup_missing(s->dedup, head->stream, at, to, &gap)) {
		if (at == head->first && gap.from > at && news.loss) {
			err = put_loss(s, head);
		}
		if (err == 0) {
			err = put_cut(s, batch, gap.from, gap.to);
		}
		if (err == 0 && !is_worth_cutting(batch, ++parts, s->made->len - before)) {
			err = -EOPNOTSUPP;
		}
		begun = true;
		ended = gap.to == to;
		at = gap.to;
	}
	if (err == 0 && !begun && news.loss) {
		err = put_loss(s, head);
	}
	if (err == 0 && !ended && news.end) {
		err = put_cut(s, batch, to, to);
	}
	return err;
}

/* What of a batch that is partly stored is new. One that cannot be divided is stored whole. */
static int put_news(struct sift *s, const struct tl_batch *batch, struct dedup_news news)
{
	size_t before = s->made->len;
	int err = put_parts(s, batch, news);

	if (err == -EOPNOTSUPP) {
		s->made->len = before;
		err = body_add(s->made, batch->bytes, batch->size, SIZE_MAX);
	}
	return err;
}

static bool is_whole(const struct tl_batch *batch, struct dedup_news news)
{
	return news.events == batch->event_count && (news.events > 0 || news.loss || news.end);
}

/* One batch; `before` is what of the body lies before it. */
static int sift_batch(struct sift *s, const struct tl_batch *batch, const struct body *body,
		      size_t before, bool *verbatim, struct delivery *delivery)
{
	struct dedup_news news = dedup_look(s->dedup, &batch->head, batch->event_count);
	bool whole = is_whole(batch, news);
	int err = 0;

	if (*verbatim && !whole) {
		*verbatim = false;
		err = body_add(s->made, body->bytes, before, SIZE_MAX);
	}
	if (err == 0 && whole && !*verbatim) {
		err = body_add(s->made, batch->bytes, batch->size, SIZE_MAX);
	}
	if (err == 0 && !whole && (news.events > 0 || news.loss || news.end)) {
		err = put_news(s, batch, news);
	}
	if (err == 0) {
		err = dedup_add(s->dedup, &batch->head, batch->event_count);
	}
	delivery->events += news.events;
	delivery->duplicates += batch->event_count - news.events;
	return err;
}

static int sift_all(struct sift *s, struct delivery *delivery, bool *verbatim)
{
	const struct body *body = &delivery->body;
	struct tl_batch batch;
	int err = 0;

	for (size_t at = 0; err == 0 && at < body->len; at += batch.size) {
		int size = tl_wire_peek(body->bytes + at, body->len - at);
		tl_wire_read(s->reader, body->bytes + at, (size_t)size, &batch, 0);
		err = sift_batch(s, &batch, body, at, verbatim, delivery);
	}
	return err;
}

int delivery_sift(struct delivery *delivery, struct tl_wire_reader *reader, struct dedup *dedup,
		  struct delivery_news *news)
{
	size_t mark = dedup_mark(dedup);
	bool verbatim = true;

	*news = (struct delivery_news){0};
	struct sift s = {reader, dedup, &news->made};
	int err = sift_all(&s, delivery, &verbatim);
	if (err < 0) {
		dedup_undo(dedup, mark);
		body_fini(&news->made);
		return err;
	}
	news->bytes = verbatim ? delivery->body.bytes : news->made.bytes;
	news->len = verbatim ? delivery->body.len : news->made.len;
	return 0;
}
