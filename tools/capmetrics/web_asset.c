/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are part of the program: compressed where the client can, and only when they changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "web_private.h"

enum { ETAG_MAX = 80 };

const struct web_asset *web_asset_find(const struct web_asset *assets, const char *path)
{
	for (; assets && assets->path; assets++) {
		if (strcmp(assets->path, path) == 0) {
			return assets;
		}
	}
	return 0;
}

/* "gzip;q=0" asks for all but that. */
static bool is_wanted(const char *parameters, const char *end)
{
	const char *q = memmem(parameters, (size_t)(end - parameters), "q=", 2);

	return !q || strtod(q + 2, 0) > 0;
}

bool web_accepts_encoding(const char *header, const char *coding)
{
	size_t len = strlen(coding);

	if (!header) {
		return false;
	}
	while (*header) {
		header += strspn(header, ", \t");
		const char *end = header + strcspn(header, ",");
		size_t name = strcspn(header, ",; \t");
		if (name == len && strncasecmp(header, coding, len) == 0) {
			return is_wanted(header + name, end);
		}
		header = end;
	}
	return false;
}

/* A list of them, weak or not, or any. */
static bool is_known(const char *if_none_match, const char *etag)
{
	return if_none_match && (strcmp(if_none_match, "*") == 0 || strstr(if_none_match, etag));
}

struct MHD_Response *web_asset_response(const struct web_asset *a,
					const struct web_request *request, unsigned int *status)
{
	bool gzip =
		a->gzip &&
		web_accepts_encoding(web_header(request, MHD_HTTP_HEADER_ACCEPT_ENCODING), "gzip");
	char etag[ETAG_MAX];

	snprintf(etag, sizeof(etag), "\"%s%s\"", a->etag, gzip ? "-gzip" : "");
	bool known = is_known(web_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH), etag);
	const uint8_t *bytes = gzip ? a->gzip : a->plain;
	size_t len = gzip ? a->gzip_len : a->plain_len;
	struct MHD_Response *response = MHD_create_response_from_buffer(
		known ? 0 : len, (void *)bytes, MHD_RESPMEM_PERSISTENT);
	if (!response) {
		return 0;
	}
	*status = known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
	if (gzip) {
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	}
	return response;
}
