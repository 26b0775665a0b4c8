/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a file is another one than when it was last looked at: replaced or written to. */
#ifndef SHIPPER_FILEMARK_H
#define SHIPPER_FILEMARK_H

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialised: was not there. */
struct filemark {
	uint64_t device;
	uint64_t inode;
	uint64_t size;
	uint64_t changed_ns; /* of content or attributes: chmod and chown count */
};

/* Looks at the file; true when it is not as `mark` says, which then says how it is. */
bool filemark_moved(struct filemark *mark, const char *path);

#endif
