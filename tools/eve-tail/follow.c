/* SPDX-License-Identifier: BSD-2-Clause */
#include "follow.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "service.h"

#define GAP_NS	  (2 * TL_MS_NS)
#define OLDEST_NS (10 * TL_MS_NS)
#define ROOM_NS	  (100 * TL_MS_NS)

_Static_assert((int)TAIL_PADDING >= (int)EVE_PADDING, "the tail pads for the normaliser");
_Static_assert((int)TAIL_LINE_CUT == (int)EVE_LINE_CUT, "flags are passed on");
_Static_assert((int)TAIL_LINE_TOO_LONG == (int)EVE_LINE_TOO_LONG, "flags are passed on");

/* How far the lines of a file are safe once a batch is, and all before it. */
struct step {
	struct step *next; /* the first member */
	struct output *output;
	struct mark behind;
	uint64_t number;
	bool safe;
	bool last; /* and with it the file is finished */
};

/* The stream of a file. The tail's file has it as `user`. */
struct output {
	struct output *next;
	struct tail_file *file; /* 0: finished */
	struct tl_stream *stream;
	struct step *head;
	struct step **tail;
	bool broken;		/* a batch was not sent: neither it nor what follows is safe */
	uint64_t broken_number; /* of the step of it */
};

struct follow {
	struct tail *tail;
	struct eve *eve;
	struct tl_outbox *outbox;
	struct tl_journal journal;
	struct tl_batch_writer batch; /* of one file at a time */
	struct output *output;	      /* that file; 0 = none */
	struct mark behind;	      /* the last line of it */
	bool moved;		      /* which is not in a step yet */
	uint64_t first_ns;	      /* coarse wall clock, of the first of these lines */
	uint64_t sent_ns; /* monotonic, when the last batch was sent for want of lines */
	struct step *pushing;
	bool room; /* in the window, for this batch */

	pthread_mutex_t lock; /* the steps, and what follows */
	struct output *outputs;
	bool some_finished;
	bool told; /* that nothing becomes safe any more */
};

/* --- what is safe ---------------------------------------------------------- */

_Static_assert(offsetof(struct step, next) == 0, "extend");

/* The outbox may tell of the last batch while we are still in the push of it: freed later. */
static void finish(struct follow *f, struct output *output)
{
	tail_finish(f->tail, output->file);
	output->file = 0;
	f->some_finished = true;
}

/* In the order of the lines: what a later batch made safe waits for the earlier ones. */
static void settle(struct follow *f, struct output *output)
{
	while (output->head && output->head->safe) {
		struct step *step = output->head;
		output->head = step->next;
		if (!output->head) {
			output->tail = &output->head;
		}
		tail_safe(f->tail, output->file, step->behind, step->number);
		bool last = step->last;
		free(step);
		if (last) {
			finish(f, output);
			return;
		}
	}
}

static uint64_t put(void *context, const struct tl_msg *msg)
{
	struct follow *f = context;

	(void)msg;
	return (uint64_t)(uintptr_t)f->pushing;
}

/* It was not sent, or lies behind such a one: the next run reads it again. */
static void give_up(struct output *output, struct step *step)
{
	struct step **at = &output->head;

	while (*at != step) {
		at = &(*at)->next;
	}
	*at = step->next;
	free(step);
	/* They were safe before it broke, and must not be taken for what follows the ones before.
	 */
	while (*at && (*at)->safe) {
		step = *at;
		*at = step->next;
		free(step);
	}
	if (!*at) {
		output->tail = at;
	}
}

static void tell_broken(struct follow *f)
{
	if (!f->told && !tl_service_stopping()) {
		f->told = true;
		tl_log_warn(
			"an output failed: what is read from now on is not safe, and comes again "
			"in the next run");
	}
}

static void done(void *context, uint64_t ticket, bool sent)
{
	struct follow *f = context;
	struct step *step = (struct step *)(uintptr_t)ticket;
	struct output *output = step->output;

	pthread_mutex_lock(&f->lock);
	if (!sent && (!output->broken || step->number < output->broken_number)) {
		output->broken = true;
		output->broken_number = step->number;
		tell_broken(f);
	}
	if (output->broken && step->number >= output->broken_number) {
		give_up(output, step);
	} else {
		step->safe = true;
		settle(f, output);
	}
	pthread_mutex_unlock(&f->lock);
}

static struct step *add_step(struct follow *f, bool last)
{
	struct output *output = f->output;
	struct step *step = calloc(1, sizeof(*step));

	if (!step) {
		return 0;
	}
	*step = (struct step){
		.output = output,
		.behind = f->behind,
		.number = tl_stream_next(output->stream) + f->batch.count,
		.last = last,
	};
	pthread_mutex_lock(&f->lock);
	*output->tail = step;
	output->tail = &step->next;
	pthread_mutex_unlock(&f->lock);
	return step;
}

/*
 * Lines of which nothing was kept, behind others like them that wait: those wait for these as
 * well, so that a consumer that is away does not make their number grow.
 */
static bool extend(struct follow *f)
{
	struct output *output = f->output;

	pthread_mutex_lock(&f->lock);
	struct step *newest = output->head ? (struct step *)output->tail : 0; /* its `next` */
	bool extends = newest && newest->safe;
	if (extends) {
		newest->behind = f->behind;
	}
	pthread_mutex_unlock(&f->lock);
	return extends;
}

static void free_output(struct output *output)
{
	while (output->head) {
		struct step *next = output->head->next;
		free(output->head);
		output->head = next;
	}
	tl_stream_destroy(output->stream);
	free(output);
}

/* Those that are finished, or all. */
static void reap(struct follow *f, bool all)
{
	pthread_mutex_lock(&f->lock);
	struct output **at = &f->outputs;
	while (*at && (f->some_finished || all)) {
		struct output *output = *at;
		if (output->file && !all) {
			at = &output->next;
			continue;
		}
		*at = output->next;
		free_output(output);
	}
	f->some_finished = false;
	pthread_mutex_unlock(&f->lock);
}

/* --- sending ---------------------------------------------------------------- */

/*
 * Sends what is in the batch; lines of which nothing was kept are as safe as what lies before
 * them. `end` ends the stream, `last` the file.
 */
static int send(struct follow *f, bool end, bool last)
{
	bool sends = f->batch.count > 0 || end;

	if (!f->output || (!sends && !f->moved && !last)) {
		return 0;
	}
	if (!sends && !last && extend(f)) {
		f->moved = false;
		return 0;
	}
	struct step *step = add_step(f, last);
	if (!step) {
		return -ENOMEM;
	}
	f->moved = false;
	if (!sends) {
		done(f, (uint64_t)(uintptr_t)step, true);
		return 0;
	}
	f->pushing = step;
	f->room = false;
	int err = tl_stream_push(f->output->stream, &f->batch, end);
	/* The window is full, and the service stops. */
	return err == -ETIMEDOUT ? -EINTR : err;
}

int follow_flush(struct follow *f)
{
	int err = send(f, false, false);

	reap(f, false);
	return err;
}

/* --- lines ------------------------------------------------------------------ */

static int open_output(struct follow *f, struct tail_file *file)
{
	struct output *output = calloc(1, sizeof(*output));
	struct tl_stream_config config = {
		.outbox = f->outbox,
		.source = "eve-tail",
		.iface = file->path,
		.journal = &f->journal,
		.id = file->stream,
		.next = file->next_number,
	};

	if (!output) {
		return -ENOMEM;
	}
	int err = tl_stream_create(&output->stream, &config);
	if (err < 0) {
		free(output);
		return err;
	}
	output->file = file;
	output->tail = &output->head;
	file->user = output;
	pthread_mutex_lock(&f->lock);
	output->next = f->outputs;
	f->outputs = output;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

static int turn_to(struct follow *f, struct tail_file *file)
{
	if (f->output && f->output->file == file) {
		return 0;
	}
	int err = follow_flush(f);
	if (err == 0 && !file->user) {
		err = open_output(f, file);
	}
	f->output = err == 0 ? file->user : 0;
	return err;
}

static int put_line(struct follow *f, const struct tail_line *line, uint64_t now_ns)
{
	int err = eve_put(f->eve, &f->batch, line->data, line->len, line->line_len, line->flags,
			  now_ns);

	if (err != -ENOSPC) {
		return err;
	}
	err = follow_flush(f);
	return err < 0 ? err
		       : eve_put(f->eve, &f->batch, line->data, line->len, line->line_len,
				 line->flags, now_ns);
}

static int end_file(struct follow *f, unsigned int flags)
{
	int err = send(f, !(flags & TAIL_LINE_LOST), true);

	f->output = 0;
	reap(f, false);
	return err;
}

/* The clock may be set back: then the batch is old as well. */
static bool is_old(const struct follow *f, uint64_t now_ns)
{
	return f->moved && now_ns - f->first_ns >= OLDEST_NS;
}

static int take(struct follow *f, const struct tail_line *line)
{
	uint64_t now_ns = tl_clock_ns(CLOCK_REALTIME_COARSE);
	int err = turn_to(f, line->file);

	if (err < 0) {
		return err;
	}
	if (line->flags & TAIL_LINE_END) {
		return end_file(f, line->flags);
	}
	err = put_line(f, line, now_ns);
	if (err < 0) {
		return err;
	}
	f->behind = line->behind;
	if (!f->moved) {
		f->first_ns = now_ns;
		f->moved = true;
	}
	return is_old(f, now_ns) ? follow_flush(f) : 0;
}

/*
 * Nothing follows at once: what waits is sent, but not too often, so that lines that come one by
 * one do not become a message each.
 */
static int next_or_send(struct follow *f, struct tail_line *line, uint64_t timeout_ns)
{
	uint64_t now_ns = tl_clock_mono_ns();
	uint64_t due_ns = f->sent_ns + GAP_NS;
	int got = 0;

	if (now_ns < due_ns) {
		uint64_t wait_ns = due_ns - now_ns;
		got = tail_next(f->tail, line, wait_ns < timeout_ns ? wait_ns : timeout_ns);
	}
	if (got != 0) {
		return got;
	}
	f->sent_ns = tl_clock_mono_ns();
	return follow_flush(f);
}

/* For what the batch may become, and the statistics beside it. */
static bool has_room(struct follow *f, uint64_t timeout_ns)
{
	if (!f->room) {
		f->room = tl_outbox_wait_room(f->outbox, 2 * TL_BATCH_TARGET,
					      timeout_ns < ROOM_NS ? timeout_ns : ROOM_NS);
	}
	return f->room;
}

int follow_next(struct follow *f, uint64_t timeout_ns)
{
	struct tail_line line;

	if (!has_room(f, timeout_ns)) {
		/* Files that are rotated meanwhile are opened before they are deleted. */
		return tail_keep(f->tail);
	}
	int got = tail_next(f->tail, &line, f->moved ? 0 : timeout_ns);

	if (got == 0 && f->moved) {
		got = next_or_send(f, &line, timeout_ns);
	}
	if (got != 1) {
		return got;
	}
	int err = take(f, &line);
	if (err < 0 && err != -EPIPE && err != -EINTR) {
		tl_log_err("%s: cannot pass on its lines: %s", line.file->path, strerror(-err));
	}
	return err < 0 ? err : 1;
}

/* --- from start to end ------------------------------------------------------- */

int follow_create(struct follow **out, struct tail *tail, struct eve *eve, struct tl_outbox *outbox)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (!f) {
		return -ENOMEM;
	}
	f->tail = tail;
	f->eve = eve;
	f->outbox = outbox;
	f->journal = (struct tl_journal){.put = put, .done = done, .context = f};
	pthread_mutex_init(&f->lock, 0);
	tl_batch_init(&f->batch, eve_shapes(eve));
	*out = f;
	return 0;
}

void follow_destroy(struct follow *f)
{
	if (!f) {
		return;
	}
	reap(f, true);
	tl_batch_fini(&f->batch);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
