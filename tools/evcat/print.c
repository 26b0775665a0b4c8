/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "json.h"
#include "modes.h"
#include "output.h"
#include "select.h"
#include "table.h"

struct printer {
	struct tl_output out;
	struct select *select;
	struct tl_json *json; /* 0 = text */
	uint64_t left;	      /* events still wanted */
};

enum tl_exit mode_exit(int err, const struct input_counts *counts)
{
	bool damaged = input_report(counts);

	if (err < 0 || damaged) {
		return TL_EXIT_FAILED;
	}
	return counts->unopened_places > 0 ? TL_EXIT_USAGE : TL_EXIT_OK;
}

static int print_event(struct printer *p, const struct tl_batch_head *head,
		       const struct tl_event *event)
{
	int err = p->json ? tl_json_event(p->json, &p->out.text, head, event)
			  : table_row(&p->out.text, head, event);

	if (err < 0) {
		return err;
	}
	return --p->left == 0 ? EVCAT_DONE : tl_output_full(&p->out);
}

static int print_batch(void *ctx, const struct tl_wire_reader *reader, const struct tl_batch *batch,
		       struct tl_msg **msg)
{
	struct printer *p = ctx;
	struct tl_event_iter iter = tl_wire_events(reader, batch);
	struct tl_event event;
	int step = EVCAT_MORE;

	(void)msg;
	while (step == EVCAT_MORE && tl_event_next(&iter, &event)) {
		if (select_match(p->select, &batch->head, &event)) {
			step = print_event(p, &batch->head, &event);
		}
	}
	return step;
}

static int print_idle(void *ctx)
{
	struct printer *p = ctx;

	return p->out.text.len > 0 ? tl_output_flush(&p->out) : EVCAT_MORE;
}

static int open_printer(struct printer *p, const struct evcat_config *config)
{
	int err = select_create(&p->select, &config->types, &config->wheres);

	if (err == 0) {
		err = tl_output_open(&p->out, config->out ? config->out : "-");
	}
	if (err == 0 && config->json) {
		err = tl_json_create(&p->json);
	}
	if (err == 0 && !config->json) {
		err = table_header(&p->out.text);
	}
	return err;
}

enum tl_exit mode_print(const struct evcat_config *config, const struct input_config *input)
{
	struct printer p = {.left = config->count ? config->count : UINT64_MAX, .out.fd = -1};
	struct input_counts counts = {0};
	const struct sink sink = {.ctx = &p, .batch = print_batch, .idle = print_idle};
	enum tl_exit code;
	int err = open_printer(&p, config);

	if (err < 0) {
		code = mode_unopened(err);
	} else {
		err = input_run(input, &sink, &counts);
		int flushed = print_idle(&p);
		select_tell(p.select);
		code = mode_exit(err == 0 && flushed < 0 ? flushed : err, &counts);
	}
	tl_output_close(&p.out);
	tl_json_destroy(p.json);
	select_destroy(p.select);
	return code;
}
