/* SPDX-License-Identifier: BSD-2-Clause */
#include "passback.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "outbox.h"
#include "streammap.h"

enum { STREAMS = 65536 }; /* remembered; more are forgotten, those unheard of longest first */

#define RECENT_NS (60 * TL_SECOND_NS)

struct entry {
	struct tl_streamnode node;
	uint64_t heard_ns;
	uint8_t known; /* bits are places */
	struct tl_ack acks[TL_OUTBOX_LANES];
};

struct passback {
	pthread_mutex_t lock;
	struct tl_hop_in *in;
	unsigned int places;
	uint8_t all_places;
	struct tl_streammap map;
};

int passback_create(struct passback **out, struct tl_hop_in *in, unsigned int places)
{
	struct passback *p = calloc(1, sizeof(*p));
	if (!p) {
		return -ENOMEM;
	}
	int err = tl_streammap_init(&p->map);
	if (err < 0) {
		free(p);
		return err;
	}
	pthread_mutex_init(&p->lock, 0);
	p->in = in;
	p->places = places;
	p->all_places = (uint8_t)((1u << places) - 1); /* and none has ended */
	*out = p;
	return 0;
}

static void forget(struct passback *p, struct tl_streamnode *node)
{
	tl_streammap_remove(&p->map, node);
	free(node);
}

void passback_destroy(struct passback *p)
{
	if (p) {
		while (p->map.oldest) {
			forget(p, p->map.oldest);
		}
		tl_streammap_fini(&p->map);
		pthread_mutex_destroy(&p->lock);
		free(p);
	}
}

static struct entry *entry_of(struct passback *p, const uint8_t *stream)
{
	struct tl_streamnode *node = tl_streammap_find(&p->map, stream);

	if (node) {
		tl_streammap_touch(&p->map, node);
		return (struct entry *)node;
	}
	struct entry *e = calloc(1, sizeof(*e));
	if (e) {
		if (p->map.count == STREAMS) {
			forget(p, p->map.oldest);
		}
		tl_streammap_add(&p->map, &e->node, stream);
	}
	return e;
}

static bool is_known(const struct passback *p, const struct entry *e)
{
	return p->all_places != 0 && (e->known & p->all_places) == p->all_places;
}

/* What all places have, of a stream that is known. Any of them starting anew shows as another
 * instance. */
static struct tl_ack minimum(const struct passback *p, const struct entry *e)
{
	unsigned int first = (unsigned int)__builtin_ctz(p->all_places);
	struct tl_ack all = e->acks[first];

	for (unsigned int i = first + 1; i < p->places; i++) {
		const struct tl_ack *ack = &e->acks[i];
		if (!(p->all_places >> i & 1)) {
			continue;
		}
		all.safe = ack->safe < all.safe ? ack->safe : all.safe;
		all.got = ack->got < all.got ? ack->got : all.got;
		all.instance = all.instance * 31 + ack->instance;
	}
	return all;
}

static bool pass(struct passback *p, unsigned int place, const struct tl_ack *ack,
		 struct tl_ack *out)
{
	struct entry *e = entry_of(p, ack->stream);

	if (!e) {
		*out = *ack;
		return p->places == 1;
	}
	e->acks[place] = *ack;
	e->known |= (uint8_t)(1u << place);
	e->heard_ns = tl_clock_mono_ns();
	if (!is_known(p, e)) {
		return false;
	}
	*out = minimum(p, e);
	out->flags = ack->flags;
	return true;
}

void passback_acked(void *context, unsigned int place, const struct tl_ack *acks, size_t count)
{
	struct passback *p = context;
	struct tl_ack out[TL_ACK_MAX];
	size_t passed = 0;

	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < count && i < TL_ACK_MAX; i++) {
		passed += pass(p, place, &acks[i], &out[passed]) ? 1 : 0;
	}
	pthread_mutex_unlock(&p->lock);
	tl_hop_publish(p->in, out, passed);
}

void passback_ended(void *context, unsigned int place)
{
	struct passback *p = context;

	pthread_mutex_lock(&p->lock);
	p->all_places &= (uint8_t) ~(1u << place);
	pthread_mutex_unlock(&p->lock);
}

void passback_seen(struct passback *p, const uint8_t stream[TL_WIRE_STREAM_LEN])
{
	pthread_mutex_lock(&p->lock);
	struct entry *e = entry_of(p, stream);
	if (e) {
		e->heard_ns = tl_clock_mono_ns();
	}
	pthread_mutex_unlock(&p->lock);
}

/*
 * What was got there and not safe may be gone with whoever had it; of a stream nobody told of
 * yet, all of it. An ack of instance 0 is no consumer's.
 */
static struct tl_ack refusal(const struct passback *p, const struct entry *e)
{
	struct tl_ack ack = {0};

	if (is_known(p, e)) {
		ack = minimum(p, e);
	}
	memcpy(ack.stream, e->node.stream, sizeof(ack.stream));
	ack.got = ack.safe;
	ack.flags = TL_ACK_REFUSED;
	return ack;
}

void passback_lost(void *context, unsigned int place)
{
	struct passback *p = context;
	struct tl_ack out[TL_ACK_MAX];
	size_t count = 0;

	(void)place;
	pthread_mutex_lock(&p->lock);
	uint64_t now = tl_clock_mono_ns(); /* nothing was heard of later than that */
	for (struct entry *e = (struct entry *)p->map.newest; e && now - e->heard_ns < RECENT_NS;
	     e = (struct entry *)e->node.older) {
		out[count++] = refusal(p, e);
		if (count == TL_ACK_MAX) {
			tl_hop_publish(p->in, out, count);
			count = 0;
		}
	}
	pthread_mutex_unlock(&p->lock);
	tl_hop_publish(p->in, out, count);
}
