/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request's batches on their way to the output: checked when they come, and
 * what of them is new picked out when they are written.
 */
#ifndef RECEIVER_DELIVERY_H
#define RECEIVER_DELIVERY_H

#include "body.h"
#include "dedup.h"

struct delivery {
	struct delivery *next; /* in a queue of the writer */
	void *owner;	       /* who waits for it */
	struct body body;      /* valid batches, end to end */
	uint64_t events;       /* stored */
	uint64_t duplicates;   /* events that were stored already */
	int err;	       /* 0: durable; else nothing of it is stored */
};

/*
 * Whether the bytes are one or more valid batches end to end: 0; -EBADMSG, and
 * *error says where in all of them and why. Pure.
 */
int delivery_check(struct tl_wire_reader *reader, const uint8_t *bytes, size_t len,
		   struct tl_wire_error *error);

/* What is to be written: the body itself, or `made`. */
struct delivery_news {
	const uint8_t *bytes;
	size_t len;
	struct body made; /* to be freed by body_fini */
};

/*
 * What of the delivery is not stored, as batches, which `dedup` then has; its
 * counts of events and duplicates. 0 or -ENOMEM: dedup is as it was.
 */
int delivery_sift(struct delivery *delivery, struct tl_wire_reader *reader, struct dedup *dedup,
		  struct delivery_news *news);

#endif
