/* SPDX-License-Identifier: BSD-2-Clause */
/* What is not delivered: taken out, counted, and declared lost by a run of no events. */
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "clock.h"
#include "store_private.h"

enum { MERGED_MAX = 8 };

void store_tell_safe(struct store *store, struct backlog_stream *stream)
{
	uint64_t done = backlog_done(stream, store->config.sink_count);

	if (store->on_disk || done <= stream->told) {
		return;
	}
	stream->told = done;
	if (store->config.safe) {
		store->config.safe(store->config.context, stream->id, done);
	}
}

/* With the lock. */
static void take_out(struct store *store, unsigned int sink, struct backlog_item *item)
{
	struct backlog_stream *stream = item->owner;

	stream->refs++;
	backlog_remove(&store->backlog, &store->sides[sink].line, sink, item);
	store_tell_safe(store, stream);
	backlog_stream_put(&store->backlog, stream);
	store->freed++;
	pthread_cond_signal(&store->room);
}

/* With the lock under which the item goes: what was given is at any moment waiting or here. */
static void count(struct store *store, unsigned int sink, const struct backlog_item *item,
		  enum store_count where)
{
	struct store_tally *tally = &store->sides[sink].tallies[where];

	tally->batches++;
	tally->events += backlog_own_events(item);
}

static void forget(struct store *store, unsigned int sink, const struct backlog_item *item)
{
	if (store->ops->forget && !item->virtual) {
		store->ops->forget(store, sink, &item->run);
	}
}

void store_remove(struct store *store, unsigned int sink, struct backlog_item *item)
{
	forget(store, sink, item);
	pthread_mutex_lock(&store->lock);
	count(store, sink, item, COUNT_SAFE);
	take_out(store, sink, item);
	pthread_mutex_unlock(&store->lock);
}

/* Where it goes instead of to the sink. */
static void dispose(struct store *store, unsigned int sink, const struct backlog_item *item,
		    enum store_count why)
{
	if (why == COUNT_BAD && store->ops->quarantine && !item->virtual) {
		store->ops->quarantine(store, sink, &item->run);
	} else {
		forget(store, sink, item);
	}
}

struct loss {
	struct store *store;
	unsigned int sink;
	enum store_count why;
	struct backlog_item *item;
	/* Declarations right before it, the nearest first: it says what they say too. */
	struct backlog_item *older[MERGED_MAX];
	unsigned int older_count;
	bool disposed;
};

static struct backlog_run declaration_of(const struct loss *loss)
{
	struct backlog_run run = loss->item->run;

	run.first += run.count;
	run.count = 0;
	if (loss->older_count > 0) {
		run.after = loss->older[loss->older_count - 1]->run.after;
	}
	return run;
}

/* tl_run_declare, but that the end of a stream, once told, stays told. */
static struct tl_msg *declaration_msg(struct store *store, const struct backlog_item *item,
				      const struct backlog_run *run)
{
	const struct backlog_stream *stream = item->owner;
	struct tl_batch_head head = {.after = run->after, .first = run->first, .end = run->end};
	struct tl_batch_writer w;
	struct tl_msg *msg = 0;

	memcpy(head.stream, stream->id, TL_WIRE_STREAM_LEN);
	tl_batch_init(&w, 0);
	/* Another thread may learn the texts. */
	pthread_mutex_lock(&store->lock);
	head.source = stream->source;
	head.host = stream->host;
	head.iface = stream->iface;
	int err = tl_batch_finish(&w, &head, &msg);
	pthread_mutex_unlock(&store->lock);
	return err < 0 ? 0 : msg;
}

/* A declaration may have to be made of a stream that this run has not seen a batch of. */
static void learn_texts(struct store *store, unsigned int sink, const struct backlog_item *item,
			enum store_count why)
{
	pthread_mutex_lock(&store->lock);
	bool known = item->owner->has_texts;
	pthread_mutex_unlock(&store->lock);
	struct tl_wire_reader *reader = 0;
	struct tl_batch batch;
	struct tl_msg *msg = 0;

	if (known || why == COUNT_BAD || item->virtual || !store->ops->load ||
	    store->ops->load(store, sink, &item->run, &reader, &msg) < 0) {
		tl_wire_reader_destroy(reader);
		return;
	}
	if (tl_wire_read(reader, msg->data, msg->len, &batch, 0) == 0) {
		pthread_mutex_lock(&store->lock);
		backlog_stream_learn(item->owner, &batch.head);
		pthread_mutex_unlock(&store->lock);
	}
	tl_wire_reader_destroy(reader);
	tl_msg_free(msg);
}

/*
 * On disk the declaration is durable before what it speaks of is gone: a crash
 * between the two sends the batch once more, and loses nothing.
 */
static int declare_on_disk(struct loss *loss, const struct backlog_run *run,
			   const struct tl_msg *msg)
{
	struct store *store = loss->store;

	if (!store->ops->declare) {
		return -EOPNOTSUPP;
	}
	int err = store->ops->declare(store, loss->sink, run, msg);
	if (err == -ENOSPC) {
		/* Too full even for that: first make the room, then say what was there. */
		dispose(store, loss->sink, loss->item, loss->why);
		loss->disposed = true;
		err = store->ops->declare(store, loss->sink, run, msg);
	}
	return err;
}

static bool is_same_file(const struct backlog_item *item, const struct backlog_run *run)
{
	return !item->virtual && item->run.count == 0 && item->run.after == run->after;
}

/* With the lock. */
static void replace(struct loss *loss, const struct backlog_run *run, struct tl_msg *msg,
		    bool on_disk)
{
	struct store *store = loss->store;
	struct backlog_line *line = &store->sides[loss->sink].line;
	struct backlog_bytes *bytes = msg ? backlog_bytes_new(&store->backlog, msg) : 0;

	count(store, loss->sink, loss->item, loss->why);
	for (unsigned int i = 0; i < loss->older_count; i++) {
		loss->item->start = loss->older[i]->start;
		take_out(store, loss->sink, loss->older[i]);
	}
	if (!on_disk && !bytes) {
		tl_msg_free(msg);
		tl_log_err("no memory to declare a loss to %s", store->config.sinks[loss->sink]);
		take_out(store, loss->sink, loss->item);
		return;
	}
	backlog_replace(&store->backlog, line, loss->item, run, (uint32_t)msg->len, bytes);
	loss->item->virtual = !on_disk;
	if (!bytes) {
		tl_msg_free(msg);
	}
	pthread_cond_signal(&store->sides[loss->sink].arrived);
	store->freed++;
	pthread_cond_signal(&store->room);
}

/* What is on disk cannot be merged into what is not: a crash would take it along. */
static void unmerge(struct loss *loss)
{
	unsigned int kept = 0;

	while (kept < loss->older_count && loss->older[kept]->virtual) {
		kept++;
	}
	pthread_mutex_lock(&loss->store->lock);
	for (unsigned int i = kept; i < loss->older_count; i++) {
		backlog_unclaim(loss->older[i]);
	}
	pthread_mutex_unlock(&loss->store->lock);
	loss->older_count = kept;
}

static void declare(struct loss *loss)
{
	struct store *store = loss->store;
	struct backlog_run run = declaration_of(loss);
	struct tl_msg *msg = declaration_msg(store, loss->item, &run);
	bool on_disk = msg && declare_on_disk(loss, &run, msg) == 0;

	if (!on_disk) {
		unmerge(loss);
		run = declaration_of(loss);
		tl_msg_free(msg);
		msg = declaration_msg(store, loss->item, &run);
	}
	if (!loss->disposed && !(on_disk && is_same_file(loss->item, &run))) {
		dispose(store, loss->sink, loss->item, loss->why);
	}
	for (unsigned int i = 0; i < loss->older_count; i++) {
		forget(store, loss->sink, loss->older[i]);
	}
	pthread_mutex_lock(&store->lock);
	replace(loss, &run, msg, on_disk);
	pthread_mutex_unlock(&store->lock);
}

/* A declaration itself, or what was perhaps never acknowledged, goes without one. */
static bool needs_declaration(const struct backlog_item *item, enum store_count why)
{
	return why == COUNT_BAD ? !item->unsure : item->run.count > 0;
}

static void claim_older(struct loss *loss)
{
	struct backlog_item *item = loss->item;

	while (loss->older_count < MERGED_MAX && (item = backlog_claim_adjoining(item))) {
		loss->older[loss->older_count++] = item;
	}
}

void store_lose(struct store *store, unsigned int sink, struct backlog_item *item,
		enum store_count why)
{
	struct loss loss = {.store = store, .sink = sink, .why = why, .item = item};

	pthread_mutex_lock(&store->lock);
	if (needs_declaration(item, why)) {
		claim_older(&loss);
	}
	pthread_mutex_unlock(&store->lock);
	if (!needs_declaration(item, why)) {
		dispose(store, sink, item, why);
		pthread_mutex_lock(&store->lock);
		count(store, sink, item, why);
		take_out(store, sink, item);
		pthread_mutex_unlock(&store->lock);
		return;
	}
	learn_texts(store, sink, item, why);
	declare(&loss);
}

/* --- dropping ------------------------------------------------------------- */

/* Of those not yet tried the sink that has the most; there is one. */
static unsigned int find_fullest(const struct store *store, const bool *tried)
{
	unsigned int fullest = 0;
	bool found = false;

	for (unsigned int i = 0; i < store->config.sink_count; i++) {
		if (!tried[i] &&
		    (!found || store->sides[i].line.bytes > store->sides[fullest].line.bytes)) {
			fullest = i;
			found = true;
		}
	}
	return fullest;
}

/* With the lock. */
static struct backlog_item *claim(struct store *store, unsigned int *sink,
				  struct backlog_item *(*from)(struct backlog_line *))
{
	bool tried[STORE_SINKS_MAX] = {0};

	for (unsigned int n = 0; n < store->config.sink_count; n++) {
		*sink = find_fullest(store, tried);
		tried[*sink] = true;
		struct backlog_item *item = from(&store->sides[*sink].line);
		if (item) {
			return item;
		}
	}
	return 0;
}

static bool declarations_weigh(const struct store *store)
{
	bool over = false;

	for (unsigned int i = 0; i < store->config.sink_count; i++) {
		over = over || store->sides[i].line.empty_bytes > store_declaration_quota(store);
	}
	return over;
}

bool store_drop_oldest(struct store *store, bool disk_full)
{
	unsigned int sink = 0;
	uint64_t held_back;

	pthread_mutex_lock(&store->lock);
	struct backlog_item *item = claim(store, &sink, backlog_claim_victim);
	/* Of more streams than that not even the declarations fit. */
	if (!item && !disk_full && declarations_weigh(store)) {
		item = claim(store, &sink, backlog_claim_declaration);
	}
	pthread_mutex_unlock(&store->lock);
	if (!item) {
		return false;
	}
	if (tl_log_allowed(&store->limit, &held_back)) {
		tl_log_warn("%s: full: the oldest batch for %s is dropped%s",
			    store->on_disk ? store->config.folder : "memory",
			    store->config.sinks[sink],
			    item->run.count > 0 ? " and declared lost" : ", a declaration of loss");
	}
	store_lose(store, sink, item, COUNT_DROPPED);
	return true;
}

/* --- rejecting ------------------------------------------------------------ */

/* The piece as an item of its own, right behind the batch; what is left of that goes on. */
static struct backlog_item *split_off(struct store *store, unsigned int sink,
				      struct backlog_item *item, const struct parcel *part)
{
	struct backlog_item *piece = calloc(1, sizeof(*piece));

	if (!piece) {
		return 0;
	}
	piece->run = (struct backlog_run){.order = item->run.order,
					  .after = part->after,
					  .first = part->first,
					  .count = part->count,
					  .end = part->end};
	piece->start = item->start;
	piece->since_ns = item->since_ns;
	piece->virtual = true;
	pthread_mutex_lock(&store->lock);
	backlog_insert(&store->sides[sink].line, sink, piece, item);
	pthread_mutex_unlock(&store->lock);
	return piece;
}

void store_reject(struct store *store, unsigned int sink, struct parcel *parcel,
		  const struct parcel *part, const char *reason)
{
	struct store_parcel *held = (struct store_parcel *)parcel;
	struct backlog_item *item = held->item;
	struct store_side *side = &store->sides[sink];

	if (store->ops->reject && (part ? part->count : parcel->count) > 0) {
		store->ops->reject(store, sink, &item->run, part ? part : parcel, reason);
	}
	if (part) {
		item = split_off(store, sink, item, part);
	} else {
		pthread_mutex_lock(&store->lock);
		backlog_bytes_put(&store->backlog, held->bytes);
		backlog_claim_taken(&side->line, item);
		pthread_mutex_unlock(&store->lock);
		free(held);
	}
	if (item) {
		store_lose(store, sink, item, COUNT_REJECTED);
	}
}
