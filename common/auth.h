/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may speak to a server: a file of lines NAME TOKEN. A token is compared with all
 * there are in the same time, whatever it is. One thread. Logs what is wrong
 * with the file, never a token.
 */
#ifndef TL_AUTH_H
#define TL_AUTH_H

#include <stddef.h>
#include <stdint.h>

enum {
	TL_AUTH_NAME_MAX = 64,	 /* with its NUL */
	TL_AUTH_TOKEN_MAX = 256, /* with its NUL */
	TL_AUTH_TOKENS = 1024,
	TL_AUTH_FILE_MAX = 1 << 20, /* bytes */
};

struct tl_auth_token {
	char name[TL_AUTH_NAME_MAX];
	uint8_t secret[TL_AUTH_TOKEN_MAX]; /* padded with zeros */
};

/*
 * The tokens of the text, at most `max`: a count; or -EINVAL, and *line is
 * where (from 1) and *reason why. Pure.
 */
int tl_auth_parse(const char *text, size_t len, struct tl_auth_token *tokens, size_t max,
		  unsigned int *line, const char **reason);

/* Warns when every user can read or write the open file of tokens, or of one. */
void tl_auth_warn_if_exposed(int fd, const char *path);

struct tl_auth;

/* `path` is kept. 0; -EINVAL malformed or without a token; other -errno. */
int tl_auth_open(struct tl_auth **out, const char *path);
void tl_auth_close(struct tl_auth *auth);

/* Reads the file again; on failure what was there stays. */
int tl_auth_reload(struct tl_auth *auth);

/* The name that an Authorization header (0 = none) proves, 0 = none. Until the next reload. */
const char *tl_auth_check(const struct tl_auth *auth, const char *header);

#endif
