/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "check_private.h"
#include "table.h"

enum { NAME_MAX_LEN = 64 };

int check_create(struct check **out)
{
	struct check *check = calloc(1, sizeof(*check));

	if (!check) {
		return -ENOMEM;
	}
	*out = check;
	return 0;
}

static void close_book(struct book *book)
{
	if (book) {
		tl_textbuf_fini(&book->name);
		tl_ranges_fini(&book->seen);
		tl_ranges_fini(&book->covered);
		free(book);
	}
}

void check_destroy(struct check *check)
{
	if (!check) {
		return;
	}
	for (unsigned int i = 0; i < check->ids.count; i++) {
		close_book(check->books[i]);
	}
	free(check);
}

/* --- streams -------------------------------------------------------------------- */

static int name_book(struct book *book, const struct tl_batch_head *head)
{
	char hex[8];

	tl_text_put_hex(hex, head->stream, 4);
	if (table_add_origin(&book->name, head->source, head->iface, NAME_MAX_LEN) < 0 ||
	    tl_textbuf_add(&book->name, " ", 1) < 0) {
		return -ENOMEM;
	}
	return tl_textbuf_add(&book->name, hex, sizeof(hex));
}

static int open_book(struct check *check, const struct tl_batch_head *head, struct book **out)
{
	struct book *book = calloc(1, sizeof(*book));
	int index =
		book && name_book(book, head) == 0 ? ids_add(&check->ids, head->stream) : -ENOMEM;

	if (index < 0) {
		close_book(book);
		return index;
	}
	book->start = head->base == TL_WIRE_NO_BASE ? head->after : head->base;
	book->next = book->start;
	check->books[index] = book;
	*out = book;
	return 0;
}

/* 0; -ENOSPC when there are too many streams; -ENOMEM. */
static int book_of(struct check *check, const struct tl_batch_head *head, struct book **out)
{
	int index = ids_find(&check->ids, head->stream);

	if (index < 0) {
		return open_book(check, head, out);
	}
	*out = check->books[index];
	return 0;
}

/* --- numbers -------------------------------------------------------------------- */

/* Accounts for a run and what it declares lost. */
static int enter_run(struct book *book, const struct tl_batch_head *head, uint32_t count)
{
	uint64_t end = head->first + count;

	book->overlaps += tl_ranges_covered(&book->seen, head->first, end);
	book->declared_lost += head->first - head->after -
			       tl_ranges_covered(&book->covered, head->after, head->first);
	book->next = end > book->next ? end : book->next;
	if (head->end) {
		book->ended = true;
		book->end_at = end > book->end_at ? end : book->end_at;
	}
	if (tl_ranges_add(&book->covered, head->after, end) < 0) {
		return -ENOMEM;
	}
	return tl_ranges_add(&book->seen, head->first, end);
}

void check_refused(struct check *check, const struct tl_batch_head *head, uint32_t count)
{
	struct book *book;

	/* A refused head was not checked for sense. */
	if (head->first >> 62 || book_of(check, head, &book) < 0) {
		return;
	}
	book->refused_batches++;
	book->refused_events += count;
	book->next = head->first + count > book->next ? head->first + count : book->next;
	tl_ranges_add(&book->covered, head->first, head->first + count);
}

/* --- totals --------------------------------------------------------------------- */

static void add_packet(struct sums *sums, const struct tl_event *event)
{
	struct tl_entity_iter iter = tl_event_entities(event);
	struct tl_entity entity;

	sums->packet_events++;
	while (tl_entity_next(&iter, &entity)) {
		uint64_t number;
		if (tl_str_eq(entity.name, TL_STR("segments"))) {
			sums->packets += tl_mp_get_uint(&entity.value, &number) == 0 ? number : 0;
		} else if (tl_str_eq(entity.name, TL_STR("length"))) {
			sums->bytes += tl_mp_get_uint(&entity.value, &number) == 0 ? number : 0;
		}
	}
}

static void add_flow_end(struct sums *sums, const struct tl_event *event)
{
	struct tl_flow_event flow;

	if (tl_flow_event_decode(event, &flow) < 0) {
		sums->unreadable++;
		return;
	}
	sums->flow_ends++;
	sums->packets += flow.flow.packets;
	sums->bytes += flow.flow.bytes;
}

static void add_stats(struct book *book, const struct tl_event *event)
{
	if (book->has_stats && event->number < book->stats_number) {
		return;
	}
	book->has_stats = tl_stats_event_decode(event, &book->stats) == 0;
	book->stats_number = event->number;
	book->stats.engine = book->stats.mode = TL_STR("");
}

static void add_event(struct book *book, const struct tl_event *event)
{
	book->sums.events++;
	if (tl_str_eq(event->type, TL_STR("flow_end"))) {
		add_flow_end(&book->sums, event);
	} else if (tl_str_eq(event->type, TL_STR("packet"))) {
		add_packet(&book->sums, event);
	} else if (tl_str_eq(event->type, TL_STR("capture_stats"))) {
		add_stats(book, event);
	}
}

int check_batch(struct check *check, const struct tl_wire_reader *reader,
		const struct tl_batch *batch)
{
	struct tl_event_iter iter = tl_wire_events(reader, batch);
	struct tl_event event;
	struct book *book;
	uint64_t end = batch->head.first + batch->event_count;
	int err = book_of(check, &batch->head, &book);

	if (err == -ENOSPC) {
		check->unchecked_events += batch->event_count;
		return 0;
	}
	if (err < 0) {
		return err;
	}
	bool fresh = tl_ranges_covered(&book->seen, batch->head.first, end) == 0;
	while (tl_event_next(&iter, &event)) {
		if (fresh || !tl_ranges_has(&book->seen, event.number)) {
			add_event(book, &event);
		}
	}
	return enter_run(book, &batch->head, batch->event_count);
}

bool check_complete(const struct check *check)
{
	for (unsigned int i = 0; i < check->ids.count; i++) {
		if (!check->books[i]->ended) {
			return false;
		}
	}
	return true;
}
