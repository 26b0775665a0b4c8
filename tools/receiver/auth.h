/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may deliver: a file of lines NAME TOKEN. A token is compared with all
 * there are in the same time, whatever it is. One thread. Logs what is wrong
 * with the file, never a token.
 */
#ifndef RECEIVER_AUTH_H
#define RECEIVER_AUTH_H

#include <stddef.h>
#include <stdint.h>

enum {
	AUTH_NAME_MAX = 64,   /* with its NUL */
	AUTH_TOKEN_MAX = 256, /* with its NUL */
	AUTH_TOKENS = 1024,
	AUTH_FILE_MAX = 1 << 20, /* bytes */
};

struct auth_token {
	char name[AUTH_NAME_MAX];
	uint8_t secret[AUTH_TOKEN_MAX]; /* padded with zeros */
	uint64_t deliveries;
	uint64_t events;
};

/*
 * The tokens of the text, at most `max`: a count; or -EINVAL, and *line is
 * where (from 1) and *reason why. Pure.
 */
int auth_parse(const char *text, size_t len, struct auth_token *tokens, size_t max,
	       unsigned int *line, const char **reason);

struct auth;

/* `path` is kept. 0; -EINVAL malformed or without a token; other -errno. */
int auth_open(struct auth **out, const char *path);
void auth_close(struct auth *auth);

/* Reads the file again; on failure what was there stays. Counts stay with their name. */
int auth_reload(struct auth *auth);

/* The name that an Authorization header (0 = none) proves, 0 = none. Until the next reload. */
const char *auth_check(const struct auth *auth, const char *header);

/* Counts a delivery of that name, if it is still there. */
void auth_count(struct auth *auth, const char *name, uint64_t events);

void auth_log_counts(const struct auth *auth);

#endif
