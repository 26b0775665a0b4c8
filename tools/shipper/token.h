/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bearer token in a file: read when it is needed, and again when the file has
 * changed or the token was refused. The token is never logged.
 */
#ifndef SHIPPER_TOKEN_H
#define SHIPPER_TOKEN_H

#include "filemark.h"
#include "log.h"

enum { TOKEN_MAX = 4096 };

struct token {
	const char *path;
	struct filemark mark;
	bool refused; /* read it again, whatever the mark says */
	struct tl_log_limit limit;
	char text[TOKEN_MAX + 1]; /* empty = none */
};

/* 0; -errno after one logged line: not readable, empty, no token (RFC 6750: visible ASCII). */
int token_open(struct token *token, const char *path);

/*
 * The token as it is now. One that cannot be read at the moment (it is being
 * replaced) is the one before. True when it is another one than before.
 */
bool token_refresh(struct token *token);

/* The peer did not like it. */
void token_refused(struct token *token);

void token_fini(struct token *token);

#endif
