/* SPDX-License-Identifier: BSD-2-Clause */
/* The verdict on each stream, in words. */
#include "check_private.h"
#include "safe.h"

enum { GAPS_SHOWN = 5 };

/* --- the verdict ------------------------------------------------------------------ */

/* What is wrong with one stream, as text, and how bad it is. */
struct findings {
	struct tl_textbuf wrong;
	struct tl_textbuf open; /* why it is not closed */
};

static void find(struct tl_textbuf *out, const char *text)
{
	tl_safe_printf(out, "%s%s", out->len > 0 ? ", " : "", text);
}

static void find_difference(struct tl_textbuf *out, const char *what, uint64_t got, uint64_t want)
{
	bool less = got < want;

	if (got != want) {
		tl_safe_printf(out, "%s%s %llu of %llu (%llu %s)", out->len > 0 ? ", " : "", what,
			       (unsigned long long)got, (unsigned long long)want,
			       (unsigned long long)(less ? want - got : got - want),
			       less ? "missing" : "too many");
	}
}

static uint64_t count_gaps(const struct book *book)
{
	uint64_t all = book->next > book->start ? book->next - book->start : 0;

	return all - tl_ranges_covered(&book->covered, book->start, book->next) +
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
	tl_safe_printf(out, "%s%llu events missing (numbers", out->len > 0 ? ", " : "",
		       (unsigned long long)missing);
	for (uint32_t i = 0; i < book->covered.count && shown < GAPS_SHOWN; i++) {
		const struct tl_range *range = &book->covered.items[i];
		if (range->from > from) {
			tl_safe_printf(out, " %llu-%llu", (unsigned long long)from,
				       (unsigned long long)range->from - 1);
			shown++;
		}
		from = range->to > from ? range->to : from;
	}
	tl_safe_printf(out, "%s)", shown == GAPS_SHOWN ? " ..." : "");
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
		tl_safe_printf(out, "%s%llu batches of %llu events refused",
			       out->len > 0 ? ", " : "", (unsigned long long)book->refused_batches,
			       (unsigned long long)book->refused_events);
	}
	if (book->ended && book->next > book->end_at) {
		find(out, "events after the end");
	}
	if (book->sums.unreadable > 0) {
		tl_safe_printf(out, "%s%llu flow_end events unreadable", out->len > 0 ? ", " : "",
			       (unsigned long long)book->sums.unreadable);
	}
}

/* The equations of capture_stats itself: the classes make up the whole, nothing is left over. */
static void find_class_faults(struct tl_textbuf *out, const struct tl_capture_stats *stats)
{
	uint64_t packets = 0;
	uint64_t bytes = 0;

	for (unsigned int class = 0; class < TL_CLASS_COUNT; class ++) {
		packets += stats->class_packets[class];
		bytes += stats->class_bytes[class];
	}
	find_difference(out, "packets of all classes", packets, stats->packets);
	find_difference(out, "bytes of all classes", bytes, stats->bytes);
	if (stats->residual_packets != 0 || stats->residual_bytes != 0) {
		tl_safe_printf(out, "%sresidual of %lld packets and %lld bytes",
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
	uint64_t packets =
		stats->class_packets[TL_CLASS_FLOW] + stats->class_packets[TL_CLASS_COARSE];
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
		/* Those of a stream that was cut off had flows still open. */
		if (book->ended) {
			find_flow_faults(&f.wrong, book);
		}
	}
	return f;
}

static void describe(struct tl_textbuf *out, const struct book *book)
{
	const struct sums *sums = &book->sums;

	tl_safe_printf(out, "; %llu events", (unsigned long long)sums->events);
	if (sums->flow_ends > 0) {
		tl_safe_printf(out, ", %llu flows", (unsigned long long)sums->flow_ends);
	}
	if (sums->flow_ends > 0 || sums->packet_events > 0) {
		tl_safe_printf(out, ", %llu packets, %llu bytes", (unsigned long long)sums->packets,
			       (unsigned long long)sums->bytes);
	}
	if (book->has_stats && book->stats.kernel_drops + book->stats.ring_drops > 0) {
		tl_safe_printf(
			out, ", %llu dropped by the kernel",
			(unsigned long long)(book->stats.kernel_drops + book->stats.ring_drops));
	}
	if (book->declared_lost > 0) {
		tl_safe_printf(out, ", %llu events declared lost",
			       (unsigned long long)book->declared_lost);
	}
	if (book->overlaps > 0) {
		tl_safe_printf(out, ", %llu events twice", (unsigned long long)book->overlaps);
	}
	tl_safe_printf(out, "\n");
}

static enum tl_exit report_book(const struct book *book, struct tl_textbuf *out)
{
	struct findings f = examine(book);
	enum tl_exit verdict = f.wrong.len > 0	? TL_EXIT_FAILED
			       : f.open.len > 0 ? (enum tl_exit)EVCAT_EXIT_NO_CLOSE
						: TL_EXIT_OK;

	tl_textbuf_add(out, book->name.data, book->name.len);
	tl_safe_printf(out, verdict == TL_EXIT_OK ? ": holds" : ": ");
	if (f.wrong.len > 0) {
		tl_safe_printf(out, "differs: ");
		tl_textbuf_add(out, f.wrong.data, f.wrong.len);
	}
	if (f.open.len > 0) {
		tl_safe_printf(out, "%snot closed: ", f.wrong.len > 0 ? "; " : "");
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
		tl_safe_printf(out, "more than %d streams: %llu events not checked\n", IDS_MAX,
			       (unsigned long long)check->unchecked_events);
		return TL_EXIT_FAILED;
	}
	if (check->ids.count == 0) {
		tl_safe_printf(out, "no stream in the input\n");
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
