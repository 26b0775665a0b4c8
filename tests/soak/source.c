/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source: numbered events whose bytes follow from the stream's key and their
 * number, so that what became of each can be told at the far end (e2e/oracle.py
 * has the same function). A producer like any other: common/outbox delivers.
 *
 * On stdout, a line a stream at the start (its key is its interface's name) and
 * at the end:
 *   stream KEY
 *   numbers KEY N LOST    used up, and of these never given to the outbox
 *   outbox dropped=N unconfirmed=N resent=N batches sent=N events
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "clock.h"
#include "exit.h"
#include "hop.h"
#include "log.h"
#include "opt.h"
#include "outbox.h"
#include "service.h"

enum { STREAMS_MAX = 16, PAD_MAX = 255, TEXT_LEN = 32 };

#define FIRST_TS_NS 1700000000000000000ull

struct options {
	struct tl_opt_list outputs;
	uint64_t count; /* of each stream */
	uint64_t streams;
	uint64_t batch; /* events, at most */
	uint64_t rate;	/* events a second, of all; 0 = as fast as it goes */
	uint64_t window;
	uint64_t lose; /* one number of so many is used up for nothing; 0 = none */
	uint64_t pad;
	uint64_t seed;
	unsigned int policy;
	bool no_acks;
	uint64_t ready_fd;
};

#define FIELD(name) offsetof(struct options, name)

static const char *const policies[] = {"wait", "drop", 0};

static const struct tl_opt opts[] = {
	{'o', "output", TL_OPT_LIST, FIELD(outputs), "PLACE", "URL, file or -; repeatable", 0, 0, 0,
	 0},
	{'c', "count", TL_OPT_NUMBER, FIELD(count), "N", "events of each stream (20000)", 1, 0, 0,
	 0},
	{0, "streams", TL_OPT_NUMBER, FIELD(streams), "N", "streams, interleaved (1)", 1,
	 STREAMS_MAX, 0, 0},
	{0, "batch", TL_OPT_NUMBER, FIELD(batch), "N", "events of a batch, at most (200)", 1,
	 TL_WIRE_MAX_EVENTS, 0, 0},
	{0, "rate", TL_OPT_NUMBER, FIELD(rate), "N", "events a second (0: no limit)", 0, 0, 0, 0},
	{0, "window", TL_OPT_SIZE, FIELD(window), "SIZE", "of the outbox (16M)", 1, 0, 0, 0},
	{0, "lose", TL_OPT_NUMBER, FIELD(lose), "N", "lose one number of N (0: none)", 0, 0, 0, 0},
	{0, "pad", TL_OPT_NUMBER, FIELD(pad), "N", "bytes of padding, at most (16)", 0, PAD_MAX, 0,
	 0},
	{0, "seed", TL_OPT_NUMBER, FIELD(seed), "N", "of keys and batch sizes (0)", 0, 0, 0, 0},
	{0, "policy", TL_OPT_CHOICE, FIELD(policy), "POLICY", "window full: wait or drop (wait)", 0,
	 0, policies, 0},
	{0, "no-acks", TL_OPT_FLAG, FIELD(no_acks), 0, "hear no acknowledgements", 0, 0, 0, 0},
	TL_OPT_ROW_READY_FD(FIELD(ready_fd)),
	{0},
};

static const struct tl_program program = {
	.name = "source",
	.summary = "numbered events of which each can be recognised",
	.opts = opts,
};

struct feed {
	uint64_t key;
	uint64_t lost;
	struct tl_stream *stream;
	struct tl_batch_writer writer;
};

struct source {
	const struct options *options;
	uint64_t random;
	uint64_t begin_ns;
	uint64_t made; /* events, of all streams */
	struct tl_shapes *shapes;
	unsigned int ids[2];
	struct tl_outbox *outbox;
	struct feed feeds[STREAMS_MAX];
};

/* splitmix64 */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static uint64_t random_below(struct source *s, uint64_t limit)
{
	s->random = mix(s->random);
	return s->random % limit;
}

/* [shape, time, n, check, pad]: all of it follows from key and number. */
static uint32_t encode(const struct source *s, uint8_t *at, uint64_t key, uint64_t number,
		       unsigned int *shape)
{
	uint64_t check = mix(key ^ mix(number));
	uint8_t pad = (uint8_t)((check >> 56) % (s->options->pad + 1));
	uint8_t *p = at;

	*shape = s->ids[check & 1];
	p = tl_mp_put_byte(p, 0x95);
	p = tl_mp_put_uint(p, *shape);
	p = tl_mp_put_time(p, FIRST_TS_NS + number * 1000 + (check & 0x1ff));
	p = tl_mp_put_uint(p, number);
	p = tl_mp_put_u64(p, check);
	p = tl_mp_put_byte(tl_mp_put_byte(p, TL_MP_BIN8), pad);
	memset(p, (int)(check & 0xff), pad);
	return (uint32_t)(p + pad - at);
}

/* --- open ----------------------------------------------------------------- */

static int make_shapes(struct source *s)
{
	static const struct tl_str names[] = {{"n", 1}, {"check", 5}, {"pad", 3}};
	int err = tl_shapes_create(&s->shapes);

	for (unsigned int i = 0; err == 0 && i < 2; i++) {
		struct tl_str type = i == 0 ? TL_STR("tick") : TL_STR("tock");
		int id = tl_shapes_intern(s->shapes, type, names, 3, 0, 0);
		err = id < 0 ? id : 0;
		s->ids[i] = (unsigned int)id;
	}
	return err;
}

static int open_feed(struct source *s, struct feed *feed, unsigned int index)
{
	char name[TEXT_LEN];

	feed->key = mix(s->options->seed * STREAMS_MAX + index);
	snprintf(name, sizeof(name), "%016" PRIx64, feed->key);
	const struct tl_stream_config config = {
		.outbox = s->outbox, .source = "source", .iface = name, .host = "soak"};
	tl_batch_init(&feed->writer, s->shapes);
	printf("stream %s\n", name);
	return tl_stream_create(&feed->stream, &config);
}

static int source_open(struct source *s)
{
	const struct options *o = s->options;
	struct tl_outbox_config config = {
		.policy = o->policy == 0 ? TL_OUTBOX_WAIT : TL_OUTBOX_DROP_OLDEST,
		.window = o->window,
		.hop = {.no_acks = o->no_acks},
	};
	int err = tl_outbox_set_places(&config, &o->outputs);

	err = err < 0 ? err : make_shapes(s);
	err = err < 0 ? err : tl_outbox_open(&s->outbox, &config);
	for (unsigned int i = 0; err == 0 && i < o->streams; i++) {
		err = open_feed(s, &s->feeds[i], i);
	}
	fflush(stdout);
	s->begin_ns = tl_clock_mono_ns();
	return err;
}

/* --- run ------------------------------------------------------------------ */

static void keep_pace(const struct source *s)
{
	if (s->options->rate == 0) {
		return;
	}
	uint64_t due = s->begin_ns + s->made * TL_SECOND_NS / s->options->rate;
	uint64_t now = tl_clock_mono_ns();
	if (due > now) {
		tl_service_wait(due - now);
	}
}

static int fill(const struct source *s, struct feed *feed, uint64_t number)
{
	uint8_t *at = tl_batch_reserve(&feed->writer, PAD_MAX + 64);
	unsigned int shape;

	if (!at) {
		return -ENOMEM;
	}
	uint32_t len = encode(s, at, feed->key, number, &shape);
	tl_batch_commit(&feed->writer, shape, len);
	return 0;
}

/* A batch of random size of one stream; perhaps a loss before it. */
static int step(struct source *s, struct feed *feed)
{
	uint64_t next = tl_stream_next(feed->stream);
	uint64_t left = s->options->count - next;
	uint64_t size = 1 + random_below(s, s->options->batch);
	int err = 0;

	if (left > 1 && s->options->lose > 0 && random_below(s, s->options->lose) < size) {
		tl_stream_lose(feed->stream, 1);
		feed->lost++;
		next++;
		left--;
	}
	size = size < left ? size : left;
	for (uint64_t i = 0; i < size && err == 0; i++) {
		err = fill(s, feed, next + i);
	}
	s->made += size;
	if (err == 0) {
		err = tl_stream_push(feed->stream, &feed->writer, size == left);
	}
	keep_pace(s);
	return err;
}

static int run(struct source *s)
{
	unsigned int open = (unsigned int)s->options->streams;
	int err = 0;

	while (err == 0 && open > 0 && !tl_service_stopping()) {
		open = 0;
		for (unsigned int i = 0; i < s->options->streams && err == 0; i++) {
			struct feed *feed = &s->feeds[i];
			if (tl_stream_next(feed->stream) < s->options->count) {
				err = step(s, feed);
				open++;
			}
		}
	}
	return err;
}

/* --- close ---------------------------------------------------------------- */

static int source_close(struct source *s)
{
	struct tl_outbox_counts c = {0};

	for (unsigned int i = 0; i < s->options->streams && s->feeds[i].stream; i++) {
		const struct feed *feed = &s->feeds[i];
		printf("numbers %016" PRIx64 " %" PRIu64 " %" PRIu64 "\n", feed->key,
		       tl_stream_next(feed->stream), feed->lost);
	}
	int err = tl_outbox_close(s->outbox, UINT64_MAX, &c);
	printf("outbox dropped=%" PRIu64 " unconfirmed=%" PRIu64 " resent=%" PRIu64 " sent=%" PRIu64
	       "\n",
	       c.dropped_events + c.unheard_events, c.unconfirmed_events, c.resent_batches,
	       c.sent_events);
	for (unsigned int i = 0; i < s->options->streams; i++) {
		tl_stream_destroy(s->feeds[i].stream);
		tl_batch_fini(&s->feeds[i].writer);
	}
	tl_shapes_destroy(s->shapes);
	return err;
}

int main(int argc, char **argv)
{
	struct options options = {
		.count = 20000, .streams = 1, .batch = 200, .window = TL_OUTBOX_WINDOW, .pad = 16};
	struct source source = {.options = &options};
	int first = tl_opt_parse(&program, argc, argv, &options);

	if (first <= 0 || first < argc) {
		return first == 0 ? TL_EXIT_OK : TL_EXIT_USAGE;
	}
	source.random = mix(options.seed + 1);
	if (tl_service_open() < 0) {
		return TL_EXIT_FAILED;
	}
	int err = source_open(&source);
	if (err == 0) {
		tl_service_ready((int)options.ready_fd);
		err = run(&source);
	}
	int close_err = source_close(&source);
	return err < 0 || close_err < 0 ? TL_EXIT_FAILED : TL_EXIT_OK;
}
