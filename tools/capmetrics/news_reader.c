/* SPDX-License-Identifier: BSD-2-Clause */
/* The news as text/event-stream, for each reader from where it is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "news_private.h"

enum { FRAME_MAX = 128 };

static uint64_t place_behind(const struct news_ring *ring, uint64_t id)
{
	uint64_t at = ring->begin;

	while (at < ring->end && news_item_at(ring, at)->id <= id) {
		at++;
	}
	return at;
}

int news_reader_open(struct news *n, const char *types, uint64_t after, struct news_reader **out)
{
	static const char hello[] = "retry: 2000\n: capmetrics\n\n";
	struct news_selection s;

	if (news_select(types, &s) < 0) {
		return -EINVAL;
	}
	if (n->counts.readers >= n->max_readers) {
		n->counts.turned_away++;
		return -EUSERS;
	}
	struct news_reader *r = calloc(1, sizeof(*r));
	if (!r || tl_textbuf_add(&r->pending, hello, sizeof(hello) - 1) < 0) {
		free(r);
		return -ENOMEM;
	}
	r->news = n;
	r->selection = s;
	for (unsigned int i = 0; i < NEWS_RINGS; i++) {
		r->at[i] = after > 0 ? place_behind(&n->rings[i], after) : n->rings[i].end;
	}
	r->next = n->readers;
	r->link = &n->readers;
	if (r->next) {
		r->next->link = &r->next;
	}
	n->readers = r;
	n->counts.readers++;
	*out = r;
	return 0;
}

void news_reader_close(struct news_reader *r)
{
	*r->link = r->next;
	if (r->next) {
		r->next->link = r->link;
	}
	r->news->counts.readers--;
	tl_textbuf_fini(&r->pending);
	free(r);
}

/* The next one of the ring that the reader wants; 0 = none. */
static const struct news_item *look(struct news_reader *r, unsigned int which)
{
	const struct news_ring *ring = &r->news->rings[which];

	if (r->at[which] < ring->begin) {
		r->at[which] = ring->begin;
	}
	for (; r->at[which] < ring->end; r->at[which]++) {
		const struct news_item *item = news_item_at(ring, r->at[which]);
		if (news_is_selected(&r->selection, item->type)) {
			return item;
		}
	}
	return 0;
}

/* The older of the two; 0 = none. */
static const struct news_item *next_item(struct news_reader *r)
{
	const struct news_item *kept = look(r, NEWS_RING_KEPT);
	const struct news_item *passing = look(r, NEWS_RING_PASSING);
	unsigned int which =
		kept && (!passing || kept->id < passing->id) ? NEWS_RING_KEPT : NEWS_RING_PASSING;
	const struct news_item *item = which == NEWS_RING_KEPT ? kept : passing;

	r->at[which] += item != 0;
	return item;
}

static void put(struct news_reader *r, const char *text, size_t len)
{
	/* Without memory an event is missed; half a one would be worse than none. */
	if (tl_textbuf_add(&r->pending, text, len) < 0) {
		r->pending.len = r->sent;
		r->missed++;
		r->news->counts.missed++;
	}
}

static void put_missed(struct news_reader *r)
{
	char text[FRAME_MAX];
	int len = snprintf(text, sizeof(text), "event: missed\ndata: {\"missed\":%llu}\n\n",
			   (unsigned long long)r->missed);

	r->missed = 0;
	put(r, text, (size_t)len);
}

static void put_item(struct news_reader *r, const struct news_item *item)
{
	char head[FRAME_MAX];
	int len = snprintf(head, sizeof(head), "id: %llu\ndata: ", (unsigned long long)item->id);
	size_t need = (size_t)len + item->len + 2;
	char *to = tl_textbuf_reserve(&r->pending, need);

	if (!to) {
		r->missed++;
		r->news->counts.missed++;
		return;
	}
	memcpy(to, head, (size_t)len);
	memcpy(to + len, item->json, item->len);
	memcpy(to + len + item->len, "\n\n", 2);
	r->pending.len += need;
}

/* Something to send, if there is anything. */
static void fill(struct news_reader *r, uint64_t now_ns)
{
	static const char heartbeat[] = ": nothing new\n\n";
	const struct news_item *item;

	r->pending.len = r->sent = 0;
	if (r->missed > 0) {
		put_missed(r);
	} else if ((item = next_item(r))) {
		put_item(r, item);
	} else if (now_ns - r->wrote_ns >= NEWS_HEARTBEAT_NS) {
		put(r, heartbeat, sizeof(heartbeat) - 1);
	}
}

size_t news_reader_read(struct news_reader *r, uint64_t now_ns, char *to, size_t room)
{
	size_t done = 0;

	while (done < room) {
		if (r->sent == r->pending.len) {
			fill(r, now_ns);
		}
		size_t left = r->pending.len - r->sent;
		size_t take = left < room - done ? left : room - done;
		if (take == 0) {
			break;
		}
		memcpy(to + done, r->pending.data + r->sent, take);
		r->sent += take;
		done += take;
		r->wrote_ns = now_ns;
	}
	return done;
}
