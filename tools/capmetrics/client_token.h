/* SPDX-License-Identifier: BSD-2-Clause */
/* The token that a client shows. Logs what is wrong with the file, never a token. */
#ifndef CAPMETRICS_CLIENT_TOKEN_H
#define CAPMETRICS_CLIENT_TOKEN_H

enum { CLIENT_TOKEN_MAX = 255 };

/*
 * The last word of the first line that is neither empty nor a comment: of
 * "NAME TOKEN", as the server's file has them, or of "TOKEN". 0; -EINVAL no
 * token there; other -errno.
 */
int client_token_read(const char *path, char token[CLIENT_TOKEN_MAX + 1]);

#endif
