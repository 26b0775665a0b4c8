/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "outbox_private.h"

enum { NAME_MAX_LEN = 64, IFACE_MAX_LEN = 256 };

struct tl_stream {
	pthread_mutex_t lock;
	struct tl_outbox *outbox;
	const struct tl_journal *journal;
	uint8_t id[TL_WIRE_STREAM_LEN];
	uint64_t next;
	uint64_t after;
	char source[NAME_MAX_LEN];
	char host[NAME_MAX_LEN + 1];
	char iface[IFACE_MAX_LEN];
};

static void copy_text(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size - 1);
	memcpy(to, from, len);
	to[len] = '\0';
}

static int random_id(uint8_t id[TL_WIRE_STREAM_LEN])
{
	ssize_t got = getrandom(id, TL_WIRE_STREAM_LEN, 0);
	return got == TL_WIRE_STREAM_LEN ? 0 : -EIO;
}

int tl_stream_create(struct tl_stream **out, const struct tl_stream_config *config)
{
	struct tl_stream *s = calloc(1, sizeof(*s));
	if (!s) {
		return -ENOMEM;
	}
	int err = 0;
	if (config->id) {
		memcpy(s->id, config->id, sizeof(s->id));
	} else {
		err = random_id(s->id);
	}
	if (err < 0) {
		free(s);
		return err;
	}
	pthread_mutex_init(&s->lock, 0);
	s->outbox = config->outbox;
	s->journal = config->journal;
	s->next = config->next;
	s->after = config->next;
	copy_text(s->source, sizeof(s->source), config->source);
	copy_text(s->iface, sizeof(s->iface), config->iface);
	if (config->host) {
		copy_text(s->host, sizeof(s->host), config->host);
	} else if (gethostname(s->host, NAME_MAX_LEN) < 0) {
		s->host[0] = '\0';
	}
	*out = s;
	return 0;
}

void tl_stream_destroy(struct tl_stream *s)
{
	if (s) {
		pthread_mutex_destroy(&s->lock);
		free(s);
	}
}

static struct tl_batch_head head_of(const struct tl_stream *s, bool end)
{
	struct tl_batch_head head = {
		.after = s->after,
		.first = s->next,
		.end = end,
		.source = tl_str_of(s->source),
		.host = tl_str_of(s->host),
		.iface = tl_str_of(s->iface),
	};

	memcpy(head.stream, s->id, sizeof(head.stream));
	return head;
}

static int put(struct tl_stream *s, struct tl_msg *msg, const struct tl_batch_head *head,
	       uint32_t events)
{
	struct tl_outbox_item item = {
		.msg = msg,
		.head = *head,
		.events = events,
		.journal = s->journal,
	};

	if (s->journal) {
		item.ticket = s->journal->put(s->journal->context, msg);
	}
	return tl_outbox_put(s->outbox, &item);
}

int tl_stream_push(struct tl_stream *s, struct tl_batch_writer *w, bool end)
{
	uint32_t events = w->count;
	struct tl_msg *msg;

	if (events == 0 && !end) {
		return 0;
	}
	pthread_mutex_lock(&s->lock);
	struct tl_batch_head head = head_of(s, end);
	int err = tl_batch_finish(w, &head, &msg);
	s->next += events;
	if (err == 0) {
		s->after = s->next;
		/* Within the lock: batches of a stream leave in the order of their numbers. */
		err = put(s, msg, &head, events);
	} else {
		tl_batch_fini(w);
		tl_outbox_lose(s->outbox, events);
	}
	pthread_mutex_unlock(&s->lock);
	return err;
}

void tl_stream_lose(struct tl_stream *s, uint64_t events)
{
	pthread_mutex_lock(&s->lock);
	s->next += events;
	pthread_mutex_unlock(&s->lock);
	tl_outbox_lose(s->outbox, events);
}

uint64_t tl_stream_next(struct tl_stream *s)
{
	pthread_mutex_lock(&s->lock);
	uint64_t next = s->next;
	pthread_mutex_unlock(&s->lock);
	return next;
}
