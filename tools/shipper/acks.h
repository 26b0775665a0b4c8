/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells the producers what has arrived and what is safe: a thread that does so
 * soon after something changed (at most each 2 ms), and each 100 ms.
 */
#ifndef SHIPPER_ACKS_H
#define SHIPPER_ACKS_H

#include "hop.h"
#include "intake.h"

struct acks;

/* Both are borrowed until acks_close. 0 or -errno. */
int acks_open(struct acks **out, struct tl_hop_in *in, struct tl_intake *intake);

/* Tells what there is once more, and stops. */
void acks_close(struct acks *acks);

/* Something changed. From any thread; does not wait. `acks` may be 0. */
void acks_notify(struct acks *acks);

#endif
