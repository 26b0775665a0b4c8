/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define FIELD(name) offsetof(struct options, name)
#define HOUR_NS	    (3600 * TL_SECOND_NS)

static const struct tl_opt rows[] = {
	{0, "listen", TL_OPT_STRING, FIELD(http.listen), "ADDR:PORT",
	 "serve the page and its data there (127.0.0.1:8081); [ADDR]:PORT for IPv6", 0, 0, 0, 0},
	{0, "stats", TL_OPT_STRING, FIELD(stats_url), "URL",
	 "where tools report (ipc:///run/tapline/stats.sock)", 0, 0, 0, 0},
	{'I', "input", TL_OPT_STRING, FIELD(input), "PLACE",
	 "events to show: URL to listen at, file or - (none)", 0, 0, 0, 0},
	{0, "ladder", TL_OPT_STRING, FIELD(ladder), "FILE",
	 "capladder's ladder.json (the newest below /run/tapline)", 0, 0, 0, 0},
	{0, "engines", TL_OPT_STRING, FIELD(engines), "DIR",
	 "ask the engines in this folder what they can do (this program's)", 0, 0, 0, 0},
	{0, "token-file", TL_OPT_STRING, FIELD(http.token_file), "FILE",
	 "lines NAME TOKEN: who may look; a client shows the first", 0, 0, 0, 0},
	{0, "cert-file", TL_OPT_STRING, FIELD(http.cert), "FILE",
	 "PEM certificate chain: serve TLS", 0, 0, 0, 0},
	{0, "key-file", TL_OPT_STRING, FIELD(http.key), "FILE", "PEM key of the certificate", 0, 0,
	 0, 0},
	{0, "client-ca-file", TL_OPT_STRING, FIELD(http.client_ca), "FILE",
	 "PEM certificates: clients must have one of theirs", 0, 0, 0, 0},
	{0, "host", TL_OPT_LIST, FIELD(http.hosts), "NAME",
	 "on loopback: a further name in the Host header; repeatable", 0, 0, 0, 0},
	TL_OPT_ROW_ALLOW_UID(FIELD(allow_uid)),
	{0, "insecure", TL_OPT_FLAG, FIELD(insecure), 0,
	 "off loopback: allow tcp://, and HTTP without TLS or token", 0, 0, 0, 0},
	{0, "max-connections", TL_OPT_NUMBER, FIELD(http.max_connections), "N",
	 "connections at a time (1024)", 1, 65536, 0, 0},
	{0, "max-per-address", TL_OPT_NUMBER, FIELD(http.max_per_address), "N",
	 "of them from one address (0: no limit)", 0, 65536, 0, 0},
	{0, "max-clients", TL_OPT_NUMBER, FIELD(max_clients), "N", "of them at /events (64)", 1,
	 4096, 0, 0},
	{0, "timeout", TL_OPT_DURATION, FIELD(http.timeout_ns), "TIME",
	 "close a connection that is silent so long (30s)", TL_SECOND_NS, HOUR_NS, 0, 0},
	{0, "deadline", TL_OPT_DURATION, FIELD(http.deadline_ns), "TIME",
	 "or whose request takes so long to come in (1m)", TL_SECOND_NS, HOUR_NS, 0, 0},
	{0, "list-metrics", TL_OPT_FLAG, FIELD(list_metrics), 0,
	 "print what this program reports of itself", 0, 0, 0, 0},
	{0, "top", TL_OPT_FLAG, FIELD(top), 0, "show a server's data in this terminal", 0, 0, 0, 0},
	{0, "once", TL_OPT_FLAG, FIELD(once), 0, "print a server's data once", 0, 0, 0, 0},
	{0, "json", TL_OPT_FLAG, FIELD(json), 0, "with --once: as JSON", 0, 0, 0, 0},
	{0, "mcp", TL_OPT_FLAG, FIELD(mcp), 0,
	 "serve a server's data on stdin and stdout, by the Model Context Protocol", 0, 0, 0, 0},
	{0, "url", TL_OPT_STRING, FIELD(url), "URL",
	 "with these: the server (http://127.0.0.1:8081)", 0, 0, 0, 0},
	{0, "ca-file", TL_OPT_STRING, FIELD(ca_file), "FILE",
	 "with an https URL: PEM certificates to trust (the system's)", 0, 0, 0, 0},
	TL_OPT_ROW_READY_FD(FIELD(ready_fd)),
	{0},
};

static const struct tl_program program = {
	.name = "capmetrics",
	.summary = "Shows what all tools report: a page, Prometheus, JSON, a terminal.",
	.opts = rows,
};

static int refuse(const char *text)
{
	tl_log_err("%s", text);
	return -EINVAL;
}

int options_parse(struct options *o, int argc, char **argv)
{
	*o = (struct options){
		.http = {.listen = "127.0.0.1:8081",
			 .max_connections = 1024,
			 .timeout_ns = 30 * TL_SECOND_NS,
			 .deadline_ns = 60 * TL_SECOND_NS},
		.url = "http://127.0.0.1:8081",
		.max_clients = 64,
	};

	int first = tl_opt_parse(&program, argc, argv, o);
	if (first > 0 && first < argc) {
		tl_log_err("'%s': takes no operands; events come from -I", argv[first]);
		return -EINVAL;
	}
	return first;
}

bool options_are_of_client(const struct options *o)
{
	return o->top || o->once || o->mcp;
}

static int check_client(const struct options *o)
{
	if (o->top + o->once + o->mcp > 1) {
		return refuse("only one of --top, --once and --mcp");
	}
	if (o->json && !o->once) {
		return refuse("--json goes with --once");
	}
	return 0;
}

/* Root's tools and those of a session need one place each to meet at. */
static int choose_stats(struct options *o)
{
	const char *folder = getenv("XDG_RUNTIME_DIR");

	if (o->stats_url) {
		return 0;
	}
	if (geteuid() == 0) {
		o->stats_url = "ipc:///run/tapline/stats.sock";
		return 0;
	}
	if (!folder || folder[0] != '/' ||
	    snprintf(o->stats_default, sizeof(o->stats_default), "ipc://%s/tapline-stats.sock",
		     folder) >= (int)sizeof(o->stats_default)) {
		return refuse("--stats: needed when not root and without XDG_RUNTIME_DIR, such as "
			      "ipc:///tmp/me/stats.sock");
	}
	o->stats_url = o->stats_default;
	return 0;
}

static int check_address(struct options *o)
{
	int err = tl_http_check(&o->http, &o->address);

	if (err < 0 || o->address.is_loopback || o->insecure) {
		return err;
	}
	if (!o->http.cert) {
		tl_log_err("--listen %s: plain HTTP is for loopback; give --cert-file and "
			   "--key-file, or --insecure",
			   o->http.listen);
		return -EINVAL;
	}
	if (!o->http.token_file && !o->http.client_ca) {
		tl_log_err("--listen %s: anyone could look; give --token-file, --client-ca-file or "
			   "--insecure",
			   o->http.listen);
		return -EINVAL;
	}
	return 0;
}

int options_check(struct options *o)
{
	if (options_are_of_client(o)) {
		return check_client(o);
	}
	if (o->json || o->ca_file) {
		return refuse("--json and --ca-file go with --top, --once and --mcp");
	}
	int err = check_address(o);
	return err == 0 ? choose_stats(o) : err;
}
