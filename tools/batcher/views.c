/* SPDX-License-Identifier: BSD-2-Clause */
#include "views.h"

#include <errno.h>

#include "log.h"

enum { QUEUE = 64 };

int views_open(struct views *v, const struct tl_opt_list *urls, bool insecure)
{
	const struct tl_hop_config config = {.insecure = insecure, .no_acks = true, .queue = QUEUE};

	for (unsigned int i = 0; i < urls->count; i++) {
		if (i == VIEWS_MAX || !tl_hop_is_url(urls->items[i])) {
			tl_log_err("--view '%s': wants a URL, and at most %d of them",
				   urls->items[i], VIEWS_MAX);
			return -EINVAL;
		}
		int err = tl_hop_open_out(&v->outs[i], urls->items[i], &config);
		if (err < 0) {
			return err;
		}
		v->count++;
	}
	return 0;
}

void views_close(struct views *v)
{
	for (unsigned int i = 0; i < v->count; i++) {
		tl_hop_close_out(v->outs[i]);
	}
}

static void send_to(struct views *v, unsigned int index, const struct tl_msg *msg, uint32_t events)
{
	/* What was queued for nobody would be lost without being counted. */
	bool is_there = tl_hop_link(v->outs[index]).up_since_ns != 0;
	struct tl_msg *copy = is_there ? tl_msg_copy(msg) : 0;

	if (copy && tl_hop_send(v->outs[index], copy, 0) == 0) {
		v->sent_events += events;
		return;
	}
	tl_msg_free(copy);
	v->dropped_events += events;
}

void views_send(struct views *v, const struct tl_msg *msg, uint32_t events)
{
	for (unsigned int i = 0; i < v->count; i++) {
		send_to(v, i, msg, events);
	}
}

void views_look(struct views *v)
{
	for (unsigned int i = 0; i < v->count; i++) {
		tl_hop_link(v->outs[i]);
	}
}
