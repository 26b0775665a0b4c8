/* SPDX-License-Identifier: BSD-2-Clause */
#include "store_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "moncond.h"
#include "text.h"

/* How long a lane waits after a batch could not be read for a reason that may pass. */
#define UNREADABLE_WAIT_NS (100 * TL_MS_NS)

int store_init(struct store *store, const struct store_config *config, const struct store_ops *ops)
{
	store->ops = ops;
	store->config = *config;
	store->on_disk = config->folder != 0;
	int err = backlog_init(&store->backlog);
	if (err < 0) {
		return err;
	}
	pthread_mutex_init(&store->lock, 0);
	tl_moncond_init(&store->room);
	for (unsigned int i = 0; i < STORE_SINKS_MAX; i++) {
		backlog_line_init(&store->sides[i].line, store->on_disk ? BACKLOG_FILE_BLOCK : 1);
		tl_moncond_init(&store->sides[i].arrived);
	}
	return 0;
}

void store_fini(struct store *store)
{
	for (unsigned int i = 0; i < STORE_SINKS_MAX; i++) {
		backlog_line_fini(&store->backlog, &store->sides[i].line, i);
		pthread_cond_destroy(&store->sides[i].arrived);
		tl_wire_reader_destroy(store->sides[i].reader);
	}
	backlog_fini(&store->backlog);
	pthread_cond_destroy(&store->room);
	pthread_mutex_destroy(&store->lock);
}

int store_open(struct store **out, const struct store_config *config)
{
	if (config->sink_count == 0 || config->sink_count > STORE_SINKS_MAX) {
		tl_log_err("%u sinks: a store has 1 to %d", config->sink_count, STORE_SINKS_MAX);
		return -EINVAL;
	}
	return config->folder ? spool_open(out, config) : memory_open(out, config);
}

void store_close(struct store *store)
{
	if (store) {
		store->ops->close(store);
	}
}

void store_stop(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	store->stopping = true;
	for (unsigned int i = 0; i < store->config.sink_count; i++) {
		pthread_cond_broadcast(&store->sides[i].arrived);
	}
	pthread_cond_broadcast(&store->room);
	pthread_mutex_unlock(&store->lock);
}

/* --- what comes in -------------------------------------------------------- */

/* Declarations of loss have a quota of their own: dropping one would be silent loss. */
uint64_t store_declaration_quota(const struct store *store)
{
	uint64_t quota = store->config.quota;

	return quota > STORE_DECLARATIONS ? quota : STORE_DECLARATIONS;
}

static uint64_t counted_bytes(const struct backlog_line *line, uint64_t allowed)
{
	uint64_t free_bytes = line->empty_bytes < allowed ? line->empty_bytes : allowed;

	return line->bytes - free_bytes;
}

static uint64_t memory_bytes(const struct store *store)
{
	uint64_t bytes = store->backlog.bytes;
	uint64_t free_bytes = 0;

	for (unsigned int i = 0; i < store->config.sink_count; i++) {
		free_bytes += store->sides[i].line.empty_bytes;
	}
	uint64_t allowed = store_declaration_quota(store);
	free_bytes = free_bytes < allowed ? free_bytes : allowed;
	return bytes > free_bytes ? bytes - free_bytes : 0;
}

/* In memory a batch is counted once, on disk for each sink. */
static bool within_quota(struct store *store, uint64_t size)
{
	uint64_t quota = store->config.quota;

	if (!store->on_disk) {
		uint64_t bytes = memory_bytes(store);
		return bytes == 0 || bytes + size <= quota;
	}
	for (unsigned int i = 0; i < store->config.sink_count; i++) {
		const struct backlog_line *line = &store->sides[i].line;
		/* What is alone there is let in, however big: it could never be. */
		uint64_t bytes = counted_bytes(line, store_declaration_quota(store));
		if (bytes > 0 && bytes + backlog_blocks(size, line->block) > quota) {
			return false;
		}
	}
	return true;
}

static int keep(struct store *store, const struct backlog_run *run, const struct tl_msg *msg,
		bool *disk_full)
{
	pthread_mutex_lock(&store->lock);
	bool fits = within_quota(store, msg->len);
	store->freed_seen = store->freed;
	pthread_mutex_unlock(&store->lock);
	*disk_full = false;
	if (!fits) {
		return -ENOSPC;
	}
	*disk_full = true;
	int err = store->ops->room ? store->ops->room(store, msg->len) : 0;
	if (err == 0 && store->ops->write) {
		err = store->ops->write(store, run, msg);
	}
	return err;
}

static void free_items(struct backlog_item **items, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		free(items[i]);
	}
}

static int make_items(struct backlog_item **items, unsigned int count,
		      const struct backlog_run *run, uint32_t size)
{
	for (unsigned int i = 0; i < count; i++) {
		items[i] = calloc(1, sizeof(*items[i]));
		if (!items[i]) {
			free_items(items, i);
			return -ENOMEM;
		}
		items[i]->run = *run;
		items[i]->size = size;
		items[i]->since_ns = tl_clock_wall_ns();
	}
	return 0;
}

/* Bytes that may stay in memory beside the disk, for sinks that keep up. */
enum { CACHE_BYTES = 16 << 20 };

static struct backlog_bytes *cache(struct store *store, struct tl_msg *msg)
{
	bool wanted = !store->on_disk || store->backlog.bytes + msg->len <= CACHE_BYTES;

	return wanted ? backlog_bytes_new(&store->backlog, msg) : 0;
}

static int enqueue(struct store *store, struct backlog_item **items, struct tl_msg *msg,
		   const struct tl_batch_head *head)
{
	unsigned int count = store->config.sink_count;
	struct backlog_stream *stream = backlog_stream_get(&store->backlog, head->stream);
	struct backlog_bytes *bytes = stream ? cache(store, msg) : 0;

	if (!stream || (!bytes && !store->on_disk)) {
		if (stream) {
			backlog_stream_put(&store->backlog, stream);
		}
		return -ENOMEM;
	}
	if (stream->next == 0) {
		stream->next = stream->told = head->after;
	}
	backlog_stream_learn(stream, head);
	for (unsigned int i = 0; i < count; i++) {
		items[i]->start = stream->next;
		items[i]->bytes = bytes;
		items[i]->virtual = !store->on_disk;
		backlog_append(&store->sides[i].line, i, items[i], stream);
		pthread_cond_signal(&store->sides[i].arrived);
	}
	/* One reference each; there is one of both already. */
	stream->refs += count - 1;
	if (bytes) {
		bytes->refs += count - 1;
	} else {
		tl_msg_free(msg);
	}
	uint64_t next = backlog_next(&items[0]->run);
	stream->next = next > stream->next ? next : stream->next;
	return 0;
}

/* A quota is full when a sink is slow, which is said there; a disk is nobody's doing here. */
static void say_disk_full(struct store *store)
{
	uint64_t held_back;

	if (tl_log_allowed(&store->limit, &held_back)) {
		tl_log_warn("%s: the disk is full but for --spool-reserve: what comes has to wait",
			    store->config.folder);
	}
}

int store_put(struct store *store, struct tl_msg *msg, const struct tl_batch_head *head,
	      uint32_t count)
{
	struct backlog_run run = {.order = store->order,
				  .after = head->after,
				  .first = head->first,
				  .count = count,
				  .end = head->end,
				  .stream = head->stream};
	struct backlog_item *items[STORE_SINKS_MAX];
	bool disk_full;
	int err = make_items(items, store->config.sink_count, &run, (uint32_t)msg->len);

	if (err < 0) {
		return err;
	}
	do {
		err = keep(store, &run, msg, &disk_full);
	} while (err == -ENOSPC && store->config.policy == STORE_DROP_OLDEST &&
		 store_drop_oldest(store, disk_full));
	if (err == -ENOSPC && disk_full) {
		say_disk_full(store);
	}
	if (err == 0) {
		store->order++;
		pthread_mutex_lock(&store->lock);
		err = enqueue(store, items, msg, head);
		pthread_mutex_unlock(&store->lock);
	}
	if (err < 0) {
		free_items(items, store->config.sink_count);
	}
	return err;
}

int store_commit(struct store *store, uint64_t *again_ns)
{
	*again_ns = UINT64_MAX;
	return store->ops->commit ? store->ops->commit(store, again_ns) : 0;
}

void store_wait_room(struct store *store, uint64_t timeout_ns)
{
	uint64_t deadline = tl_clock_deadline_ns(timeout_ns);

	pthread_mutex_lock(&store->lock);
	/* What was freed since put looked counts too. */
	while (store->freed == store->freed_seen && !store->stopping &&
	       tl_clock_mono_ns() < deadline) {
		tl_moncond_wait(&store->room, &store->lock, deadline);
	}
	pthread_mutex_unlock(&store->lock);
}

/* --- what goes out -------------------------------------------------------- */

/* Runs of no events can follow each other at one number; what they say tells them apart. */
static void put_id(char id[PARCEL_ID_LEN], const struct backlog_run *run)
{
	char *p = tl_text_put_hex(id, run->stream, TL_WIRE_STREAM_LEN);

	if (run->count > 0) {
		snprintf(p, PARCEL_ID_LEN - 32, "-%" PRIu64 "-%u", run->first, run->count);
	} else {
		snprintf(p, PARCEL_ID_LEN - 32, "-%" PRIu64 "-0-%" PRIu64 "%s", run->first,
			 run->after, run->end ? "e" : "");
	}
}

static struct store_parcel *parcel_new(struct backlog_item *item)
{
	struct store_parcel *held = calloc(1, sizeof(*held));

	if (!held) {
		return 0;
	}
	held->item = item;
	held->parcel = (struct parcel){.after = item->run.after,
				       .first = item->run.first,
				       .count = item->run.count,
				       .end = item->run.end};
	memcpy(held->parcel.stream, item->run.stream, TL_WIRE_STREAM_LEN);
	put_id(held->parcel.id, &item->run);
	return held;
}

static void parcel_fill(struct store_parcel *held, struct backlog_bytes *bytes)
{
	held->bytes = bytes;
	held->parcel.data = bytes->msg->data;
	held->parcel.len = bytes->msg->len;
}

static struct backlog_item *wait_item(struct store *store, unsigned int sink, uint64_t timeout_ns)
{
	struct store_side *side = &store->sides[sink];
	struct backlog_item *item = backlog_take(&side->line);

	if (item || timeout_ns == 0) {
		return item;
	}
	uint64_t deadline = tl_clock_deadline_ns(timeout_ns);
	while (!item && !store->stopping && tl_clock_mono_ns() < deadline) {
		tl_moncond_wait(&side->arrived, &store->lock, deadline);
		item = backlog_take(&side->line);
	}
	return item;
}

/* Not because of the batch. */
static bool may_pass(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE || err == -EAGAIN ||
	       err == -EINTR;
}

/* It is tried again after a moment. */
static int put_aside(struct store *store, unsigned int sink, struct backlog_item *item, int err)
{
	uint64_t held_back;

	if (tl_log_allowed(&store->sides[sink].limit, &held_back)) {
		tl_log_warn("cannot read a batch for %s: %s", store->config.sinks[sink],
			    strerror(-err));
	}
	pthread_mutex_lock(&store->lock);
	backlog_back(&store->sides[sink].line, item);
	if (!store->stopping) {
		tl_moncond_wait(&store->sides[sink].arrived, &store->lock,
				tl_clock_deadline_ns(UNREADABLE_WAIT_NS));
	}
	pthread_mutex_unlock(&store->lock);
	return 0;
}

static int set_bad(struct store *store, unsigned int sink, struct backlog_item *item, int err)
{
	struct store_side *side = &store->sides[sink];
	uint64_t held_back;

	if (tl_log_allowed(&side->limit, &held_back)) {
		tl_log_err("a batch for %s cannot be read from the spool (%s): moved to bad/%s",
			   store->config.sinks[sink],
			   err == -EBADMSG ? "it was altered or cut short" : strerror(-err),
			   item->unsure ? "" : " and declared lost");
	}
	pthread_mutex_lock(&store->lock);
	backlog_claim_taken(&side->line, item);
	pthread_mutex_unlock(&store->lock);
	store_lose(store, sink, item, COUNT_BAD);
	return err;
}

static int load(struct store *store, unsigned int sink, struct store_parcel *held)
{
	struct tl_msg *msg;
	int err = store->ops->load(store, sink, &held->item->run, &store->sides[sink].reader, &msg);

	if (err < 0) {
		return err;
	}
	pthread_mutex_lock(&store->lock);
	struct backlog_bytes *bytes = backlog_bytes_new(&store->backlog, msg);
	pthread_mutex_unlock(&store->lock);
	if (!bytes) {
		tl_msg_free(msg);
		return -ENOMEM;
	}
	parcel_fill(held, bytes);
	return 0;
}

int store_take(struct store *store, unsigned int sink, struct parcel **out, uint64_t timeout_ns)
{
	pthread_mutex_lock(&store->lock);
	struct backlog_item *item = wait_item(store, sink, timeout_ns);
	struct store_parcel *held = item ? parcel_new(item) : 0;
	bool in_memory = held && item->bytes;
	if (in_memory) {
		item->bytes->refs++;
		parcel_fill(held, item->bytes);
	}
	pthread_mutex_unlock(&store->lock);
	if (!item) {
		return 0;
	}
	int err = !held ? -ENOMEM : in_memory ? 0 : load(store, sink, held);
	if (err == 0) {
		*out = &held->parcel;
		return 1;
	}
	free(held);
	return may_pass(err) ? put_aside(store, sink, item, err) : set_bad(store, sink, item, err);
}

/* With the lock. The item is what remains. */
static struct backlog_item *parcel_free(struct store *store, struct parcel *parcel)
{
	struct store_parcel *held = (struct store_parcel *)parcel;
	struct backlog_item *item = held->item;

	backlog_bytes_put(&store->backlog, held->bytes);
	free(held);
	return item;
}

void store_done(struct store *store, unsigned int sink, struct parcel *parcel)
{
	pthread_mutex_lock(&store->lock);
	struct backlog_item *item = parcel_free(store, parcel);
	pthread_mutex_unlock(&store->lock);
	store_remove(store, sink, item);
}

void store_back(struct store *store, unsigned int sink, struct parcel *parcel)
{
	pthread_mutex_lock(&store->lock);
	backlog_back(&store->sides[sink].line, parcel_free(store, parcel));
	pthread_mutex_unlock(&store->lock);
}

int store_note(struct store *store, unsigned int sink, const char *text)
{
	return store->ops->note ? store->ops->note(store, sink, text) : 0;
}

struct store_counts store_counts(struct store *store, unsigned int sink)
{
	const struct store_side *side = &store->sides[sink];
	const struct store_tally *tallies = side->tallies;

	pthread_mutex_lock(&store->lock);
	struct store_counts counts = {
		.given_events = side->line.ever_events,
		.safe_events = tallies[COUNT_SAFE].events,
		.waiting_batches = side->line.batches,
		.waiting_events = side->line.events,
		.waiting_bytes = side->line.bytes,
		.oldest_ns = backlog_since(&side->line),
		.dropped_batches = tallies[COUNT_DROPPED].batches,
		.dropped_events = tallies[COUNT_DROPPED].events,
		.rejected_batches = tallies[COUNT_REJECTED].batches,
		.rejected_events = tallies[COUNT_REJECTED].events,
		.bad_files = tallies[COUNT_BAD].batches,
		.bad_events = tallies[COUNT_BAD].events,
	};
	pthread_mutex_unlock(&store->lock);
	return counts;
}
