/* SPDX-License-Identifier: BSD-2-Clause */
/* --unpin: ends what was pinned for an interface, and says what it had counted. Logs. */
#ifndef XDP_FLOWD_UNPIN_H
#define XDP_FLOWD_UNPIN_H

#include "options.h"

/* 0, also when nothing was pinned; -ENODEV; -EBUSY a process uses it; other -errno. */
int unpin(const struct options *options, const char *iface);

#endif
