/* SPDX-License-Identifier: BSD-2-Clause */
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"
#include "file.h"

/* Cuts what editors and echo leave at the end; -EINVAL when the rest could break a header. */
static int trim(char *text, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", text[len - 1])) {
		len--;
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~') {
			return -EINVAL;
		}
	}
	text[len] = '\0';
	return len > 0 ? 0 : -ENODATA;
}

/* Reads the file into `text`; 0 or -errno, and then `text` may be anything. */
static int load(const char *path, char text[TOKEN_MAX + 1], bool warn)
{
	/* Not blocking: somebody may have put a fifo there. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		return -errno;
	}
	if (warn) {
		tl_auth_warn_if_exposed(fd, path);
	}
	ssize_t len = tl_file_read(fd, text, TOKEN_MAX + 1);
	close(fd);
	if (len > TOKEN_MAX) {
		return -E2BIG;
	}
	return len < 0 ? (int)len : trim(text, (size_t)len);
}

static void say(const struct token *token, int err)
{
	const char *why = err == -ENODATA  ? "it is empty"
			  : err == -EINVAL ? "a token is one line of visible ASCII"
			  : err == -E2BIG  ? "a token has at most 4096 characters"
					   : strerror(-err);

	tl_log_err("cannot use token file %s: %s", token->path, why);
}

int token_open(struct token *token, const char *path)
{
	*token = (struct token){.path = path};
	filemark_moved(&token->mark, path);
	int err = load(path, token->text, true);
	if (err < 0) {
		token->text[0] = '\0';
		say(token, err);
	}
	return err;
}

bool token_refresh(struct token *token)
{
	char text[TOKEN_MAX + 1];
	uint64_t held_back;

	bool moved = filemark_moved(&token->mark, token->path);

	if (!moved && !token->refused) {
		return false;
	}
	int err = load(token->path, text, moved);
	if (err < 0) {
		token->refused = true; /* look again next time */
		if (tl_log_allowed(&token->limit, &held_back)) {
			say(token, err);
		}
		return false;
	}
	token->refused = false;
	bool other = strcmp(text, token->text) != 0;
	strcpy(token->text, text);
	explicit_bzero(text, sizeof(text));
	return other;
}

void token_refused(struct token *token)
{
	token->refused = true;
}

void token_fini(struct token *token)
{
	explicit_bzero(token->text, sizeof(token->text));
}
