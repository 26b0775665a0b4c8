/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Link types of capture files (tcpdump.org/linktypes.html): what the bytes of
 * a frame begin with. Pure.
 */
#ifndef TL_LINK_H
#define TL_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "meter.h"

/* The DLT_* for the LINKTYPE_* of a file header. */
int tl_link_of_file(uint32_t link_type);

bool tl_link_is_known(int dlt);

/* Fills link, link_len, protocol, direction and ifindex from the frame's first bytes. */
void tl_link_describe(int dlt, struct tl_frame *frame);

#endif
