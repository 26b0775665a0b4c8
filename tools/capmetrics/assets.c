/* SPDX-License-Identifier: BSD-2-Clause */
#include "assets.h"

/* By embed.sh, when it is built. */
#include "capmetrics-page.inc"

const struct web_asset *assets_table(void)
{
	return embedded;
}
