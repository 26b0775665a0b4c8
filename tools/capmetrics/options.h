/* SPDX-License-Identifier: BSD-2-Clause */
/* What capmetrics was asked for. */
#ifndef CAPMETRICS_OPTIONS_H
#define CAPMETRICS_OPTIONS_H

#include "listen.h"
#include "opt.h"

struct options {
	/* The server. */
	const char *listen;
	struct tl_listen_address address; /* of `listen` */
	const char *stats_url;		  /* never 0 once checked */
	char stats_default[256];
	const char *input;   /* events to show; 0 = none */
	const char *ladder;  /* 0 = wherever capladder keeps one */
	const char *engines; /* folder; 0 = that of this program */
	struct tl_opt_list hosts;
	struct tl_opt_list allow_uid;
	bool insecure;
	const char *cert;
	const char *key;
	const char *client_ca;
	uint64_t max_connections;
	uint64_t max_per_address;
	uint64_t max_clients; /* of /events */
	uint64_t timeout_ns;
	uint64_t deadline_ns;
	uint64_t ready_fd;
	bool list_metrics;

	/* Both: who may look; in a client the first token is shown. */
	const char *token_file;

	/* A client (client.h), when one of the first three is set. */
	bool top;
	bool once;
	bool mcp;
	bool json;
	const char *url;     /* of the server */
	const char *ca_file; /* PEM, for https; 0 = those of the system */
};

/* As tl_opt_parse, and -EINVAL for operands. Logs. */
int options_parse(struct options *options, int argc, char **argv);

/* What goes together and what does not. 0 or -EINVAL, logged. */
int options_check(struct options *options);

bool options_are_of_client(const struct options *options);

#endif
