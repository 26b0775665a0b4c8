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

/* Takes `msg` over in any case. 0, or why it could not be kept: then it is counted. */
int tl_outbox_put(struct tl_outbox *outbox, struct tl_msg *msg, struct tl_stream_loss *loss,
		  uint64_t after, uint32_t events);

#endif
