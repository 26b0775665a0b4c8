/* SPDX-License-Identifier: BSD-2-Clause */
/* What a lane does with the answers of its sink. */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "fault.h"
#include "lane_private.h"
#include "log.h"
#include "service.h"

/* Before what could not be cut for want of memory is tried again. */
#define NO_MEMORY_NS (100 * TL_MS_NS)

static void note(struct lane *l)
{
	char text[HEALTH_TEXT_LEN];

	health_text(&l->health, text);
	store_note(l->config.store, l->config.index, text);
	pthread_mutex_lock(&l->lock);
	l->counts.down_since_ns = l->health.down_since_ns ? l->health.down_since_wall_ns : 0;
	memcpy(l->counts.reason, l->health.reason, sizeof(l->counts.reason));
	pthread_mutex_unlock(&l->lock);
}

static void up(struct lane *l, uint64_t now_ns)
{
	if (l->health.answered && l->health.down_since_ns == 0 && l->health.retry.tries == 0) {
		return;
	}
	struct store_counts waiting = store_counts(l->config.store, l->config.index);
	if (health_up(&l->health, now_ns, waiting.waiting_batches)) {
		note(l);
	}
}

void lane_count(struct lane *l, uint64_t *what, uint64_t more)
{
	pthread_mutex_lock(&l->lock);
	*what += more;
	pthread_mutex_unlock(&l->lock);
}

/* --- answers -------------------------------------------------------------- */

/* The last piece of a parcel is delivered or rejected. */
static void finish_load(struct lane *l, struct load *load)
{
	struct parcel *whole = load->whole;

	loads_remove(&l->loads, load);
	store_done(l->config.store, l->config.index, whole);
}

static void finish_piece(struct lane *l, struct piece *piece)
{
	struct load *load = piece->load;

	if (piece_remove(piece)) {
		finish_load(l, load);
	}
}

static void deliver(struct lane *l, struct piece *piece)
{
	pthread_mutex_lock(&l->lock);
	l->counts.batches++;
	l->counts.events += piece->parcel->count;
	l->counts.bytes += piece->parcel->len;
	pthread_mutex_unlock(&l->lock);
	tl_fault(TL_FAULT_AFTER_ANSWER);
	finish_piece(l, piece);
}

static void say_rejected(struct lane *l, const struct parcel *parcel, const char *reason)
{
	uint64_t held_back;

	if (tl_log_allowed(&l->reject_limit, &held_back)) {
		tl_log_err("%s: batch %s of %u events rejected: %s (%llu such lines held back)",
			   lane_name(l), parcel->id, parcel->count, reason,
			   (unsigned long long)held_back);
	}
}

static void reject(struct lane *l, struct piece *piece, const char *reason)
{
	struct load *load = piece->load;
	struct parcel *whole = load->whole;

	say_rejected(l, piece->parcel, reason);
	lane_count(l, &l->counts.rejected_events, piece->parcel->count);
	if (piece->parcel->count == 0) {
		/* Declaring its loss would make another run of no events, and so on for ever. */
		finish_piece(l, piece);
	} else if (piece->parcel == whole) {
		loads_remove(&l->loads, load);
		store_reject(l->config.store, l->config.index, whole, 0, reason);
	} else {
		store_reject(l->config.store, l->config.index, whole, piece->parcel, reason);
		finish_piece(l, piece);
	}
}

static void refuse(struct lane *l, struct piece *piece, const char *reason, uint64_t now_ns)
{
	lane_count(l, &l->counts.refused, 1);
	piece->refusals++;
	if (piece->refusals >= l->config.tries) {
		reject(l, piece, reason);
		return;
	}
	l->refused.tries = piece->refusals - 1;
	piece->due_ns = now_ns + backoff_next(&l->refused, 0);
}

static void divide(struct lane *l, struct piece *piece, const char *reason)
{
	int err = piece_halve(piece, l->reader);

	if (err == 0) {
		lane_count(l, &l->counts.splits, 1);
	} else if (err == -ENOMEM) {
		piece->due_ns = tl_clock_mono_ns() + NO_MEMORY_NS;
	} else {
		reject(l, piece, reason);
	}
}

static void wait_and_retry(struct lane *l, const struct sink_answer *answer, uint64_t now_ns)
{
	bool forbidden = answer->verdict == SINK_FORBIDDEN;

	lane_count(l, forbidden ? &l->counts.forbidden : &l->counts.retries, 1);
	if (health_down(&l->health, answer, now_ns)) {
		note(l);
	}
}

static void end_of_sink(struct lane *l)
{
	l->gone = true;
	pthread_mutex_lock(&l->lock);
	l->counts.gone = true;
	pthread_mutex_unlock(&l->lock);
	tl_service_stop();
}

/* What a stranger said: on its way to logs, files and terminals. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		*text = *text >= ' ' && *text <= '~' ? *text : '?';
	}
}

void lane_settle(struct lane *l, struct sink_answer *answer)
{
	struct piece *piece = loads_flying(&l->loads, answer->parcel);
	uint64_t now = tl_clock_mono_ns();

	if (!piece) {
		return;
	}
	piece->flying = false;
	l->flying--;
	make_printable(answer->reason);
	switch (answer->verdict) {
	case SINK_DONE:
		up(l, now);
		deliver(l, piece);
		break;
	case SINK_TOO_BIG:
		up(l, now);
		divide(l, piece, answer->reason);
		break;
	case SINK_REFUSED:
		up(l, now);
		refuse(l, piece, answer->reason, now);
		break;
	case SINK_RETRY:
	case SINK_FORBIDDEN:
		wait_and_retry(l, answer, now);
		break;
	case SINK_GONE:
		end_of_sink(l);
		break;
	}
}
