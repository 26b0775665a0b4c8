/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of the pipeline in this terminal, each second or once. Logs. */
#ifndef CAPMETRICS_CLIENT_TOP_H
#define CAPMETRICS_CLIENT_TOP_H

#include "client_http.h"
#include "exit.h"

enum { CLIENT_EXIT_NOT_HEALTHY = TL_EXIT_TOOL };

/*
 * Until q, SIGINT or SIGTERM, or nobody reads stdout: TL_EXIT_OK. A server that
 * does not answer is asked again. Without a terminal one block a second is printed.
 */
enum tl_exit client_top_run(const struct client_http_config *config);

/* Prints once: TL_EXIT_OK, CLIENT_EXIT_NOT_HEALTHY, or TL_EXIT_FAILED without an answer. */
enum tl_exit client_once_run(const struct client_http_config *config, bool as_json);

#endif
