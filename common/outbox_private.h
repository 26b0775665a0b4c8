/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the outbox and its streams. */
#ifndef TL_OUTBOX_PRIVATE_H
#define TL_OUTBOX_PRIVATE_H

#include "outbox.h"

/* Loss that no run of the stream has declared yet. The outbox's lock guards it. */
struct tl_stream_loss {
	bool pending;
	uint64_t after; /* what the next run has to say */
};

/* A batch on its way into the window. */
struct tl_outbox_item {
	struct tl_msg *msg;
	struct tl_stream_loss *loss; /* of its stream */
	uint64_t after;
	uint32_t events;
	const struct tl_journal *journal; /* 0 = none */
	uint64_t ticket;
};

/* Takes `item->msg` over in any case. 0, or why it could not be kept: then it is counted. */
int tl_outbox_put(struct tl_outbox *outbox, const struct tl_outbox_item *item);

#endif
