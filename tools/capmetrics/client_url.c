/* SPDX-License-Identifier: BSD-2-Clause */
#include "client_url.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "weburl.h"

enum { HOST_MAX = 256 };

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
	if (tl_weburl_has(u, CURLUPART_USER) || tl_weburl_has(u, CURLUPART_PASSWORD)) {
		tl_log_err("--url: no user or password in it, other users see it; use "
			   "--token-file");
		return -EINVAL;
	}
	if (!tl_weburl_copy(u, CURLUPART_HOST, 0, host, sizeof(host)) ||
	    !tl_weburl_copy(u, CURLUPART_SCHEME, 0, scheme, sizeof(scheme)) ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) ||
	    tl_weburl_has(u, CURLUPART_QUERY) || tl_weburl_has(u, CURLUPART_FRAGMENT)) {
		tl_log_err("--url '%s': wants http[s]://HOST[:PORT][/PATH]", url);
		return -EINVAL;
	}
	if (strcmp(scheme, "http") == 0 && !tl_weburl_is_loopback(host) && !insecure) {
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
