/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of http and https URLs, by libcurl, for who sends requests. Pure but for memory. */
#ifndef TL_WEBURL_H
#define TL_WEBURL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A host as in a URL. By address, not by text: 127.example.org is somewhere
 * else.
 */
bool tl_weburl_is_loopback(const char *host);

bool tl_weburl_has(CURLU *url, CURLUPart part);

/* Copies a part into `to`; false when it is not there or too long. `flags`: CURLU_*. */
bool tl_weburl_copy(CURLU *url, CURLUPart part, unsigned int flags, char *to, size_t size);

#endif
