/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "log.h"

enum {
	IN_FLIGHT = 8,
	TRIES = 3,
};

static const char *const syncs[] = {"batch", "interval", "none", 0};
static const char *const policies[] = {"block", "drop-oldest", 0};
static const char *const compressions[] = {"auto", "zstd", "none", 0};

#define FIELD(name) offsetof(struct options, name)

static const struct tl_opt rows[] = {
	{'I', "input", TL_OPT_STRING, FIELD(input), "PLACE",
	 "URL to listen at, file or - (default: -, stdin)", 0, 0, 0, 0},
	{'o', "output", TL_OPT_LIST, FIELD(outputs), "SINK",
	 "where to; repeat for copies, up to 8 (default: -, stdout)", 0, 0, 0, 0},
	{'w', "write", TL_OPT_LIST, FIELD(outputs), "SINK", "the same as -o", 0, 0, 0, 0},
	{0, "spool", TL_OPT_STRING, FIELD(spool), "DIR",
	 "keep batches on disk until delivered (default: in memory)", 0, 0, 0, 0},
	{0, "spool-sync", TL_OPT_CHOICE, FIELD(sync), "WHEN",
	 "sync before acknowledging: batch, interval or none (batch)", 0, 0, syncs, 0},
	{0, "spool-quota", TL_OPT_SIZE, FIELD(quota), "SIZE", "of a sink, on disk (1G)", 64 << 10,
	 0, 0, 0},
	{0, "spool-reserve", TL_OPT_SIZE, FIELD(reserve), "SIZE",
	 "leave so much of the disk free (64M)", 0, 0, 0, 0},
	{0, "on-full", TL_OPT_CHOICE, FIELD(on_full), "POLICY",
	 "when full: block or drop-oldest (block)", 0, 0, policies, 0},
	{0, "spool-status", TL_OPT_STRING, FIELD(status), "DIR",
	 "print what waits in that spool, and why; then exit", 0, 0, 0, 0},
	{0, "window", TL_OPT_SIZE, FIELD(window), "SIZE",
	 "without a spool: what may wait in memory (64M)", 64 << 10, 0, 0, 0},
	{0, "rate", TL_OPT_SIZE, FIELD(rate), "SIZE",
	 "at most so many bytes a second to a sink (0: no limit)", 0, 1ull << 40, 0, 0},
	{0, "timeout", TL_OPT_DURATION, FIELD(timeout_ns), "TIME", "of one delivery (30s)",
	 TL_SECOND_NS / 10, 3600 * TL_SECOND_NS, 0, 0},
	{0, "in-flight", TL_OPT_NUMBER, FIELD(in_flight), "N",
	 "batches on their way to a sink at a time (8)", 1, SINK_IN_FLIGHT_MAX, 0, 0},
	{0, "tries", TL_OPT_NUMBER, FIELD(tries), "N",
	 "of a batch that is refused, before it is rejected (3)", 1, 1000, 0, 0},
	{0, "retry-max", TL_OPT_DURATION, FIELD(retry_max_ns), "TIME",
	 "try a sink that is down at least so often (60s)", 200 * TL_MS_NS, 86400 * TL_SECOND_NS, 0,
	 0},
	{0, "compress", TL_OPT_CHOICE, FIELD(compress), "HOW",
	 "zstd, none or auto: zstd but not for files (auto)", 0, 0, compressions, 0},
	{0, "ca-file", TL_OPT_STRING, FIELD(ca_file), "FILE",
	 "CAs to trust instead of the system's, PEM", 0, 0, 0, 0},
	{0, "cert-file", TL_OPT_STRING, FIELD(cert_file), "FILE", "client certificate, PEM", 0, 0,
	 0, 0},
	{0, "key-file", TL_OPT_STRING, FIELD(key_file), "FILE",
	 "its key, PEM (default: in the certificate's file)", 0, 0, 0, 0},
	{0, "pinned-key", TL_OPT_STRING, FIELD(pinned_key), "PIN",
	 "https: sha256//BASE64 of the server's public key", 0, 0, 0, 0},
	{0, "server-name", TL_OPT_STRING, FIELD(server_name), "NAME",
	 "name to verify instead of the URL's host", 0, 0, 0, 0},
	{0, "token-file", TL_OPT_STRING, FIELD(token_file), "FILE",
	 "bearer token; read again when it changes", 0, 0, 0, 0},
	{0, "credentials-file", TL_OPT_STRING, FIELD(credentials_file), "FILE",
	 "NATS credentials (.creds)", 0, 0, 0, 0},
	{0, "subject", TL_OPT_STRING, FIELD(subject), "NAME",
	 "NATS subject or Kafka topic when the URL has none", 0, 0, 0, 0},
	{0, "kafka-options", TL_OPT_STRING, FIELD(kafka_options), "FILE",
	 "librdkafka properties, one key=value a line", 0, 0, 0, 0},
	{0, "segment-size", TL_OPT_SIZE, FIELD(segment_size), "SIZE",
	 "file: a new one after so much (64M; 0: never)", 0, 0, 0, 0},
	{0, "segment-age", TL_OPT_DURATION, FIELD(segment_age_ns), "TIME",
	 "file: a new one after so long (10m; 0: never)", 0, 0, 0, 0},
	{0, "no-acks", TL_OPT_FLAG, FIELD(no_acks), 0, "do not tell producers what is safe", 0, 0,
	 0, 0},
	TL_OPT_ROW_ACK_URL_IN(FIELD(ack_url)),
	TL_OPT_ROW_ALLOW_UID(FIELD(allow_uid)),
	{0, "insecure", TL_OPT_FLAG, FIELD(insecure), 0, "allow plain text off loopback", 0, 0, 0,
	 0},
	TL_OPT_ROW_STATS(FIELD(stats_url)),
	TL_OPT_ROW_LIST_METRICS(FIELD(list_metrics)),
	TL_OPT_ROW_READY_FD(FIELD(ready_fd)),
	{0},
};

const struct tl_program options_program = {
	.name = "shipper",
	.summary = "Delivers batches to HTTPS, NATS, Kafka, files or another hop, and acknowledges "
		   "what is safe.",
	.opts = rows,
};

void options_init(struct options *options)
{
	*options = (struct options){
		.input = "-",
		.quota = 1ull << 30,
		.reserve = 64 << 20,
		.window = 64 << 20,
		.timeout_ns = 30 * TL_SECOND_NS,
		.in_flight = IN_FLIGHT,
		.tries = TRIES,
		.retry_max_ns = 60 * TL_SECOND_NS,
		.segment_size = 64 << 20,
		.segment_age_ns = 600 * TL_SECOND_NS,
	};
}

static int check_outputs(struct options *options)
{
	struct tl_opt_list *list = &options->outputs;

	if (list->count == 0) {
		list->items[list->count++] = "-";
	}
	if (list->count > STORE_SINKS_MAX) {
		tl_log_err("-o: %u sinks: wants at most %d", list->count, STORE_SINKS_MAX);
		return -EINVAL;
	}
	for (unsigned int i = 1; i < list->count; i++) {
		for (unsigned int k = 0; k < i; k++) {
			if (strcmp(list->items[i], list->items[k]) == 0) {
				tl_log_err("-o %s: given twice", list->items[i]);
				return -EINVAL;
			}
		}
	}
	return 0;
}

static int check_input(const struct options *options)
{
	if (options->ack_url && !tl_hop_is_url(options->input)) {
		tl_log_err("--ack-url: only for -I URL; a file or pipe has nobody to tell");
		return -EINVAL;
	}
	return 0;
}

/* Silently not verified is the last that somebody who pins a key wants. */
static int check_pin(const struct options *options)
{
	const struct tl_opt_list *list = &options->outputs;
	bool https = false;

	if (!options->pinned_key) {
		return 0;
	}
	if (strncmp(options->pinned_key, "sha256//", 8) != 0) {
		tl_log_err("--pinned-key: bad value '%s': wants sha256//BASE64",
			   options->pinned_key);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < list->count; i++) {
		https = https || strncmp(list->items[i], "https:", strlen("https:")) == 0;
	}
	if (!https) {
		tl_log_err("--pinned-key: only https:// sinks verify it, and there is none");
		return -EINVAL;
	}
	return 0;
}

static int check_tls(struct options *options)
{
	if (options->key_file && !options->cert_file) {
		tl_log_err("--key-file: wants --cert-file too");
		return -EINVAL;
	}
	if (options->cert_file && !options->key_file) {
		options->key_file = options->cert_file;
	}
	return check_pin(options);
}

int options_check(struct options *options)
{
	int err = check_outputs(options);

	err = err < 0 ? err : check_input(options);
	return err < 0 ? err : check_tls(options);
}

struct tl_hop_config options_hop(const struct options *options)
{
	return (struct tl_hop_config){
		.insecure = options->insecure,
		.no_acks = options->no_acks,
		.ack_url = options->ack_url,
		.allow_uid = &options->allow_uid,
	};
}

static bool wants_zstd(const struct options *options, const char *url)
{
	if (options->compress == COMPRESS_AUTO) {
		return strncmp(url, "file:", strlen("file:")) != 0;
	}
	return options->compress == COMPRESS_ZSTD;
}

struct sink_config options_sink(const struct options *options, const char *url)
{
	return (struct sink_config){
		.url = url,
		.insecure = options->insecure,
		.ca_file = options->ca_file,
		.cert_file = options->cert_file,
		.key_file = options->key_file,
		.pinned_key = options->pinned_key,
		.server_name = options->server_name,
		.token_file = options->token_file,
		.credentials_file = options->credentials_file,
		.subject = options->subject,
		.kafka_options = options->kafka_options,
		.segment_bytes = options->segment_size,
		.segment_age_ns = options->segment_age_ns,
		.zstd = wants_zstd(options, url),
		.timeout_ns = options->timeout_ns,
		.in_flight = (unsigned int)options->in_flight,
	};
}

struct store_config options_store(const struct options *options)
{
	return (struct store_config){
		.folder = options->spool,
		.quota = options->spool ? options->quota : options->window,
		.reserve = options->reserve,
		.policy = (enum store_policy)options->on_full,
		.sync = (enum store_sync)options->sync,
	};
}
