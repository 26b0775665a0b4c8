/* SPDX-License-Identifier: BSD-2-Clause */
#include "exit.h"

#include <errno.h>

int tl_exit_of(int err)
{
	switch (err) {
	case 0:
	case -EINTR:
	case -EPIPE:
		return TL_EXIT_OK;
	case -EINVAL:
	case -ENOENT:
	case -ENOTDIR:
	case -EISDIR:
	case -EACCES:
	case -EADDRNOTAVAIL:
		return TL_EXIT_USAGE;
	case -EPERM:
		return TL_EXIT_UNAVAILABLE;
	default:
		return TL_EXIT_FAILED;
	}
}
