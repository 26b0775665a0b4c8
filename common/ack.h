/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a consumer tells upstream about a stream, 44 bytes, big endian: stream
 * 16, safe u64, got u64, instance u64, flags u32. A message holds one or more
 * of them. Repeated, late, forwarded or lost ones do no harm: what `safe` says
 * never becomes false. Pure.
 */
#ifndef TL_ACK_H
#define TL_ACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TL_ACK_LEN = 44,
	TL_ACK_MAX = 1024, /* in one message */
};

enum tl_ack_flag {
	TL_ACK_REFUSED = 1, /* something is missing: go back to `got` */
};

struct tl_ack {
	uint8_t stream[16];
	uint64_t safe;	   /* all below is durable, or declared lost */
	uint64_t got;	   /* all below has arrived, or is declared lost */
	uint64_t instance; /* a run of the consumer */
	uint32_t flags;
};

uint8_t *tl_ack_put(uint8_t *at, const struct tl_ack *ack);
void tl_ack_get(const uint8_t *at, struct tl_ack *ack);

/* The acks in a message of that length, 0 when it is none. */
size_t tl_ack_count(size_t len);

#endif
