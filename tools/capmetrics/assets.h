/* SPDX-License-Identifier: BSD-2-Clause */
/* The page, and what it needs: the files of tools/capmetrics/page and those that its VENDOR names.
 */
#ifndef CAPMETRICS_ASSETS_H
#define CAPMETRICS_ASSETS_H

#include "web.h"

/* index.html is at "/" too. */
const struct web_asset *assets_table(void);

#endif
