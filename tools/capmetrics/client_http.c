/* SPDX-License-Identifier: BSD-2-Clause */
#include "client_http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_token.h"
#include "client_url.h"
#include "clock.h"
#include "log.h"
#include "safe.h"

enum { CONNECT_MS = 3000, WAIT_MS = 100 };

struct client_http {
	struct client_http_config config;
	char *url; /* without a slash at the end */
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	struct tl_textbuf *body; /* of the reply at hand */
	int body_err;
	char error[CURL_ERROR_SIZE];
};

/* --- settings -------------------------------------------------------------- */

static size_t keep_body(char *data, size_t size, size_t count, void *context)
{
	struct client_http *http = context;
	size_t len = size * count;

	if (len > CLIENT_BODY_MAX - http->body->len) {
		http->body_err = -EMSGSIZE;
	} else {
		http->body_err = tl_textbuf_add(http->body, data, len);
	}
	return http->body_err == 0 ? len : 0;
}

/* The token is in a header of ours and nowhere else. */
static int set_token(struct client_http *http)
{
	static const char name[] = "Authorization: Bearer ";
	char line[sizeof(name) + CLIENT_TOKEN_MAX];
	char token[CLIENT_TOKEN_MAX + 1];

	if (!http->config.token_file) {
		return 0;
	}
	int err = client_token_read(http->config.token_file, token);
	if (err < 0) {
		return err;
	}
	snprintf(line, sizeof(line), "%s%s", name, token);
	http->headers = curl_slist_append(0, line);
	explicit_bzero(line, sizeof(line));
	explicit_bzero(token, sizeof(token));
	return http->headers ? 0 : -ENOMEM;
}

static CURLcode set_tls(CURL *easy, const struct client_http_config *config)
{
	CURLcode code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);

	if (code == CURLE_OK && config->ca_file) {
		/* This one alone: the system's folder of CAs would be believed beside it. */
		curl_easy_setopt(easy, CURLOPT_CAPATH, (char *)0);
		code = curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca_file);
	}
	if (code == CURLE_OK && config->cert) {
		code = curl_easy_setopt(easy, CURLOPT_SSLCERT, config->cert);
	}
	if (code == CURLE_OK && config->key) {
		code = curl_easy_setopt(easy, CURLOPT_SSLKEY, config->key);
	}
	return code;
}

static CURLcode set_http(struct client_http *http)
{
	CURL *easy = http->easy;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, http);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, http->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "tapline-capmetrics/" TL_VERSION);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	/* Also not the one of the environment: a token goes where the URL says. */
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(http->config.timeout_ns / TL_MS_NS));
	return set_tls(easy, &http->config);
}

static int open_curl(struct client_http *http)
{
	http->multi = curl_multi_init();
	http->easy = curl_easy_init();
	if (!http->multi || !http->easy) {
		return -ENOMEM;
	}
	CURLcode code = set_http(http);
	if (code != CURLE_OK) {
		tl_log_err("%s: %s", http->url, curl_easy_strerror(code));
		return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
	}
	return 0;
}

int client_http_open(struct client_http **out, const struct client_http_config *config)
{
	struct client_http *http = calloc(1, sizeof(*http));

	if (!http) {
		return -ENOMEM;
	}
	http->config = *config;
	int err = client_url_check(config->url, config->insecure, &http->url);
	err = err < 0 ? err : set_token(http);
	err = err < 0 ? err : open_curl(http);
	if (err < 0) {
		client_http_close(http);
		return err;
	}
	*out = http;
	return 0;
}

static void forget_headers(struct client_http *http)
{
	for (struct curl_slist *h = http->headers; h; h = h->next) {
		explicit_bzero(h->data, strlen(h->data));
	}
	curl_slist_free_all(http->headers);
}

void client_http_close(struct client_http *http)
{
	if (!http) {
		return;
	}
	curl_easy_cleanup(http->easy);
	curl_multi_cleanup(http->multi);
	forget_headers(http);
	free(http->url);
	free(http);
}

const char *client_http_url(const struct client_http *http)
{
	return http->url;
}

/* --- a request ------------------------------------------------------------- */

/* The server's words, or curl's, as one line without anything that could change a terminal. */
static void explain(struct client_reply *reply, const char *text, size_t len)
{
	struct tl_textbuf safe = {0};
	const char *newline = len ? memchr(text, '\n', len) : 0;

	len = newline ? (size_t)(newline - text) : len;
	if (tl_safe_add(&safe, (struct tl_str){text, (uint32_t)(len < 160 ? len : 160)}) == 0) {
		snprintf(reply->reason, sizeof(reply->reason), "%.*s",
			 (int)(safe.len < CLIENT_REASON_LEN ? safe.len : CLIENT_REASON_LEN - 1),
			 safe.len ? safe.data : "");
	}
	tl_textbuf_fini(&safe);
}

static int explain_status(struct client_reply *reply)
{
	char text[CLIENT_REASON_LEN];
	size_t shown = reply->body.len < 150 ? reply->body.len : 150;
	const char *hint = reply->status == 401 || reply->status == 403
				   ? "the server wants another token: --token-file: "
				   : "";
	int len = snprintf(text, sizeof(text), "HTTP %ld: %s%.*s", reply->status, hint, (int)shown,
			   shown ? reply->body.data : "");

	explain(reply, text, len < (int)sizeof(text) ? (size_t)len : sizeof(text) - 1);
	return -EPROTO;
}

static int conclude(struct client_http *http, CURLcode code, struct client_reply *reply)
{
	if (http->body_err != 0) {
		explain(reply, "the answer is too long", 22);
		return http->body_err;
	}
	if (code != CURLE_OK) {
		const char *why = http->error[0] ? http->error : curl_easy_strerror(code);
		explain(reply, why, strlen(why));
		return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EHOSTUNREACH;
	}
	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &reply->status);
	return reply->status == 200 ? 0 : explain_status(reply);
}

/* 1 while it runs; 0 done, *code is the result; -EINTR. */
static int step(struct client_http *http, CURLcode *code)
{
	int running = 0;
	int left;

	if (http->config.is_over(http->config.context)) {
		return -EINTR;
	}
	curl_multi_perform(http->multi, &running);
	for (CURLMsg *m = curl_multi_info_read(http->multi, &left); m;
	     m = curl_multi_info_read(http->multi, &left)) {
		if (m->msg == CURLMSG_DONE) {
			*code = m->data.result;
			return 0;
		}
	}
	curl_multi_poll(http->multi, 0, 0, WAIT_MS, 0);
	return 1;
}

static int transfer(struct client_http *http, CURLcode *code)
{
	int more = 1;

	curl_multi_add_handle(http->multi, http->easy);
	while (more == 1) {
		more = step(http, code);
	}
	curl_multi_remove_handle(http->multi, http->easy);
	return more;
}

int client_http_get(struct client_http *http, const char *path, struct client_reply *reply)
{
	CURLcode code = CURLE_OK;
	char *url = 0;

	reply->status = 0;
	reply->body.len = 0;
	reply->reason[0] = '\0';
	if (asprintf(&url, "%s%s", http->url, path) < 0) {
		return -ENOMEM;
	}
	http->body = &reply->body;
	http->body_err = 0;
	http->error[0] = '\0';
	curl_easy_setopt(http->easy, CURLOPT_URL, url);
	free(url);
	int err = transfer(http, &code);
	return err < 0 ? err : conclude(http, code, reply);
}
