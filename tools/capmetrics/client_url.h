/* SPDX-License-Identifier: BSD-2-Clause */
/* The URL of a server, checked. Logs what is wrong with it. */
#ifndef CAPMETRICS_CLIENT_URL_H
#define CAPMETRICS_CLIENT_URL_H

#include <stdbool.h>

/*
 * *out: the URL without a slash at its end; the caller frees it. 0; -EINVAL: no
 * http[s]://HOST[:PORT][/PATH], a user or password in it (argv is no secret), plain
 * http off loopback without `insecure`; -ENOMEM.
 */
int client_url_check(const char *url, bool insecure, char **out);

#endif
