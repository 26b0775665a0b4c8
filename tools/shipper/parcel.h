/* SPDX-License-Identifier: BSD-2-Clause */
/* Parcels from batches, and from parts of batches. Nothing logs. */
#ifndef SHIPPER_PARCEL_H
#define SHIPPER_PARCEL_H

#include "msg.h"
#include "sink.h"

/* Fills a parcel from a valid batch, whose bytes it borrows. */
void parcel_describe(struct parcel *parcel, const struct tl_batch *batch);

/*
 * The numbers [from, to) of a parcel, as a parcel of their own whose bytes are
 * in *msg, which is the caller's. 0; -ENOMEM; -EBADMSG (it is no valid batch);
 * -EOPNOTSUPP (tl_run_cut).
 */
int parcel_cut(struct tl_wire_reader *reader, const struct parcel *whole, uint64_t from,
	       uint64_t to, struct parcel *part, struct tl_msg **msg);

#endif
