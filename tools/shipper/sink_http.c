/* SPDX-License-Identifier: BSD-2-Clause */
/* https:// and http://: one POST a batch, over connections that stay, by libcurl. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "http_slot.h"
#include "log.h"
#include "token.h"

struct http_sink {
	struct sink sink;
	struct sink_config config;
	struct http_url url;
	CURLM *multi;
	ZSTD_CCtx *packer; /* 0 = bodies go as they are */
	struct token token;
	bool connected;
	unsigned int slot_count;
	struct http_slot slots[];
};

static void http_close(struct sink *sink)
{
	struct http_sink *h = (struct http_sink *)sink;

	for (unsigned int i = 0; i < h->slot_count; i++) {
		if (h->slots[i].parcel) {
			curl_multi_remove_handle(h->multi, h->slots[i].easy);
		}
		http_slot_fini(&h->slots[i]);
	}
	curl_multi_cleanup(h->multi);
	ZSTD_freeCCtx(h->packer);
	http_url_fini(&h->url);
	token_fini(&h->token);
	free(h);
}

static int open_slots(struct http_sink *h, unsigned int count)
{
	int err = 0;

	while (err == 0 && h->slot_count < count) {
		err = http_slot_init(&h->slots[h->slot_count++], &h->url, &h->config);
	}
	return err;
}

static int open_multi(struct http_sink *h)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	h->multi = curl_multi_init();
	if (!h->multi) {
		return -ENOMEM;
	}
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)h->config.in_flight);
	return 0;
}

static int open_token(struct http_sink *h)
{
	const char *path = h->config.token_file;
	int err = path ? token_open(&h->token, path) : 0;

	if (err == 0 && path && !h->url.tls && !h->url.loopback) {
		tl_log_warn("%s: the token goes over the network in plain text", h->config.url);
	}
	return err < 0 ? -EINVAL : 0;
}

static int http_open(struct sink **out, const struct sink_config *config)
{
	struct http_sink *h = calloc(1, sizeof(*h) + config->in_flight * sizeof(struct http_slot));
	if (!h) {
		return -ENOMEM;
	}
	h->sink.ops = &sink_http_ops;
	h->config = *config;
	int err = http_url_parse(&h->url, config);
	err = err < 0 ? err : open_token(h);
	err = err < 0 ? err : open_multi(h);
	h->packer = config->zstd ? packer_create() : 0;
	err = err == 0 && config->zstd && !h->packer ? -ENOMEM : err;
	err = err < 0 ? err : open_slots(h, config->in_flight);
	if (err < 0) {
		http_close(&h->sink);
		return err;
	}
	*out = &h->sink;
	return 0;
}

/* --- sending -------------------------------------------------------------- */

static struct http_slot *free_slot(struct http_sink *h)
{
	for (unsigned int i = 0; i < h->slot_count; i++) {
		if (!h->slots[i].parcel) {
			return &h->slots[i];
		}
	}
	return 0;
}

static void fail(struct http_slot *slot, const char *why)
{
	slot->failed = true;
	snprintf(slot->error, sizeof(slot->error), "%s", why);
}

static void http_send(struct sink *sink, struct parcel *parcel)
{
	struct http_sink *h = (struct http_sink *)sink;
	struct http_slot *slot = free_slot(h);

	if (!slot) {
		return;
	}
	if (h->token.path) {
		token_refresh(&h->token);
	}
	size_t packed = packer_pack(h->packer, &slot->packed, parcel->data, parcel->len);
	int err = http_slot_prepare(slot, parcel, packed ? slot->packed.bytes : parcel->data,
				    packed ? packed : parcel->len, packed > 0,
				    h->token.path ? h->token.text : 0);
	if (err < 0 || curl_multi_add_handle(h->multi, slot->easy) != CURLM_OK) {
		fail(slot, "out of memory");
	}
}

/* --- answers -------------------------------------------------------------- */

static void answer(struct http_sink *h, struct http_slot *slot, CURLcode result,
		   struct sink_answer *to)
{
	http_slot_answer(slot, result, to);
	h->connected = to->verdict != SINK_RETRY;
	if (to->verdict == SINK_FORBIDDEN && h->token.path) {
		token_refused(&h->token);
	}
}

static size_t collect_failed(struct http_sink *h, struct sink_answer *answers, size_t max)
{
	size_t filled = 0;

	for (unsigned int i = 0; i < h->slot_count && filled < max; i++) {
		if (h->slots[i].parcel && h->slots[i].failed) {
			answer(h, &h->slots[i], CURLE_OUT_OF_MEMORY, &answers[filled++]);
		}
	}
	return filled;
}

static size_t collect(struct http_sink *h, struct sink_answer *answers, size_t max)
{
	size_t filled = collect_failed(h, answers, max);
	const CURLMsg *msg;
	int left;

	while (filled < max && (msg = curl_multi_info_read(h->multi, &left))) {
		struct http_slot *slot;
		CURLcode result = msg->data.result;
		CURL *easy = msg->easy_handle;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&slot);
		answer(h, slot, result, &answers[filled++]);
		curl_multi_remove_handle(h->multi, easy);
	}
	return filled;
}

static size_t http_wait(struct sink *sink, struct sink_answer *answers, size_t max,
			uint64_t timeout_ns)
{
	struct http_sink *h = (struct http_sink *)sink;
	uint64_t deadline = tl_clock_deadline_ns(timeout_ns);
	int running;

	for (;;) {
		curl_multi_perform(h->multi, &running);
		size_t filled = collect(h, answers, max);
		uint64_t now = tl_clock_mono_ns();
		if (filled > 0 || now >= deadline) {
			return filled;
		}
		int events = 0;
		uint64_t left_ms = (deadline - now + TL_MS_NS - 1) / TL_MS_NS;
		curl_multi_poll(h->multi, 0, 0, left_ms > 1000 ? 1000 : (int)left_ms, &events);
		if (events == 0) {
			/* The time is over, curl has a timer, or somebody woke us. */
			curl_multi_perform(h->multi, &running);
			return collect(h, answers, max);
		}
	}
}

static void http_wake(struct sink *sink)
{
	struct http_sink *h = (struct http_sink *)sink;

	curl_multi_wakeup(h->multi);
}

static bool http_connected(struct sink *sink)
{
	return ((struct http_sink *)sink)->connected;
}

static const char *const schemes[] = {"https", "http", 0};

const struct sink_ops sink_http_ops = {
	.schemes = schemes,
	.open = http_open,
	.send = http_send,
	.wait = http_wait,
	.wake = http_wake,
	.connected = http_connected,
	.close = http_close,
};
