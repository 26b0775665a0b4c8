/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "streammap.h"

#define ROUND_NS  (100 * TL_MS_NS) /* each stream is told again, and refused again, after this */
#define DEAF_NS	  (60 * TL_SECOND_NS)
#define RECENT_NS (10 * TL_SECOND_NS) /* for so long after it was seen */

enum { DEAF_REFUSALS = 100 };

struct entry {
	struct tl_streamnode node;
	uint64_t got;
	uint64_t safe;
	uint64_t marked; /* `got` at the last mark */
	uint64_t seen_ns;
	uint64_t told_ns;
	uint64_t refused_ns;	    /* of the last refusal that was told */
	uint64_t refused_at;	    /* and the position it was for */
	uint64_t refusing_since_ns; /* since something was last taken; 0 = not */
	unsigned int refusals_told; /* since then */
	bool refusing;
	bool changed; /* in the list of what is to be told */
	struct entry *next_changed;
};

struct tl_intake {
	pthread_mutex_t lock;
	struct tl_streammap map;
	struct entry *changed;
	struct entry **changed_tail;
	uint64_t instance;
	uint64_t next_round_ns;
	struct tl_intake_counts counts;
};

int tl_intake_create(struct tl_intake **out)
{
	struct tl_intake *in = calloc(1, sizeof(*in));
	if (!in) {
		return -ENOMEM;
	}
	int err = tl_streammap_init(&in->map);
	if (err == 0 && getrandom(&in->instance, sizeof(in->instance), 0) < 0) {
		tl_streammap_fini(&in->map);
		err = -errno;
	}
	if (err < 0) {
		free(in);
		return err;
	}
	pthread_mutex_init(&in->lock, 0);
	in->changed_tail = &in->changed;
	*out = in;
	return 0;
}

void tl_intake_destroy(struct tl_intake *in)
{
	if (!in) {
		return;
	}
	while (in->map.oldest) {
		struct tl_streamnode *node = in->map.oldest;
		tl_streammap_remove(&in->map, node);
		free(node);
	}
	tl_streammap_fini(&in->map);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

/* --- entries -------------------------------------------------------------- */

static void mark_changed(struct tl_intake *in, struct entry *e)
{
	if (!e->changed) {
		e->changed = true;
		e->next_changed = 0;
		*in->changed_tail = e;
		in->changed_tail = &e->next_changed;
	}
}

static void unmark_first(struct tl_intake *in)
{
	struct entry *e = in->changed;

	in->changed = e->next_changed;
	if (!in->changed) {
		in->changed_tail = &in->changed;
	}
	e->changed = false;
}

static void unmark(struct tl_intake *in, const struct entry *e)
{
	struct entry **link = &in->changed;

	if (!e->changed) {
		return;
	}
	while (*link != e) {
		link = &(*link)->next_changed;
	}
	*link = e->next_changed;
	if (!*link) {
		in->changed_tail = link;
	}
}

static void forget_oldest(struct tl_intake *in)
{
	struct entry *e = (struct entry *)in->map.oldest;

	unmark(in, e);
	tl_streammap_remove(&in->map, &e->node);
	in->counts.forgotten_streams++;
	free(e);
}

/* A stream that was not known begins at `got`. 0 when there is no memory. */
static struct entry *entry_of(struct tl_intake *in, const uint8_t stream[TL_WIRE_STREAM_LEN],
			      uint64_t got)
{
	struct tl_streamnode *node = tl_streammap_find(&in->map, stream);

	if (node) {
		return (struct entry *)node;
	}
	struct entry *e = calloc(1, sizeof(*e));
	if (!e) {
		return 0;
	}
	e->got = got;
	e->safe = got;
	if (in->map.count == TL_INTAKE_STREAMS) {
		forget_oldest(in);
	}
	tl_streammap_add(&in->map, &e->node, stream);
	return e;
}

static void see(struct tl_intake *in, struct entry *e, uint64_t now_ns)
{
	e->seen_ns = now_ns;
	tl_streammap_touch(&in->map, &e->node);
	mark_changed(in, e);
}

/* --- accepting ------------------------------------------------------------ */

static bool waits_for_acks(const struct tl_batch_head *head)
{
	return head->base != TL_WIRE_NO_BASE;
}

/*
 * Told a hundred times in a minute to go back, and went on: a producer that does
 * not hear acks, and did not say so. Refusing it for ever would lose all of it.
 */
static bool is_deaf(const struct entry *e)
{
	return e->refusals_told >= DEAF_REFUSALS && e->seen_ns - e->refusing_since_ns >= DEAF_NS;
}

/* All below `base` is safe with us or with who we were before, or declared lost. */
static void believe_base(struct entry *e, uint64_t base)
{
	e->got = base > e->got ? base : e->got;
	e->safe = base > e->safe ? base : e->safe;
}

static struct tl_intake_verdict judge(const struct entry *e, const struct tl_batch_head *head,
				      uint64_t next)
{
	struct tl_intake_verdict v = {
		.kind = TL_INTAKE_TAKE,
		.from = head->first > e->got ? head->first : e->got,
		.after = e->got,
	};

	if (next <= e->got) {
		v.kind = TL_INTAKE_DUPLICATE;
	} else if (head->first < e->got) {
		v.kind = TL_INTAKE_CUT;
	} else if (head->after > e->got && waits_for_acks(head) && !is_deaf(e)) {
		v.kind = TL_INTAKE_GAP;
	}
	return v;
}

static void count_refused(struct tl_intake *in, struct entry *e, const struct tl_intake_verdict *v,
			  const struct tl_batch_head *head, uint64_t next)
{
	if (v->kind == TL_INTAKE_GAP) {
		in->counts.refused_batches++;
		e->refusing = true;
		e->refusing_since_ns = e->refusing_since_ns ? e->refusing_since_ns : e->seen_ns;
	} else if (v->kind == TL_INTAKE_DUPLICATE) {
		in->counts.duplicate_events += next - head->first - (head->end ? 1 : 0);
	} else {
		in->counts.duplicate_events += v->from > head->first ? v->from - head->first : 0;
		in->counts.missing_events += head->after > e->got ? head->after - e->got : 0;
	}
}

struct tl_intake_verdict tl_intake_look(struct tl_intake *in, const struct tl_batch_head *head,
					uint64_t next, uint64_t now_ns)
{
	struct tl_intake_verdict v = {.kind = TL_INTAKE_GAP};

	pthread_mutex_lock(&in->lock);
	struct entry *e =
		entry_of(in, head->stream, waits_for_acks(head) ? head->base : head->after);
	if (e) {
		if (waits_for_acks(head)) {
			believe_base(e, head->base);
		}
		see(in, e, now_ns);
		v = judge(e, head, next);
		count_refused(in, e, &v, head, next);
	}
	pthread_mutex_unlock(&in->lock);
	return v;
}

void tl_intake_took(struct tl_intake *in, const uint8_t stream[TL_WIRE_STREAM_LEN], uint64_t next,
		    uint64_t now_ns)
{
	pthread_mutex_lock(&in->lock);
	struct entry *e = entry_of(in, stream, 0);
	if (e && next > e->got) {
		e->got = next;
		e->refusing = false;
		e->refusing_since_ns = 0;
		e->refusals_told = 0;
	}
	if (e) {
		see(in, e, now_ns);
	}
	pthread_mutex_unlock(&in->lock);
}

void tl_intake_found(struct tl_intake *in, const uint8_t stream[TL_WIRE_STREAM_LEN], uint64_t next)
{
	pthread_mutex_lock(&in->lock);
	struct entry *e = entry_of(in, stream, next);
	if (e) {
		believe_base(e, next);
	}
	pthread_mutex_unlock(&in->lock);
}

void tl_intake_safe(struct tl_intake *in, const uint8_t stream[TL_WIRE_STREAM_LEN], uint64_t safe)
{
	pthread_mutex_lock(&in->lock);
	struct entry *e = (struct entry *)tl_streammap_find(&in->map, stream);
	if (e && safe > e->safe) {
		e->safe = safe;
		mark_changed(in, e);
	}
	pthread_mutex_unlock(&in->lock);
}

void tl_intake_mark(struct tl_intake *in)
{
	pthread_mutex_lock(&in->lock);
	struct entry *e = (struct entry *)in->map.newest;
	for (; e; e = (struct entry *)e->node.older) {
		e->marked = e->got;
	}
	pthread_mutex_unlock(&in->lock);
}

void tl_intake_marked_safe(struct tl_intake *in)
{
	pthread_mutex_lock(&in->lock);
	struct entry *e = (struct entry *)in->map.newest;
	for (; e; e = (struct entry *)e->node.older) {
		if (e->marked > e->safe) {
			e->safe = e->marked;
			mark_changed(in, e);
		}
	}
	pthread_mutex_unlock(&in->lock);
}

void tl_intake_all_safe(struct tl_intake *in)
{
	tl_intake_mark(in);
	tl_intake_marked_safe(in);
}

/* --- telling -------------------------------------------------------------- */

/* Once per position per round: each refusal makes the producer send all of it again. */
static bool may_refuse(const struct entry *e, uint64_t now_ns)
{
	return e->refusing && (e->refused_ns == 0 || e->refused_at != e->got ||
			       now_ns - e->refused_ns >= ROUND_NS);
}

static void tell(const struct tl_intake *in, struct entry *e, uint64_t now_ns, struct tl_ack *ack)
{
	*ack = (struct tl_ack){.safe = e->safe, .got = e->got, .instance = in->instance};
	memcpy(ack->stream, e->node.stream, sizeof(ack->stream));
	if (may_refuse(e, now_ns)) {
		ack->flags = TL_ACK_REFUSED;
		e->refused_ns = now_ns;
		e->refused_at = e->got;
		e->refusals_told++;
		e->refusing = false;
	}
	e->told_ns = now_ns;
}

static size_t tell_changed(struct tl_intake *in, uint64_t now_ns, struct tl_ack *acks, size_t max)
{
	size_t count = 0;

	while (in->changed && count < max) {
		tell(in, in->changed, now_ns, &acks[count++]);
		unmark_first(in);
	}
	return count;
}

/* An ack may have been lost: streams seen lately, and who still waits, are told once more. */
static bool is_due(const struct entry *e, uint64_t now_ns)
{
	return now_ns - e->told_ns >= ROUND_NS &&
	       (now_ns - e->seen_ns <= RECENT_NS || e->safe < e->got);
}

static size_t tell_round(struct tl_intake *in, uint64_t now_ns, struct tl_ack *acks, size_t max)
{
	struct entry *e = (struct entry *)in->map.newest;
	size_t count = 0;

	for (; e && count < max; e = (struct entry *)e->node.older) {
		if (is_due(e, now_ns)) {
			tell(in, e, now_ns, &acks[count++]);
		}
	}
	if (count < max) {
		in->next_round_ns = now_ns + ROUND_NS;
	}
	return count;
}

size_t tl_intake_report(struct tl_intake *in, uint64_t now_ns, struct tl_ack *acks, size_t max)
{
	pthread_mutex_lock(&in->lock);
	size_t count = tell_changed(in, now_ns, acks, max);
	if (count < max && now_ns >= in->next_round_ns) {
		count += tell_round(in, now_ns, acks + count, max - count);
	}
	pthread_mutex_unlock(&in->lock);
	return count;
}

struct tl_intake_counts tl_intake_counts(struct tl_intake *in)
{
	pthread_mutex_lock(&in->lock);
	struct tl_intake_counts counts = in->counts;
	counts.streams = in->map.count;
	pthread_mutex_unlock(&in->lock);
	return counts;
}
