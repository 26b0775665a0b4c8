/* SPDX-License-Identifier: BSD-2-Clause */
#include "msg.h"

#include <malloc.h>
#include <nng/nng.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/*
 * Messages are of mmap size by malloc's default: each would be mapped, faulted
 * in and unmapped again.
 */
static void keep_big_chunks(void)
{
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

struct tl_msg *tl_msg_new(size_t capacity)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, keep_big_chunks);
	struct tl_msg *msg = calloc(1, sizeof(*msg));
	nng_msg *backing;

	if (!msg || nng_msg_alloc(&backing, capacity) != 0) {
		free(msg);
		return 0;
	}
	*msg = (struct tl_msg){
		.memory = nng_msg_body(backing), .capacity = capacity, .backing = backing};
	msg->data = msg->memory;
	return msg;
}

struct tl_msg *tl_msg_copy(const struct tl_msg *msg)
{
	struct tl_msg *copy = tl_msg_new(msg->len);

	if (copy) {
		memcpy(copy->memory, msg->data, msg->len);
		copy->len = msg->len;
	}
	return copy;
}

void tl_msg_free(struct tl_msg *msg)
{
	if (msg) {
		nng_msg_free(msg->backing);
		free(msg);
	}
}
