/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TPACKET_V3: the kernel writes packets into blocks of a ring that is mapped
 * here, and hands over a block when it is full or 10 ms old. Reading a packet
 * costs no system call and no copy.
 *
 * Source: Documentation/networking/packet_mmap.rst.
 */
#ifndef TL_TPACKET_H
#define TL_TPACKET_H

#include "ring_engine.h"

extern const struct tl_ring_engine tl_tpacket_engine;

#endif
