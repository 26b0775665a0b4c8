/* SPDX-License-Identifier: BSD-2-Clause */
#include "http_url.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "weburl.h"

#define DEFAULT_PATH "/v1/batches"

enum { HOST_MAX = 256 };

static int refuse(const char *url, const char *why)
{
	tl_log_err("%s: %s", url, why);
	return -EINVAL;
}

static int set_path(CURLU *u)
{
	char path[4];

	if (tl_weburl_copy(u, CURLUPART_PATH, 0, path, sizeof(path)) && strcmp(path, "/") == 0) {
		return curl_url_set(u, CURLUPART_PATH, DEFAULT_PATH, 0) == CURLUE_OK ? 0 : -ENOMEM;
	}
	return 0;
}

/* The request is for the name; the connection is to the host. */
static int set_name(struct http_url *out, CURLU *u, const char *host, const char *name)
{
	char port[8];

	if (!tl_weburl_copy(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof(port)) ||
	    asprintf(&out->connect_to, "::%s:%s", host, port) < 0) {
		out->connect_to = 0;
		return -ENOMEM;
	}
	return curl_url_set(u, CURLUPART_HOST, name, 0) == CURLUE_OK ? 0 : -EINVAL;
}

static int parse(struct http_url *out, CURLU *u, const struct sink_config *config)
{
	char host[HOST_MAX];
	char scheme[8];
	char *url = 0;

	/* Not shown: what stands before the @ may be a secret. */
	if (tl_weburl_has(u, CURLUPART_USER) || tl_weburl_has(u, CURLUPART_PASSWORD)) {
		tl_log_err("-o: no user or password in an https URL, other users see it; use "
			   "--token-file");
		return -EINVAL;
	}
	if (!tl_weburl_copy(u, CURLUPART_HOST, 0, host, sizeof(host)) ||
	    !tl_weburl_copy(u, CURLUPART_SCHEME, 0, scheme, sizeof(scheme))) {
		return refuse(config->url, "bad URL: wants https://HOST[:PORT][/PATH]");
	}
	out->tls = strcmp(scheme, "https") == 0;
	out->loopback = tl_weburl_is_loopback(host);
	if (!out->tls && !out->loopback && !config->insecure) {
		return refuse(config->url,
			      "http is neither authenticated nor encrypted; use https, "
			      "a loopback address or --insecure");
	}
	int err = set_path(u);
	if (err == 0 && config->server_name) {
		err = set_name(out, u, host, config->server_name);
	}
	if (err == 0) {
		err = curl_url_get(u, CURLUPART_URL, &url, 0) == CURLUE_OK ? 0 : -ENOMEM;
	}
	if (err == -EINVAL) {
		return refuse(config->server_name, "--server-name: wants a host name");
	}
	out->url = url;
	return err;
}

int http_url_parse(struct http_url *out, const struct sink_config *config)
{
	CURLU *u = curl_url();

	*out = (struct http_url){0};
	if (!u) {
		return -ENOMEM;
	}
	int err = curl_url_set(u, CURLUPART_URL, config->url, 0) == CURLUE_OK
			  ? parse(out, u, config)
			  : refuse(config->url, "bad URL: wants https://HOST[:PORT][/PATH]");
	curl_url_cleanup(u);
	if (err < 0) {
		http_url_fini(out);
	}
	return err;
}

void http_url_fini(struct http_url *url)
{
	curl_free(url->url);
	free(url->connect_to);
	*url = (struct http_url){0};
}
