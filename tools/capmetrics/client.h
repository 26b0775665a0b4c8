/* SPDX-License-Identifier: BSD-2-Clause */
/* What asks a server instead of being one: --top, --once, --mcp. */
#ifndef CAPMETRICS_CLIENT_H
#define CAPMETRICS_CLIENT_H

#include "options.h"

/* An exit code (exit.h). Logs. */
int client_run(const struct options *options);

#endif
