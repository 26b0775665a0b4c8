/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ns a line of eve_put on a generated mix in memory, one core, batches finished and freed at 256
 * KiB as eve-tail does; and what of it is the first stage of simdjson.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/eve-tail/eve.h"
#include "../../tools/eve-tail/eve_index.h"
#include "evemix.h"
#include "sample.h"

enum { BYTES = 64 << 20 };

struct eve_bench {
	char *text;
	size_t len;
	uint32_t *at; /* where each line starts; one more for the end */
	uint32_t count;
	struct eve *eve;
	struct eve_index *index;
	uint64_t out_bytes;
	uint64_t marks;
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_eve: %s\n", what);
	exit(1);
}

static void generate(struct eve_bench *b)
{
	struct evemix mix;

	b->text = malloc(BYTES + EVEMIX_LINE_MAX + EVE_PADDING);
	b->at = malloc(BYTES / 64 * sizeof(*b->at));
	if (!b->text || !b->at) {
		fail("no memory");
	}
	evemix_init(&mix, 1);
	while (b->len < BYTES) {
		b->at[b->count++] = (uint32_t)b->len;
		b->len += evemix_line(&mix, b->text + b->len);
	}
	b->at[b->count] = (uint32_t)b->len;
}

static void push(struct eve_bench *b, struct tl_batch_writer *w)
{
	struct tl_batch_head head = {
		.source = TL_STR("bench"), .host = TL_STR("h"), .iface = TL_STR("")};
	struct tl_msg *msg;

	if (tl_batch_finish(w, &head, &msg) < 0) {
		fail("batch not finished");
	}
	b->out_bytes += msg->len;
	tl_msg_free(msg);
}

static void put(void *ctx)
{
	struct eve_bench *b = ctx;
	struct tl_batch_writer w;

	b->out_bytes = 0;
	tl_batch_init(&w, eve_shapes(b->eve));
	for (uint32_t i = 0; i < b->count; i++) {
		const char *line = b->text + b->at[i];
		size_t len = b->at[i + 1] - b->at[i] - 1;
		int err = eve_put(b->eve, &w, line, len, len, 0, 0);
		if (err == -ENOSPC) {
			push(b, &w);
			err = eve_put(b->eve, &w, line, len, len, 0, 0);
		}
		if (err < 0) {
			fail("line refused");
		}
	}
	push(b, &w);
}

static void index_only(void *ctx)
{
	struct eve_bench *b = ctx;
	struct eve_marks marks;
	const char *reason;

	b->marks = 0;
	for (uint32_t i = 0; i < b->count; i++) {
		if (eve_index_read(b->index, b->text + b->at[i], b->at[i + 1] - b->at[i] - 1,
				   &marks, &reason) < 0) {
			fail(reason);
		}
		b->marks += marks.count;
	}
}

static void print_rate(const struct eve_bench *b, const char *what, double ns)
{
	printf("%-44s %.2f M events/s, %.0f MB/s\n", what, 1000 / ns,
	       1000 * (double)b->len / b->count / ns);
}

static void bench(struct eve_bench *b, const char *name, struct eve_config config)
{
	if (eve_create(&b->eve, &config) < 0) {
		fail("no memory");
	}
	struct sample_result r = sample_time(name, b->count, put, b);
	print_rate(b, "  median", r.median);
	struct eve_counts counts = eve_counts(b->eve);
	if (counts.parse_errors || counts.lost_fields) {
		fail("lines were not read whole");
	}
	eve_destroy(b->eve);
}

int main(void)
{
	static struct eve_bench b;

	sample_environment("bench_eve: lines of eve.json to events, per line");
	generate(&b);
	if (eve_index_create(&b.index) < 0) {
		fail("no memory");
	}
	index_only(&b);
	printf("%u lines of %.0f bytes, %.0f marks; simdjson's kernel: %s\n", b.count,
	       (double)b.len / b.count, (double)b.marks / b.count, eve_index_kernel());
	sample_time("first stage of simdjson alone", b.count, index_only, &b);
	bench(&b, "eve_put", (struct eve_config){0});
	printf("%-44s %.0f bytes an event\n", "  written", (double)b.out_bytes / b.count);
	bench(&b, "eve_put, raw and community_id",
	      (struct eve_config){.raw = true, .community_id = true});
	bench(&b, "eve_put, types = alert",
	      (struct eve_config){.types = (const char *const[]){"alert", 0}});
	return 0;
}
