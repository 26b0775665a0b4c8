/* SPDX-License-Identifier: BSD-2-Clause */
#include "sinks.h"

#ifdef TL_HAVE_NATS
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nats_private.h"

enum {
	CONNECT_MS = 2000, /* a server */
	WRITE_MS = 5000,   /* until a server that does not read is given up */
	PING_MS = 10000,
	PINGS_OUT = 2,
};

/* The library begins with where in its source it is, "(conn.c:1905): ". */
static const char *without_place(const char *text)
{
	const char *end = text[0] == '(' ? strstr(text, "): ") : 0;

	return end ? end + strlen("): ") : text;
}

void nats_say(char reason[SINK_REASON_LEN], const char *what, natsStatus status)
{
	natsStatus last = NATS_OK;
	const char *text = nats_GetLastError(&last);

	if (last != status || !text || !text[0]) {
		text = natsStatus_GetText(status);
	}
	snprintf(reason, SINK_REASON_LEN, "%s: %.150s", what, without_place(text));
}

static natsStatus set_tls(natsOptions *options, const struct sink_config *config,
			  char reason[SINK_REASON_LEN])
{
	natsStatus s = natsOptions_SetSecure(options, true);

	if (s == NATS_OK && config->ca_file) {
		s = natsOptions_LoadCATrustedCertificates(options, config->ca_file);
	}
	if (s == NATS_OK && config->cert_file) {
		s = natsOptions_LoadCertificatesChain(options, config->cert_file,
						      config->key_file ? config->key_file
								       : config->cert_file);
	}
	if (s == NATS_OK && config->server_name) {
		s = natsOptions_SetExpectedHostname(options, config->server_name);
	}
	if (s != NATS_OK) {
		nats_say(reason, "TLS certificates", s);
	}
	return s;
}

static natsStatus set_servers(struct nats_sink *sink, natsOptions *options)
{
	char urls[PEERLIST_MAX][PEERLIST_HOST_LEN + 8];
	const char *list[PEERLIST_MAX];

	pthread_mutex_lock(&sink->lock);
	unsigned int count = sink->peers.count;
	for (unsigned int i = 0; i < count; i++) {
		snprintf(urls[i], sizeof(urls[i]), "%s://%s", sink->tls ? "tls" : "nats",
			 sink->peers.hosts[i]);
		list[i] = urls[i];
	}
	pthread_mutex_unlock(&sink->lock);
	return natsOptions_SetServers(options, list, (int)count);
}

/* Reconnecting is ours; a dead peer is noticed within PING_MS x (PINGS_OUT + 1). */
static natsStatus set_behaviour(natsOptions *options)
{
	natsStatus s = natsOptions_SetAllowReconnect(options, false);

	s = s ? s : natsOptions_SetTimeout(options, CONNECT_MS);
	s = s ? s : natsOptions_SetPingInterval(options, PING_MS);
	s = s ? s : natsOptions_SetMaxPingsOut(options, PINGS_OUT);
	s = s ? s : natsOptions_SetSendAsap(options, true);
	s = s ? s : natsOptions_SetWriteDeadline(options, WRITE_MS);
	return s ? s : natsOptions_SetName(options, "tapline-shipper");
}

static natsStatus set_credentials(struct nats_sink *sink, natsOptions *options,
				  char reason[SINK_REASON_LEN])
{
	const struct sink_config *config = &sink->config;

	if (config->token_file) {
		token_refresh(&sink->token);
		return natsOptions_SetToken(options, sink->token.text);
	}
	if (!config->credentials_file) {
		return NATS_OK;
	}
	natsStatus s = NATS_INVALID_ARG;
	if (access(config->credentials_file, R_OK) < 0) {
		snprintf(reason, SINK_REASON_LEN, "credentials file %.100s: %s",
			 config->credentials_file, strerror(errno));
		return s;
	}
	s = natsOptions_SetUserCredentialsFromFiles(options, config->credentials_file, 0);
	if (s != NATS_OK) {
		nats_say(reason, "credentials", s);
	}
	return s;
}

int nats_dial_options(struct nats_sink *sink, natsOptions **out, enum sink_verdict *verdict,
		      char reason[SINK_REASON_LEN])
{
	natsOptions *options = 0;
	natsStatus s = natsOptions_Create(&options);

	reason[0] = '\0';
	*verdict = SINK_RETRY;
	s = s ? s : set_servers(sink, options);
	s = s ? s : set_behaviour(options);
	if (s == NATS_OK && sink->tls) {
		s = set_tls(options, &sink->config, reason);
	}
	if (s == NATS_OK) {
		s = set_credentials(sink, options, reason);
		*verdict = s ? SINK_FORBIDDEN : SINK_RETRY;
	}
	if (s != NATS_OK) {
		if (!reason[0]) {
			nats_say(reason, "options", s);
		}
		natsOptions_Destroy(options);
		return -EINVAL;
	}
	*out = options;
	return 0;
}

#endif
