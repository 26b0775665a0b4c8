/* SPDX-License-Identifier: BSD-2-Clause */
#include "dedup.h"

#include <stdlib.h>

/* What was added, to be taken back. */
struct entry {
	uint8_t stream[TL_WIRE_STREAM_LEN];
	enum dedup_set set;
	struct tl_range range;
};

struct dedup {
	struct tl_streammap map;
	size_t stream_max;
	uint64_t ranges;
	uint64_t forgotten_streams;
	uint64_t forgotten_ranges;
	struct entry *entries;
	size_t entry_count, entry_room;
};

int dedup_create(struct dedup **out, size_t stream_max)
{
	struct dedup *d = calloc(1, sizeof(*d));

	if (!d) {
		return -ENOMEM;
	}
	int err = tl_streammap_init(&d->map);
	if (err < 0) {
		free(d);
		return err;
	}
	d->stream_max = stream_max;
	*out = d;
	return 0;
}

static struct dedup_stream *stream_of(struct tl_streamnode *node)
{
	return (struct dedup_stream *)node; /* its first member */
}

static void forget_stream(struct dedup *d, struct dedup_stream *stream)
{
	tl_streammap_remove(&d->map, &stream->node);
	for (int i = 0; i < DEDUP_SETS; i++) {
		d->ranges -= stream->sets[i].count;
		tl_ranges_fini(&stream->sets[i]);
	}
	free(stream);
}

void dedup_destroy(struct dedup *d)
{
	if (!d) {
		return;
	}
	while (d->map.oldest) {
		forget_stream(d, stream_of(d->map.oldest));
	}
	tl_streammap_fini(&d->map);
	free(d->entries);
	free(d);
}

static void forget_oldest(struct dedup *d)
{
	forget_stream(d, stream_of(d->map.oldest));
	d->forgotten_streams++;
}

static void make_room(struct dedup *d)
{
	while (d->map.count > 0 && (d->map.count >= d->stream_max || d->ranges >= DEDUP_RANGES)) {
		forget_oldest(d);
	}
}

/* For further ranges of a stream that is there, and stays. */
static void make_room_for(struct dedup *d, struct dedup_stream *s)
{
	tl_streammap_touch(&d->map, &s->node);
	while (d->ranges >= DEDUP_RANGES && d->map.oldest != &s->node) {
		forget_oldest(d);
	}
}

struct dedup_stream *dedup_restore(struct dedup *d, const uint8_t stream[TL_WIRE_STREAM_LEN])
{
	make_room(d);
	struct dedup_stream *s = calloc(1, sizeof(*s));
	if (s) {
		tl_streammap_add(&d->map, &s->node, stream);
	}
	return s;
}

static struct dedup_stream *find(const struct dedup *d, const uint8_t stream[TL_WIRE_STREAM_LEN])
{
	return stream_of(tl_streammap_find(&d->map, stream));
}

bool dedup_has(const struct dedup *d, const uint8_t stream[TL_WIRE_STREAM_LEN])
{
	return find(d, stream) != 0;
}

struct dedup_news dedup_look(struct dedup *d, const struct tl_batch_head *head, uint32_t count)
{
	struct dedup_stream *s = find(d, head->stream);
	uint64_t to = head->first + count;
	struct tl_range gap;

	if (!s) {
		return (struct dedup_news){count, head->after < head->first, head->end};
	}
	tl_streammap_touch(&d->map, &s->node);
	return (struct dedup_news){
		.events = count - tl_ranges_covered(&s->sets[DEDUP_SEEN], head->first, to),
		.loss = tl_ranges_gap(&s->sets[DEDUP_LOST], head->after, head->first, &gap),
		.end = head->end && !tl_ranges_has(&s->sets[DEDUP_ENDS], to),
	};
}

bool dedup_missing(const struct dedup *d, const uint8_t stream[TL_WIRE_STREAM_LEN], uint64_t from,
		   uint64_t to, struct tl_range *gap)
{
	const struct dedup_stream *s = find(d, stream);

	if (!s && from < to) {
		*gap = (struct tl_range){from, to};
		return true;
	}
	return s && tl_ranges_gap(&s->sets[DEDUP_SEEN], from, to, gap);
}

/* --- adding ---------------------------------------------------------------- */

/* At the limit the lowest range is forgotten: joining two would claim what never came. */
static int add_range(struct dedup *d, struct tl_ranges *set, struct tl_range range)
{
	uint32_t before = set->count;

	if (set->count == TL_RANGES_MAX) {
		tl_ranges_remove(set, set->items[0].from, set->items[0].to);
		d->forgotten_ranges++;
	}
	int err = tl_ranges_add(set, range.from, range.to);
	d->ranges += set->count;
	d->ranges -= before;
	return err;
}

int dedup_restore_range(struct dedup *d, struct dedup_stream *stream, enum dedup_set set,
			struct tl_range range)
{
	return add_range(d, &stream->sets[set], range);
}

static int note(struct dedup *d, const struct dedup_stream *s, enum dedup_set set,
		struct tl_range range)
{
	if (d->entry_count == d->entry_room) {
		size_t room = d->entry_room ? 2 * d->entry_room : 64;
		struct entry *entries = realloc(d->entries, room * sizeof(*entries));
		if (!entries) {
			return -ENOMEM;
		}
		d->entries = entries;
		d->entry_room = room;
	}
	struct entry *entry = &d->entries[d->entry_count++];
	*entry = (struct entry){.set = set, .range = range};
	memcpy(entry->stream, s->node.stream, TL_WIRE_STREAM_LEN);
	return 0;
}

/* Adds what of [from, to) is missing, noting each part before it is there. */
static int add_missing(struct dedup *d, struct dedup_stream *s, enum dedup_set set, uint64_t from,
		       uint64_t to)
{
	struct tl_range gap;
	int err = 0;

	while (err == 0 && tl_ranges_gap(&s->sets[set], from, to, &gap)) {
		err = note(d, s, set, gap);
		if (err == 0) {
			err = add_range(d, &s->sets[set], gap);
		}
		from = gap.to;
	}
	return err;
}

int dedup_add(struct dedup *d, const struct tl_batch_head *head, uint32_t count)
{
	struct dedup_stream *s = find(d, head->stream);
	uint64_t to = head->first + count;

	if (s) {
		make_room_for(d, s);
	} else {
		s = dedup_restore(d, head->stream);
	}
	if (!s) {
		return -ENOMEM;
	}
	int err = add_missing(d, s, DEDUP_SEEN, head->first, to);
	if (err == 0) {
		err = add_missing(d, s, DEDUP_LOST, head->after, head->first);
	}
	if (err == 0 && head->end) {
		err = add_missing(d, s, DEDUP_ENDS, to, to + 1);
	}
	return err;
}

/* --- taking back ------------------------------------------------------------ */

size_t dedup_mark(const struct dedup *d)
{
	return d->entry_count;
}

static void take_back(struct dedup *d, const struct entry *entry)
{
	struct dedup_stream *s = find(d, entry->stream);

	if (!s) {
		return; /* forgotten since */
	}
	struct tl_ranges *set = &s->sets[entry->set];
	d->ranges -= set->count;
	tl_ranges_remove(set, entry->range.from, entry->range.to);
	d->ranges += set->count;
}

void dedup_undo(struct dedup *d, size_t mark)
{
	while (d->entry_count > mark) {
		take_back(d, &d->entries[--d->entry_count]);
	}
}

void dedup_keep(struct dedup *d)
{
	enum { ROOM_TO_KEEP = 4096 };

	d->entry_count = 0;
	if (d->entry_room > ROOM_TO_KEEP) {
		free(d->entries);
		d->entries = 0;
		d->entry_room = 0;
	}
}

struct dedup_counts dedup_counts(const struct dedup *d)
{
	return (struct dedup_counts){d->map.count, d->ranges, d->forgotten_streams,
				     d->forgotten_ranges};
}

const struct dedup_stream *dedup_next(const struct dedup *d, const struct dedup_stream *stream)
{
	return stream_of(stream ? stream->node.newer : d->map.oldest);
}
