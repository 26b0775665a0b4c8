/* SPDX-License-Identifier: BSD-2-Clause */
#include "client_token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"
#include "file.h"
#include "log.h"

enum { FILE_MAX = 64 << 10 };

static const char blanks[] = " \t\r";

/* The bytes, ended by a NUL; -errno. */
static ssize_t read_file(const char *path, char *text, size_t room)
{
	/* Not blocking: somebody may have put a fifo there. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		return -errno;
	}
	tl_auth_warn_if_exposed(fd, path);
	ssize_t len = tl_file_read(fd, text, room - 1);
	close(fd);
	if (len >= 0) {
		text[len] = '\0';
	}
	return len;
}

static bool is_token(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (word[i] <= ' ' || word[i] > '~') {
			return false;
		}
	}
	return len > 0 && len <= CLIENT_TOKEN_MAX;
}

/* The last word of the line, 0 = there is none. */
static const char *last_word(const char *line, size_t len, size_t *word_len)
{
	while (len > 0 && strchr(blanks, line[len - 1])) {
		len--;
	}
	size_t from = len;
	while (from > 0 && !strchr(blanks, line[from - 1])) {
		from--;
	}
	*word_len = len - from;
	return len > from ? line + from : 0;
}

static int find(const char *text, char token[CLIENT_TOKEN_MAX + 1])
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		size_t word_len;
		const char *word = last_word(text, len, &word_len);
		if (word && text[strspn(text, blanks)] != '#') {
			if (!is_token(word, word_len)) {
				return -EINVAL;
			}
			memcpy(token, word, word_len);
			token[word_len] = '\0';
			return 0;
		}
		text += len + (text[len] == '\n');
	}
	return -EINVAL;
}

int client_token_read(const char *path, char token[CLIENT_TOKEN_MAX + 1])
{
	char text[FILE_MAX];
	ssize_t len = read_file(path, text, sizeof(text));
	int err = len < 0 ? (int)len : find(text, token);

	explicit_bzero(text, sizeof(text));
	if (err < 0) {
		tl_log_err("cannot use token file %s: %s", path,
			   err == -EINVAL ? "no line NAME TOKEN of visible ASCII in it"
					  : strerror(-err));
	}
	return err;
}
