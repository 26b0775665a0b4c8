/* SPDX-License-Identifier: BSD-2-Clause */
#include "acks.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "moncond.h"

#define LEAST_NS (2 * TL_MS_NS)
#define ROUND_NS (100 * TL_MS_NS)

enum { AT_ONCE = 256 };

struct acks {
	struct tl_hop_in *in;
	struct tl_intake *intake;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool pending;
	bool closing;
};

static void publish(struct acks *a)
{
	struct tl_ack list[AT_ONCE];
	size_t count;

	do {
		count = tl_intake_report(a->intake, tl_clock_mono_ns(), list, AT_ONCE);
		tl_hop_publish(a->in, list, count);
	} while (count == AT_ONCE);
}

/* Returns with the lock held, when it is time. */
static void wait_for_change(struct acks *a, uint64_t last_ns)
{
	for (;;) {
		uint64_t due = last_ns + (a->pending ? LEAST_NS : ROUND_NS);
		if (a->closing || tl_clock_mono_ns() >= due) {
			a->pending = false;
			return;
		}
		tl_moncond_wait(&a->changed, &a->lock, due);
	}
}

static void *tell(void *arg)
{
	struct acks *a = arg;
	uint64_t last_ns = 0;

	pthread_mutex_lock(&a->lock);
	while (!a->closing) {
		wait_for_change(a, last_ns);
		pthread_mutex_unlock(&a->lock);
		last_ns = tl_clock_mono_ns();
		publish(a);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return 0;
}

int acks_open(struct acks **out, struct tl_hop_in *in, struct tl_intake *intake)
{
	struct acks *a = calloc(1, sizeof(*a));

	if (!a) {
		return -ENOMEM;
	}
	a->in = in;
	a->intake = intake;
	pthread_mutex_init(&a->lock, 0);
	tl_moncond_init(&a->changed);
	int err = -pthread_create(&a->thread, 0, tell, a);
	if (err < 0) {
		free(a);
		return err;
	}
	*out = a;
	return 0;
}

void acks_close(struct acks *a)
{
	if (!a) {
		return;
	}
	pthread_mutex_lock(&a->lock);
	a->closing = true;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, 0);
	publish(a);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->changed);
	free(a);
}

void acks_notify(struct acks *a)
{
	if (!a) {
		return;
	}
	pthread_mutex_lock(&a->lock);
	if (!a->pending) {
		a->pending = true;
		pthread_cond_signal(&a->changed);
	}
	pthread_mutex_unlock(&a->lock);
}
