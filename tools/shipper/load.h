/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a lane has on its hands: parcels of the store in their order, each in
 * one or more pieces, since a sink may take it in smaller ones only. Pure.
 */
#ifndef SHIPPER_LOAD_H
#define SHIPPER_LOAD_H

#include "parcel.h"

struct load;

/* What is sent at once: a parcel of the store, or a part of it. */
struct piece {
	struct piece *next;
	struct load *load;
	struct parcel *parcel; /* the store's, or &part */
	struct parcel part;
	struct tl_msg *msg; /* the bytes of a part */
	unsigned int refusals;
	uint64_t due_ns; /* monotonic; not to be sent before */
	bool flying;	 /* with the sink */
};

struct load {
	struct load *next;
	struct parcel *whole; /* the store's */
	struct piece *pieces; /* not yet delivered, in order */
};

struct loads {
	struct load *head;
	struct load **tail;
	unsigned int count;
};

void loads_init(struct loads *loads);

/* Takes a parcel of the store in, at the end. 0 or -ENOMEM. */
int loads_add(struct loads *loads, struct parcel *whole);

/* Takes a load out and frees it with its pieces; the parcel stays the caller's. */
void loads_remove(struct loads *loads, struct load *load);

/*
 * The first piece that may be sent now, among the first `window` pieces only: so
 * that what waits for another try does not let the rest run far ahead. 0 when there is none;
 * *due_ns then is when there will be one, UINT64_MAX = not known.
 */
struct piece *loads_next(const struct loads *loads, unsigned int window, uint64_t now_ns,
			 uint64_t *due_ns);

/* The piece that is with the sink as this parcel, or 0. */
struct piece *loads_flying(const struct loads *loads, const struct parcel *parcel);

/*
 * Puts two halves in the place of a piece, which is freed. 0; -ERANGE (one
 * event, or none); else as parcel_cut, and the piece stays.
 */
int piece_halve(struct piece *piece, struct tl_wire_reader *reader);

/* Takes the piece out of its load and frees it. True when it was the last. */
bool piece_remove(struct piece *piece);

#endif
