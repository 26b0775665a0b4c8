/* SPDX-License-Identifier: BSD-2-Clause */
#include "peerlist.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "log.h"

/* "[v6]:port", "host:port", "host". */
static bool bare_host(const char *host, char *bare, size_t size)
{
	const char *start = host[0] == '[' ? host + 1 : host;
	size_t len = strcspn(start, host[0] == '[' ? "]" : ":");

	if (len >= size) {
		return false;
	}
	memcpy(bare, start, len);
	bare[len] = 0;
	return true;
}

bool peerlist_is_loopback(const char *host)
{
	char bare[PEERLIST_HOST_LEN];
	struct in_addr v4;
	struct in6_addr v6;

	if (!bare_host(host, bare, sizeof(bare))) {
		return false;
	}
	if (strcmp(bare, "localhost") == 0) {
		return true;
	}
	if (inet_pton(AF_INET, bare, &v4) == 1) {
		return ntohl(v4.s_addr) >> 24 == 127;
	}
	return inet_pton(AF_INET6, bare, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool is_host(const char *host, unsigned int len)
{
	if (len == 0 || len >= PEERLIST_HOST_LEN) {
		return false;
	}
	for (unsigned int i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)host[i];
		if (!isalnum(byte) && !strchr(".-_:[]%", byte)) {
			return false;
		}
	}
	return true;
}

bool peerlist_add(struct peerlist *list, const char *host, unsigned int len)
{
	if (!is_host(host, len) || list->count == PEERLIST_MAX) {
		return false;
	}
	for (unsigned int i = 0; i < list->count; i++) {
		if (strlen(list->hosts[i]) == len && memcmp(list->hosts[i], host, len) == 0) {
			return false;
		}
	}
	char *added = list->hosts[list->count++];
	memcpy(added, host, len);
	added[len] = 0;
	list->loopback = list->loopback && peerlist_is_loopback(added);
	return true;
}

static bool parse_hosts(struct peerlist *list, const char *at, const char *end)
{
	list->loopback = true;
	for (;; at++) {
		unsigned int len = (unsigned int)strcspn(at, ",/");
		if (!is_host(at, len) || list->count == PEERLIST_MAX) {
			return false;
		}
		peerlist_add(list, at, len);
		at += len;
		if (at == end) {
			return true;
		}
	}
}

/* A subject or topic that stands for itself: no wildcards, spaces or empty parts. */
static bool set_name(struct peerlist *list, const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= sizeof(list->name) || name[0] == '.' || name[len - 1] == '.' ||
	    strstr(name, "..")) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i])) {
			return false;
		}
	}
	memcpy(list->name, name, len + 1);
	return true;
}

int peerlist_parse(struct peerlist *list, const char *url, const char *name)
{
	const char *at = strstr(url, "://");

	*list = (struct peerlist){0};
	if (!at) {
		tl_log_err("%s: no URL", url);
		return -EINVAL;
	}
	at += 3;
	const char *end = at + strcspn(at, "/");
	if (memchr(at, '@', (size_t)(end - at))) {
		tl_log_err("%.*s...: credentials in a URL are seen by everybody; use --token-file "
			   "or --credentials-file",
			   (int)(at - url), url);
		return -EINVAL;
	}
	if (!parse_hosts(list, at, end)) {
		tl_log_err("%s: wants 1 to %d servers, HOST[:PORT] with commas between", url,
			   PEERLIST_MAX);
		return -EINVAL;
	}
	const char *given = end[0] == '/' && end[1] ? end + 1 : name;
	if (!set_name(list, given)) {
		tl_log_err("%s: '%s' is no subject or topic: letters, digits, '.', '_', '-', at "
			   "most %d",
			   url, given, PEERLIST_NAME_LEN - 1);
		return -EINVAL;
	}
	return 0;
}
