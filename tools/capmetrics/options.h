/* SPDX-License-Identifier: BSD-2-Clause */
/* What capmetrics was asked for. */
#ifndef CAPMETRICS_OPTIONS_H
#define CAPMETRICS_OPTIONS_H

#include "http.h"

struct options {
	/* The server. */
	struct tl_http_options http;
	struct tl_listen_address address; /* of http.listen */
	const char *stats_url;		  /* never 0 once checked */
	char stats_default[256];
	const char *input;   /* events to show; 0 = none */
	const char *ladder;  /* 0 = wherever capladder keeps one */
	const char *engines; /* folder; 0 = that of this program */
	struct tl_opt_list allow_uid;
	bool insecure;
	uint64_t max_clients; /* of /events */
	uint64_t ready_fd;
	bool list_metrics;

	/* A client (client.h), when one of the first three is set; shows the first of
	 * http.token_file. */
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
