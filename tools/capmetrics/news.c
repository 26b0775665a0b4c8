/* SPDX-License-Identifier: BSD-2-Clause */
#include "news_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "jsondoc.h"

enum { ID_SHIFT = 20 };

static const struct news_selection usual = {
	.count = 5,
	.types = {"alert", "anomaly", "engine_change", "parse_error", "gap"},
};

/* --- types ----------------------------------------------------------------- */

bool news_is_selected(const struct news_selection *s, const char *type)
{
	for (unsigned int i = 0; i < s->count; i++) {
		if (strcmp(s->types[i], type) == 0) {
			return true;
		}
	}
	return false;
}

/* Names of letters, digits and - _ . with commas between. */
int news_select(const char *text, struct news_selection *out)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	if (!text) {
		*out = usual;
		return 0;
	}
	*out = (struct news_selection){0};
	for (;;) {
		size_t len = strspn(text, good);
		if (len == 0 || len >= NEWS_TYPE_MAX || out->count == NEWS_TYPES_MAX) {
			return -EINVAL;
		}
		memcpy(out->types[out->count++], text, len);
		if (text[len] == '\0') {
			return 0;
		}
		if (text[len] != ',') {
			return -EINVAL;
		}
		text += len + 1;
	}
}

static bool copy_type(char out[NEWS_TYPE_MAX], struct tl_str type)
{
	if (type.len >= NEWS_TYPE_MAX) {
		return false;
	}
	memcpy(out, type.ptr, type.len);
	out[type.len] = '\0';
	return true;
}

static bool is_asked_for(const struct news *n, const char *type)
{
	for (const struct news_reader *r = n->readers; r; r = r->next) {
		if (news_is_selected(&r->selection, type)) {
			return true;
		}
	}
	return false;
}

bool news_wants(const struct news *n, struct tl_str type)
{
	char name[NEWS_TYPE_MAX];

	return copy_type(name, type) && (news_is_selected(&usual, name) || is_asked_for(n, name));
}

/* --- rings ----------------------------------------------------------------- */

struct news_item *news_item_at(const struct news_ring *ring, uint64_t place)
{
	return &ring->items[place % ring->room];
}

static void drop_oldest(struct news *n, unsigned int which)
{
	struct news_ring *ring = &n->rings[which];
	struct news_item *item = news_item_at(ring, ring->begin);

	for (struct news_reader *r = n->readers; r; r = r->next) {
		if (r->at[which] <= ring->begin && news_is_selected(&r->selection, item->type)) {
			r->missed++;
			n->counts.missed++;
		}
	}
	ring->begin++;
	ring->bytes -= item->len;
	free(item->json);
	*item = (struct news_item){0};
}

void news_add(struct news *n, struct tl_str type, const char *json, size_t len)
{
	struct news_item item = {.len = len > 0 && json[len - 1] == '\n' ? len - 1 : len};

	if (!copy_type(item.type, type) || item.len > NEWS_EVENT_BYTES) {
		n->counts.too_long++;
		return;
	}
	unsigned int which =
		news_is_selected(&usual, item.type) ? NEWS_RING_KEPT : NEWS_RING_PASSING;
	struct news_ring *ring = &n->rings[which];
	while (ring->end - ring->begin == ring->room ||
	       (ring->begin < ring->end && ring->bytes + item.len > NEWS_RING_BYTES)) {
		drop_oldest(n, which);
	}
	item.json = malloc(item.len + 1);
	if (!item.json) {
		n->counts.too_long++;
		return;
	}
	memcpy(item.json, json, item.len);
	item.id = n->next_id++;
	*news_item_at(ring, ring->end++) = item;
	ring->bytes += item.len;
	n->counts.events++;
}

int news_create(struct news **out, unsigned int max_readers, uint64_t wall_ns)
{
	struct news *n = calloc(1, sizeof(*n));

	if (!n) {
		return -ENOMEM;
	}
	n->max_readers = max_readers;
	n->next_id = (wall_ns / TL_SECOND_NS) << ID_SHIFT;
	n->rings[NEWS_RING_KEPT] =
		(struct news_ring){calloc(NEWS_KEPT, sizeof(struct news_item)), NEWS_KEPT, 0, 0, 0};
	n->rings[NEWS_RING_PASSING] = (struct news_ring){
		calloc(NEWS_PASSING, sizeof(struct news_item)), NEWS_PASSING, 0, 0, 0};
	if (!n->rings[NEWS_RING_KEPT].items || !n->rings[NEWS_RING_PASSING].items) {
		news_destroy(n);
		return -ENOMEM;
	}
	*out = n;
	return 0;
}

void news_destroy(struct news *n)
{
	if (!n) {
		return;
	}
	for (unsigned int i = 0; i < NEWS_RINGS; i++) {
		while (n->rings[i].items && n->rings[i].begin < n->rings[i].end) {
			drop_oldest(n, i);
		}
		free(n->rings[i].items);
	}
	free(n);
}

struct news_counts news_counts(const struct news *n)
{
	return n->counts;
}

/* --- the kept ones ----------------------------------------------------------- */

static uint64_t count_selected(const struct news_ring *ring, const struct news_selection *s)
{
	uint64_t count = 0;

	for (uint64_t at = ring->begin; at < ring->end; at++) {
		count += news_is_selected(s, news_item_at(ring, at)->type);
	}
	return count;
}

int news_write_recent(const struct news *n, const char *types, unsigned int limit,
		      struct tl_textbuf *out)
{
	const struct news_ring *ring = &n->rings[NEWS_RING_KEPT];
	struct jsondoc doc = {.out = out};
	struct news_selection s;

	if (news_select(types, &s) < 0) {
		return -EINVAL;
	}
	uint64_t count = count_selected(ring, &s);
	uint64_t skip = count > limit ? count - limit : 0;
	jsondoc_open(&doc, 0, '{');
	jsondoc_uint(&doc, "last_id", n->next_id - 1);
	jsondoc_uint(&doc, "left_out", skip);
	jsondoc_open(&doc, "events", '[');
	for (uint64_t at = ring->begin; at < ring->end; at++) {
		const struct news_item *item = news_item_at(ring, at);
		if (!news_is_selected(&s, item->type)) {
			continue;
		}
		if (skip > 0) {
			skip--;
			continue;
		}
		jsondoc_raw(&doc, 0, item->json, item->len);
	}
	jsondoc_close(&doc, ']');
	jsondoc_close(&doc, '}');
	return jsondoc_end(&doc);
}
