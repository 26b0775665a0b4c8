/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * common/outbox where several things happen at once, or in an order that a healthy
 * pipeline does not show: each of these was wrong once.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/event.h"
#include "../../common/outbox_private.h"
#include "../../common/run.h"

#define DEADLINE_NS (20 * TL_SECOND_NS)
#define SOON_NS	    (10 * TL_SECOND_NS) /* well before the timer of 30 s */

static char folder[256];
static char url[300];
static char file[300];
static atomic_int sync_fails; /* the next so many times */

/* In the place of libc's: a disk that fails once, and then forgets it, as Linux does. */
int fdatasync(int fd)
{
	(void)fd;
	if (atomic_load(&sync_fails) > 0) {
		atomic_fetch_sub(&sync_fails, 1);
		errno = EIO;
		return -1;
	}
	return 0;
}

static int setup(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");

	signal(SIGPIPE, SIG_IGN);
	snprintf(folder, sizeof(folder), "%s/tl-edges-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder)) {
		return -1;
	}
	snprintf(url, sizeof(url), "ipc://%s/socket", folder);
	snprintf(file, sizeof(file), "%s/file", folder);
	return 0;
}

static int teardown(void **state)
{
	char path[320];

	(void)state;
	snprintf(path, sizeof(path), "%s/socket.ack", folder);
	unlink(path);
	unlink(url + strlen("ipc://"));
	unlink(file);
	return rmdir(folder);
}

/* --- batches -------------------------------------------------------------------------- */

struct run {
	uint8_t stream;
	uint64_t first;
	uint32_t count;
	bool end;
};

static struct tl_msg *make(const struct run *run)
{
	struct tl_batch_head head = {.after = run->first,
				     .first = run->first,
				     .end = run->end,
				     .source = TL_STR("test"),
				     .host = TL_STR("host"),
				     .iface = TL_STR("eth0")};
	struct tl_flow flow = {.key.proto = 17, .packets = 1};
	struct tl_batch_writer w;
	struct tl_msg *msg;
	unsigned int shape;

	memset(head.stream, 0x5a, sizeof(head.stream));
	head.stream[0] = run->stream;
	tl_batch_init(&w, tl_event_shapes());
	for (uint32_t i = 0; i < run->count; i++) {
		uint8_t *p = tl_batch_reserve(&w, TL_FLOW_EVENT_MAX);
		assert_non_null(p);
		uint32_t len =
			tl_flow_event_encode(p, &flow, TL_FLOW_START, TL_END_NONE, i, &shape);
		tl_batch_commit(&w, shape, len);
	}
	assert_int_equal(tl_batch_finish(&w, &head, &msg), 0);
	return msg;
}

static void forward(struct tl_outbox *outbox, struct run run)
{
	assert_int_equal(tl_outbox_forward(outbox, make(&run), run.count), 0);
}

/* The same of another of many streams. */
static struct tl_msg *make_of(unsigned int stream)
{
	const struct run run = {.count = 1};
	struct tl_msg *msg = make(&run);
	uint8_t *at = memmem(msg->data, msg->len, "\xc4\x10", 2);

	assert_non_null(at);
	at[3] = (uint8_t)(stream >> 8);
	at[4] = (uint8_t)stream;
	return msg;
}

static struct tl_outbox *open_outbox(const struct tl_outbox_config *config)
{
	struct tl_outbox *outbox;

	assert_int_equal(tl_outbox_open(&outbox, config), 0);
	return outbox;
}

/* --- a consumer ----------------------------------------------------------------------- */

static struct tl_hop_in *consumer(bool acks)
{
	const struct tl_hop_config config = {.no_acks = !acks};
	struct tl_hop_in *in;

	assert_int_equal(tl_hop_open_in(&in, url, &config), 0);
	return in;
}

/* The head of the next batch, and what follows it. */
static bool next_batch(struct tl_hop_in *in, struct tl_batch_head *head, uint64_t timeout_ns)
{
	struct tl_msg *msg;

	if (tl_hop_recv(in, &msg, timeout_ns) != 1) {
		return false;
	}
	assert_true(tl_wire_head_is_ours(msg->data, msg->len));
	tl_wire_get_head(msg->data, head);
	tl_msg_free(msg);
	return true;
}

static void tell(struct tl_hop_in *in, uint8_t stream, uint64_t safe, uint64_t got,
		 uint64_t instance, uint32_t flags)
{
	struct tl_ack ack = {.safe = safe, .got = got, .instance = instance, .flags = flags};

	memset(ack.stream, 0x5a, sizeof(ack.stream));
	ack.stream[0] = stream;
	tl_hop_publish(in, &ack, 1);
}

static bool in_time(uint64_t start_ns, uint64_t most_ns)
{
	usleep(2000);
	return tl_clock_mono_ns() - start_ns < most_ns;
}

/* Tells it again and again, as a consumer does, until no batch is held. */
static bool all_freed(struct tl_outbox *outbox, struct tl_hop_in *in, uint8_t stream, uint64_t safe)
{
	uint64_t start = tl_clock_mono_ns();

	while (tl_outbox_counts(outbox).held_batches > 0 && in_time(start, DEADLINE_NS)) {
		tell(in, stream, safe, safe, 1, 0);
	}
	return tl_outbox_counts(outbox).held_batches == 0;
}

/* --- tests ---------------------------------------------------------------------------- */

/* A writer's batch has room for 256 KiB, and the window counts what is in it. */
static void small_batches_take_no_more_memory_than_the_window_says(void **state)
{
	(void)state;
	const struct tl_outbox_config config = {.places = {url}, .window = 1 << 20};
	struct tl_outbox *o = open_outbox(&config);
	uint64_t capacity = 0;

	for (unsigned int i = 0; i < 100; i++) {
		forward(o, (struct run){.first = i, .count = 1});
	}
	pthread_mutex_lock(&o->lock);
	for (struct tl_held *h = o->head; h; h = h->next) {
		capacity += h->item.msg->capacity;
	}
	pthread_mutex_unlock(&o->lock);
	assert_true(capacity <= 2 * o->held_bytes);
	tl_outbox_close(o, 0, 0);
}

/* One of many streams is freed whole by the ack of a consumer that is another run. */
static void stream_is_not_forgotten_while_its_ack_is_heard(void **state)
{
	(void)state;
	enum { STREAMS = 1200 };
	const struct tl_outbox_config config = {.places = {url}, .window = 64 << 20};
	struct tl_outbox *o = open_outbox(&config);
	struct tl_hop_in *in = consumer(true);
	struct tl_batch_head head;

	for (unsigned int i = 0; i < STREAMS; i++) {
		assert_int_equal(tl_outbox_forward(o, make_of(i), 1), 0);
	}
	for (unsigned int i = 0; i < STREAMS; i++) {
		assert_true(next_batch(in, &head, DEADLINE_NS));
	}
	struct tl_ack ack = {.instance = 1};
	memset(ack.stream, 0x5a, sizeof(ack.stream));
	ack.stream[0] = ack.stream[1] = ack.stream[2] = 0;
	uint64_t start = tl_clock_mono_ns();
	while (tl_outbox_counts(o).held_batches == STREAMS && in_time(start, DEADLINE_NS)) {
		ack.instance++;
		ack.safe = ack.got = ack.instance > 3;
		tl_hop_publish(in, &ack, 1);
	}
	assert_int_equal(tl_outbox_counts(o).held_batches, STREAMS - 1);
	tl_outbox_close(o, 0, 0);
	tl_hop_close_in(in);
}

/* Streams that are over are forgotten, also while one that came before them is not. */
static void streams_that_are_over_are_forgotten(void **state)
{
	(void)state;
	const struct tl_outbox_config config = {
		.places = {file}, .window = 64 << 20, .policy = TL_OUTBOX_WAIT};
	struct tl_outbox *o = open_outbox(&config);

	forward(o, (struct run){.count = 1});
	uint64_t start = tl_clock_mono_ns();
	while (tl_outbox_counts(o).held_batches > 0 && in_time(start, DEADLINE_NS)) {
	}
	pthread_mutex_lock(&o->lock);
	((struct tl_outbox_stream *)o->streams.oldest)->released = true;
	pthread_mutex_unlock(&o->lock);
	for (unsigned int i = 0; i < 5000; i++) {
		assert_int_equal(tl_outbox_forward(o, make_of(i), 1), 0);
	}
	pthread_mutex_lock(&o->lock);
	size_t streams = o->streams.count;
	pthread_mutex_unlock(&o->lock);
	assert_in_range(streams, 1, 2000);
	assert_int_equal(tl_outbox_close(o, DEADLINE_NS, 0), 0);
}

static bool has_lost_its_connection(struct tl_outbox *o)
{
	pthread_mutex_lock(&o->lock);
	bool has = o->lanes[0].losses > 0;
	pthread_mutex_unlock(&o->lock);
	return has;
}

static bool hears_acks(struct tl_outbox *o)
{
	pthread_mutex_lock(&o->lock);
	bool hears = o->lanes[0].acks_up;
	pthread_mutex_unlock(&o->lock);
	return hears;
}

/* All is safe and the consumer has gone: nothing is on its way. */
static void closing_does_not_wait_for_a_consumer_that_has_everything(void **state)
{
	(void)state;
	const struct tl_outbox_config config = {.places = {url}, .window = 1 << 20};
	struct tl_outbox *o = open_outbox(&config);
	struct tl_hop_in *in = consumer(true);
	struct tl_batch_head head;

	forward(o, (struct run){.count = 1, .end = true});
	assert_true(next_batch(in, &head, DEADLINE_NS));
	assert_true(all_freed(o, in, 0, 2));
	tl_hop_close_in(in);
	uint64_t start = tl_clock_mono_ns();
	while (!has_lost_its_connection(o) && in_time(start, DEADLINE_NS)) {
	}
	start = tl_clock_mono_ns();
	assert_int_equal(tl_outbox_close(o, DEADLINE_NS, 0), 0);
	assert_true(tl_clock_mono_ns() - start < SOON_NS);
}

static bool has_gone_back(struct tl_outbox *o)
{
	pthread_mutex_lock(&o->lock);
	bool has = o->head->sent == 0;
	pthread_mutex_unlock(&o->lock);
	return has;
}

/* What was being sent when a refusal came is sent again with what was sent before it. */
static void batch_on_its_way_goes_back_too(void **state)
{
	(void)state;
	enum { MOST = 64, EVENTS = 1500 };
	const struct tl_outbox_config config = {.places = {url}, .window = 64 << 20};
	struct tl_outbox *o = open_outbox(&config);
	struct tl_hop_in *in = consumer(true);
	struct tl_batch_head head;

	for (unsigned int i = 0; i < MOST; i++) {
		forward(o, (struct run){.first = (uint64_t)i * EVENTS, .count = EVENTS});
	}
	/* Until the socket takes no more: then one of them waits in the sending thread. */
	uint64_t sent = 0;
	uint64_t still_ns = tl_clock_mono_ns();
	while (in_time(still_ns, TL_SECOND_NS)) {
		uint64_t now = tl_outbox_counts(o).sent_batches;
		still_ns = now != sent ? tl_clock_mono_ns() : still_ns;
		sent = now;
	}
	assert_in_range(sent, 1, MOST - 2);
	tell(in, 0, 0, 0, 1, TL_ACK_REFUSED);
	while (!has_gone_back(o) && in_time(still_ns, DEADLINE_NS)) {
	}
	unsigned int first_came = 0;
	bool came = false;
	uint64_t start = tl_clock_mono_ns();
	while (!came && tl_clock_mono_ns() - start < SOON_NS) {
		if (next_batch(in, &head, TL_SECOND_NS)) {
			first_came += head.first == 0;
			came = first_came == 2 && head.first == sent * EVENTS;
		}
	}
	assert_int_equal(first_came, 2);
	assert_true(came);
	tl_outbox_close(o, 0, 0);
	tl_hop_close_in(in);
}

/* By the rules of any consumer; what it takes is safe at once. */
static uint64_t take_by_the_rules(struct tl_hop_in *in, struct tl_intake *intake,
				  uint32_t events_each)
{
	struct tl_batch_head head;
	struct tl_ack acks[4];
	uint64_t taken = 0;

	if (next_batch(in, &head, 10 * TL_MS_NS)) {
		uint64_t next = tl_run_next(&head, events_each);
		struct tl_intake_verdict v =
			tl_intake_look(intake, &head, next, tl_clock_mono_ns());
		if (v.kind == TL_INTAKE_TAKE) {
			tl_intake_took(intake, head.stream, next, tl_clock_mono_ns());
			tl_intake_all_safe(intake);
			taken = events_each;
		}
	}
	size_t count = tl_intake_report(intake, tl_clock_mono_ns(), acks, 4);
	tl_hop_publish(in, acks, count);
	return taken;
}

/* What was never here is declared where it is missed, though another place has nothing yet. */
static void gaps_do_not_wait_for_a_place_that_is_not_there(void **state)
{
	(void)state;
	enum { RUNS = 4, EVENTS = 10 };
	char nobody[320];

	snprintf(nobody, sizeof(nobody), "%s.nobody", url);
	const struct tl_outbox_config config = {.places = {url, nobody}, .window = 1 << 20};
	struct tl_outbox *o = open_outbox(&config);
	struct tl_hop_in *in = consumer(true);
	struct tl_intake *intake;
	uint64_t taken = 0;

	assert_int_equal(tl_intake_create(&intake), 0);
	for (unsigned int i = 0; i < RUNS; i++) {
		forward(o, (struct run){.first = 20 * i, .count = EVENTS});
	}
	uint64_t start = tl_clock_mono_ns();
	while (taken < RUNS * EVENTS && tl_clock_mono_ns() - start < SOON_NS) {
		taken += take_by_the_rules(in, intake, EVENTS);
	}
	assert_int_equal(taken, RUNS * EVENTS);
	tl_outbox_close(o, 0, 0);
	tl_hop_close_in(in);
	tl_intake_destroy(intake);
}

/* --- where acks are made -------------------------------------------------------------- */

static atomic_uint_fast64_t told_safe;

static void note_acked(void *context, unsigned int place, const struct tl_ack *acks, size_t count)
{
	(void)context;
	(void)place;
	for (size_t i = 0; i < count; i++) {
		if (acks[i].safe > atomic_load(&told_safe)) {
			atomic_store(&told_safe, acks[i].safe);
		}
	}
}

static struct tl_outbox *open_gate(const char *place)
{
	const struct tl_outbox_config config = {
		.places = {place}, .window = 1 << 20, .acked = note_acked};

	atomic_store(&told_safe, 0);
	return open_outbox(&config);
}

/* After a failed sync the next one succeeds, and what was written is gone all the same. */
static void file_that_failed_to_sync_is_never_told_safe(void **state)
{
	(void)state;
	struct tl_outbox_counts counts;

	atomic_store(&sync_fails, 1);
	struct tl_outbox *o = open_gate(file);
	forward(o, (struct run){.count = 3});
	uint64_t start = tl_clock_mono_ns();
	while (atomic_load(&told_safe) == 0 && in_time(start, TL_SECOND_NS)) {
	}
	assert_int_equal(atomic_load(&told_safe), 0);
	assert_int_equal(tl_outbox_close(o, DEADLINE_NS, &counts), -EIO);
	assert_true(counts.broken);
	atomic_store(&sync_fails, 0);
}

/* A key we do not know, behind the iface: such a batch is not divided. */
static struct tl_msg *with_unknown_key(struct tl_msg *msg, const char *before)
{
	static const uint8_t key[] = {0xa1, 'x', 1};
	struct tl_msg *longer = tl_msg_new(msg->len + sizeof(key));

	assert_non_null(longer);
	memcpy(longer->memory, msg->data, msg->len);
	uint8_t *at = memmem(longer->memory, msg->len, before, strlen(before));
	assert_non_null(at);
	memmove(at + sizeof(key), at, msg->len - (size_t)(at - longer->memory));
	memcpy(at, key, sizeof(key));
	longer->memory[0]++;
	longer->len = msg->len + sizeof(key);
	tl_wire_set_size(longer->memory, (uint32_t)longer->len);
	tl_msg_free(msg);
	return longer;
}

static void batch_that_cannot_be_cut_stays_valid(void **state)
{
	(void)state;
	static const struct tl_hop_config hop = {0};
	struct run overlapping = {.first = 5, .count = 10};
	struct tl_wire_reader *reader;
	struct tl_hop_in *in;
	struct tl_batch batch;
	struct tl_msg *msg;
	unsigned int valid = 0;

	struct tl_outbox *o = open_gate(file);
	forward(o, (struct run){.count = 10});
	assert_int_equal(
		tl_outbox_forward(o, with_unknown_key(make(&overlapping), "\xa6shapes"), 10), 0);
	assert_int_equal(tl_outbox_close(o, DEADLINE_NS, 0), 0);
	assert_int_equal(tl_wire_reader_create(&reader), 0);
	assert_int_equal(tl_hop_open_in(&in, file, &hop), 0);
	while (tl_hop_recv(in, &msg, DEADLINE_NS) == 1) {
		valid += tl_wire_read(reader, msg->data, msg->len, &batch, 0) == 0;
		tl_msg_free(msg);
	}
	assert_int_equal(valid, 2);
	tl_hop_close_in(in);
	tl_wire_reader_destroy(reader);
}

/* `end` is read where we put it: only there. */
static void head_with_a_key_before_its_end_is_not_ours(void **state)
{
	(void)state;
	const struct run run = {.count = 1};
	struct tl_msg *msg = make(&run);

	assert_true(tl_wire_head_is_ours(msg->data, msg->len));
	msg = with_unknown_key(msg, "\xa3"
				    "end");
	assert_false(tl_wire_head_is_ours(msg->data, msg->len));
	tl_msg_free(msg);
}

/* A consumer that does not acknowledge is followed by one that does: its word counts. */
static void consumer_that_can_tell_is_waited_for(void **state)
{
	(void)state;
	const struct tl_outbox_config config = {.places = {url}, .window = 1 << 20};
	struct tl_outbox *o = open_outbox(&config);
	struct tl_hop_in *in = consumer(false);
	struct tl_batch_head head;

	forward(o, (struct run){.count = 1});
	assert_true(next_batch(in, &head, DEADLINE_NS));
	uint64_t start = tl_clock_mono_ns();
	while (tl_outbox_counts(o).held_batches > 0 && in_time(start, DEADLINE_NS)) {
	}
	assert_int_equal(tl_outbox_counts(o).held_batches, 0);
	tl_hop_close_in(in);
	in = consumer(true);
	start = tl_clock_mono_ns();
	while (!hears_acks(o) && in_time(start, DEADLINE_NS)) {
	}
	forward(o, (struct run){.first = 1, .count = 1});
	assert_true(next_batch(in, &head, DEADLINE_NS));
	start = tl_clock_mono_ns();
	while (tl_outbox_counts(o).held_batches > 0 && in_time(start, TL_SECOND_NS / 2)) {
	}
	assert_int_equal(tl_outbox_counts(o).held_batches, 1);
	tl_outbox_close(o, 0, 0);
	tl_hop_close_in(in);
}

/* Where acks should be somebody listens for something else, for a while. */
static void acks_are_heard_after_a_stranger_was_there(void **state)
{
	(void)state;
	const struct tl_hop_config hop = {.no_acks = true};
	const struct tl_outbox_config config = {.places = {url}, .window = 1 << 20};
	char ack_url[320];
	struct tl_hop_in *stranger;

	snprintf(ack_url, sizeof(ack_url), "%s.ack", url);
	assert_int_equal(tl_hop_open_in(&stranger, ack_url, &hop), 0);
	struct tl_outbox *o = open_outbox(&config);
	usleep(500000);
	tl_hop_close_in(stranger);
	struct tl_hop_in *in = consumer(true);
	uint64_t start = tl_clock_mono_ns();
	while (!hears_acks(o) && in_time(start, SOON_NS)) {
	}
	assert_true(hears_acks(o));
	tl_outbox_close(o, 0, 0);
	tl_hop_close_in(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_batches_take_no_more_memory_than_the_window_says),
		cmocka_unit_test(stream_is_not_forgotten_while_its_ack_is_heard),
		cmocka_unit_test(streams_that_are_over_are_forgotten),
		cmocka_unit_test(closing_does_not_wait_for_a_consumer_that_has_everything),
		cmocka_unit_test(batch_on_its_way_goes_back_too),
		cmocka_unit_test(gaps_do_not_wait_for_a_place_that_is_not_there),
		cmocka_unit_test(file_that_failed_to_sync_is_never_told_safe),
		cmocka_unit_test(batch_that_cannot_be_cut_stays_valid),
		cmocka_unit_test(head_with_a_key_before_its_end_is_not_ours),
		cmocka_unit_test(consumer_that_can_tell_is_waited_for),
		cmocka_unit_test(acks_are_heard_after_a_stranger_was_there),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
