/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "check.h"
#include "clock.h"
#include "modes.h"
#include "safe.h"
#include "screen.h"
#include "select.h"
#include "top.h"

enum { PLAIN_ROWS = 24 };

struct watcher {
	struct top *top;     /* 0 without --top */
	struct check *check; /* 0 without --check */
	struct select *select;
	struct tl_screen screen;
	uint64_t left;
};

/* --- while it runs ---------------------------------------------------------------- */

static int show_batch(struct watcher *w, const struct tl_wire_reader *reader,
		      const struct tl_batch *batch)
{
	struct tl_event_iter iter = tl_wire_events(reader, batch);
	struct tl_event event;
	uint64_t now = tl_clock_mono_ns();

	top_batch(w->top, &batch->head);
	while (tl_event_next(&iter, &event)) {
		if (!select_match(w->select, &batch->head, &event)) {
			continue;
		}
		top_event(w->top, &batch->head, &event, now);
		if (--w->left == 0) {
			return EVCAT_DONE;
		}
	}
	return EVCAT_MORE;
}

static int watch_batch(void *ctx, const struct tl_wire_reader *reader, const struct tl_batch *batch,
		       struct tl_msg **msg)
{
	struct watcher *w = ctx;
	int err = w->check ? check_batch(w->check, reader, batch) : 0;

	(void)msg;
	return err == 0 && w->top ? show_batch(w, reader, batch) : err;
}

static void watch_refused(void *ctx, const struct tl_batch_head *head, uint32_t count)
{
	struct watcher *w = ctx;

	if (w->check) {
		check_refused(w->check, head, count);
	}
}

static bool watch_complete(void *ctx)
{
	struct watcher *w = ctx;

	return check_complete(w->check);
}

static int draw(struct watcher *w, unsigned int rows, uint64_t now_ns)
{
	struct tl_textbuf frame = {0};
	int err = top_frame(w->top, &frame, rows, now_ns);

	if (!w->screen.terminal) {
		tl_safe_printf(&frame, "\n");
	}
	if (err == 0) {
		err = tl_screen_draw(&w->screen, &frame);
	}
	tl_textbuf_fini(&frame);
	return err;
}

static int watch_tick(void *ctx, uint64_t now_ns)
{
	struct watcher *w = ctx;

	return draw(w, w->screen.terminal ? tl_screen_size(&w->screen).rows : PLAIN_ROWS, now_ns);
}

/* --- at the end --------------------------------------------------------------------- */

static const char *verdict_text(enum tl_exit verdict)
{
	switch ((int)verdict) {
	case TL_EXIT_OK:
		return "books balance";
	case EVCAT_EXIT_NO_CLOSE:
		return "books are not closed:";
	default:
		return "books do not balance:";
	}
}

static void add_totals(const struct watcher *w, enum tl_exit verdict, struct tl_textbuf *out)
{
	struct check_totals t = check_totals(w->check);

	tl_safe_printf(out, "packets %llu\nbytes   %llu\nflows   %llu\nevents  %llu\n",
		       (unsigned long long)t.packets, (unsigned long long)t.bytes,
		       (unsigned long long)t.flows, (unsigned long long)t.events);
	tl_safe_printf(out, "drops   kernel %llu, hints %llu, window %llu\n",
		       (unsigned long long)t.kernel_drops, (unsigned long long)t.ring_drops,
		       (unsigned long long)t.declared_lost);
	tl_safe_printf(out, "%s\n", verdict_text(verdict));
}

/* With --top the sums and the verdict; the streams only when there is something to say. */
static enum tl_exit conclude(struct watcher *w, struct tl_textbuf *out)
{
	struct tl_textbuf lines = {0};
	enum tl_exit verdict = check_report(w->check, &lines);

	if (w->top) {
		add_totals(w, verdict, out);
	}
	if (!w->top || verdict != TL_EXIT_OK) {
		tl_textbuf_add(out, lines.data, lines.len);
	}
	tl_textbuf_fini(&lines);
	return verdict;
}

static int last_words(struct watcher *w, enum tl_exit *verdict)
{
	struct tl_textbuf text = {0};
	int err = w->top ? tl_screen_leave(&w->screen) : EVCAT_MORE;

	if (w->top) {
		top_frame(w->top, &text, PLAIN_ROWS, tl_clock_mono_ns());
	}
	if (w->check) {
		if (w->top) {
			tl_safe_printf(&text, "\n");
		}
		*verdict = conclude(w, &text);
	}
	if (err == EVCAT_MORE) {
		err = tl_screen_print(&w->screen, &text);
	}
	tl_textbuf_fini(&text);
	return err;
}

static int open_watcher(struct watcher *w, const struct evcat_config *config)
{
	int err = select_create(&w->select, &config->types, &config->wheres);

	if (err == 0 && config->check) {
		err = check_create(&w->check);
	}
	if (err == 0 && config->top) {
		err = top_create(&w->top, (enum evcat_sort)config->sort);
	}
	if (err < 0) {
		return err;
	}
	return config->top ? tl_screen_open(&w->screen) : tl_output_open(&w->screen.out, "-");
}

static void close_watcher(struct watcher *w)
{
	tl_screen_close(&w->screen);
	top_destroy(w->top);
	check_destroy(w->check);
	select_destroy(w->select);
}

enum tl_exit mode_watch(const struct evcat_config *config, const struct input_config *input)
{
	struct watcher w = {.left = config->count ? config->count : UINT64_MAX};
	struct input_counts counts = {0};
	const struct sink sink = {
		.ctx = &w,
		.batch = watch_batch,
		.refused = watch_refused,
		.tick = watch_tick,
		.tick_ns = config->top ? TL_SECOND_NS : 0,
		.complete = config->check ? watch_complete : 0,
	};
	enum tl_exit verdict = TL_EXIT_OK;
	enum tl_exit code;
	int err = open_watcher(&w, config);

	if (err < 0) {
		code = mode_unopened(err);
	} else {
		err = input_run(input, &sink, &counts);
		int shown = last_words(&w, &verdict);
		code = mode_exit(err == 0 && shown < 0 ? shown : err, &counts);
		code = code == TL_EXIT_OK ? verdict : code;
	}
	close_watcher(&w);
	return code;
}
