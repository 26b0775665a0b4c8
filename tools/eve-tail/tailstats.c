/* SPDX-License-Identifier: BSD-2-Clause */
#include "tailstats.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "msgpack.h"
#include "outbox_metrics.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

enum { EVENT_MAX = 1024 };

/* The counters, in the order of the event. */
struct figures {
	uint64_t lines, bytes, events, unselected, parse_errors, lost_fields, too_long, cut;
	uint64_t nul_bytes, files, ended, truncated, lost_files, lost_bytes, damaged;
	uint64_t failed_writes, open, waiting, behind_bytes;
};

static const char *const names[] = {
	"lines",	 "bytes",      "events",     "unselected",   "parse_errors",
	"lost_fields",	 "too_long",   "cut",	     "nul_bytes",    "files",
	"ended",	 "truncated",  "lost_files", "lost_bytes",   "damaged",
	"failed_writes", "open_files", "waiting",    "behind_bytes",
};

/* The same for capmetrics, in the same order. */
static const struct tl_metric table[] = {
	TL_OUTBOX_METRIC_ROWS,
	TL_COUNTER("read_lines", "lines", "Lines read"),
	TL_COUNTER("read_bytes", "bytes", "Bytes of them, newlines included"),
	TL_COUNTER("made_events", "events", "Events made of them"),
	TL_COUNTER("unselected_lines", "lines", "Lines of other types than asked for"),
	TL_COUNTER("unparsed_lines", "lines",
		   "Lines that were no JSON object, no UTF-8, or too "
		   "long"),
	TL_COUNTER("lost_fields", "fields", "Fields that did not fit a limit"),
	TL_COUNTER("too_long_lines", "lines", "Lines of which the first bytes were taken"),
	TL_COUNTER("cut_lines", "lines", "Last lines without a newline"),
	TL_COUNTER("nul_bytes", "bytes", "Skipped where a file was truncated under its writer"),
	TL_COUNTER("begun_files", "files", "Files begun, each a stream"),
	TL_COUNTER("ended_files", "files", "Files that were over"),
	TL_COUNTER("truncated_files", "files", "Files that were truncated in place"),
	TL_COUNTER("lost_files", "files", "Files gone before all of them was read, or safe"),
	TL_COUNTER("lost_bytes", "bytes", "Bytes of them, as far as is known"),
	TL_COUNTER("damaged_files", "files",
		   "Compressed files that could not be read to their "
		   "end"),
	TL_COUNTER("failed_writes", "writes", "Times that the checkpoint could not be written"),
	TL_GAUGE("open_files", "files", "Files held open"),
	TL_GAUGE("waiting_files", "files", "Files that wait for another to be closed"),
	TL_GAUGE("behind_bytes", "bytes", "Bytes written and not read yet"),
};

_Static_assert(sizeof(struct figures) == COUNT_OF(names) * sizeof(uint64_t), "a name for each");
_Static_assert(COUNT_OF(table) == TL_OUTBOX_METRICS + COUNT_OF(names), "a metric for each");

struct tailstats {
	struct tail *tail;
	const struct eve *eve;
	struct tl_outbox *outbox;
	struct tl_outbox_counts last; /* when it is closed */
	struct tl_metrics *metrics;
	struct tl_stream *stream;
	struct tl_shapes *shapes;
	struct tl_batch_writer batch;
	uint64_t cpu_ns, asked_ns;
	unsigned int shape;
};

static struct figures figures_of(const struct tailstats *r)
{
	struct tail_counts t = tail_counts(r->tail);
	struct eve_counts e = eve_counts(r->eve);

	return (struct figures){
		.lines = t.lines,
		.bytes = t.bytes,
		.events = e.events,
		.unselected = e.unselected,
		.parse_errors = e.parse_errors,
		.lost_fields = e.lost_fields,
		.too_long = t.too_long,
		.cut = t.cut,
		.nul_bytes = t.nul_bytes,
		.files = t.files,
		.ended = t.ended,
		.truncated = t.truncated,
		.lost_files = t.lost_files,
		.lost_bytes = t.lost_bytes,
		.damaged = t.damaged,
		.failed_writes = t.failed_writes,
		.open = t.open,
		.waiting = t.waiting,
		.behind_bytes = tail_behind_bytes(r->tail),
	};
}

/* Of one core, since it was last asked. */
static double take_cpu_percent(struct tailstats *r)
{
	uint64_t cpu_ns = tl_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	uint64_t now_ns = tl_clock_mono_ns();
	uint64_t passed_ns = now_ns - r->asked_ns;
	double percent = passed_ns ? 100.0 * (double)(cpu_ns - r->cpu_ns) / (double)passed_ns : 0;

	r->cpu_ns = cpu_ns;
	r->asked_ns = now_ns;
	return percent;
}

static uint8_t *encode(uint8_t *p, struct tailstats *r)
{
	struct figures figures = figures_of(r);
	const uint64_t *values = (const uint64_t *)&figures;

	p = tl_mp_put_array(p, 2 + COUNT_OF(names) + 2);
	p = tl_mp_put_uint(p, r->shape);
	p = tl_mp_put_time(p, tl_clock_wall_ns());
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		p = tl_mp_put_uint(p, values[i]);
	}
	p = tl_mp_put_f64(p, take_cpu_percent(r));
	return tl_mp_put_str(p, TL_STR("eve-tail"));
}

int tailstats_send(struct tailstats *r, bool closing)
{
	uint8_t *p = tl_batch_reserve(&r->batch, EVENT_MAX);

	if (!p) {
		tl_stream_lose(r->stream, 1);
	} else {
		tl_batch_commit(&r->batch, r->shape, (uint32_t)(encode(p, r) - p));
	}
	return tl_stream_push(r->stream, &r->batch, closing);
}

void tailstats_print(const struct tailstats *r)
{
	struct figures f = figures_of(r);

	tl_log_note(
		"%llu lines, %llu bytes, %llu events, %llu not selected, %llu no JSON, %llu too "
		"long, %llu bytes not read yet",
		(unsigned long long)f.lines, (unsigned long long)f.bytes,
		(unsigned long long)f.events, (unsigned long long)f.unselected,
		(unsigned long long)f.parse_errors, (unsigned long long)f.too_long,
		(unsigned long long)f.behind_bytes);
	if (f.lost_files > 0) {
		tl_log_warn(
			"%llu files were gone before they were read to their end, with %llu bytes "
			"or more",
			(unsigned long long)f.lost_files, (unsigned long long)f.lost_bytes);
	}
}

/* --- for capmetrics --------------------------------------------------------- */

static void gather(void *context, struct tl_metrics *m)
{
	const struct tailstats *r = context;
	struct figures figures = figures_of(r);
	struct tl_outbox_counts out = r->outbox ? tl_outbox_counts(r->outbox) : r->last;
	const uint64_t *values = (const uint64_t *)&figures;

	tl_outbox_metrics_add(m, &out, 0);
	for (unsigned int i = 0; i < COUNT_OF(names); i++) {
		tl_metrics_add(m, TL_OUTBOX_METRICS + i, values[i], 0);
	}
}

int tailstats_report(struct tailstats *r, const char *url, bool insecure, const char *place)
{
	const struct tl_metrics_config config = {
		.url = url,
		.insecure = insecure,
		.tool = "eve-tail",
		.place = place,
		.engine = "eve-tail",
		.mode = "file",
		.table = table,
		.table_count = COUNT_OF(table),
		.gather = gather,
		.context = r,
	};

	return tl_metrics_open(&r->metrics, &config);
}

int tailstats_print_table(void)
{
	return tl_metrics_print_table(table, COUNT_OF(table));
}

void tailstats_tick(struct tailstats *r)
{
	tl_metrics_tick(r->metrics);
}

void tailstats_close(struct tailstats *r, const struct tl_outbox_counts *counts)
{
	r->last = *counts;
	r->outbox = 0;
	tl_metrics_close(r->metrics);
	r->metrics = 0;
}

/* --- from start to end -------------------------------------------------------- */

static int make_shape(struct tailstats *r)
{
	struct tl_str entities[COUNT_OF(names) + 2];

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		entities[i] = tl_str_of(names[i]);
	}
	entities[COUNT_OF(names)] = TL_STR("cpu_percent");
	entities[COUNT_OF(names) + 1] = TL_STR("engine");
	int id = tl_shapes_intern(r->shapes, TL_STR("tail_stats"), entities, COUNT_OF(entities), 0,
				  0);
	r->shape = id > 0 ? (unsigned int)id : 0;
	return id < 0 ? id : 0;
}

int tailstats_create(struct tailstats **out, struct tail *tail, const struct eve *eve,
		     struct tl_outbox *outbox, const char *places)
{
	struct tailstats *r = calloc(1, sizeof(*r));
	struct tl_stream_config stream = {.outbox = outbox, .source = "eve-tail", .iface = places};

	if (!r) {
		return -ENOMEM;
	}
	r->tail = tail;
	r->eve = eve;
	r->outbox = outbox;
	int err = tl_shapes_create(&r->shapes);
	if (err == 0) {
		err = make_shape(r);
	}
	if (err == 0) {
		err = tl_stream_create(&r->stream, &stream);
	}
	tl_batch_init(&r->batch, r->shapes);
	take_cpu_percent(r);
	if (err < 0) {
		tailstats_destroy(r);
		return err;
	}
	*out = r;
	return 0;
}

void tailstats_destroy(struct tailstats *r)
{
	if (!r) {
		return;
	}
	tl_metrics_close(r->metrics);
	tl_batch_fini(&r->batch);
	tl_stream_destroy(r->stream);
	tl_shapes_destroy(r->shapes);
	free(r);
}
