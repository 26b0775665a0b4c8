/* SPDX-License-Identifier: BSD-2-Clause */
#include "backlog.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { SLOTS_MIN = 64 };

int backlog_init(struct backlog *backlog)
{
	*backlog = (struct backlog){.slots = calloc(SLOTS_MIN, sizeof(struct backlog_stream *)),
				    .slot_count = SLOTS_MIN};
	return backlog->slots ? 0 : -ENOMEM;
}

void backlog_fini(struct backlog *backlog)
{
	free(backlog->slots);
	backlog->slots = 0;
}

void backlog_line_init(struct backlog_line *line, uint64_t block)
{
	*line = (struct backlog_line){.block = block};
	TAILQ_INIT(&line->waiting);
	TAILQ_INIT(&line->taken);
	TAILQ_INIT(&line->victims);
}

void backlog_line_fini(struct backlog *backlog, struct backlog_line *line, unsigned int index)
{
	struct backlog_item *item;

	while ((item = TAILQ_FIRST(&line->waiting)) || (item = TAILQ_FIRST(&line->taken))) {
		backlog_remove(backlog, line, index, item);
	}
}

/* --- streams -------------------------------------------------------------- */

static struct backlog_stream **slot_of(const struct backlog *backlog,
				       const uint8_t id[TL_WIRE_STREAM_LEN])
{
	/* Seeded by where the table lies: who chooses stream ids cannot choose slots. */
	uint64_t hash = XXH3_64bits_withSeed(id, TL_WIRE_STREAM_LEN, (uintptr_t)backlog->slots);

	return &backlog->slots[hash & (backlog->slot_count - 1)];
}

static void grow(struct backlog *backlog)
{
	struct backlog old = *backlog;
	struct backlog_stream **slots = calloc(2 * old.slot_count, sizeof(*slots));

	if (!slots) {
		return;
	}
	backlog->slots = slots;
	backlog->slot_count = 2 * old.slot_count;
	for (uint64_t i = 0; i < old.slot_count; i++) {
		struct backlog_stream *next;
		for (struct backlog_stream *stream = old.slots[i]; stream; stream = next) {
			struct backlog_stream **slot = slot_of(backlog, stream->id);
			next = stream->hash_next;
			stream->hash_next = *slot;
			*slot = stream;
		}
	}
	free(old.slots);
}

static struct backlog_stream *stream_new(struct backlog *backlog,
					 const uint8_t id[TL_WIRE_STREAM_LEN])
{
	struct backlog_stream *stream = calloc(1, sizeof(*stream));

	if (!stream) {
		return 0;
	}
	memcpy(stream->id, id, TL_WIRE_STREAM_LEN);
	stream->source = stream->host = stream->iface = TL_STR("");
	for (unsigned int i = 0; i < BACKLOG_LINES; i++) {
		TAILQ_INIT(&stream->kin[i]);
	}
	if (backlog->stream_count >= backlog->slot_count) {
		grow(backlog);
	}
	struct backlog_stream **slot = slot_of(backlog, id);
	stream->hash_next = *slot;
	*slot = stream;
	backlog->stream_count++;
	return stream;
}

struct backlog_stream *backlog_stream_get(struct backlog *backlog,
					  const uint8_t id[TL_WIRE_STREAM_LEN])
{
	struct backlog_stream *stream = *slot_of(backlog, id);

	while (stream && memcmp(stream->id, id, TL_WIRE_STREAM_LEN) != 0) {
		stream = stream->hash_next;
	}
	if (!stream) {
		stream = stream_new(backlog, id);
	}
	if (stream) {
		stream->refs++;
	}
	return stream;
}

void backlog_stream_put(struct backlog *backlog, struct backlog_stream *stream)
{
	if (--stream->refs > 0) {
		return;
	}
	struct backlog_stream **slot = slot_of(backlog, stream->id);
	while (*slot != stream) {
		slot = &(*slot)->hash_next;
	}
	*slot = stream->hash_next;
	backlog->stream_count--;
	free(stream->texts);
	free(stream);
}

static struct tl_str copy_text(char **at, struct tl_str text)
{
	struct tl_str copy = {*at, text.len};

	memcpy(*at, text.ptr, text.len);
	*at += text.len;
	return copy;
}

void backlog_stream_learn(struct backlog_stream *stream, const struct tl_batch_head *head)
{
	uint64_t len = (uint64_t)head->source.len + head->host.len + head->iface.len;

	if (stream->has_texts) {
		return;
	}
	stream->has_texts = true;
	stream->texts = len > 0 && len <= BACKLOG_TEXTS_MAX ? malloc(len) : 0;
	if (!stream->texts) {
		return;
	}
	char *at = stream->texts;
	stream->source = copy_text(&at, head->source);
	stream->host = copy_text(&at, head->host);
	stream->iface = copy_text(&at, head->iface);
}

/* --- bytes ---------------------------------------------------------------- */

struct backlog_bytes *backlog_bytes_new(struct backlog *backlog, struct tl_msg *msg)
{
	struct backlog_bytes *bytes = malloc(sizeof(*bytes));

	if (bytes) {
		*bytes = (struct backlog_bytes){.msg = msg, .refs = 1};
		backlog->bytes += msg->len;
	}
	return bytes;
}

void backlog_bytes_put(struct backlog *backlog, struct backlog_bytes *bytes)
{
	if (!bytes || --bytes->refs > 0) {
		return;
	}
	backlog->bytes -= bytes->msg->len;
	tl_msg_free(bytes->msg);
	free(bytes);
}

/* --- items ---------------------------------------------------------------- */

static void account(struct backlog_line *line, const struct backlog_item *item)
{
	line->batches++;
	line->events += backlog_own_events(item);
	line->bytes += backlog_blocks(item->size, line->block);
	line->empty_bytes += item->run.count == 0 ? backlog_blocks(item->size, line->block) : 0;
}

static void discount(struct backlog_line *line, const struct backlog_item *item)
{
	line->batches--;
	line->events -= backlog_own_events(item);
	line->bytes -= backlog_blocks(item->size, line->block);
	line->empty_bytes -= item->run.count == 0 ? backlog_blocks(item->size, line->block) : 0;
}

static void own(struct backlog_item *item, struct backlog_stream *stream)
{
	item->owner = stream;
	item->run.stream = stream->id;
}

void backlog_append(struct backlog_line *line, unsigned int index, struct backlog_item *item,
		    struct backlog_stream *stream)
{
	own(item, stream);
	item->state = BACKLOG_WAITING;
	TAILQ_INSERT_TAIL(&line->waiting, item, link);
	TAILQ_INSERT_TAIL(&stream->kin[index], item, kin);
	if (item->run.count > 0) {
		TAILQ_INSERT_TAIL(&line->victims, item, victim);
	}
	account(line, item);
	line->ever_events += item->run.count;
}

static bool is_before(const struct backlog_item *a, const struct backlog_item *b)
{
	return a->run.order != b->run.order ? a->run.order < b->run.order
					    : a->run.first < b->run.first;
}

/* What was taken is among the oldest: its place is near the front. */
static void insert_waiting(struct backlog_line *line, struct backlog_item *item)
{
	struct backlog_item *at = TAILQ_FIRST(&line->waiting);

	while (at && is_before(at, item)) {
		at = TAILQ_NEXT(at, link);
	}
	if (at) {
		TAILQ_INSERT_BEFORE(at, item, link);
	} else {
		TAILQ_INSERT_TAIL(&line->waiting, item, link);
	}
}

static void insert_victim(struct backlog_line *line, struct backlog_item *item)
{
	struct backlog_item *at = TAILQ_FIRST(&line->victims);

	while (at && is_before(at, item)) {
		at = TAILQ_NEXT(at, victim);
	}
	if (at) {
		TAILQ_INSERT_BEFORE(at, item, victim);
	} else {
		TAILQ_INSERT_TAIL(&line->victims, item, victim);
	}
}

void backlog_insert(struct backlog_line *line, unsigned int index, struct backlog_item *item,
		    struct backlog_item *behind)
{
	struct backlog_stream *stream = behind->owner;
	struct backlog_item *next = TAILQ_NEXT(behind, kin);

	behind->pieces += item->run.count;
	line->events -= item->run.count;

	while (next && next->run.order == item->run.order) {
		behind = next;
		next = TAILQ_NEXT(next, kin);
	}
	own(item, stream);
	stream->refs++;
	item->state = BACKLOG_CLAIMED;
	insert_waiting(line, item);
	TAILQ_INSERT_AFTER(&stream->kin[index], behind, item, kin);
	account(line, item);
}

struct backlog_item *backlog_take(struct backlog_line *line)
{
	struct backlog_item *item = TAILQ_FIRST(&line->waiting);

	while (item && item->state != BACKLOG_WAITING) {
		item = TAILQ_NEXT(item, link);
	}
	if (!item) {
		return 0;
	}
	TAILQ_REMOVE(&line->waiting, item, link);
	if (item->run.count > 0) {
		TAILQ_REMOVE(&line->victims, item, victim);
	}
	TAILQ_INSERT_TAIL(&line->taken, item, link);
	item->state = BACKLOG_TAKEN;
	return item;
}

void backlog_back(struct backlog_line *line, struct backlog_item *item)
{
	TAILQ_REMOVE(&line->taken, item, link);
	item->state = BACKLOG_WAITING;
	insert_waiting(line, item);
	if (item->run.count > 0) {
		insert_victim(line, item);
	}
}

void backlog_claim_taken(struct backlog_line *line, struct backlog_item *item)
{
	TAILQ_REMOVE(&line->taken, item, link);
	item->state = BACKLOG_CLAIMED;
	insert_waiting(line, item);
}

struct backlog_item *backlog_claim_victim(struct backlog_line *line)
{
	struct backlog_item *item = TAILQ_FIRST(&line->victims);

	if (item) {
		TAILQ_REMOVE(&line->victims, item, victim);
		item->state = BACKLOG_CLAIMED;
	}
	return item;
}

struct backlog_item *backlog_claim_declaration(struct backlog_line *line)
{
	struct backlog_item *item =
		line->empty_bytes > line->bytes / 2 ? TAILQ_FIRST(&line->waiting) : 0;

	while (item && (item->state != BACKLOG_WAITING || item->run.count > 0)) {
		item = TAILQ_NEXT(item, link);
	}
	if (item) {
		item->state = BACKLOG_CLAIMED;
	}
	return item;
}

struct backlog_item *backlog_claim_adjoining(struct backlog_item *item)
{
	struct backlog_item *older = TAILQ_PREV(item, backlog_list, kin);

	if (!older || older->state != BACKLOG_WAITING || older->run.count > 0 || older->run.end ||
	    older->run.first != item->run.after) {
		return 0;
	}
	older->state = BACKLOG_CLAIMED;
	return older;
}

void backlog_unclaim(struct backlog_item *item)
{
	item->state = BACKLOG_WAITING;
}

void backlog_replace(struct backlog *backlog, struct backlog_line *line, struct backlog_item *item,
		     const struct backlog_run *run, uint32_t size, struct backlog_bytes *bytes)
{
	discount(line, item);
	item->run.after = run->after;
	item->run.first = run->first;
	item->run.count = run->count;
	item->pieces = 0;
	item->run.end = run->end;
	item->size = size;
	backlog_bytes_put(backlog, item->bytes);
	item->bytes = bytes;
	item->unsure = false;
	item->state = BACKLOG_WAITING;
	account(line, item);
}

void backlog_remove(struct backlog *backlog, struct backlog_line *line, unsigned int index,
		    struct backlog_item *item)
{
	if (item->state == BACKLOG_TAKEN) {
		TAILQ_REMOVE(&line->taken, item, link);
	} else {
		TAILQ_REMOVE(&line->waiting, item, link);
	}
	if (item->state == BACKLOG_WAITING && item->run.count > 0) {
		TAILQ_REMOVE(&line->victims, item, victim);
	}
	TAILQ_REMOVE(&item->owner->kin[index], item, kin);
	discount(line, item);
	backlog_bytes_put(backlog, item->bytes);
	backlog_stream_put(backlog, item->owner);
	free(item);
}

uint64_t backlog_done(const struct backlog_stream *stream, unsigned int line_count)
{
	uint64_t done = stream->next;

	for (unsigned int i = 0; i < line_count; i++) {
		const struct backlog_item *oldest = TAILQ_FIRST(&stream->kin[i]);
		if (oldest && oldest->start < done) {
			done = oldest->start;
		}
	}
	return done;
}

uint64_t backlog_since(const struct backlog_line *line)
{
	const struct backlog_item *oldest = TAILQ_FIRST(&line->waiting);
	const struct backlog_item *item;

	TAILQ_FOREACH(item, &line->taken, link)
	{
		/* cppcheck-suppress uninitvar; it does not know <sys/queue.h> */
		if (!oldest || is_before(item, oldest)) {
			oldest = item;
		}
	}
	return oldest ? oldest->since_ns : 0;
}
