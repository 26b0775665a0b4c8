/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * common/outbox and its streams. Whatever happens on the way, the books
 * balance: numbers used up = events received + loss declared in `after` +
 * what is dropped at close, and no run says more or less than that.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/event.h"
#include "../../common/outbox.h"

#define DEADLINE_NS (20 * TL_SECOND_NS)

enum { STREAMS = 3 };

static char folder[256];
static char file_place[300];
static char socket_place[300];

static int setup(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");

	signal(SIGPIPE, SIG_IGN);
	srandom(3);
	snprintf(folder, sizeof(folder), "%s/tl-outbox-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder)) {
		return -1;
	}
	snprintf(file_place, sizeof(file_place), "%s/file", folder);
	snprintf(socket_place, sizeof(socket_place), "ipc://%s/socket", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(file_place);
	unlink(socket_place + strlen("ipc://"));
	return rmdir(folder);
}

static struct tl_outbox *open_outbox(const char *place, enum tl_outbox_policy policy,
				     uint64_t window)
{
	struct tl_outbox_config config = {.places[0] = place, .policy = policy, .window = window};
	struct tl_outbox *outbox = 0;

	assert_int_equal(tl_outbox_open(&outbox, &config), 0);
	return outbox;
}

static struct tl_stream *open_stream(struct tl_outbox *outbox, const char *iface)
{
	struct tl_stream_config config = {.outbox = outbox, .source = "test", .iface = iface};
	struct tl_stream *stream = 0;

	assert_int_equal(tl_stream_create(&stream, &config), 0);
	return stream;
}

/* Pushes a batch of `count` flow events; the result of tl_stream_push. */
static int push(struct tl_stream *stream, uint32_t count, bool end)
{
	struct tl_batch_writer w;
	struct tl_flow flow = {.key.proto = 17, .packets = 1};
	unsigned int shape;

	tl_batch_init(&w, tl_event_shapes());
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *p = tl_batch_reserve(&w, TL_FLOW_EVENT_MAX);
		uint32_t len =
			tl_flow_event_encode(p, &flow, TL_FLOW_START, TL_END_NONE, i, &shape);
		tl_batch_commit(&w, shape, len);
	}
	int err = tl_stream_push(stream, &w, end);
	assert_int_equal(w.count, 0);
	tl_batch_fini(&w);
	return err;
}

/* --- a reader that keeps the books of every stream ---------------------------------- */

struct book {
	uint8_t stream[TL_WIRE_STREAM_LEN];
	uint64_t expected; /* number that has to come next */
	uint64_t events;
	uint64_t declared;
	bool used, ended;
};

struct books {
	struct book books[STREAMS];
	struct tl_hop_in *in;
	struct tl_wire_reader *reader;
	unsigned int until_ended; /* streams; a URL has no end */
	unsigned int ended;
	unsigned int errors;
};

static struct book *book_of(struct books *b, const uint8_t *stream)
{
	for (unsigned int i = 0; i < STREAMS; i++) {
		struct book *book = &b->books[i];
		if (!book->used) {
			book->used = true;
			memcpy(book->stream, stream, TL_WIRE_STREAM_LEN);
		}
		if (memcmp(book->stream, stream, TL_WIRE_STREAM_LEN) == 0) {
			return book;
		}
	}
	return 0;
}

static void assert_books_hold(const struct tl_outbox_counts *c)
{
	assert_int_equal(c->assigned_events, c->safe_events + c->held_events + c->dropped_events +
						     c->unheard_events + c->unmade_events);
}

static void enter(struct books *b, const struct tl_batch *batch)
{
	const struct tl_batch_head *head = &batch->head;
	struct book *book = book_of(b, head->stream);

	/* Each run begins where the last one, and what it says is lost, ended. */
	if (!book || book->ended || head->after != book->expected) {
		b->errors++;
		return;
	}
	book->declared += head->first - head->after;
	book->events += batch->event_count;
	book->expected = head->first + batch->event_count;
	book->ended = head->end;
	b->ended += head->end;
}

static void *keep_books(void *arg)
{
	struct books *b = arg;
	struct tl_msg *msg;

	while (b->until_ended == 0 || b->ended < b->until_ended) {
		struct tl_batch batch;
		int got = tl_hop_recv(b->in, &msg, DEADLINE_NS);
		if (got <= 0) {
			b->errors += got < 0;
			break;
		}
		if (tl_wire_read(b->reader, msg->data, msg->len, &batch, 0) < 0) {
			b->errors++;
		} else {
			enter(b, &batch);
		}
		tl_msg_free(msg);
	}
	return 0;
}

static void open_books(struct books *b, const char *place, unsigned int until_ended)
{
	static const struct tl_hop_config config = {.no_acks = true};

	*b = (struct books){.until_ended = until_ended};
	assert_int_equal(tl_hop_open_in(&b->in, place, &config), 0);
	assert_int_equal(tl_wire_reader_create(&b->reader), 0);
}

static void close_books(struct books *b)
{
	tl_hop_close_in(b->in);
	tl_wire_reader_destroy(b->reader);
}

static struct books books_of_file(void)
{
	struct books b;

	open_books(&b, file_place, 0);
	keep_books(&b);
	close_books(&b);
	return b;
}

/* --- waiting ------------------------------------------------------------------------- */

static void events_pushed_arrive_in_order_and_numbered(void **state)
{
	(void)state;
	struct tl_outbox *outbox = open_outbox(file_place, TL_OUTBOX_WAIT, 4096);
	struct tl_stream *stream = open_stream(outbox, "eth0");
	struct tl_outbox_counts counts;
	uint64_t pushed = 0;

	for (uint32_t i = 0; i < 200; i++) {
		assert_int_equal(push(stream, i % 50, false), 0);
		pushed += i % 50;
		assert_int_equal(tl_stream_next(stream), pushed);
	}
	assert_int_equal(push(stream, 0, true), 0);
	assert_int_equal(tl_outbox_close(outbox, DEADLINE_NS, &counts), 0);
	tl_stream_destroy(stream);
	assert_int_equal(counts.sent_events, pushed);
	assert_int_equal(counts.sent_batches, 200 - 4 + 1);
	assert_int_equal(counts.dropped_events, 0);
	assert_int_equal(counts.held_batches, 0);
	assert_int_equal(counts.held_events, 0);
	assert_books_hold(&counts);
	assert_false(counts.broken);
	struct books b = books_of_file();
	assert_int_equal(b.errors, 0);
	assert_int_equal(b.books[0].events, pushed);
	assert_int_equal(b.books[0].declared, 0);
	assert_true(b.books[0].ended);
}

struct feeder {
	struct tl_stream *stream;
	uint64_t pushed;
};

static void *feed(void *arg)
{
	struct feeder *f = arg;

	for (uint32_t i = 0; i < 300; i++) {
		f->pushed += push(f->stream, 1 + i % 20, false) == 0 ? 1 + i % 20 : 0;
	}
	return 0;
}

static void stream_fed_by_threads_has_no_gap(void **state)
{
	(void)state;
	struct tl_outbox *outbox = open_outbox(file_place, TL_OUTBOX_WAIT, 4096);
	struct tl_stream *stream = open_stream(outbox, "eth0");
	struct feeder feeders[4];
	pthread_t threads[4];
	uint64_t pushed = 0;

	for (int i = 0; i < 4; i++) {
		feeders[i] = (struct feeder){stream, 0};
		assert_int_equal(pthread_create(&threads[i], 0, feed, &feeders[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], 0);
		pushed += feeders[i].pushed;
	}
	assert_int_equal(push(stream, 0, true), 0);
	assert_int_equal(tl_outbox_close(outbox, DEADLINE_NS, 0), 0);
	tl_stream_destroy(stream);
	struct books b = books_of_file();
	assert_int_equal(b.errors, 0);
	assert_int_equal(b.books[0].events, pushed);
}

static void event_that_could_not_be_kept_is_declared(void **state)
{
	(void)state;
	struct tl_outbox *outbox = open_outbox(file_place, TL_OUTBOX_WAIT, 1 << 20);
	struct tl_stream *stream = open_stream(outbox, "eth0");

	tl_stream_lose(stream, 3);
	push(stream, 10, false);
	tl_stream_lose(stream, 5);
	tl_stream_lose(stream, 2);
	push(stream, 10, false);
	tl_stream_lose(stream, 1);
	push(stream, 0, true);
	assert_int_equal(tl_stream_next(stream), 31);
	struct tl_outbox_counts counts;
	assert_int_equal(tl_outbox_close(outbox, DEADLINE_NS, &counts), 0);
	assert_int_equal(counts.assigned_events, 31);
	assert_int_equal(counts.unmade_events, 11);
	assert_books_hold(&counts);
	tl_stream_destroy(stream);
	struct books b = books_of_file();
	assert_int_equal(b.errors, 0);
	assert_int_equal(b.books[0].events, 20);
	assert_int_equal(b.books[0].declared, 11);
	assert_int_equal(b.books[0].expected, 31);
}

/* --- dropping ------------------------------------------------------------------------ */

static void full_window_drops_the_oldest_and_declares_it(void **state)
{
	(void)state;
	struct tl_outbox *outbox = open_outbox(socket_place, TL_OUTBOX_DROP_OLDEST, 30000);
	struct tl_stream *streams[STREAMS];
	struct tl_outbox_counts counts;
	struct books b;
	pthread_t thread;
	uint64_t pushed = 0;
	uint64_t received = 0;
	uint64_t declared = 0;

	for (int i = 0; i < STREAMS; i++) {
		streams[i] = open_stream(outbox, "eth0");
	}
	for (int i = 0; i < 600; i++) { /* nobody listens yet */
		uint32_t count = 1 + (uint32_t)random() % 30;
		assert_int_equal(push(streams[random() % STREAMS], count, false), 0);
		pushed += count;
	}
	counts = tl_outbox_counts(outbox);
	assert_true(counts.dropped_events > 0 && counts.held_batches > 0);
	assert_books_hold(&counts);
	for (int i = 0; i < STREAMS; i++) {
		assert_int_equal(push(streams[i], 0, true), 0);
	}
	open_books(&b, socket_place, STREAMS);
	assert_int_equal(pthread_create(&thread, 0, keep_books, &b), 0);
	assert_int_equal(tl_outbox_close(outbox, DEADLINE_NS, &counts), 0);
	pthread_join(thread, 0);
	close_books(&b);
	assert_int_equal(b.errors, 0);
	for (int i = 0; i < STREAMS; i++) {
		assert_true(b.books[i].ended);
		received += b.books[i].events;
		declared += b.books[i].declared;
		tl_stream_destroy(streams[i]);
	}
	assert_int_equal(received, counts.sent_events);
	assert_int_equal(declared, counts.dropped_events);
	assert_int_equal(received + declared, pushed);
	assert_int_equal(counts.held_batches, 0);
	assert_int_equal(counts.held_events, 0);
	assert_books_hold(&counts);
}

/* A live consumer that is slower than the producer: drops happen amid sending. */
static void slow_reader_gets_books_that_balance(void **state)
{
	(void)state;
	struct tl_outbox *outbox = open_outbox(socket_place, TL_OUTBOX_DROP_OLDEST, 20000);
	struct tl_stream *stream = open_stream(outbox, "eth0");
	struct tl_outbox_counts counts;
	struct books b;
	pthread_t thread;
	uint64_t pushed = 0;

	open_books(&b, socket_place, 1);
	assert_int_equal(pthread_create(&thread, 0, keep_books, &b), 0);
	for (int i = 0; i < 3000; i++) {
		uint32_t count = 1 + (uint32_t)random() % 100;
		assert_int_equal(push(stream, count, false), 0);
		pushed += count;
	}
	assert_int_equal(push(stream, 0, true), 0);
	assert_int_equal(tl_outbox_close(outbox, DEADLINE_NS, &counts), 0);
	pthread_join(thread, 0);
	close_books(&b);
	tl_stream_destroy(stream);
	assert_int_equal(b.errors, 0);
	assert_int_equal(b.books[0].events, counts.sent_events);
	assert_int_equal(b.books[0].declared, counts.dropped_events);
	assert_int_equal(counts.sent_events + counts.dropped_events, pushed);
	assert_int_equal(counts.assigned_events, pushed);
	assert_books_hold(&counts);
}

static void close_with_nobody_there_gives_up_and_counts(void **state)
{
	(void)state;
	struct tl_outbox *outbox = open_outbox(socket_place, TL_OUTBOX_WAIT, 1 << 20);
	struct tl_stream *stream = open_stream(outbox, "eth0");
	struct tl_outbox_counts counts;

	push(stream, 10, false);
	push(stream, 20, true);
	uint64_t before = tl_clock_mono_ns();
	assert_int_equal(tl_outbox_close(outbox, 50 * TL_MS_NS, &counts), -ETIMEDOUT);
	assert_true(tl_clock_mono_ns() - before < 5 * TL_SECOND_NS);
	assert_int_equal(counts.dropped_events, 30);
	assert_int_equal(counts.dropped_batches, 2);
	assert_int_equal(counts.sent_events, 0);
	assert_int_equal(counts.held_batches, 0);
	assert_int_equal(counts.held_events, 0);
	assert_books_hold(&counts);
	tl_stream_destroy(stream);
}

/* --- a hop that fails ---------------------------------------------------------------- */

static void wait_for_error(struct tl_stream *stream, int error, uint64_t *pushed)
{
	uint64_t give_up = tl_clock_mono_ns() + DEADLINE_NS;
	int err = 0;

	while (err == 0 && tl_clock_mono_ns() < give_up) {
		err = push(stream, 10, false);
		*pushed += 10;
	}
	assert_int_equal(err, error);
}

static void reader_that_has_gone_is_told_to_the_producer(void **state)
{
	(void)state;
	char place[32];
	int fds[2];
	struct tl_outbox_counts counts;
	uint64_t pushed = 0;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	snprintf(place, sizeof(place), "/dev/fd/%d", fds[1]);
	struct tl_outbox *outbox = open_outbox(place, TL_OUTBOX_WAIT, 4096);
	struct tl_stream *stream = open_stream(outbox, "eth0");
	assert_false(tl_outbox_reader_gone(outbox));
	close(fds[0]);
	wait_for_error(stream, -EPIPE, &pushed);
	assert_true(tl_outbox_reader_gone(outbox));
	assert_int_equal(tl_outbox_close(outbox, DEADLINE_NS, &counts), -EPIPE);
	assert_false(counts.broken);
	assert_int_equal(counts.sent_events + counts.dropped_events, pushed);
	assert_int_equal(counts.assigned_events, pushed);
	assert_books_hold(&counts);
	tl_stream_destroy(stream);
	close(fds[1]);
}

static void full_disk_breaks_the_hop_and_all_is_counted(void **state)
{
	(void)state;
	struct tl_outbox *outbox = open_outbox("/dev/full", TL_OUTBOX_WAIT, 4096);
	struct tl_stream *stream = open_stream(outbox, "eth0");
	struct tl_outbox_counts counts;
	uint64_t pushed = 0;

	wait_for_error(stream, -ENOSPC, &pushed);
	assert_false(tl_outbox_reader_gone(outbox));
	assert_int_equal(push(stream, 5, true), -ENOSPC);
	assert_int_equal(tl_outbox_close(outbox, DEADLINE_NS, &counts), -ENOSPC);
	assert_true(counts.broken);
	assert_int_equal(counts.sent_events, 0);
	assert_int_equal(counts.dropped_events, pushed + 5);
	tl_stream_destroy(stream);
}

/* --- a journal ------------------------------------------------------------------------ */

enum { TICKETS = 64 };

struct notes {
	unsigned int put, sent, dropped;
	unsigned int times[TICKETS + 1]; /* done, by ticket */
};

static uint64_t note_put(void *context, const struct tl_msg *msg)
{
	struct notes *notes = context;

	assert_true(msg->len > 0);
	return ++notes->put;
}

static void note_done(void *context, uint64_t ticket, bool was_sent)
{
	struct notes *notes = context;

	assert_in_range(ticket, 1, TICKETS);
	notes->times[ticket]++;
	*(was_sent ? &notes->sent : &notes->dropped) += 1;
}

static void journal_is_told_of_every_batch_once(void **state)
{
	(void)state;
	struct notes notes = {0};
	const struct tl_journal journal = {note_put, note_done, &notes};
	struct tl_outbox *outbox = open_outbox(file_place, TL_OUTBOX_WAIT, 1 << 20);
	struct tl_stream_config config = {
		.outbox = outbox, .source = "test", .iface = "eth0", .journal = &journal};
	struct tl_stream *stream = 0;

	assert_int_equal(tl_stream_create(&stream, &config), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(push(stream, 3, i == 19), 0);
	}
	assert_int_equal(tl_outbox_close(outbox, DEADLINE_NS, 0), 0);
	assert_int_equal(notes.put, 20);
	assert_int_equal(notes.sent, 20);
	for (int ticket = 1; ticket <= 20; ticket++) {
		assert_int_equal(notes.times[ticket], 1);
	}
	tl_stream_destroy(stream);
}

static void journal_is_told_of_dropped_batches_but_not_of_those_left_over(void **state)
{
	(void)state;
	struct notes notes = {0};
	const struct tl_journal journal = {note_put, note_done, &notes};
	/* Nobody listens there: the window fills, then the oldest go. */
	struct tl_outbox *outbox = open_outbox(socket_place, TL_OUTBOX_DROP_OLDEST, 4096);
	struct tl_stream_config config = {
		.outbox = outbox, .source = "test", .iface = "eth0", .journal = &journal};
	struct tl_stream *stream = 0;
	struct tl_outbox_counts counts;

	assert_int_equal(tl_stream_create(&stream, &config), 0);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(push(stream, 3, false), 0);
	}
	unsigned int dropped = notes.dropped;
	assert_true(dropped > 0);
	assert_int_equal(tl_outbox_close(outbox, TL_MS_NS, &counts), -ETIMEDOUT);
	assert_int_equal(notes.put, 40);
	assert_int_equal(notes.sent, 0);
	assert_int_equal(notes.dropped, dropped);
	assert_int_equal(counts.dropped_batches, 40);
	tl_stream_destroy(stream);
}

/* --- forwarding ---------------------------------------------------------------------- */

static void batch_of_somebody_else_passes_unchanged(void **state)
{
	(void)state;
	struct tl_outbox *outbox = open_outbox(file_place, TL_OUTBOX_WAIT, 4096);
	struct tl_batch_head head = {.after = 90,
				     .first = 100,
				     .source = TL_STR("s"),
				     .host = TL_STR("h"),
				     .iface = TL_STR("i")};
	struct tl_batch_writer w;
	struct tl_msg *msg;
	struct tl_hop_in *in;
	static const struct tl_hop_config config = {0};
	uint8_t copy[4096];

	tl_batch_init(&w, tl_event_shapes());
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	size_t len = msg->len;
	memcpy(copy, msg->data, len);
	assert_int_equal(tl_outbox_forward(outbox, msg, 0), 0);
	assert_int_equal(tl_outbox_close(outbox, DEADLINE_NS, 0), 0);
	assert_int_equal(tl_hop_open_in(&in, file_place, &config), 0);
	assert_int_equal(tl_hop_recv(in, &msg, DEADLINE_NS), 1);
	assert_int_equal(msg->len, len);
	assert_memory_equal(msg->data, copy, len);
	tl_msg_free(msg);
	tl_hop_close_in(in);
}

/* Nothing follows it that could declare its loss. */
static void end_of_a_stream_is_not_dropped_for_others(void **state)
{
	(void)state;
	struct tl_outbox *outbox = open_outbox(socket_place, TL_OUTBOX_DROP_OLDEST, 3000);
	struct tl_stream *a = open_stream(outbox, "a");
	struct tl_stream *b = open_stream(outbox, "b");
	struct books books;
	pthread_t thread;

	push(a, 5, false);
	push(a, 3, true);
	for (int i = 0; i < 20; i++) {
		push(b, 10, i == 19);
	}
	open_books(&books, socket_place, 2);
	assert_int_equal(pthread_create(&thread, 0, keep_books, &books), 0);
	assert_int_equal(tl_outbox_close(outbox, DEADLINE_NS, 0), 0);
	pthread_join(thread, 0);
	close_books(&books);
	assert_int_equal(books.errors, 0);
	assert_int_equal(books.ended, 2);
	tl_stream_destroy(a);
	tl_stream_destroy(b);
}

static void streams_have_ids_of_their_own(void **state)
{
	(void)state;
	struct tl_outbox *outbox = open_outbox(file_place, TL_OUTBOX_WAIT, 4096);
	struct tl_stream *streams[STREAMS];

	for (int i = 0; i < STREAMS; i++) {
		streams[i] = open_stream(outbox, "eth0");
		push(streams[i], 5, true);
	}
	assert_int_equal(tl_outbox_close(outbox, DEADLINE_NS, 0), 0);
	struct books b = books_of_file();
	assert_int_equal(b.errors, 0);
	for (int i = 0; i < STREAMS; i++) {
		assert_int_equal(b.books[i].events, 5);
		tl_stream_destroy(streams[i]);
	}
	assert_int_equal(tl_outbox_close(0, 0, 0), 0);
	tl_stream_destroy(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_pushed_arrive_in_order_and_numbered),
		cmocka_unit_test(stream_fed_by_threads_has_no_gap),
		cmocka_unit_test(event_that_could_not_be_kept_is_declared),
		cmocka_unit_test(full_window_drops_the_oldest_and_declares_it),
		cmocka_unit_test(slow_reader_gets_books_that_balance),
		cmocka_unit_test(close_with_nobody_there_gives_up_and_counts),
		cmocka_unit_test(reader_that_has_gone_is_told_to_the_producer),
		cmocka_unit_test(full_disk_breaks_the_hop_and_all_is_counted),
		cmocka_unit_test(batch_of_somebody_else_passes_unchanged),
		cmocka_unit_test(journal_is_told_of_every_batch_once),
		cmocka_unit_test(journal_is_told_of_dropped_batches_but_not_of_those_left_over),
		cmocka_unit_test(end_of_a_stream_is_not_dropped_for_others),
		cmocka_unit_test(streams_have_ids_of_their_own),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
