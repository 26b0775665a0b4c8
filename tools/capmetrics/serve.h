/* SPDX-License-Identifier: BSD-2-Clause */
/* The server: opens all it needs, gives up what it does not, and runs until it is stopped. */
#ifndef CAPMETRICS_SERVE_H
#define CAPMETRICS_SERVE_H

#include "options.h"

/* An exit code (exit.h). After tl_service_open. Logs. */
int serve_run(const struct options *options);

#endif
