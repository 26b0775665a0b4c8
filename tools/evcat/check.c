/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ids.h"
#include "ranges.h"
#include "safe.h"
#include "table.h"

enum {
	GAPS_SHOWN = 5,
	NAME_MAX_LEN = 64,
};

/* What the events of a stream add up to. */
struct sums {
	uint64_t events;
	uint64_t flow_ends;
	uint64_t packet_events;
	uint64_t packets;
	uint64_t bytes;
	uint64_t unreadable; /* flow_end events whose fields make no sense */
};

struct book {
	struct tl_textbuf name;
	struct ranges seen;
	struct ranges covered; /* seen, declared lost, or refused */
	uint64_t start;	       /* what lies below was acknowledged before this recording */
	uint64_t next;	       /* after the highest number */
	uint64_t overlaps;
	uint64_t declared_lost;
	uint64_t refused_batches;
	uint64_t refused_events;
	bool ended;
	uint64_t end_at; /* number after the last event of the batch that said so */
	struct sums sums;
	bool has_stats;
	uint64_t stats_number;
	struct tl_capture_stats stats; /* engine and mode are not kept */
};

struct check {
	struct ids ids;
	struct book *books[IDS_MAX];
	uint64_t unchecked_events; /* of streams over the limit */
};

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
		ranges_fini(&book->seen);
		ranges_fini(&book->covered);
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
	int index = book && name_book(book, head) == 0 ? ids_add(&check->ids, head->stream)
							: -ENOMEM;

	if (index < 0) {
		close_book(book);
		return index;
	}
	book->start = book->next = head->base;
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

	book->overlaps += ranges_covered(&book->seen, head->first, end);
	book->declared_lost += head->first - head->after -
			       ranges_covered(&book->covered, head->after, head->first);
	book->next = end > book->next ? end : book->next;
	if (head->end) {
		book->ended = true;
		book->end_at = end > book->end_at ? end : book->end_at;
	}
	if (ranges_add(&book->covered, head->after, end) < 0) {
		return -ENOMEM;
	}
	return ranges_add(&book->seen, head->first, end);
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
	ranges_add(&book->covered, head->first, head->first + count);
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
	bool fresh = ranges_covered(&book->seen, batch->head.first, end) == 0;
	while (tl_event_next(&iter, &event)) {
		if (fresh || !ranges_has(&book->seen, event.number)) {
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

/* --- the verdict ------------------------------------------------------------------ */

/* What is wrong with one stream, as text, and how bad it is. */
struct findings {
	struct tl_textbuf wrong;
	struct tl_textbuf open; /* why it is not closed */
};

static void find(struct tl_textbuf *out, const char *text)
{
	safe_printf(out, "%s%s", out->len > 0 ? ", " : "", text);
}

static void find_difference(struct tl_textbuf *out, const char *what, uint64_t got, uint64_t want)
{
	bool less = got < want;

	if (got != want) {
		safe_printf(out, "%s%s %llu of %llu (%llu %s)", out->len > 0 ? ", " : "", what,
			    (unsigned long long)got, (unsigned long long)want,
			    (unsigned long long)(less ? want - got : got - want),
			    less ? "missing" : "too many");
	}
}

static uint64_t count_gaps(const struct book *book)
{
	uint64_t all = book->next > book->start ? book->next - book->start : 0;

	return all - ranges_covered(&book->covered, book->start, book->next) +
	       book->covered.closed;
}

/* The first gaps, each as first and last missing number. */
static void find_gaps(struct tl_textbuf *out, const struct book *book)
{
	uint64_t missing = count_gaps(book);
	uint64_t from = book->start;
	unsigned int shown = 0;

	if (missing == 0) {
		return;
	}
	safe_printf(out, "%s%llu events missing (numbers", out->len > 0 ? ", " : "",
		    (unsigned long long)missing);
	for (uint32_t i = 0; i < book->covered.count && shown < GAPS_SHOWN; i++) {
		const struct range *range = &book->covered.items[i];
		if (range->from > from) {
			safe_printf(out, " %llu-%llu", (unsigned long long)from,
				    (unsigned long long)range->from - 1);
			shown++;
		}
		from = range->to > from ? range->to : from;
	}
	safe_printf(out, "%s)", shown == GAPS_SHOWN ? " ..." : "");
}

static bool is_closed_by_stats(const struct book *book)
{
	return book->has_stats && book->stats_number + 1 == book->next;
}

static void find_unclosed(struct tl_textbuf *out, const struct book *book)
{
	if (!book->ended) {
		find(out, "no end");
	}
	if (book->has_stats && !is_closed_by_stats(book)) {
		find(out, "no closing capture_stats");
	}
}

static void find_number_faults(struct tl_textbuf *out, const struct book *book)
{
	find_gaps(out, book);
	if (book->refused_batches > 0) {
		safe_printf(out, "%s%llu batches of %llu events refused", out->len > 0 ? ", " : "",
			    (unsigned long long)book->refused_batches,
			    (unsigned long long)book->refused_events);
	}
	if (book->ended && book->next > book->end_at) {
		find(out, "events after the end");
	}
	if (book->sums.unreadable > 0) {
		safe_printf(out, "%s%llu flow_end events unreadable", out->len > 0 ? ", " : "",
			    (unsigned long long)book->sums.unreadable);
	}
}

/* The equations of capture_stats itself: the classes make up the whole, nothing is left over. */
static void find_class_faults(struct tl_textbuf *out, const struct tl_capture_stats *stats)
{
	uint64_t packets = 0;
	uint64_t bytes = 0;

	for (unsigned int class = 0; class < TL_CLASS_COUNT; class++) {
		packets += stats->class_packets[class];
		bytes += stats->class_bytes[class];
	}
	find_difference(out, "packets of all classes", packets, stats->packets);
	find_difference(out, "bytes of all classes", bytes, stats->bytes);
	if (stats->residual_packets != 0 || stats->residual_bytes != 0) {
		safe_printf(out, "%sresidual of %lld packets and %lld bytes",
			    out->len > 0 ? ", " : "", (long long)stats->residual_packets,
			    (long long)stats->residual_bytes);
	}
}

/*
 * The events make up the flows. What an engine killed before had counted but
 * not yet told is known in packets only.
 */
static void find_flow_faults(struct tl_textbuf *out, const struct book *book)
{
	const struct tl_capture_stats *stats = &book->stats;
	const struct sums *sums = &book->sums;
	bool raw = sums->packet_events > 0 && sums->flow_ends == 0;
	uint64_t packets = stats->class_packets[TL_CLASS_FLOW] +
			   stats->class_packets[TL_CLASS_COARSE];
	uint64_t bytes = stats->class_bytes[TL_CLASS_FLOW] + stats->class_bytes[TL_CLASS_COARSE];

	find_difference(out, raw ? "packets of packet events" : "packets of flow_end events",
			sums->packets + stats->lost_in_crash, packets);
	if (stats->lost_in_crash == 0) {
		find_difference(out, raw ? "bytes of packet events" : "bytes of flow_end events",
				sums->bytes, bytes);
	}
}

static struct findings examine(const struct book *book)
{
	struct findings f = {0};

	find_number_faults(&f.wrong, book);
	find_unclosed(&f.open, book);
	if (is_closed_by_stats(book)) {
		find_class_faults(&f.wrong, &book->stats);
		find_flow_faults(&f.wrong, book);
	}
	return f;
}

static void describe(struct tl_textbuf *out, const struct book *book)
{
	const struct sums *sums = &book->sums;

	safe_printf(out, "; %llu events", (unsigned long long)sums->events);
	if (sums->flow_ends > 0) {
		safe_printf(out, ", %llu flows", (unsigned long long)sums->flow_ends);
	}
	if (sums->flow_ends > 0 || sums->packet_events > 0) {
		safe_printf(out, ", %llu packets, %llu bytes", (unsigned long long)sums->packets,
			    (unsigned long long)sums->bytes);
	}
	if (book->has_stats && book->stats.kernel_drops + book->stats.ring_drops > 0) {
		safe_printf(out, ", %llu dropped by the kernel",
			    (unsigned long long)(book->stats.kernel_drops +
						 book->stats.ring_drops));
	}
	if (book->declared_lost > 0) {
		safe_printf(out, ", %llu events declared lost",
			    (unsigned long long)book->declared_lost);
	}
	if (book->overlaps > 0) {
		safe_printf(out, ", %llu events twice", (unsigned long long)book->overlaps);
	}
	safe_printf(out, "\n");
}

static enum tl_exit report_book(const struct book *book, struct tl_textbuf *out)
{
	struct findings f = examine(book);
	enum tl_exit verdict = f.wrong.len > 0	? TL_EXIT_FAILED
			       : f.open.len > 0 ? (enum tl_exit)EVCAT_EXIT_NO_CLOSE
						: TL_EXIT_OK;

	tl_textbuf_add(out, book->name.data, book->name.len);
	safe_printf(out, verdict == TL_EXIT_OK ? ": holds" : ": ");
	if (f.wrong.len > 0) {
		safe_printf(out, "differs: ");
		tl_textbuf_add(out, f.wrong.data, f.wrong.len);
	}
	if (f.open.len > 0) {
		safe_printf(out, "%snot closed: ", f.wrong.len > 0 ? "; " : "");
		tl_textbuf_add(out, f.open.data, f.open.len);
	}
	describe(out, book);
	tl_textbuf_fini(&f.wrong);
	tl_textbuf_fini(&f.open);
	return verdict;
}

enum tl_exit check_report(const struct check *check, struct tl_textbuf *out)
{
	enum tl_exit worst = TL_EXIT_OK;

	for (unsigned int i = 0; i < check->ids.count; i++) {
		enum tl_exit verdict = report_book(check->books[i], out);
		if (worst != TL_EXIT_FAILED && verdict != TL_EXIT_OK) {
			worst = verdict;
		}
	}
	if (check->unchecked_events > 0) {
		safe_printf(out, "more than %d streams: %llu events not checked\n", IDS_MAX,
			    (unsigned long long)check->unchecked_events);
		return TL_EXIT_FAILED;
	}
	if (check->ids.count == 0) {
		safe_printf(out, "no stream in the input\n");
		return (enum tl_exit)EVCAT_EXIT_NO_CLOSE;
	}
	return worst;
}

struct check_totals check_totals(const struct check *check)
{
	struct check_totals t = {.streams = check->ids.count};

	for (unsigned int i = 0; i < check->ids.count; i++) {
		const struct book *book = check->books[i];
		t.events += book->sums.events;
		t.flows += book->sums.flow_ends;
		t.packets += book->has_stats ? book->stats.packets : book->sums.packets;
		t.bytes += book->has_stats ? book->stats.bytes : book->sums.bytes;
		t.kernel_drops += book->stats.kernel_drops;
		t.ring_drops += book->stats.ring_drops;
		t.declared_lost += book->declared_lost;
		t.overlaps += book->overlaps;
	}
	return t;
}
