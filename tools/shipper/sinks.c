/* SPDX-License-Identifier: BSD-2-Clause */
#include "sinks.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "log.h"

static const struct sink_ops *const all[] = {
	&sink_http_ops,
#ifdef TL_HAVE_NATS
	&sink_nats_ops,
#endif
#ifdef TL_HAVE_KAFKA
	&sink_kafka_ops,
#endif
	&sink_file_ops,	 &sink_hop_ops, &sink_stdout_ops, &sink_null_ops,
};

/* "https" of https://..., "file" of file:..., "-" of "-". */
static bool has_scheme(const char *url, const char *scheme)
{
	size_t len = strlen(scheme);

	return strncmp(url, scheme, len) == 0 &&
	       (url[len] == ':' || (url[len] == '\0' && strcmp(scheme, "-") == 0));
}

static const char *left_out(const char *url)
{
#ifndef TL_HAVE_NATS
	if (has_scheme(url, "nats") || has_scheme(url, "tls")) {
		return "NATS";
	}
#endif
#ifndef TL_HAVE_KAFKA
	if (has_scheme(url, "kafka")) {
		return "Kafka";
	}
#endif
	(void)url;
	return 0;
}

static void refuse(const char *url)
{
	const char *missing = left_out(url);

	if (missing) {
		tl_log_err("%s: this build has no %s: its library was not there", url, missing);
		return;
	}
	tl_log_err("%s: bad sink: wants https://HOST[/PATH], nats://HOST/SUBJECT, "
		   "kafka://HOST/TOPIC, file:DIR, ipc://PATH, tcp://HOST:PORT, null: or -",
		   url);
}

const struct sink_ops *sinks_find(const char *url)
{
	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (const char *const *scheme = all[i]->schemes; *scheme; scheme++) {
			if (has_scheme(url, *scheme)) {
				return all[i];
			}
		}
	}
	refuse(url);
	return 0;
}

void sinks_name(char name[SINK_NAME_LEN], const char *url)
{
	enum { READABLE = SINK_NAME_LEN - 1 - 1 - 16 };
	unsigned long long hash = XXH3_64bits(url, strlen(url));
	size_t len = 0;

	for (const char *p = url; *p && *p != '?' && len < READABLE; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			     (*p >= '0' && *p <= '9') || (*p == '.' && len > 0);
		/* One underscore for :// and the like. */
		if (plain || (len > 0 && name[len - 1] != '_')) {
			name[len++] = plain ? *p : '_';
		}
	}
	if (len == 0) {
		len = (size_t)snprintf(name, SINK_NAME_LEN, "stdout");
	}
	snprintf(name + len, SINK_NAME_LEN - len, "-%016llx", hash);
}
