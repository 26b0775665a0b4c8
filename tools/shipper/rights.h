/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must be done before privileges are given up, so that everything still
 * works afterwards: folders belong to the user that writes to them, files with keys
 * are readable to it. Logs.
 */
#ifndef SHIPPER_RIGHTS_H
#define SHIPPER_RIGHTS_H

#include "options.h"

/*
 * Makes the spool and the folders of file: sinks, gives the spool to the user
 * that will run, and gives up privileges. The user stays where the caller's own
 * files are read or written: -I FILE, -I -, -o -. 0; -EINVAL, other -errno.
 */
int rights_drop(const struct options *options);

/* Whether all files that are named can be read. 0 or -EINVAL, logged. */
int rights_check(const struct options *options);

#endif
