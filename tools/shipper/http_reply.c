/* SPDX-License-Identifier: BSD-2-Clause */
#include "http_reply.h"

#include <stdio.h>
#include <string.h>

static const char *find(const char *body, size_t len, const char *text)
{
	return len > 0 ? memmem(body, len, text, strlen(text)) : 0;
}

enum sink_verdict http_reply_verdict(long status, const char *body, size_t len)
{
	if (status == 400 && find(body, len, "SSL certificate")) {
		return SINK_FORBIDDEN;
	}
	if (status >= 200 && status < 300) {
		return SINK_DONE;
	}
	if (status >= 500 && status < 600) {
		return SINK_RETRY;
	}
	switch (status) {
	case 408: /* Request Timeout */
	case 425: /* Too Early */
	case 429: /* Too Many Requests */
		return SINK_RETRY;
	case 401:
	case 403:
		return SINK_FORBIDDEN;
	case 413:
		return SINK_TOO_BIG;
	case 404: /* Not Found */
	case 405: /* Method Not Allowed */
	case 407: /* Proxy Authentication Required */
	case 410: /* Gone */
	case 421: /* Misdirected Request */
		/* That speaks of the URL: a typing error, or a proxy whose server is not there. */
		return SINK_RETRY;
	default:
		/* A redirect, no status, or one of no known class says nothing about the batch. */
		return status >= 400 && status < 500 ? SINK_REFUSED : SINK_RETRY;
	}
}

/* What is worth showing: a title, or what follows the first blanks. */
static size_t find_start(const char *body, size_t len)
{
	const char *title = find(body, len, "<title>");
	size_t at = title ? (size_t)(title - body) + strlen("<title>") : 0;

	while (at < len && (body[at] == ' ' || body[at] == '\r' || body[at] == '\n')) {
		at++;
	}
	return at;
}

static bool is_end(char c, bool page)
{
	return c == '\n' || c == '\r' || (page && c == '<');
}

void http_reply_reason(char reason[SINK_REASON_LEN], long status, const char *body, size_t len)
{
	bool page = find(body, len, "<title>") != 0;
	size_t at = find_start(body, len);
	int put = snprintf(reason, SINK_REASON_LEN, at < len ? "HTTP %ld: " : "HTTP %ld", status);
	char *to = reason + put;

	for (; at < len && to < reason + SINK_REASON_LEN - 1 && !is_end(body[at], page); at++) {
		*to++ = body[at] >= ' ' && body[at] <= '~' ? body[at] : '?';
	}
	*to = '\0';
}
