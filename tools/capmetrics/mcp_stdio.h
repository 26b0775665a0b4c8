/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of MCP on stdin, answers on stdout. Logs what fails. */
#ifndef CAPMETRICS_MCP_STDIO_H
#define CAPMETRICS_MCP_STDIO_H

#include "mcp.h"

/* Until stdin ends, nobody reads stdout, or the service stops: 0. -errno. */
int mcp_stdio_run(const struct mcp_source *source);

#endif
