/* SPDX-License-Identifier: BSD-2-Clause */
#include "client_url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

enum { HOST_MAX = 256 };

/* By address, not by text: 127.example.org is somewhere else. */
static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	char bare[INET6_ADDRSTRLEN];
	size_t len = strlen(host);

	if (strcmp(host, "localhost") == 0) {
		return true;
	}
	if (inet_pton(AF_INET, host, &v4) == 1) {
		return ntohl(v4.s_addr) >> 24 == 127;
	}
	if (len < 3 || host[0] != '[' || host[len - 1] != ']' || len - 2 >= sizeof(bare)) {
		return false;
	}
	memcpy(bare, host + 1, len - 2);
	bare[len - 2] = '\0';
	return inet_pton(AF_INET6, bare, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool has_part(CURLU *u, CURLUPart part)
{
	char *text = 0;
	bool has = curl_url_get(u, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

static bool copy_part(CURLU *u, CURLUPart part, char *to, size_t size)
{
	char *text = 0;
	bool copied = curl_url_get(u, part, &text, 0) == CURLUE_OK && strlen(text) < size;

	if (copied) {
		strcpy(to, text);
	}
	curl_free(text);
	return copied;
}

static int take(CURLU *u, char **out)
{
	char *text = 0;

	if (curl_url_get(u, CURLUPART_URL, &text, 0) != CURLUE_OK) {
		return -ENOMEM;
	}
	*out = strdup(text);
	curl_free(text);
	if (!*out) {
		return -ENOMEM;
	}
	for (size_t len = strlen(*out); len > 0 && (*out)[len - 1] == '/'; len--) {
		(*out)[len - 1] = '\0';
	}
	return 0;
}

static int check(CURLU *u, const char *url, bool insecure, char **out)
{
	char host[HOST_MAX];
	char scheme[8];

	/* Not shown: what stands before the @ may be a secret. */
	if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD)) {
		tl_log_err("--url: no user or password in it, other users see it; use "
			   "--token-file");
		return -EINVAL;
	}
	if (!copy_part(u, CURLUPART_HOST, host, sizeof(host)) ||
	    !copy_part(u, CURLUPART_SCHEME, scheme, sizeof(scheme)) ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) ||
	    has_part(u, CURLUPART_QUERY) || has_part(u, CURLUPART_FRAGMENT)) {
		tl_log_err("--url '%s': wants http[s]://HOST[:PORT][/PATH]", url);
		return -EINVAL;
	}
	if (strcmp(scheme, "http") == 0 && !is_loopback(host) && !insecure) {
		tl_log_err("--url '%s': http is neither authenticated nor encrypted; use https, a "
			   "loopback address or --insecure",
			   url);
		return -EINVAL;
	}
	return take(u, out);
}

int client_url_check(const char *url, bool insecure, char **out)
{
	CURLU *u = curl_url();
	int err = -EINVAL;

	if (!u) {
		return -ENOMEM;
	}
	if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK) {
		err = check(u, url, insecure, out);
	} else {
		tl_log_err("--url '%s': wants http[s]://HOST[:PORT][/PATH]", url);
	}
	curl_url_cleanup(u);
	return err;
}
