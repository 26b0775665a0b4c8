/* SPDX-License-Identifier: BSD-2-Clause */
#include "sinks.h"

#ifdef TL_HAVE_KAFKA
#include "kafka_conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "kafka_options.h"
#include "log.h"

enum { VALUE_LEN = 64 };

/* A value of ours, which is right. 0 or -EINVAL, logged. */
static int set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
	char why[256];

	if (!value || rd_kafka_conf_set(conf, key, value, why, sizeof(why)) == RD_KAFKA_CONF_OK) {
		return 0;
	}
	tl_log_err("kafka: %s: %s", key, why);
	return -EINVAL;
}

static void get(const rd_kafka_conf_t *conf, const char *key, char value[VALUE_LEN])
{
	size_t size = VALUE_LEN;

	value[0] = '\0';
	if (rd_kafka_conf_get(conf, key, value, &size) != RD_KAFKA_CONF_OK) {
		value[0] = '\0';
	}
}

/* What the options file may change. */
static int set_defaults(rd_kafka_conf_t *conf, const struct sink_config *config)
{
	int err = set(conf, "client.id", "tapline-shipper");

	err = err ? err : set(conf, "linger.ms", "5");
	err = err ? err : set(conf, "partitioner", "murmur2_random"); /* as Java's */
	/* A topic that is missing is told, not waited for: it is tried again anyway. */
	err = err ? err : set(conf, "topic.metadata.propagation.max.ms", "1000");
	return err ? err : set(conf, "compression.type", config->zstd ? "zstd" : 0);
}

static int set_tls(rd_kafka_conf_t *conf, const struct sink_config *config)
{
	char protocol[VALUE_LEN];
	int err = set(conf, "ssl.ca.location", config->ca_file);

	err = err ? err : set(conf, "ssl.certificate.location", config->cert_file);
	err = err ? err : set(conf, "ssl.key.location", config->key_file);
	if (err < 0 || (!config->ca_file && !config->cert_file)) {
		return err;
	}
	get(conf, "security.protocol", protocol);
	if (strcmp(protocol, "plaintext") == 0) {
		return set(conf, "security.protocol", "ssl");
	}
	return strcmp(protocol, "sasl_plaintext") == 0 ? set(conf, "security.protocol", "sasl_ssl")
						       : 0;
}

static int set_servers(rd_kafka_conf_t *conf, const struct peerlist *peers)
{
	char list[PEERLIST_MAX * PEERLIST_HOST_LEN];
	size_t len = 0;

	for (unsigned int i = 0; i < peers->count; i++) {
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i > 0 ? "," : "",
					peers->hosts[i]);
	}
	return set(conf, "bootstrap.servers", list);
}

static int set_promise(rd_kafka_conf_t *conf, uint64_t timeout_ns)
{
	char timeout_ms[VALUE_LEN];
	int err = set(conf, "enable.idempotence", "true");

	/* The library gives up a little after it was told to. */
	snprintf(timeout_ms, sizeof(timeout_ms), "%llu",
		 (unsigned long long)(timeout_ns / TL_MS_NS > 1000 ? timeout_ns / TL_MS_NS : 1000));
	err = err ? err : set(conf, "acks", "all");
	return err ? err : set(conf, "message.timeout.ms", timeout_ms);
}

static int check_plain(const rd_kafka_conf_t *conf, const struct sink_config *config,
		       const struct peerlist *peers)
{
	char protocol[VALUE_LEN];
	char mocks[VALUE_LEN];

	get(conf, "security.protocol", protocol);
	get(conf, "test.mock.num.brokers", mocks); /* they are on loopback */
	if (strstr(protocol, "ssl") || peers->loopback || config->insecure ||
	    strcmp(mocks, "0") != 0) {
		return 0;
	}
	tl_log_err(
		"%s: this is plain text; use --ca-file, security.protocol=ssl or sasl_ssl in the "
		"options file, a loopback address or --insecure",
		config->url);
	return -EINVAL;
}

static void on_log(const rd_kafka_t *producer, int level, const char *facility, const char *text)
{
	(void)producer;
	(void)level;
	tl_log_debug("librdkafka: %s: %s", facility, text);
}

static int fill(rd_kafka_conf_t *conf, const struct sink_config *config,
		const struct peerlist *peers)
{
	int err = set_defaults(conf, config);

	if (err == 0 && config->kafka_options) {
		err = kafka_options_read(conf, config->kafka_options);
	}
	err = err ? err : set_tls(conf, config);
	err = err ? err : set_servers(conf, peers);
	err = err ? err : set_promise(conf, config->timeout_ns);
	err = err ? err : check_plain(conf, config, peers);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
	return err;
}

int kafka_conf_make(rd_kafka_conf_t **out, size_t *message_max, const struct sink_config *config,
		    const struct peerlist *peers)
{
	char max[VALUE_LEN];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int err = fill(conf, config, peers);

	if (err < 0) {
		rd_kafka_conf_destroy(conf);
		return err;
	}
	get(conf, "message.max.bytes", max);
	*message_max = strtoul(max, 0, 10);
	*out = conf;
	return 0;
}

#endif
