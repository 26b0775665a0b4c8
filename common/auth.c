/* SPDX-License-Identifier: BSD-2-Clause */
#include "auth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "log.h"

enum { SHORT_TOKEN = 16 };

struct tl_auth {
	const char *path;
	struct tl_auth_token *tokens; /* TL_AUTH_TOKENS of them */
	int count;
};

/* --- the file -------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of the line, and moves *at behind it; its length. */
static size_t next_word(const char **at, const char *end, const char **word)
{
	while (*at < end && is_blank(**at)) {
		(*at)++;
	}
	*word = *at;
	while (*at < end && !is_blank(**at)) {
		(*at)++;
	}
	return (size_t)(*at - *word);
}

static bool is_printable(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (word[i] <= ' ' || word[i] > '~') {
			return false;
		}
	}
	return true;
}

/* 1 a token, 0 none in this line, -EINVAL. */
static int parse_line(const char *at, const char *end, struct tl_auth_token *token,
		      const char **reason)
{
	const char *name, *secret, *rest;
	size_t name_len = next_word(&at, end, &name);

	if (name_len == 0 || name[0] == '#') {
		return 0;
	}
	size_t secret_len = next_word(&at, end, &secret);
	*reason = "not NAME TOKEN";
	if (secret_len == 0 || next_word(&at, end, &rest) != 0) {
		return -EINVAL;
	}
	*reason = "the name is too long or not printable";
	if (name_len >= TL_AUTH_NAME_MAX || !is_printable(name, name_len)) {
		return -EINVAL;
	}
	*reason = "the token is too long or not printable";
	if (secret_len >= TL_AUTH_TOKEN_MAX || !is_printable(secret, secret_len)) {
		return -EINVAL;
	}
	*token = (struct tl_auth_token){0};
	memcpy(token->name, name, name_len);
	memcpy(token->secret, secret, secret_len);
	return 1;
}

int tl_auth_parse(const char *text, size_t len, struct tl_auth_token *tokens, size_t max,
		  unsigned int *line, const char **reason)
{
	const char *end = text + len;
	int count = 0;

	*line = 0;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;
		struct tl_auth_token token;
		int got = parse_line(text, stop, &token, reason);
		(*line)++;
		if (got < 0) {
			return got;
		}
		if (got > 0 && (size_t)count == max) {
			*reason = "too many tokens";
			return -EINVAL;
		}
		if (got > 0) {
			tokens[count++] = token;
		}
		text = newline ? newline + 1 : end;
	}
	return count;
}

void tl_auth_warn_if_exposed(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_IROTH | S_IWOTH))) {
		tl_log_warn("%s: every user can read or write it: chmod o= %s", path, path);
	}
}

static void warn_about_short(const struct tl_auth *a)
{
	for (int i = 0; i < a->count; i++) {
		if (strnlen((const char *)a->tokens[i].secret, TL_AUTH_TOKEN_MAX) < SHORT_TOKEN) {
			tl_log_warn("%s: the token of %s is short, it can be guessed", a->path,
				    a->tokens[i].name);
		}
	}
}

static int parse_file(struct tl_auth *a, const char *text, size_t len)
{
	const char *reason = "";
	unsigned int line;

	if (len > TL_AUTH_FILE_MAX) {
		tl_log_err("%s: over 1 MiB", a->path);
		return -EINVAL;
	}
	a->count = tl_auth_parse(text, len, a->tokens, TL_AUTH_TOKENS, &line, &reason);
	if (a->count < 0) {
		tl_log_err("%s: line %u: %s", a->path, line, reason);
	}
	return a->count < 0 ? a->count : 0;
}

static int read_file(struct tl_auth *a)
{
	int fd = open(a->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = fd >= 0 ? malloc(TL_AUTH_FILE_MAX + 1) : 0;
	ssize_t len = text     ? tl_file_read(fd, text, TL_AUTH_FILE_MAX + 1)
		      : fd < 0 ? -errno
			       : -ENOMEM;
	int err = (int)len;

	if (len < 0) {
		tl_log_err("cannot read %s: %s", a->path, strerror(-err));
	} else {
		err = parse_file(a, text, (size_t)len);
	}
	if (err == 0) {
		tl_auth_warn_if_exposed(fd, a->path);
		warn_about_short(a);
	}
	if (text) {
		explicit_bzero(text, TL_AUTH_FILE_MAX + 1);
	}
	free(text);
	if (fd >= 0) {
		close(fd);
	}
	return err;
}

/* --- the table ------------------------------------------------------------- */

int tl_auth_open(struct tl_auth **out, const char *path)
{
	struct tl_auth *a = calloc(1, sizeof(*a));

	if (!a) {
		return -ENOMEM;
	}
	a->path = path;
	a->tokens = calloc(TL_AUTH_TOKENS, sizeof(*a->tokens));
	int err = a->tokens ? read_file(a) : -ENOMEM;
	if (err == 0 && a->count == 0) {
		tl_log_err("%s: no token in it, so nobody could get in", path);
		err = -EINVAL;
	}
	if (err < 0) {
		tl_auth_close(a);
		return err;
	}
	*out = a;
	return 0;
}

void tl_auth_close(struct tl_auth *a)
{
	if (!a) {
		return;
	}
	if (a->tokens) {
		explicit_bzero(a->tokens, TL_AUTH_TOKENS * sizeof(*a->tokens));
	}
	free(a->tokens);
	free(a);
}

int tl_auth_reload(struct tl_auth *a)
{
	struct tl_auth fresh = {.path = a->path};

	fresh.tokens = calloc(TL_AUTH_TOKENS, sizeof(*fresh.tokens));
	int err = fresh.tokens ? read_file(&fresh) : -ENOMEM;
	if (err == 0) {
		struct tl_auth_token *old = a->tokens;
		a->tokens = fresh.tokens;
		a->count = fresh.count;
		fresh.tokens = old;
		tl_log_note("%s: read again, %d tokens", a->path, a->count);
	} else {
		tl_log_err("%s: the tokens stay as they were", a->path);
	}
	if (fresh.tokens) {
		explicit_bzero(fresh.tokens, TL_AUTH_TOKENS * sizeof(*fresh.tokens));
	}
	free(fresh.tokens);
	return err;
}

/* 1 when equal, 0 when not, in the same time. */
static uint32_t is_equal(const uint8_t a[TL_AUTH_TOKEN_MAX], const uint8_t b[TL_AUTH_TOKEN_MAX])
{
	uint32_t difference = 0;

	for (unsigned int i = 0; i < TL_AUTH_TOKEN_MAX; i++) {
		difference |= (uint32_t)(a[i] ^ b[i]);
	}
	return (difference - 1) >> 31;
}

/* The token of the header, padded; false when there is none that could be one. */
static bool get_secret(const char *header, uint8_t secret[TL_AUTH_TOKEN_MAX])
{
	if (!header || strncasecmp(header, "Bearer ", 7) != 0) {
		return false;
	}
	header += 7 + strspn(header + 7, " ");
	size_t len = strnlen(header, TL_AUTH_TOKEN_MAX);
	if (len == 0 || len == TL_AUTH_TOKEN_MAX) {
		return false;
	}
	memcpy(secret, header, len);
	return true;
}

const char *tl_auth_check(const struct tl_auth *a, const char *header)
{
	uint8_t secret[TL_AUTH_TOKEN_MAX] = {0};
	uint32_t found = 0; /* index + 1 */

	if (!get_secret(header, secret)) {
		return 0;
	}
	for (int i = 0; i < a->count; i++) {
		uint32_t mask = 0 - is_equal(secret, a->tokens[i].secret);
		found = (found & ~mask) | ((uint32_t)(i + 1) & mask);
	}
	explicit_bzero(secret, sizeof(secret));
	return found ? a->tokens[found - 1].name : 0;
}
