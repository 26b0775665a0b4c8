/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of one message, from the writer's first byte to the socket: what
 * hops carry, so that a batch is never copied between the two. Backed by nng's
 * message, which only common/hop_nng.c knows.
 */
#ifndef TL_MSG_H
#define TL_MSG_H

#include <stddef.h>
#include <stdint.h>

struct tl_msg {
	uint8_t *data; /* the message: `len` bytes within the memory */
	size_t len;
	uint8_t *memory;
	size_t capacity; /* of the memory */
	void *backing;
};

/* A message of length 0 over `capacity` bytes, not cleared. 0 on no memory. */
struct tl_msg *tl_msg_new(size_t capacity);
/* 0 on no memory. */
struct tl_msg *tl_msg_copy(const struct tl_msg *msg);
void tl_msg_free(struct tl_msg *msg);

#endif
