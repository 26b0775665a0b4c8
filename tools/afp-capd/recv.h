/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets by recvmmsg: one copy and a share of a system call for each, for
 * kernels and containers where no ring can be mapped.
 */
#ifndef TL_RECV_H
#define TL_RECV_H

#include "ring_engine.h"

extern const struct tl_ring_engine tl_recv_engine;

#endif
