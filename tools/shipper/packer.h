/* SPDX-License-Identifier: BSD-2-Clause */
/* Bodies as zstd frames, by a context that is kept from one to the next. One thread. */
#ifndef SHIPPER_PACKER_H
#define SHIPPER_PACKER_H

#include <stdint.h>
#include <zstd.h>

/* The memory of a body, used again. Begins as zeros; who owns it frees `bytes`. */
struct packed {
	uint8_t *bytes;
	size_t room;
};

/* 0 = no memory. To be freed by ZSTD_freeCCtx. */
ZSTD_CCtx *packer_create(void);

/*
 * The length of the frame, which is at to->bytes; 0 = the body is to go as it is:
 * `packer` is 0, a frame would not be shorter, or there is no memory.
 */
size_t packer_pack(ZSTD_CCtx *packer, struct packed *to, const uint8_t *body, size_t len);

#endif
