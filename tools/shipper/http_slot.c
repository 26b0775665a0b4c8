/* SPDX-License-Identifier: BSD-2-Clause */
#include "http_slot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "http_reply.h"
#include "log.h"

enum {
	CONNECT_MS = 10 * 1000,
	CA_CACHE_S = 60, /* a CA file that was replaced is believed after this */
};

/* Keeps the beginning; what goes on for ever is cut off, which ends the transfer. */
static size_t keep_reply(char *data, size_t size, size_t count, void *context)
{
	struct http_slot *slot = context;
	size_t len = size * count;

	if (slot->reply_len < HTTP_BODY_KEPT) {
		size_t room = HTTP_BODY_KEPT - slot->reply_len;
		memcpy(slot->reply + slot->reply_len, data, len < room ? len : room);
	}
	slot->reply_len += len;
	return slot->reply_len > HTTP_BODY_MAX ? 0 : len;
}

/* A server may send back what it got, and its answer is logged and kept. */
static void hide_token(struct http_slot *slot, size_t kept)
{
	static const char name[] = "Authorization: Bearer ";

	for (const struct curl_slist *h = slot->headers; h; h = h->next) {
		const char *token = h->data + strlen(name);
		char *at;
		while (strncmp(h->data, name, strlen(name)) == 0 &&
		       (at = memmem(slot->reply, kept, token, strlen(token)))) {
			memset(at, '*', strlen(token));
		}
	}
}

static CURLcode set_text(CURL *easy, CURLoption option, const char *text)
{
	return text ? curl_easy_setopt(easy, option, text) : CURLE_OK;
}

static CURLcode set_tls(CURL *easy, const struct sink_config *config)
{
	CURLcode code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);

	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_CACHE_S);
	if (code == CURLE_OK && config->ca_file) {
		/* This one alone: the system's folder of CAs would be believed beside it. */
		curl_easy_setopt(easy, CURLOPT_CAPATH, (char *)0);
		code = set_text(easy, CURLOPT_CAINFO, config->ca_file);
	}
	code = code ? code : set_text(easy, CURLOPT_SSLCERT, config->cert_file);
	code = code ? code : set_text(easy, CURLOPT_SSLKEY, config->key_file);
	return code ? code : set_text(easy, CURLOPT_PINNEDPUBLICKEY, config->pinned_key);
}

/* The URL has the name to verify; this is where it is. */
static CURLcode set_host(struct http_slot *slot, const struct http_url *url)
{
	if (!url->connect_to) {
		return CURLE_OK;
	}
	slot->connect_to = curl_slist_append(0, url->connect_to);
	return slot->connect_to ? curl_easy_setopt(slot->easy, CURLOPT_CONNECT_TO, slot->connect_to)
				: CURLE_OUT_OF_MEMORY;
}

static CURLcode set_http(struct http_slot *slot, const struct http_url *url)
{
	CURL *easy = slot->easy;
	CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, url->url);

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, slot->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_reply);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, slot);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "tapline-shipper/" TL_VERSION);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, url->tls ? "https" : "http");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	/* Also not the one of the environment: what is delivered goes where the URL says. */
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	return code;
}

int http_slot_init(struct http_slot *slot, const struct http_url *url,
		   const struct sink_config *config)
{
	slot->easy = curl_easy_init();
	if (!slot->easy) {
		return -ENOMEM;
	}
	CURLcode code = set_http(slot, url);
	code = code ? code : set_host(slot, url);
	code = code ? code : set_tls(slot->easy, config);
	curl_easy_setopt(slot->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(slot->easy, CURLOPT_TIMEOUT_MS, (long)(config->timeout_ns / TL_MS_NS));
	if (code != CURLE_OK) {
		tl_log_err("%s: %s", config->url, curl_easy_strerror(code));
		return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
	}
	return 0;
}

static void drop_headers(struct http_slot *slot)
{
	for (struct curl_slist *h = slot->headers; h; h = h->next) {
		explicit_bzero(h->data, strlen(h->data)); /* one of them is the token */
	}
	curl_slist_free_all(slot->headers);
	slot->headers = 0;
}

void http_slot_fini(struct http_slot *slot)
{
	curl_easy_cleanup(slot->easy);
	drop_headers(slot);
	curl_slist_free_all(slot->connect_to);
	free(slot->packed.bytes);
}

static int add_header(struct http_slot *slot, const char *name, const char *value)
{
	char line[4096 + 64];

	snprintf(line, sizeof(line), "%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(slot->headers, line);
	explicit_bzero(line, sizeof(line));
	if (!longer) {
		return -ENOMEM;
	}
	slot->headers = longer;
	return 0;
}

static int add_headers(struct http_slot *slot, bool zstd, const char *token)
{
	char bearer[4096 + 16];
	int err = add_header(slot, "Content-Type", "application/msgpack");

	if (err == 0 && zstd) {
		err = add_header(slot, "Content-Encoding", "zstd");
	}
	if (err == 0) {
		err = add_header(slot, "Idempotency-Key", slot->parcel->id);
	}
	if (err == 0 && token) {
		snprintf(bearer, sizeof(bearer), "Bearer %s", token);
		err = add_header(slot, "Authorization", bearer);
		explicit_bzero(bearer, sizeof(bearer));
	}
	return err;
}

int http_slot_prepare(struct http_slot *slot, struct parcel *parcel, const void *body, size_t len,
		      bool zstd, const char *token)
{
	slot->parcel = parcel;
	slot->reply_len = 0;
	slot->error[0] = '\0';
	slot->failed = false;
	drop_headers(slot);
	int err = add_headers(slot, zstd, token);
	if (err == 0) {
		curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, slot->headers);
		curl_easy_setopt(slot->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	}
	return err;
}

static const char *explain(const struct http_slot *slot, CURLcode result)
{
	return slot->error[0] ? slot->error : curl_easy_strerror(result);
}

static bool is_tls_trust(CURLcode code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_ISSUER_ERROR ||
	       code == CURLE_SSL_PINNEDPUBKEYNOTMATCH || code == CURLE_SSL_INVALIDCERTSTATUS;
}

static const char *kind_of(CURLcode code)
{
	if (is_tls_trust(code)) {
		return "the server is not who it should be: ";
	}
	switch (code) {
	case CURLE_SSL_CERTPROBLEM:
		return "client certificate: ";
	case CURLE_SSL_CACERT_BADFILE:
		return "CA file: ";
	case CURLE_SSL_CONNECT_ERROR:
		return "TLS: ";
	default:
		return "";
	}
}

/*
 * An answer that was only too long to be read to its end is one all the same.
 * So is an error status after which the server closed the connection, perhaps
 * without having read all that we sent.
 */
static bool is_answered(const struct http_slot *slot, CURLcode result, long status)
{
	return result == CURLE_OK || status >= 400 ||
	       (result == CURLE_WRITE_ERROR && slot->reply_len > HTTP_BODY_MAX);
}

static uint64_t retry_after(CURL *easy)
{
	curl_off_t seconds = 0;

	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
	return seconds > 0 && seconds < 86400 ? (uint64_t)seconds * TL_SECOND_NS
	       : seconds > 0		      ? 86400 * TL_SECOND_NS
					      : 0;
}

void http_slot_answer(struct http_slot *slot, CURLcode result, struct sink_answer *answer)
{
	long status = 0;

	*answer = (struct sink_answer){.parcel = slot->parcel, .verdict = SINK_RETRY};
	slot->parcel = 0;
	if (!slot->failed) {
		curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
	}
	if (slot->failed || !is_answered(slot, result, status)) {
		snprintf(answer->reason, sizeof(answer->reason), "%s%.*s", kind_of(result),
			 (int)sizeof(answer->reason) / 2, explain(slot, result));
		return;
	}
	size_t kept = slot->reply_len < HTTP_BODY_KEPT ? slot->reply_len : HTTP_BODY_KEPT;
	answer->verdict = http_reply_verdict(status, slot->reply, kept);
	if (answer->verdict != SINK_DONE) {
		hide_token(slot, kept);
		answer->retry_after_ns = retry_after(slot->easy);
		http_reply_reason(answer->reason, status, slot->reply, kept);
	}
}
