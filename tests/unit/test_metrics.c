/* SPDX-License-Identifier: BSD-2-Clause */
/* common/metrics: reports, written and read; and how a tool sends them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/metrics.h"
#include "../../common/wire.h"

#define DEADLINE_NS (20 * TL_SECOND_NS)
#define TICK_NS	    (5 * TL_MS_NS)

enum { ROUNDS = 300 };

static uint8_t bytes[TL_METRICS_MAX_REPORT];
static struct tl_report report;
static char folder[256];

static int setup(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");

	srandom(7);
	snprintf(folder, sizeof(folder), "%s/tl-metrics-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* --- a report of anything -------------------------------------------------------------- */

enum { TABLE_MAX = 12, SAMPLES = 40 };

struct sample {
	unsigned int index;
	struct tl_metric_value value;
	char text[TL_METRICS_MAX_LABELS][24];
	const char *labels[TL_METRICS_MAX_LABELS];
};

struct made {
	char names[TABLE_MAX][64];
	char helps[TABLE_MAX][64];
	struct tl_metric table[TABLE_MAX];
	unsigned int table_count;
	struct tl_report_head head;
	struct sample samples[SAMPLES];
	unsigned int sample_count;
	size_t len;
};

static uint64_t any_number(void)
{
	uint64_t wide = (uint64_t)random() << 33 ^ (uint64_t)random() << 16 ^ (uint64_t)random();

	return wide >> random() % 64;
}

static void any_text(char *to, size_t room)
{
	static const char *const pieces[] = {"a", "eth0", "\"", "\\", "ä", "日", "{", " ", "=", ""};

	to[0] = '\0';
	for (long n = random() % 5; n > 0; n--) {
		const char *piece = pieces[random() % 10];
		if (strlen(to) + strlen(piece) < room) {
			strcat(to, piece);
		}
	}
}

static void make_table(struct made *made)
{
	static const char *const units[] = {"", "packets", "bytes", "seconds"};
	static const char *const labels[] = {"iface", "reason", "class", "sink"};

	made->table_count = (unsigned int)random() % (TABLE_MAX + 1);
	for (unsigned int i = 0; i < made->table_count; i++) {
		const char *unit = units[random() % 4];
		snprintf(made->names[i], sizeof(made->names[i]), "m%u%s%s", i, unit[0] ? "_" : "",
			 unit);
		any_text(made->helps[i], sizeof(made->helps[i]));
		made->table[i] = (struct tl_metric){
			.name = made->names[i],
			.unit = unit,
			.type = (enum tl_metric_type)(random() % 2),
			.help = made->helps[i],
		};
		for (long k = random() % (TL_METRICS_MAX_LABELS + 1); k > 0; k--) {
			made->table[i].labels[k - 1] = labels[k - 1];
		}
	}
}

static struct tl_metric_value any_value(enum tl_metric_type type)
{
	struct tl_metric_value value = {.number = any_number()};

	if (random() % 3 == 0) {
		value = (struct tl_metric_value){.kind = TL_METRIC_REAL,
						 .real = (double)any_number() / 7.0};
	} else if (type == TL_METRIC_GAUGE && random() % 2) {
		value = (struct tl_metric_value){.kind = TL_METRIC_INT,
						 .negative = -1 - (int64_t)(any_number() >> 2)};
	}
	return value;
}

static void make_samples(struct made *made)
{
	made->sample_count = made->table_count ? (unsigned int)random() % SAMPLES : 0;
	for (unsigned int i = 0; i < made->sample_count; i++) {
		struct sample *s = &made->samples[i];
		s->index = (unsigned int)random() % made->table_count;
		s->value = any_value(made->table[s->index].type);
		for (unsigned int k = 0; k < TL_METRICS_MAX_LABELS; k++) {
			any_text(s->text[k], sizeof(s->text[k]));
			s->labels[k] = s->text[k];
		}
	}
}

static void make_head(struct made *made)
{
	made->head = (struct tl_report_head){
		.tool = TL_STR("tool"),
		.version = TL_STR("1.2"),
		.instance = TL_STR("tool-1-2"),
		.host = TL_STR("host"),
		.place = TL_STR("ipc:///x"),
		.engine = random() % 2 ? TL_STR("xdp-flowd") : TL_STR(""),
		.mode = TL_STR("native"),
		.pid = any_number(),
		.start_ns = (uint64_t)random() * TL_SECOND_NS + (uint64_t)random() % TL_SECOND_NS,
		.time_ns = (uint64_t)random() * TL_SECOND_NS + 999999999,
		.seq = any_number(),
		.cpu_seconds = (double)any_number() / 1000,
		.resident_bytes = any_number(),
		.closing = random() % 2,
		.iface_count = (uint32_t)random() % 3,
		.ifaces = {TL_STR("eth0"), TL_STR("eth1")},
	};
}

static void make(struct made *made)
{
	struct tl_report_writer w;

	memset(made, 0, sizeof(*made));
	make_head(made);
	make_table(made);
	make_samples(made);
	assert_int_equal(tl_report_begin(&w, bytes, sizeof(bytes), &made->head, made->table,
					 made->table_count),
			 0);
	for (unsigned int i = 0; i < made->sample_count; i++) {
		tl_report_add(&w, made->samples[i].index, made->samples[i].value,
			      made->samples[i].labels);
	}
	made->len = tl_report_finish(&w);
}

static bool is(struct tl_str text, const char *expected)
{
	return tl_str_eq(text, tl_str_of(expected));
}

static void same_head(const struct tl_report_head *a, const struct tl_report_head *b)
{
	assert_true(tl_str_eq(a->tool, b->tool) && tl_str_eq(a->version, b->version));
	assert_true(tl_str_eq(a->instance, b->instance) && tl_str_eq(a->host, b->host));
	assert_true(tl_str_eq(a->place, b->place) && tl_str_eq(a->engine, b->engine));
	assert_true(tl_str_eq(a->mode, b->mode));
	assert_true(a->pid == b->pid && a->start_ns == b->start_ns && a->time_ns == b->time_ns);
	assert_true(a->seq == b->seq && a->resident_bytes == b->resident_bytes);
	assert_true(a->cpu_seconds == b->cpu_seconds);
	assert_int_equal(a->closing, b->closing);
	assert_int_equal(a->iface_count, b->iface_count);
	for (uint32_t i = 0; i < a->iface_count; i++) {
		assert_true(tl_str_eq(a->ifaces[i], b->ifaces[i]));
	}
}

static void same_metric(const struct tl_metric_view *a, const struct tl_metric *b)
{
	unsigned int labels = 0;

	assert_true(is(a->name, b->name) && is(a->unit, b->unit) && is(a->help, b->help));
	assert_int_equal(a->type, b->type);
	while (labels < TL_METRICS_MAX_LABELS && b->labels[labels]) {
		assert_true(is(a->labels[labels], b->labels[labels]));
		labels++;
	}
	assert_int_equal(a->label_count, labels);
}

static void same_sample(const struct tl_metric_sample *a, const struct sample *b)
{
	assert_int_equal(a->metric, b->index);
	assert_int_equal(a->value.kind, b->value.kind);
	assert_true(a->value.number == b->value.number); /* the bits of any of the three */
	for (uint32_t k = 0; k < report.metrics[a->metric].label_count; k++) {
		assert_true(is(a->labels[k], b->labels[k]));
	}
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	static struct made made;
	const char *reason;

	for (int i = 0; i < ROUNDS; i++) {
		make(&made);
		assert_int_equal(tl_report_read(bytes, made.len, &report, &reason), 0);
		same_head(&report.head, &made.head);
		assert_int_equal(report.metric_count, made.table_count);
		for (unsigned int k = 0; k < made.table_count; k++) {
			same_metric(&report.metrics[k], &made.table[k]);
		}
		assert_int_equal(report.sample_count, made.sample_count);
		for (unsigned int k = 0; k < made.sample_count; k++) {
			same_sample(&report.samples[k], &made.samples[k]);
		}
		assert_int_equal(report.cut, 0);
	}
}

static void a_report_is_framed_like_a_batch(void **state)
{
	(void)state;
	static struct made made;
	struct tl_wire_reader *reader;
	struct tl_batch batch;

	make(&made);
	assert_int_equal(tl_wire_peek(bytes, made.len), (int)made.len);
	assert_int_equal(tl_wire_reader_create(&reader), 0);
	assert_true(tl_wire_read(reader, bytes, made.len, &batch, 0) < 0);
	tl_wire_reader_destroy(reader);
}

/* --- strangers' bytes ------------------------------------------------------------------ */

/* In memory of exactly that size, so that a sanitizer sees what lies behind. */
static int read_copy(size_t len, const char **reason)
{
	uint8_t *copy = malloc(len ? len : 1);
	memcpy(copy, bytes, len);
	int err = tl_report_read(copy, len, &report, reason);
	free(copy);
	return err;
}

static void truncated_report_is_refused(void **state)
{
	(void)state;
	static struct made made;
	const char *reason;

	for (int i = 0; i < 20; i++) {
		make(&made);
		for (size_t len = 0; len < made.len; len++) {
			reason = 0;
			assert_true(read_copy(len, &reason) < 0);
			assert_non_null(reason);
		}
		bytes[made.len] = 0xc0;
		assert_int_equal(read_copy(made.len + 1, &reason), -EBADMSG);
	}
}

static void damaged_report_is_bounded(void **state)
{
	(void)state;
	static struct made made;

	for (int i = 0; i < 20 * ROUNDS; i++) {
		make(&made);
		for (long n = random() % 4; n >= 0; n--) {
			bytes[(size_t)random() % made.len] = (uint8_t)random();
		}
		if (read_copy(made.len, 0) == 0) {
			assert_true(report.sample_count <= TL_METRICS_MAX_SAMPLES);
			assert_true(report.metric_count <= TL_METRICS_MAX_METRICS);
		}
	}
}

static void random_bytes_are_refused(void **state)
{
	(void)state;

	for (int i = 0; i < 20 * ROUNDS; i++) {
		size_t len = (size_t)random() % 200;
		for (size_t k = 0; k < len; k++) {
			bytes[k] = (uint8_t)random();
		}
		assert_true(read_copy(len, 0) < 0);
	}
}

/* A report by hand: what a stranger may write and we never do. */
struct hand {
	const char *what;
	const char *metrics; /* bytes after the key, and how many */
	size_t metrics_len;
	const char *samples;
	size_t samples_len;
	int expected;
};

#define BYTES(text) (text), sizeof(text) - 1
#define M1                                                                                         \
	"\x91\x95\xa1m\xa0\xa7"                                                                    \
	"counter\xa0\x90"
#define MG "\x91\x95\xa1m\xa0\xa5gauge\xa0\x90"

static const struct hand hands[] = {
	{"good", BYTES(M1), BYTES("\x91\x92\x00\x05"), 0},
	{"negative gauge", BYTES(MG), BYTES("\x91\x92\x00\xff"), 0},
	{"negative counter", BYTES(M1), BYTES("\x91\x92\x00\xff"), -EBADMSG},
	{"NaN", BYTES(MG), BYTES("\x91\x92\x00\xca\x7f\xc0\x00\x00"), -EBADMSG},
	{"infinite", BYTES(MG), BYTES("\x91\x92\x00\xca\x7f\x80\x00\x00"), -EBADMSG},
	{"a text for a value", BYTES(MG), BYTES("\x91\x92\x00\xa1x"), -EBADMSG},
	{"no such metric", BYTES(M1), BYTES("\x91\x92\x01\x05"), -EBADMSG},
	{"a label too many", BYTES(M1), BYTES("\x91\x93\x00\x05\xa1x"), -EBADMSG},
	{"no value", BYTES(M1), BYTES("\x91\x91\x00"), -EBADMSG},
	{"a metric twice",
	 BYTES("\x92\x95\xa1m\xa0\xa5gauge\xa0\x90\x95\xa1m\xa0\xa5gauge\xa0\x90"), BYTES("\x90"),
	 -EBADMSG},
	{"capital in a name", BYTES("\x91\x95\xa1M\xa0\xa5gauge\xa0\x90"), BYTES("\x90"), -EBADMSG},
	{"empty name", BYTES("\x91\x95\xa0\xa0\xa5gauge\xa0\x90"), BYTES("\x90"), -EBADMSG},
	{"name without its unit",
	 BYTES("\x91\x95\xa1m\xa5"
	       "bytes\xa5gauge\xa0\x90"),
	 BYTES("\x90"), -EBADMSG},
	{"name in _total", BYTES("\x91\x95\xa7m_total\xa0\xa5gauge\xa0\x90"), BYTES("\x90"),
	 -EBADMSG},
	{"no such type", BYTES("\x91\x95\xa1m\xa0\xa5giant\xa0\x90"), BYTES("\x90"), -EBADMSG},
	{"a label twice", BYTES("\x91\x95\xa1m\xa0\xa5gauge\xa0\x92\xa1x\xa1x"), BYTES("\x90"),
	 -EBADMSG},
	{"five labels", BYTES("\x91\x95\xa1m\xa0\xa5gauge\xa0\x95\xa1x\xa1y\xa1z\xa1u\xa1v"),
	 BYTES("\x90"), -E2BIG},
	{"129 metrics", BYTES("\xdc\x00\x81"), BYTES(""),
	 -EBADMSG /* the cursor cannot hold them */},
	{"newline in help", BYTES("\x91\x95\xa1m\xa0\xa5gauge\xa1\n\x90"), BYTES("\x90"), -EBADMSG},
	{"help that is no UTF-8", BYTES("\x91\x95\xa1m\xa0\xa5gauge\xa1\xff\x90"), BYTES("\x90"),
	 -EBADMSG},
};

static size_t write_hand(const struct hand *hand, bool samples_first)
{
	uint8_t *p = tl_mp_put_map(bytes, 6);

	p = tl_mp_put_uint(tl_mp_put_str(p, TL_STR("v")), 1);
	p = tl_mp_put_byte(tl_mp_put_str(p, TL_STR("size")), TL_MP_U32);
	uint8_t *size = p;
	p = tl_mp_put_str(tl_mp_put_str(p + 4, TL_STR("tool")), TL_STR("t"));
	p = tl_mp_put_str(tl_mp_put_str(p, TL_STR("instance")), TL_STR("t-1"));
	for (int i = 0; i < 2; i++) {
		bool samples = (i == 1) != samples_first;
		p = tl_mp_put_str(p, samples ? TL_STR("samples") : TL_STR("metrics"));
		memcpy(p, samples ? hand->samples : hand->metrics,
		       samples ? hand->samples_len : hand->metrics_len);
		p += samples ? hand->samples_len : hand->metrics_len;
	}
	tl_mp_put_be32(size, (uint32_t)(p - bytes));
	return (size_t)(p - bytes);
}

static void what_breaks_a_rule_is_refused(void **state)
{
	(void)state;

	for (size_t i = 0; i < sizeof(hands) / sizeof(hands[0]); i++) {
		int err = read_copy(write_hand(&hands[i], false), 0);
		if (err != hands[i].expected) {
			fail_msg("%s: %d", hands[i].what, err);
		}
	}
	assert_int_equal(read_copy(write_hand(&hands[0], true), 0), -EBADMSG);
}

/* A head of three keys and then `pairs` more, whatever they are. */
static size_t write_more(uint8_t pairs, const void *more, size_t len)
{
	uint8_t *p = tl_mp_put_map(bytes, 3u + pairs);

	p = tl_mp_put_uint(tl_mp_put_str(p, TL_STR("v")), 1);
	p = tl_mp_put_byte(tl_mp_put_str(p, TL_STR("size")), TL_MP_U32);
	uint8_t *size = p;
	p = tl_mp_put_str(tl_mp_put_str(p + 4, TL_STR("tool")), TL_STR("t"));
	memcpy(p, more, len);
	p += len;
	tl_mp_put_be32(size, (uint32_t)(p - bytes));
	return (size_t)(p - bytes);
}

static void what_is_too_much_is_refused(void **state)
{
	(void)state;
	uint8_t more[1000];
	char text[TL_METRICS_MAX_TEXT + 1];

	memset(text, 'x', sizeof(text));
	for (uint32_t over = 0; over < 2; over++) {
		struct tl_str value = {text, TL_METRICS_MAX_TEXT + over};
		uint8_t *p = tl_mp_put_str(more, TL_STR("instance"));
		p = tl_mp_put_str(p, value);
		assert_int_equal(read_copy(write_more(1, more, (size_t)(p - more)), 0),
				 over ? -E2BIG : 0);
	}
	static const char twice[] = "\xa8instance\xa1i\xa8instance\xa1i";
	assert_int_equal(read_copy(write_more(2, twice, sizeof(twice) - 1), 0), -EBADMSG);
	static const char behind[] = "\xa8instance\xa1i\xc0";
	assert_int_equal(read_copy(write_more(1, behind, sizeof(behind) - 2), 0), 0);
	assert_int_equal(read_copy(write_more(1, behind, sizeof(behind) - 1), 0), -EBADMSG);
	static const char unknown[] = "\xa8instance\xa1i\xa3new\x92\x01\xc0";
	assert_int_equal(read_copy(write_more(2, unknown, sizeof(unknown) - 1), 0), 0);
	static const char nameless[] = "\xa8instance\xa0";
	assert_int_equal(read_copy(write_more(1, nameless, sizeof(nameless) - 1), 0), -EBADMSG);
}

/* --- the writer's limits --------------------------------------------------------------- */

static const struct tl_metric one[] = {
	{"sent_events", "events", TL_METRIC_COUNTER, "Events sent", {"sink"}},
	{"fill_ratio", "ratio", TL_METRIC_GAUGE, "How full", {0}},
};

static struct tl_report_writer begin_one(void)
{
	const struct tl_report_head head = {.tool = TL_STR("t"), .instance = TL_STR("t-1")};
	struct tl_report_writer w;

	assert_int_equal(tl_report_begin(&w, bytes, sizeof(bytes), &head, one, 2), 0);
	return w;
}

static void what_does_not_fit_is_counted_as_cut(void **state)
{
	(void)state;
	struct tl_report_writer w = begin_one();
	char text[200];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < TL_METRICS_MAX_SAMPLES + 7; i++) {
		tl_report_add(&w, 0, (struct tl_metric_value){.number = 1}, TL_LABELS(text));
	}
	size_t len = tl_report_finish(&w);
	assert_int_equal(tl_report_read(bytes, len, &report, 0), 0);
	assert_int_equal(report.sample_count + report.cut, TL_METRICS_MAX_SAMPLES + 7);
	assert_true(report.sample_count > 500);
	assert_int_equal(report.samples[0].labels[0].len, TL_METRICS_MAX_TEXT);
}

static void what_may_not_be_told_is_counted_as_cut(void **state)
{
	(void)state;
	struct tl_report_writer w = begin_one();
	const struct tl_metric_value nan = {.kind = TL_METRIC_REAL, .real = (double)NAN};
	const struct tl_metric_value minus = {.kind = TL_METRIC_INT, .negative = -1};

	tl_report_add(&w, 1, nan, 0);
	tl_report_add(&w, 0, minus, TL_LABELS("a"));
	tl_report_add(&w, 0, (struct tl_metric_value){.number = 1}, 0); /* its label is missing */
	tl_report_add(&w, 2, (struct tl_metric_value){.number = 1}, 0);
	tl_report_add(&w, 1, minus, 0);
	size_t len = tl_report_finish(&w);
	assert_int_equal(tl_report_read(bytes, len, &report, 0), 0);
	assert_int_equal(report.cut, 4);
	assert_int_equal(report.sample_count, 1);
}

static void labels_that_are_no_text_become_text(void **state)
{
	(void)state;
	struct tl_report_writer w = begin_one();

	tl_report_add(&w, 0, (struct tl_metric_value){.number = 1},
		      TL_LABELS("a\n\xff\xc3\xa4\x7f"));
	size_t len = tl_report_finish(&w);
	assert_int_equal(tl_report_read(bytes, len, &report, 0), 0);
	assert_true(is(report.samples[0].labels[0], "a??\xc3\xa4?"));
}

static void table_that_breaks_a_rule_is_refused(void **state)
{
	(void)state;
	static const struct tl_metric bad[] = {
		{"sent", "events", TL_METRIC_COUNTER, "", {0}},
		{"Sent", "", TL_METRIC_COUNTER, "", {0}},
		{"sent_total", "", TL_METRIC_COUNTER, "", {0}},
		{"sent", "", TL_METRIC_COUNTER, "", {"a b"}},
	};
	const struct tl_report_head head = {.tool = TL_STR("t"), .instance = TL_STR("t-1")};
	struct tl_report_writer w;

	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(tl_report_begin(&w, bytes, sizeof(bytes), &head, &bad[i], 1),
				 -EINVAL);
	}
	assert_int_equal(tl_report_begin(&w, bytes, 600, &head, one, 2), -ENOSPC);
}

/* --- sending --------------------------------------------------------------------------- */

static unsigned int gathered;

static void gather(void *context, struct tl_metrics *metrics)
{
	(void)context;
	tl_metrics_add(metrics, 0, ++gathered, TL_LABELS("file:x"));
	tl_metrics_add_real(metrics, 1, 0.5, 0);
}

static struct tl_metrics_config config_of(const char *url)
{
	return (struct tl_metrics_config){
		.url = url,
		.tool = "test",
		.place = "eth0",
		.engine = "afp-capd",
		.table = one,
		.table_count = 2,
		.gather = gather,
	};
}

static const char *url(void)
{
	static char text[300];
	snprintf(text, sizeof(text), "ipc://%s/stats", folder);
	return text;
}

/* The next report; ticks meanwhile. */
static void receive(struct tl_hop_in *in, struct tl_metrics *metrics)
{
	uint64_t deadline = tl_clock_mono_ns() + DEADLINE_NS;
	struct tl_msg *msg = 0;

	while (tl_hop_recv(in, &msg, TICK_NS) != 1) {
		assert_true(tl_clock_mono_ns() < deadline);
		tl_metrics_tick(metrics);
	}
	assert_true(msg->len <= sizeof(bytes));
	memcpy(bytes, msg->data, msg->len);
	assert_int_equal(tl_report_read(bytes, msg->len, &report, 0), 0);
	tl_msg_free(msg);
}

static void tool_sends_reports_and_a_closing_one(void **state)
{
	(void)state;
	static const struct tl_hop_config hop = {.no_acks = true};
	struct tl_metrics_config config = config_of(url());
	struct tl_metrics *metrics;
	struct tl_hop_in *in;

	assert_int_equal(tl_hop_open_in(&in, url(), &hop), 0);
	assert_int_equal(tl_metrics_open(&metrics, &config), 0);
	receive(in, metrics);
	assert_true(is(report.head.tool, "test") && is(report.head.place, "eth0"));
	assert_true(is(report.head.engine, "afp-capd") && is(report.head.mode, ""));
	assert_int_equal(report.head.pid, getpid());
	assert_false(report.head.closing);
	assert_true(report.head.resident_bytes > 100000);
	assert_int_equal(report.sample_count, 2);
	char instance[200];
	snprintf(instance, sizeof(instance), "%.*s", (int)report.head.instance.len,
		 report.head.instance.ptr);
	tl_metrics_set_mode(metrics, "fanout");
	tl_metrics_close(metrics);
	do {
		receive(in, 0);
	} while (!report.head.closing);
	assert_true(is(report.head.instance, instance) && is(report.head.mode, "fanout"));
	tl_hop_close_in(in);
}

static void nobody_listening_costs_nothing(void **state)
{
	(void)state;
	struct tl_metrics_config config = config_of(url());
	struct tl_metrics *metrics;
	unsigned int before = gathered;

	assert_int_equal(tl_metrics_open(&metrics, &config), 0);
	for (int i = 0; i < 100; i++) {
		tl_metrics_tick(metrics);
	}
	assert_true(tl_metrics_due(metrics) > tl_clock_mono_ns());
	tl_metrics_close(metrics);
	assert_int_equal(gathered, before);
}

/* However late it is asked, the next is due within a period, at the same beat. */
static void late_tick_keeps_the_beat(void **state)
{
	(void)state;
	enum { PERIOD_NS = 1000003 };
	struct tl_metrics_config config = config_of(url());
	struct tl_metrics *metrics;

	config.period_ns = PERIOD_NS;
	assert_int_equal(tl_metrics_open(&metrics, &config), 0);
	uint64_t first = tl_metrics_due(metrics);
	for (unsigned int i = 0; i < 20; i++) {
		const struct timespec pause = {.tv_nsec = (long)(i * 300000)};
		nanosleep(&pause, 0);
		tl_metrics_tick(metrics);
		uint64_t after = tl_clock_mono_ns();
		assert_int_equal((tl_metrics_due(metrics) - first) % PERIOD_NS, 0);
		assert_true(tl_metrics_due(metrics) <= after + PERIOD_NS);
	}
	tl_metrics_close(metrics);
}

static void capmetrics_that_comes_later_is_told(void **state)
{
	(void)state;
	static const struct tl_hop_config hop = {.no_acks = true};
	struct tl_metrics_config config = config_of(url());
	struct tl_metrics *metrics;
	struct tl_hop_in *in;

	assert_int_equal(tl_metrics_open(&metrics, &config), 0);
	tl_metrics_tick(metrics);
	for (int i = 0; i < 2; i++) { /* and one that comes back */
		assert_int_equal(tl_hop_open_in(&in, url(), &hop), 0);
		receive(in, metrics);
		tl_hop_close_in(in);
	}
	tl_metrics_close(metrics);
}

/* It accepts and never reads: what finds no place is dropped, and the tool goes on. */
static void capmetrics_that_hangs_stops_nobody(void **state)
{
	(void)state;
	enum { TICKS = 2000 };
	static const struct tl_hop_config hop = {.no_acks = true};
	struct tl_metrics_config config = config_of(url());
	struct tl_metrics *metrics;
	struct tl_hop_in *in;
	struct tl_msg *msg;
	unsigned int before = gathered;
	unsigned int arrived = 0;

	config.period_ns = 1;
	assert_int_equal(tl_hop_open_in(&in, url(), &hop), 0);
	assert_int_equal(tl_metrics_open(&metrics, &config), 0);
	uint64_t deadline = tl_clock_mono_ns() + DEADLINE_NS;
	while (gathered - before < TICKS) {
		tl_metrics_tick(metrics);
		assert_true(tl_clock_mono_ns() < deadline);
	}
	tl_metrics_close(metrics);
	while (tl_hop_recv(in, &msg, TICK_NS) == 1) {
		arrived++;
		tl_msg_free(msg);
	}
	assert_true(arrived > 0 && arrived < TICKS);
	tl_hop_close_in(in);
}

static void without_a_url_nothing_happens(void **state)
{
	(void)state;
	struct tl_metrics_config config = config_of(0);
	struct tl_metrics *metrics;

	assert_int_equal(tl_metrics_open(&metrics, &config), 0);
	assert_null(metrics);
	tl_metrics_tick(metrics);
	assert_true(tl_metrics_due(metrics) == UINT64_MAX);
	tl_metrics_close(metrics);
	config.url = "stats.sock";
	assert_int_equal(tl_metrics_open(&metrics, &config), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_report_is_framed_like_a_batch),
		cmocka_unit_test(truncated_report_is_refused),
		cmocka_unit_test(damaged_report_is_bounded),
		cmocka_unit_test(random_bytes_are_refused),
		cmocka_unit_test(what_breaks_a_rule_is_refused),
		cmocka_unit_test(what_is_too_much_is_refused),
		cmocka_unit_test(what_does_not_fit_is_counted_as_cut),
		cmocka_unit_test(what_may_not_be_told_is_counted_as_cut),
		cmocka_unit_test(labels_that_are_no_text_become_text),
		cmocka_unit_test(table_that_breaks_a_rule_is_refused),
		cmocka_unit_test(tool_sends_reports_and_a_closing_one),
		cmocka_unit_test(nobody_listening_costs_nothing),
		cmocka_unit_test(late_tick_keeps_the_beat),
		cmocka_unit_test(capmetrics_that_comes_later_is_told),
		cmocka_unit_test(capmetrics_that_hangs_stops_nobody),
		cmocka_unit_test(without_a_url_nothing_happens),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
