/* SPDX-License-Identifier: BSD-2-Clause */
#include "weburl.h"

#include <arpa/inet.h>
#include <string.h>

bool tl_weburl_is_loopback(const char *host)
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

bool tl_weburl_has(CURLU *u, CURLUPart part)
{
	char *text = 0;
	bool has = curl_url_get(u, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

bool tl_weburl_copy(CURLU *u, CURLUPart part, unsigned int flags, char *to, size_t size)
{
	char *text = 0;
	bool copied = curl_url_get(u, part, &text, flags) == CURLUE_OK && strlen(text) < size;

	if (copied) {
		strcpy(to, text);
	}
	curl_free(text);
	return copied;
}
