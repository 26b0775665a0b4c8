/* SPDX-License-Identifier: BSD-2-Clause */
#include "writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "moncond.h"

#define TEND_NS TL_SECOND_NS /* how often an idle thread looks whether a segment is due */

struct queue {
	struct delivery *head;
	struct delivery **tail;
};

struct writer {
	struct output *output;
	struct dedup *dedup;
	struct tl_wire_reader *reader;
	pthread_t thread;
	int done_fd;
	int logged_err; /* of the thread */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t work;
	struct queue waiting;
	struct queue done;
	bool stopping;
	bool rotate;
	int err;
	struct writer_counts counts;
};

static void queue_put(struct queue *q, struct delivery *delivery)
{
	delivery->next = 0;
	*q->tail = delivery;
	q->tail = &delivery->next;
}

static struct delivery *queue_take_all(struct queue *q)
{
	struct delivery *all = q->head;

	*q = (struct queue){0, &q->head};
	return all;
}

/* --- the thread -------------------------------------------------------------- */

static int write_one(struct writer *w, struct delivery *delivery)
{
	size_t mark = dedup_mark(w->dedup);
	struct delivery_news news;
	int err = delivery_sift(delivery, w->reader, w->dedup, &news);

	if (err < 0) {
		return err;
	}
	if (news.len > 0) {
		err = output_write(w->output, news.bytes, news.len);
	}
	if (err < 0) {
		dedup_undo(w->dedup, mark);
	}
	body_fini(&news.made);
	return err;
}

/* Writes and syncs all of the list. The last error, 0 = none. */
static int store(struct writer *w, struct delivery *list)
{
	int last = 0;

	for (struct delivery *d = list; d; d = d->next) {
		d->err = write_one(w, d);
		last = d->err < 0 ? d->err : last;
	}
	int err = output_sync(w->output);
	if (err < 0) {
		dedup_undo(w->dedup, 0);
		for (struct delivery *d = list; d; d = d->next) {
			d->err = err;
		}
	}
	dedup_keep(w->dedup);
	return err < 0 ? err : last;
}

static void log_change(struct writer *w, int err)
{
	if (err < 0 && err != w->logged_err) {
		tl_log_err("cannot store deliveries: %s; they are refused until it works",
			   strerror(-err));
	} else if (err == 0 && w->logged_err < 0) {
		tl_log_note("deliveries are stored again");
	}
	w->logged_err = err;
}

static void count(struct writer_counts *c, const struct delivery *d)
{
	c->deliveries++;
	if (d->err < 0) {
		c->failed++;
		return;
	}
	c->events += d->events;
	c->duplicates += d->duplicates;
}

static void hand_back(struct writer *w, struct delivery *list, int err)
{
	uint64_t one = 1;

	pthread_mutex_lock(&w->lock);
	w->err = err;
	w->counts.syncs++;
	w->counts.dedup = dedup_counts(w->dedup);
	w->counts.output = output_counts(w->output);
	while (list) {
		struct delivery *next = list->next;
		count(&w->counts, list);
		queue_put(&w->done, list);
		list = next;
	}
	pthread_mutex_unlock(&w->lock);
	ssize_t put = write(w->done_fd, &one, sizeof(one));
	(void)put;
}

/* Waits for work; false = stop, and nothing waits. */
static bool take_work(struct writer *w, struct delivery **list, bool *rotate)
{
	uint64_t until = tl_clock_deadline_ns(TEND_NS);

	pthread_mutex_lock(&w->lock);
	while (!w->waiting.head && !w->stopping && !w->rotate && tl_clock_mono_ns() < until) {
		tl_moncond_wait(&w->work, &w->lock, until);
	}
	*list = queue_take_all(&w->waiting);
	*rotate = w->rotate;
	w->rotate = false;
	bool go_on = *list || !w->stopping;
	pthread_mutex_unlock(&w->lock);
	return go_on;
}

static void *run(void *context)
{
	struct writer *w = context;
	struct delivery *list;
	bool rotate;

	while (take_work(w, &list, &rotate)) {
		if (list) {
			int err = store(w, list);
			log_change(w, err);
			hand_back(w, list, err);
		}
		output_tend(w->output, w->dedup, rotate);
	}
	return 0;
}

/* --- the others -------------------------------------------------------------- */

static int start_thread(struct writer *w)
{
	pthread_mutex_init(&w->lock, 0);
	tl_moncond_init(&w->work);
	return -pthread_create(&w->thread, 0, run, w);
}

static void destroy(struct writer *w)
{
	if (w->done_fd >= 0) {
		close(w->done_fd);
	}
	tl_wire_reader_destroy(w->reader);
	free(w);
}

int writer_start(struct writer **out, struct output *output, struct dedup *dedup)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (!w) {
		return -ENOMEM;
	}
	w->output = output;
	w->dedup = dedup;
	w->waiting.tail = &w->waiting.head;
	w->done.tail = &w->done.head;
	w->counts.dedup = dedup_counts(dedup);
	w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int err = w->done_fd < 0 ? -errno : tl_wire_reader_create(&w->reader);
	if (err == 0) {
		err = start_thread(w);
	}
	if (err < 0) {
		destroy(w);
		return err;
	}
	*out = w;
	return 0;
}

void writer_put(struct writer *w, struct delivery *delivery)
{
	pthread_mutex_lock(&w->lock);
	queue_put(&w->waiting, delivery);
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

struct delivery *writer_take_done(struct writer *w)
{
	uint64_t times;
	ssize_t got = read(w->done_fd, &times, sizeof(times));

	(void)got;
	pthread_mutex_lock(&w->lock);
	struct delivery *list = queue_take_all(&w->done);
	pthread_mutex_unlock(&w->lock);
	return list;
}

int writer_fd(const struct writer *w)
{
	return w->done_fd;
}

void writer_rotate(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->rotate = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

int writer_stop(struct writer *w, uint64_t timeout_ns)
{
	struct timespec until;

	if (!w) {
		return 0;
	}
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	uint64_t until_ns = tl_clock_deadline_ns(timeout_ns);
	until.tv_sec = (time_t)(until_ns / TL_SECOND_NS);
	until.tv_nsec = (long)(until_ns % TL_SECOND_NS);
	if (pthread_clockjoin_np(w->thread, 0, CLOCK_MONOTONIC, &until) != 0) {
		return -ETIMEDOUT;
	}
	destroy(w);
	return 0;
}

int writer_error(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	int err = w->err;
	pthread_mutex_unlock(&w->lock);
	return err;
}

struct writer_counts writer_counts(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	struct writer_counts counts = w->counts;
	pthread_mutex_unlock(&w->lock);
	return counts;
}
