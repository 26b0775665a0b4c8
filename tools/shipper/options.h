/* SPDX-License-Identifier: BSD-2-Clause */
/* shipper's command line. No field holds a secret: those are in files. */
#ifndef SHIPPER_OPTIONS_H
#define SHIPPER_OPTIONS_H

#include "hop.h"
#include "opt.h"
#include "store.h"

enum options_compress { COMPRESS_AUTO, COMPRESS_ZSTD, COMPRESS_NONE };

struct options {
	const char *input;
	struct tl_opt_list outputs;
	const char *stats_url;
	bool list_metrics;
	uint64_t ready_fd;
	/* store */
	const char *spool;
	const char *status;   /* only print what waits in this spool */
	unsigned int sync;    /* enum store_sync */
	unsigned int on_full; /* enum store_policy */
	uint64_t quota;
	uint64_t reserve;
	uint64_t window;
	/* delivery */
	uint64_t rate;
	uint64_t timeout_ns;
	uint64_t in_flight;
	uint64_t tries;
	uint64_t retry_max_ns;
	unsigned int compress; /* enum options_compress */
	/* TLS and credentials */
	const char *ca_file;
	const char *cert_file;
	const char *key_file;
	const char *pinned_key;
	const char *server_name;
	const char *token_file;
	const char *credentials_file;
	const char *subject;
	const char *kafka_options;
	/* files */
	uint64_t segment_size;
	uint64_t segment_age_ns;
	/* input hop */
	bool no_acks;
	const char *ack_url;
	struct tl_opt_list allow_uid;
	bool insecure;
};

extern const struct tl_program options_program;

/* Defaults. */
void options_init(struct options *options);

/* What the table cannot say. 0, or -EINVAL after one logged line. */
int options_check(struct options *options);

struct tl_hop_config options_hop(const struct options *options);

/* Of one sink. */
struct sink_config options_sink(const struct options *options, const char *url);

/* Without names, sinks and callbacks. */
struct store_config options_store(const struct options *options);

#endif
