/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * common/outbox against a consumer that acknowledges, is killed, forgets, and
 * comes back. The property: what the producer was let go of is in the sink, or
 * declared lost there, each number exactly once.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/event.h"
#include "../../common/intake.h"
#include "../../common/outbox.h"
#include "../../common/run.h"

#define DEADLINE_NS (60 * TL_SECOND_NS)

enum { NUMBERS = 1 << 16 };

static char folder[256];
static char url[300];
static char file[300];

/* What survives the consumer: where its batches are durable. */
struct sink {
	uint8_t have[NUMBERS];
	uint8_t lost[NUMBERS]; /* declared */
	uint64_t next;	       /* of the last durable run */
	uint64_t duplicates;
	bool ended;
};

struct consumer {
	struct sink *sink;
	struct tl_hop_in *in;
	struct tl_intake *intake;
	struct tl_wire_reader *reader;
	uint8_t stream[TL_WIRE_STREAM_LEN];
	atomic_uint *consumed;
	unsigned int lag; /* batches held before they are durable */
	unsigned int held_count;
	struct tl_msg *held[8];
};

struct producer {
	enum tl_outbox_policy policy;
	uint64_t window;
	unsigned int batches;
	bool also_file;
	uint64_t patience_ns; /* 0 = DEADLINE_NS */
	uint64_t numbers;
	int result;
	struct tl_outbox_counts counts;
	atomic_bool closed;
};

/* What the processes of a round share. */
struct round {
	struct sink sink;
	struct producer producer;
	uint8_t stream[TL_WIRE_STREAM_LEN];
	atomic_uint consumed;
};

static struct round *shared;

static int setup(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");

	signal(SIGPIPE, SIG_IGN);
	srandom(11);
	snprintf(folder, sizeof(folder), "%s/tl-acks-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder)) {
		return -1;
	}
	snprintf(url, sizeof(url), "ipc://%s/socket", folder);
	snprintf(file, sizeof(file), "%s/file", folder);
	shared =
		mmap(0, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
	char path[320];

	(void)state;
	snprintf(path, sizeof(path), "%s/socket.ack", folder);
	unlink(path);
	unlink(url + strlen("ipc://"));
	return rmdir(folder);
}

/* --- the consumer --------------------------------------------------------------------- */

static void start(struct consumer *c, struct sink *sink, unsigned int lag, bool remembers)
{
	static const struct tl_hop_config config = {0};
	uint8_t stream[TL_WIRE_STREAM_LEN];

	memcpy(stream, c->stream, sizeof(stream));
	*c = (struct consumer){.sink = sink, .lag = lag};
	memcpy(c->stream, stream, sizeof(stream));
	assert_int_equal(tl_intake_create(&c->intake), 0);
	assert_int_equal(tl_wire_reader_create(&c->reader), 0);
	if (remembers && sink->next > 0) {
		tl_intake_found(c->intake, stream, sink->next);
	}
	assert_int_equal(tl_hop_open_in(&c->in, url, &config), 0);
}

static void make_durable(struct consumer *c, const struct tl_batch *b)
{
	struct sink *s = c->sink;

	for (uint64_t n = b->head.after; n < b->head.first; n++) {
		s->lost[n] = 1;
	}
	for (uint32_t i = 0; i < b->event_count; i++) {
		s->duplicates += s->have[b->head.first + i];
		s->have[b->head.first + i] = 1;
	}
	s->ended = s->ended || b->head.end;
	s->next = tl_run_next(&b->head, b->event_count);
	tl_intake_safe(c->intake, b->head.stream, s->next);
}

static void settle_oldest(struct consumer *c)
{
	struct tl_batch batch;
	struct tl_msg *msg = c->held[0];

	assert_int_equal(tl_wire_read(c->reader, msg->data, msg->len, &batch, 0), 0);
	make_durable(c, &batch);
	tl_msg_free(msg);
	memmove(c->held, c->held + 1, --c->held_count * sizeof(c->held[0]));
}

static void consume(struct consumer *c, struct tl_msg *msg)
{
	struct tl_batch b;

	assert_int_equal(tl_wire_read(c->reader, msg->data, msg->len, &b, 0), 0);
	uint64_t next = tl_run_next(&b.head, b.event_count);
	struct tl_intake_verdict v = tl_intake_look(c->intake, &b.head, next, tl_clock_mono_ns());
	memcpy(c->stream, b.head.stream, sizeof(c->stream));
	/* The producer cuts its runs once: they never overlap in part. */
	assert_int_not_equal(v.kind, TL_INTAKE_CUT);
	if (v.kind != TL_INTAKE_TAKE) {
		tl_msg_free(msg);
		return;
	}
	tl_wire_set_after(msg->data, v.after);
	tl_intake_took(c->intake, b.head.stream, next, tl_clock_mono_ns());
	c->held[c->held_count++] = msg;
	while (c->held_count > c->lag) {
		settle_oldest(c);
	}
}

/* One message, or none for a moment: then all is made durable. */
static void step(struct consumer *c, bool tells)
{
	struct tl_ack acks[16];
	struct tl_msg *msg;
	int got = tl_hop_recv(c->in, &msg, 5 * TL_MS_NS);

	if (got == 1) {
		consume(c, msg);
		(*c->consumed)++;
	}
	while (got != 1 && c->held_count > 0) {
		settle_oldest(c);
	}
	size_t count = tl_intake_report(c->intake, tl_clock_mono_ns(), acks, 16);
	if (tells) {
		tl_hop_publish(c->in, acks, count);
	}
}

/* --- the producer --------------------------------------------------------------------- */

static void push(struct tl_stream *stream, uint32_t count, bool end)
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
	tl_stream_push(stream, &w, end);
	tl_batch_fini(&w);
}

static void produce(struct producer *p)
{
	struct tl_outbox_config config = {
		.places = {url}, .policy = p->policy, .window = p->window};
	struct tl_stream_config stream_config = {.source = "test", .iface = "eth0"};
	struct tl_outbox *outbox;
	struct tl_stream *stream;
	unsigned int seed = 5;

	config.places[1] = p->also_file ? file : 0;
	assert_int_equal(tl_outbox_open(&outbox, &config), 0);
	stream_config.outbox = outbox;
	assert_int_equal(tl_stream_create(&stream, &stream_config), 0);
	for (unsigned int i = 0; i < p->batches; i++) {
		push(stream, 1 + (uint32_t)rand_r(&seed) % 30, false);
		if (p->policy == TL_OUTBOX_DROP_OLDEST && i % 16 == 0) {
			usleep(1000);
		}
	}
	push(stream, 0, true);
	p->numbers = tl_stream_next(stream);
	uint64_t patience_ns = p->patience_ns ? p->patience_ns : DEADLINE_NS;
	p->result = tl_outbox_close(outbox, patience_ns, &p->counts);
	tl_stream_destroy(stream);
	atomic_store(&p->closed, true);
}

/* --- the rounds ----------------------------------------------------------------------- */

struct faults {
	unsigned int kill_after; /* batches, more or less; 0 = never */
	bool forgets;
	bool deaf; /* acks get lost, three of four */
	bool mute; /* or all */
	unsigned int lag;
};

/* nng lives in children only: it does not survive a fork. */
static pid_t fork_child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	return pid;
}

static pid_t start_producer(void)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		produce(&shared->producer);
		_exit(0);
	}
	return pid;
}

static pid_t start_consumer(const struct faults *faults, unsigned int seed)
{
	struct consumer c = {0};
	pid_t pid = fork_child();

	if (pid > 0) {
		return pid;
	}
	srandom(seed);
	memcpy(c.stream, shared->stream, sizeof(c.stream));
	start(&c, &shared->sink, faults->lag, !faults->forgets);
	c.consumed = &shared->consumed;
	for (;;) {
		step(&c, !faults->mute && (!faults->deaf || random() % 4 == 0));
		memcpy(shared->stream, c.stream, sizeof(c.stream));
	}
}

static void kill_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, 0, 0);
}

/* Until the producer has ended, with consumers killed on the way. */
static void watch(pid_t producer, const struct faults *faults)
{
	uint64_t end = tl_clock_mono_ns() + DEADLINE_NS;
	unsigned int seed = 1;
	pid_t consumer = start_consumer(faults, seed);
	unsigned int due = atomic_load(&shared->consumed) + 1 + (unsigned int)random() % 40;

	while (waitpid(producer, 0, WNOHANG) == 0) {
		assert_true(tl_clock_mono_ns() < end);
		if (faults->kill_after && atomic_load(&shared->consumed) >= due) {
			kill_child(consumer);
			consumer = start_consumer(faults, ++seed);
			due = atomic_load(&shared->consumed) + 1 +
			      (unsigned int)random() % faults->kill_after;
		}
		usleep(200);
	}
	kill_child(consumer);
}

static struct round *run(const struct producer *p, const struct faults *faults)
{
	memset(shared, 0, sizeof(*shared));
	shared->producer = *p;
	watch(start_producer(), faults);
	assert_true(atomic_load(&shared->producer.closed));
	return shared;
}

static void assert_conserved(const struct producer *p, const struct sink *sink, uint64_t *lost)
{
	*lost = 0;
	for (uint64_t n = 0; n < p->numbers; n++) {
		assert_true(sink->have[n] || sink->lost[n]);
		*lost += !sink->have[n];
	}
	assert_true(sink->ended);
}

static void waiting_producer_loses_nothing(void **state)
{
	static const struct faults all[] = {
		{0},
		{.lag = 3},
		{.kill_after = 40},
		{.kill_after = 40, .forgets = true},
		{.kill_after = 40, .lag = 4},
		{.kill_after = 40, .lag = 4, .forgets = true},
		{.kill_after = 60, .lag = 2, .forgets = true, .deaf = true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct producer p = {.policy = TL_OUTBOX_WAIT, .window = 20000, .batches = 400};
		uint64_t lost;
		const struct round *r = run(&p, &all[i]);
		assert_int_equal(r->producer.result, 0);
		assert_conserved(&r->producer, &r->sink, &lost);
		assert_int_equal(lost, 0);
		assert_int_equal(r->producer.counts.dropped_events, 0);
		/* One that is killed may have stored a batch and not yet noted that it did. */
		if (!all[i].kill_after) {
			assert_int_equal(r->sink.duplicates, 0);
		}
		for (uint64_t n = 0; n < r->producer.numbers; n++) {
			assert_int_equal(r->sink.lost[n], 0);
		}
	}
}

static void live_producer_declares_what_it_drops(void **state)
{
	static const struct faults all[] = {
		{.lag = 2},
		{.kill_after = 40},
		{.kill_after = 40, .lag = 4, .forgets = true},
		{.kill_after = 40, .lag = 4, .forgets = true, .deaf = true},
	};
	uint64_t dropped = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct producer p = {
			.policy = TL_OUTBOX_DROP_OLDEST, .window = 12000, .batches = 3000};
		uint64_t lost;
		const struct round *r = run(&p, &all[i]);
		assert_int_equal(r->producer.result, 0);
		assert_conserved(&r->producer, &r->sink, &lost);
		/* What is said to be lost by the producer is at least what the sink lacks. */
		assert_true(lost <=
			    r->producer.counts.dropped_events + r->producer.counts.unheard_events);
		dropped += r->producer.counts.dropped_events;
	}
	assert_true(dropped > 0);
}

static uint64_t file_batches(void)
{
	static const struct tl_hop_config hop = {0};
	struct tl_hop_in *in;
	struct tl_msg *msg;
	uint64_t count = 0;

	assert_int_equal(tl_hop_open_in(&in, file, &hop), 0);
	while (tl_hop_recv(in, &msg, 0) == 1) {
		tl_msg_free(msg);
		count++;
	}
	tl_hop_close_in(in);
	return count;
}

static void several_places_all_get_everything(void **state)
{
	static const struct faults faults = {.lag = 1, .kill_after = 30};
	struct producer p = {
		.policy = TL_OUTBOX_WAIT, .window = 20000, .batches = 200, .also_file = true};
	uint64_t lost;

	(void)state;
	const struct round *r = run(&p, &faults);
	assert_int_equal(r->producer.result, 0);
	assert_conserved(&r->producer, &r->sink, &lost);
	assert_int_equal(lost, 0);
	assert_int_equal(file_batches(), 201);
	unlink(file);
}

static void what_is_not_safe_at_the_end_is_counted(void **state)
{
	static const struct faults faults = {.mute = true};
	struct producer p = {.policy = TL_OUTBOX_WAIT,
			     .window = 1 << 20,
			     .batches = 3,
			     .patience_ns = 3 * TL_SECOND_NS};

	(void)state;
	const struct round *r = run(&p, &faults);
	assert_int_equal(r->producer.result, -ETIMEDOUT);
	assert_true(r->sink.ended);
	assert_int_equal(r->producer.counts.dropped_events, r->producer.numbers);
	assert_int_equal(r->producer.counts.unconfirmed_events, r->producer.numbers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waiting_producer_loses_nothing),
		cmocka_unit_test(live_producer_declares_what_it_drops),
		cmocka_unit_test(several_places_all_get_everything),
		cmocka_unit_test(what_is_not_safe_at_the_end_is_counted),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
